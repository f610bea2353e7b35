//! A position that the hub may no longer have: what speaks against it, and when that is enough to give it up.
//!
//! One answer proves nothing: it may be stale, or come from a replica that lags. So a position is doubted first. While it
//! is, no event is handed on, and the hub is asked again over a fresh connection every few seconds, whatever the backoff.
//! The doubt ends well when a link shows the very event of the position. It is confirmed when the same finding has held
//! for a minute. Time in which the hub did not answer does not count.

use std::time::Duration;

use tokio::time::Instant;

use super::super::extent::{Finding, Loss};

/// What was found against a position, how often and for how long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Doubt {
    pub(super) finding: Finding,
    pub(super) times: u32,
    /// For how long this finding has held.
    held: Duration,
    /// For how long any finding has.
    pub(super) lasted: Duration,
    last_found: Instant,
}

/// A finding that has held for this long, over a fresh connection every [`CHECK_AGAIN_AFTER`], is right.
const CONFIRMED_AFTER: Duration = Duration::from_mins(1);

/// Findings that take turns decide too. With the last connections, this is less than three minutes.
const DECIDED_AFTER: Duration = Duration::from_secs(150);

/// The longest wait until the hub is asked again.
const CHECK_AGAIN_AFTER: Duration = Duration::from_secs(15);

/// Between two findings, longer than this, the hub was away: that speaks against nothing.
const GAP_MAX: Duration = Duration::from_secs(25);

impl Doubt {
    /// The doubt after another finding.
    pub(super) fn found(before: Option<Self>, finding: Finding, now: Instant) -> Self {
        let Some(before) = before else {
            return Self {
                finding,
                times: 1,
                held: Duration::ZERO,
                lasted: Duration::ZERO,
                last_found: now,
            };
        };
        let gap = (now - before.last_found).min(GAP_MAX);
        Self {
            finding,
            times: before.times + 1,
            held: if before.finding == finding {
                before.held + gap
            } else {
                Duration::ZERO
            },
            lasted: before.lasted + gap,
            last_found: now,
        }
    }

    /// Whether the position is lost.
    pub(super) fn is_confirmed(&self) -> bool {
        self.finding == Finding::Younger
            || self.held >= CONFIRMED_AFTER
            || self.lasted >= DECIDED_AFTER
    }

    /// Why the position is lost, if it is.
    pub(super) fn loss(&self) -> Loss {
        match self.finding {
            Finding::Younger | Finding::EndsBefore | Finding::Differs => Loss::Restarted,
            Finding::Refused => Loss::Refused,
        }
    }
}

/// How long to wait until the hub is asked again. `jitter` is between 0 and 1 and takes up to a third off.
pub(super) fn check_again_after(watchdog_interval: Duration, jitter: f64) -> Duration {
    (watchdog_interval / 2)
        .min(CHECK_AGAIN_AFTER)
        .mul_f64(1.0 - jitter.clamp(0.0, 1.0) / 3.0)
}
