//! How long to wait before the next try.

use std::time::Duration;

use super::error::Cause;

/// Counts the tries that failed in a row.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
}

/// A link that breaks on a healthy hub opens again at once, so the first wait is short.
const FIRST: Duration = Duration::from_millis(250);

/// Long enough to leave a hub that is down in peace, short enough to be back within the minute after it is up.
const LONGEST: Duration = Duration::from_secs(30);

/// Event Hubs asks a throttled client to stay away for some seconds.
const BUSY: Duration = Duration::from_secs(10);

/// Rights are given by people: asking faster fills the namespace's audit log and nothing else. But not the first time: a
/// link whose key or token has expired is refused so too, and opens again with the next one.
const UNAUTHORIZED: Duration = Duration::from_secs(30);

impl Backoff {
    /// The wait after another failure. `jitter` is between 0 and 1 and takes up to half of the wait off, so that the
    /// partitions of a hub that comes back do not all knock at once.
    pub(super) fn next(&mut self, cause: Cause, jitter: f64) -> Duration {
        let doubled = FIRST
            .saturating_mul(2_u32.saturating_pow(self.failures))
            .min(LONGEST);
        let is_first = self.failures == 0;
        self.failures = self.failures.saturating_add(1);
        let wait = match cause {
            Cause::Busy => doubled.max(BUSY),
            Cause::Unauthorized if is_first => doubled,
            Cause::Unauthorized | Cause::NotFound => doubled.max(UNAUTHORIZED),
            _ => doubled,
        };
        wait.mul_f64(1.0 - jitter.clamp(0.0, 1.0) / 2.0)
    }

    /// It went well: the next failure is a first one.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_limit_and_start_anew_after_a_success() {
        let mut backoff = Backoff::default();
        let waits: Vec<_> = (0..9)
            .map(|_| backoff.next(Cause::Closed, 0.0).as_millis())
            .collect();
        assert_eq!(
            waits,
            [250, 500, 1000, 2000, 4000, 8000, 16000, 30000, 30000]
        );
        backoff.reset();
        assert_eq!(backoff.next(Cause::Closed, 1.0).as_millis(), 125);
    }

    #[test]
    fn a_busy_hub_and_missing_rights_are_given_time() {
        assert_eq!(Backoff::default().next(Cause::Busy, 0.0), BUSY);
        assert_eq!(Backoff::default().next(Cause::NotFound, 0.0), UNAUTHORIZED);
        let mut backoff = Backoff::default();
        assert_eq!(backoff.next(Cause::Unauthorized, 0.0), FIRST);
        assert_eq!(backoff.next(Cause::Unauthorized, 0.0), UNAUTHORIZED);
    }
}
