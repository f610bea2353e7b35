//! How long to wait before the next try.

use std::time::Duration;

use super::error::Cause;

/// Counts the tries that failed in a row.
#[derive(Clone, Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
    /// In the last of them, another reader took the partition.
    gave_way: bool,
}

/// A link that breaks on a healthy hub opens again at once, so the first wait is short.
const FIRST: Duration = Duration::from_millis(250);

/// Long enough to leave a hub that is down in peace, short enough to be back within the minute after it is up.
pub(crate) const LONGEST: Duration = Duration::from_secs(30);

/// Event Hubs asks a throttled client to wait for some seconds. Threads and files become free no sooner.
const LATER: Duration = Duration::from_secs(10);

/// A token may have expired a moment ago, so the first try comes soon. After it, a person has to grant rights, and asking
/// faster would only fill the namespace's audit log.
const PERSON: Duration = Duration::from_secs(5);

/// Another reader that stays gets more and more time, or the two would evict each other all the time.
const GIVE_WAY: Duration = Duration::from_secs(10);
const GIVE_WAY_LONGEST: Duration = Duration::from_mins(5);

/// A link that lasted this long was healthy: its end is a first failure.
const HEALTHY_AFTER: Duration = Duration::from_mins(1);

/// The same after giving way: the other reader may be waiting too.
const UNDISPUTED_AFTER: Duration = Duration::from_mins(10);

impl Backoff {
    /// The wait after another failure; none after a link that was replaced as planned. `jitter` is between 0 and 1 and takes
    /// up to half of the wait off, so that the partitions of a hub that comes back do not all connect at once.
    pub(super) fn next(&mut self, cause: Cause, jitter: f64) -> Duration {
        if cause.is_planned() {
            return Duration::ZERO;
        }
        let failures = self.failures;
        let (first, doublings, longest) = match cause {
            Cause::Busy | Cause::Resources => (LATER, failures, LONGEST),
            Cause::Stolen => (GIVE_WAY, failures, GIVE_WAY_LONGEST),
            Cause::Unauthorized | Cause::NotFound | Cause::PositionLost if failures > 0 => {
                (PERSON, failures - 1, LONGEST)
            }
            _ => (FIRST, failures, LONGEST),
        };
        let wait = first.saturating_mul(2_u32.saturating_pow(doublings));
        self.failures = failures.saturating_add(1);
        self.gave_way = cause == Cause::Stolen;
        wait.min(longest)
            .mul_f64(1.0 - jitter.clamp(0.0, 1.0) / 2.0)
    }

    /// Events came: the next failure is a first failure.
    pub(super) fn progressed(&mut self) {
        if !self.gave_way {
            self.failures = 0;
        }
    }

    /// The link that just ended was open for this long.
    pub(super) fn lasted(&mut self, open_for: Duration) {
        let healthy_after = if self.gave_way {
            UNDISPUTED_AFTER
        } else {
            HEALTHY_AFTER
        };
        if open_for >= healthy_after {
            *self = Self::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(cause: Cause, count: usize) -> Vec<u128> {
        let mut backoff = Backoff::default();
        (0..count)
            .map(|_| backoff.next(cause, 0.0).as_millis())
            .collect()
    }

    #[test]
    fn waits_double_up_to_a_limit() {
        assert_eq!(
            waits(Cause::Closed, 9),
            [250, 500, 1000, 2000, 4000, 8000, 16000, 30000, 30000]
        );
        assert_eq!(
            waits(Cause::Unauthorized, 6),
            [250, 5000, 10000, 20000, 30000, 30000]
        );
        assert_eq!(waits(Cause::Busy, 4), [10000, 20000, 30000, 30000]);
        assert_eq!(waits(Cause::Resources, 3), [10000, 20000, 30000]);
        assert_eq!(
            waits(Cause::Stolen, 7),
            [10000, 20000, 40000, 80000, 160_000, 300_000, 300_000]
        );
        assert_eq!(waits(Cause::Idle, 2), [0, 0]);
    }

    #[test]
    fn jitter_takes_up_to_half_off() {
        assert_eq!(Backoff::default().next(Cause::Closed, 1.0).as_millis(), 125);
    }

    #[test]
    fn progress_or_a_minute_makes_the_next_failure_a_first_failure() {
        let mut backoff = Backoff::default();
        backoff.next(Cause::Closed, 0.0);
        backoff.lasted(Duration::from_secs(59));
        assert_eq!(backoff.next(Cause::Closed, 0.0).as_millis(), 500);
        backoff.lasted(Duration::from_mins(1));
        assert_eq!(backoff.next(Cause::Closed, 0.0).as_millis(), 250);
        backoff.progressed();
        assert_eq!(backoff.next(Cause::Closed, 0.0).as_millis(), 250);
    }

    #[test]
    fn after_giving_way_ten_undisputed_minutes_reset_the_wait() {
        let mut backoff = Backoff::default();
        backoff.next(Cause::Stolen, 0.0);
        backoff.progressed();
        backoff.lasted(Duration::from_mins(9));
        assert_eq!(backoff.next(Cause::Stolen, 0.0).as_secs(), 20);
        backoff.lasted(Duration::from_mins(10));
        assert_eq!(backoff.next(Cause::Stolen, 0.0).as_secs(), 10);
    }
}
