//! Failures that repeat are logged at a bounded rate: a thousand partitions that fail alike must not fill the log. All of
//! them are counted.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::Telemetry;

/// The failures of the last minute, by event hub and cause.
#[derive(Debug, Default)]
pub(super) struct Repeated(Mutex<HashMap<(String, &'static str), Minute>>);

#[derive(Debug)]
struct Minute {
    since: Instant,
    failures: u64,
}

/// How many failures of a kind are logged in a minute.
const LOGGED_MAX: u64 = 10;

const MINUTE: Duration = Duration::from_mins(1);

impl Repeated {
    /// Notes a failure. True if it is logged.
    pub(super) fn is_logged(&self, event_hub: &str, cause: &'static str, now: Instant) -> bool {
        let mut minutes = self.0.lock();
        let minute = minutes.entry((event_hub.to_owned(), cause));
        let minute = minute.or_insert(Minute {
            since: now,
            failures: 0,
        });
        minute.failures += 1;
        minute.failures <= LOGGED_MAX
    }

    /// How many failures were not logged, of each kind whose minute is over.
    fn ended(&self, now: Instant) -> Vec<((String, &'static str), u64)> {
        let mut minutes = self.0.lock();
        let ended = minutes.extract_if(|_, minute| now - minute.since >= MINUTE);
        ended
            .map(|(kind, minute)| (kind, minute.failures.saturating_sub(LOGGED_MAX)))
            .filter(|(_, more)| *more > 0)
            .collect()
    }
}

impl Telemetry {
    /// Time passes: failures that were only counted are logged as a sum.
    pub(crate) fn repeated_failures(&self, now: Instant) {
        for ((event_hub, cause), failures) in self.repeated.ended(now) {
            tracing::warn!(event_hub, cause, failures, "more failures of this cause");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_failures_of_a_kind_are_logged_in_a_minute_and_the_rest_is_a_sum() {
        let (repeated, start) = (Repeated::default(), Instant::now());
        let logged = |event_hub, cause, after: u64| {
            let now = start + Duration::from_secs(after);
            (0..1000)
                .filter(|_| repeated.is_logged(event_hub, cause, now))
                .count()
        };
        assert_eq!(logged("logs", "unreachable", 0), 10);
        assert_eq!(logged("logs", "unreachable", 30), 0);
        assert_eq!(logged("logs", "timeout", 30), 10);
        assert_eq!(logged("others", "unreachable", 30), 10);
        assert_eq!(repeated.ended(start + Duration::from_secs(59)), []);
        let first = (("logs".to_owned(), "unreachable"), 1990);
        assert_eq!(repeated.ended(start + MINUTE), [first]);
        assert_eq!(logged("logs", "unreachable", 61), 10);
    }

    #[test]
    fn a_minute_with_few_failures_has_no_sum() {
        let (repeated, start) = (Repeated::default(), Instant::now());
        assert!(repeated.is_logged("logs", "timeout", start));
        assert_eq!(repeated.ended(start + MINUTE), []);
    }
}
