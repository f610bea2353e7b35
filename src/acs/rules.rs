//! Decides whether a request or a recording failed, by the tables and by the configured exceptions.

use std::borrow::Cow;

use super::failure::{
    EMPTY, END_REASONS, ENDED_BADLY, End, FAILED, FAILING_LEVELS, FAILING_WORDS, RESULT_TYPES,
    ROUTINE, Says, label, of_status, words,
};
use super::letters::{alike, find, letters};
use super::operation_name::by_name;

/// Exceptions to the tables of what counts as a failure, and the routine answers. Only letters and digits of a word are
/// compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailureRules {
    /// End reasons that are a failure, or are not, whatever the table contains.
    pub end_reasons: Exceptions,
    /// Result types that are a failure, or are not, whatever the table contains.
    pub result_types: Exceptions,
    /// Answers that are not failures, whatever else the record contains.
    pub routine: Routine,
}

impl Default for FailureRules {
    /// No exceptions, and the built-in routine answers.
    fn default() -> Self {
        Self {
            end_reasons: Exceptions::default(),
            result_types: Exceptions::default(),
            routine: Routine::parse([ROUTINE]).expect("the table has operations and statuses"),
        }
    }
}

/// Exceptions to a table of words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exceptions {
    /// Words that are a failure.
    pub also: Vec<String>,
    /// Words that are not a failure. They take precedence over `also`.
    pub except: Vec<String>,
}

impl FailureRules {
    /// The value of the label `result_type`, and its meaning, if it has one.
    pub(super) fn result_type<'a>(&self, sent: Cow<'a, str>) -> (Cow<'a, str>, Option<Says>) {
        let known = RESULT_TYPES
            .into_iter()
            .find(|(_, row)| words(row).any(|word| alike(word, &sent)));
        let label = known.map(|(_, row)| label(row));
        let says = match self.result_types.decide([&sent, label.unwrap_or(&sent)]) {
            Some(true) => Some(Says::Failure(FAILED)),
            Some(false) => Some(Says::NoFailure),
            None => known.map(|(says, _)| says),
        };
        (label.map_or(sent, Cow::Borrowed), says)
    }

    /// The outcome of a request. Routine answers are checked first. Then a failing status or a failing result type is a
    /// failure. If there is neither a status nor a known result type, the level decides.
    pub(super) fn of_request(
        &self,
        operation: &str,
        status: Option<u16>,
        result_type: Option<Says>,
        level: &str,
    ) -> Outcome {
        if status.is_some_and(|status| self.routine.has(operation, status)) {
            return Outcome::Routine;
        }
        let by_status = status.and_then(|status| of_status(operation, status));
        let failure = by_status.or_else(|| result_type?.reason());
        let is_unsaid = status.is_none() && result_type.is_none();
        let by_level = is_unsaid && FAILING_LEVELS.contains(&level);
        let failure = failure.or(by_level.then_some(FAILED));
        failure.map_or(Outcome::Succeeded, Outcome::Failed)
    }

    /// The label `reason` of a recording that failed; `None` if it did not.
    ///
    /// A recording that succeeded and has ended is a failure too if its record states that it is empty. It may have been
    /// started paused, so count such failures, but do not page for a single one.
    pub(super) fn of_recording(
        &self,
        result_type: Option<Says>,
        end_reason: &str,
        is_empty: bool,
    ) -> Option<&'static str> {
        if result_type.is_some_and(|says| says.reason().is_some()) {
            return Some(FAILED);
        }
        let known = END_REASONS.iter().find(|(known, _)| *known == end_reason);
        let end = known.map(|(_, end)| *end);
        let broke = self.end_reasons.decide([end_reason]).unwrap_or_else(|| {
            end.map_or_else(|| sounds_broken(end_reason), |end| end == End::Broke)
        });
        if broke {
            return Some(ENDED_BADLY);
        }
        let has_ended = !matches!(end, Some(End::GoesOn | End::HandedOver));
        let is_failure = is_empty && has_ended && result_type == Some(Says::Success);
        is_failure.then_some(EMPTY)
    }
}

/// The value of the label `end_reason`, in the spelling of the table: the API writes `callEnded`, the log `CallEnded`.
pub(super) fn end_reason(sent: Cow<'_, str>) -> Cow<'_, str> {
    let known = if alike(&sent, "handedOverOrTransferred") {
        Some("HandedOverOrTransfered") // in case the SDK ever corrects its spelling
    } else {
        find(END_REASONS.map(|(known, _)| known), &sent)
    };
    known.map_or(sent, Cow::Borrowed)
}

fn sounds_broken(end_reason: &str) -> bool {
    let letters = letters(end_reason);
    FAILING_WORDS.iter().any(|word| letters.contains(word))
}

/// The outcome of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The request did not fail.
    Succeeded,
    /// It was refused, and such a refusal is not a failure.
    Routine,
    /// It failed, for this reason.
    Failed(&'static str),
}

impl Outcome {
    /// The value of the label `outcome`.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Routine => "routine",
            Self::Failed(_) => "failed",
        }
    }

    /// The value of the label `reason`.
    pub(super) fn reason(self) -> Option<&'static str> {
        match self {
            Self::Succeeded | Self::Routine => None,
            Self::Failed(reason) => Some(reason),
        }
    }
}

