//! Where the user knows better than the tables what counts as a failure.

use std::collections::BTreeSet;

use super::end_reason::FAILING_REASONS;

/// Exceptions to what counts as a failure; none by default. The result type of a record is always believed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FailureRules {
    end_reasons: BTreeSet<String>,
    end_reasons_except: BTreeSet<String>,
    statuses_except: BTreeSet<u16>,
}

impl FailureRules {
    /// End reasons that are failures in addition to the built-in ones, end reasons that are not failures although they
    /// are built in, and statuses of operations that are not. Case does not matter.
    pub fn new(
        end_reasons: impl IntoIterator<Item = String>,
        end_reasons_except: impl IntoIterator<Item = String>,
        statuses_except: impl IntoIterator<Item = u16>,
    ) -> Self {
        let folded = |reason: String| reason.to_ascii_lowercase();
        Self {
            end_reasons: end_reasons.into_iter().map(folded).collect(),
            end_reasons_except: end_reasons_except.into_iter().map(folded).collect(),
            statuses_except: statuses_except.into_iter().collect(),
        }
    }

    /// Whether a recording that ended for this reason, as the label `end_reason` writes it, ended badly.
    pub(super) fn ended_badly(&self, end_reason: &str) -> bool {
        let folded = end_reason.to_ascii_lowercase();
        let is_failure =
            FAILING_REASONS.contains(&end_reason) || self.end_reasons.contains(&folded);
        is_failure && !self.end_reasons_except.contains(&folded)
    }

    /// Whether an operation with this status may be a failure at all.
    pub(super) fn status_counts(&self, status: Option<u16>) -> bool {
        status.is_none_or(|status| !self.statuses_except.contains(&status))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exceptions_go_before_the_tables() {
        let rules = FailureRules::new(
            ["SolarFlare".to_owned()],
            ["mediaTimeout".to_owned()],
            [404],
        );
        assert!(rules.ended_badly("solarflare"));
        assert!(!rules.ended_badly("MediaTimeout"));
        assert!(rules.ended_badly("CouldNotStart"));
        assert!(!rules.ended_badly("CallEnded"));
        assert!(!rules.status_counts(Some(404)));
        assert!(rules.status_counts(Some(503)));
        assert!(rules.status_counts(None));
    }
}
