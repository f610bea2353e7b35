//! What repeats is logged at a bounded rate: a thousand partitions that fail alike, or a sender of nonsense, must not fill
//! the log. All of it is counted.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::{Telemetry, log_partition};
use crate::event::PartitionId;

/// The lines of the last minute.
#[derive(Debug, Default)]
pub(super) struct Repeated(Mutex<HashMap<Kind, Minute>>);

/// What lines are about that count as alike.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Kind {
    /// Failures of an event hub and its partitions, with one cause.
    OfEventHub(String, &'static str),
    /// What is wrong with the events of a partition.
    OfPartition(PartitionId, &'static str),
}

impl Kind {
    /// How many lines of a kind are logged in a minute. Failures differ in their errors; bad events of a partition are alike.
    fn logged_max(&self) -> u64 {
        match self {
            Self::OfEventHub(..) => 10,
            Self::OfPartition(..) => 1,
        }
    }
}

#[derive(Debug)]
struct Minute {
    since: Instant,
    lines: u64,
}

const MINUTE: Duration = Duration::from_mins(1);

impl Repeated {
    /// Notes a failure. True if it is logged.
    pub(super) fn is_logged(&self, event_hub: &str, cause: &'static str, now: Instant) -> bool {
        self.is_line(Kind::OfEventHub(event_hub.to_owned(), cause), now)
    }

    /// Notes that something is wrong with events of a partition. True if it is logged.
    pub(super) fn is_logged_of(
        &self,
        partition: &PartitionId,
        what: &'static str,
        now: Instant,
    ) -> bool {
        self.is_line(Kind::OfPartition(partition.clone(), what), now)
    }

    fn is_line(&self, kind: Kind, now: Instant) -> bool {
        let logged_max = kind.logged_max();
        let mut minutes = self.0.lock();
        let minute = minutes.entry(kind).or_insert(Minute {
            since: now,
            lines: 0,
        });
        minute.lines += 1;
        minute.lines <= logged_max
    }

    /// How many lines were left out, of each kind whose minute is over.
    fn ended(&self, now: Instant) -> Vec<(Kind, u64)> {
        let mut minutes = self.0.lock();
        let ended = minutes.extract_if(|_, minute| now - minute.since >= MINUTE);
        ended
            .map(|(kind, minute)| {
                let more = minute.lines.saturating_sub(kind.logged_max());
                (kind, more)
            })
            .filter(|(_, more)| *more > 0)
            .collect()
    }
}

impl Telemetry {
    /// Time passes: lines that were left out are logged as a sum.
    pub(crate) fn repeated_failures(&self, now: Instant) {
        for (kind, left_out) in self.repeated.ended(now) {
            match kind {
                Kind::OfEventHub(event_hub, cause) => {
                    tracing::warn!(event_hub, cause, left_out, "more failures of this cause");
                }
                Kind::OfPartition(partition, what) => {
                    log_partition!(warn, partition, what, left_out, "more of this kind");
                }
            }
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
        let first = (Kind::OfEventHub("logs".to_owned(), "unreachable"), 1990);
        assert_eq!(repeated.ended(start + MINUTE), [first]);
        assert_eq!(logged("logs", "unreachable", 61), 10);
    }

    #[test]
    fn bad_events_have_one_line_a_minute_for_each_kind_and_partition() {
        let (repeated, start) = (Repeated::default(), Instant::now());
        let [one, other] = ["0", "1"].map(|number| PartitionId::new("logs", number));
        let logged = |partition: &PartitionId, what, after: u64| {
            let now = start + Duration::from_secs(after);
            (0..3000)
                .filter(|_| repeated.is_logged_of(partition, what, now))
                .count()
        };
        assert_eq!(logged(&one, "rejected", 0), 1);
        assert_eq!(logged(&one, "skipped", 0), 1);
        assert_eq!(logged(&other, "rejected", 30), 1);
        let mut ended = repeated.ended(start + MINUTE);
        ended.sort_by_key(|(kind, _)| format!("{kind:?}"));
        let left_out = |what| (Kind::OfPartition(one.clone(), what), 2999);
        assert_eq!(ended, [left_out("rejected"), left_out("skipped")]);
        assert_eq!(logged(&one, "rejected", 60), 1);
    }

    #[test]
    fn a_minute_with_few_failures_has_no_sum() {
        let (repeated, start) = (Repeated::default(), Instant::now());
        assert!(repeated.is_logged("logs", "timeout", start));
        assert_eq!(repeated.ended(start + MINUTE), []);
    }
}