impl Exceptions {
    /// Whether a word, in one of its spellings, is a failure; `None` if there is no exception for it.
    fn decide<const N: usize>(&self, spellings: [&str; N]) -> Option<bool> {
        let has = |words: &[String]| {
            words
                .iter()
                .any(|word| spellings.iter().any(|sent| alike(word, sent)))
        };
        if has(&self.except) {
            Some(false)
        } else {
            has(&self.also).then_some(true)
        }
    }
}

/// The routine answers: operations, each with statuses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Routine(Vec<(&'static str, u16)>);

impl Routine {
    /// Reads `StopRecording=404,409;DeleteRecording=404`, whole or in pieces that end at a comma or a semicolon.
    ///
    /// # Errors
    ///
    /// Text that states what the value must be.
    pub fn parse<'t>(pieces: impl IntoIterator<Item = &'t str>) -> Result<Self, String> {
        const FORM: &str = "must be operations and statuses, for example `StopRecording=404,409;DeleteRecording=404`";
        let mut answers = Vec::new();
        let mut operation = None;
        let pieces = pieces.into_iter().flat_map(|text| text.split([';', ',']));
        for piece in pieces.map(str::trim).filter(|piece| !piece.is_empty()) {
            let status = match piece.split_once('=') {
                Some((name, status)) => {
                    let known = by_name(name).ok_or_else(|| {
                        format!("names `{}`, which is not an operation: {FORM}", name.trim())
                    })?;
                    operation = Some(known);
                    status.trim()
                }
                None => piece,
            };
            match (operation, status.parse()) {
                (Some(operation), Ok(status @ 400..=699)) => answers.push((operation, status)),
                (Some(_), _) => return Err("must have statuses from 400 to 699".to_owned()),
                (None, _) => return Err(FORM.to_owned()),
            }
        }
        Ok(Self(answers))
    }

    fn has(&self, operation: &str, status: u16) -> bool {
        let mut answers = self.0.iter();
        answers.any(|(known, routine)| *known == operation && *routine == status)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_user_says_goes_before_the_tables() {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let rules = FailureRules {
            end_reasons: Exceptions {
                also: words(&["Solar flare"]),
                except: words(&["media-timeout", "System failure"]),
            },
            result_types: Exceptions {
                also: words(&["Postponed"]),
                except: words(&["Canceled", "Error"]),
            },
            routine: Routine::default(),
        };
        let ended = |end_reason| rules.of_recording(None, end_reason, false);
        assert_eq!(ended("solarflare"), Some(ENDED_BADLY));
        assert_eq!(ended("MediaTimeout"), None);
        assert_eq!(ended("SystemFailure"), None);
        assert_eq!(ended("CouldNotStart"), Some(ENDED_BADLY));
        let says = |word: &'static str| rules.result_type(word.into()).1;
        assert_eq!(says("post-poned"), Some(Says::Failure(FAILED)));
        assert_eq!(says("Cancelled"), Some(Says::NoFailure));
        assert_eq!(says("Error."), Some(Says::NoFailure));
        assert_eq!(says("Failed"), Some(Says::Failure(FAILED)));
        let stopped = rules.of_request("StopRecording", Some(404), None, "");
        assert_eq!(stopped, Outcome::Failed("client_error"));
    }

    #[test]
    fn a_known_end_reason_is_one_value_however_it_is_written() {
        #[track_caller]
        fn check(sent: &str, expected: &str) {
            assert_eq!(end_reason(sent.into()), expected);
        }
        check("callEnded", "CallEnded");
        check("MEDIATIMEOUT", "MediaTimeout");
        check(
            "Handed over, due to media timeout.",
            "HandedOverDueToMediaTimeout",
        );
        check("handedOverOrTransferred", "HandedOverOrTransfered");
        check("SolarFlare", "SolarFlare");
    }

    #[test]
    fn routine_answers_are_read_whole_and_in_pieces() {
        #[track_caller]
        fn check(pieces: &[&str], expected: Result<&[(&str, u16)], &str>) {
            let routine = Routine::parse(pieces.iter().copied());
            let routine = routine.as_ref().map(|routine| routine.0.as_slice());
            assert_eq!(routine.map_err(String::as_str), expected, "{pieces:?}");
        }
        let both = [
            ("StopRecording", 404),
            ("StopRecording", 409),
            ("DeleteRecording", 404),
        ];
        check(&["StopRecording=404,409;DeleteRecording=404"], Ok(&both));
        check(
            &["StopCallRecording = 404", "409", "delete-recording=404"],
            Ok(&both),
        );
        check(&[], Ok(&[]));
        check(
            &["404"],
            Err(
                "must be operations and statuses, for example `StopRecording=404,409;DeleteRecording=404`",
            ),
        );
        check(
            &["Sing=404"],
            Err(
                "names `Sing`, which is not an operation: must be operations and statuses, for example `StopRecording=404,409;DeleteRecording=404`",
            ),
        );
        for status in ["StopRecording=", "StopRecording=202", "StopRecording=404,x"] {
            check(&[status], Err("must have statuses from 400 to 699"));
        }
    }
}
