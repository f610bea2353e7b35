//! How far a partition is behind, in events and since when.
//!
//! The hub reports its newest event every now and then, and each event has the time at which it was enqueued. From these
//! follows how long the oldest event that was not received has been waiting, as closely as it can be known: it was
//! enqueued after the last moment at which none was waiting, and after the last event that was received.

use time::OffsetDateTime;

use super::extent::Extent;
use crate::event::Reached;
use crate::telemetry::Lag;

/// What is known of a partition's lag.
#[derive(Clone, Debug, Default)]
pub(super) struct LagWatch {
    /// The newest event that the hub is known to have.
    newest: Option<i64>,
    lag: Lag,
    /// When no event was waiting.
    caught_up_at: Option<OffsetDateTime>,
}

impl LagWatch {
    /// The hub reported at this time what it holds; this many events of it were not received.
    pub(super) fn answered(
        &mut self,
        extent: &Extent,
        ahead: i64,
        reached: Option<&Reached>,
        at: OffsetDateTime,
    ) {
        self.newest = Some(extent.last_sequence_number);
        self.lag.events = u64::try_from(ahead).unwrap_or(0);
        if ahead <= 0 {
            self.lag.since = None;
            self.caught_up_at = Some(at);
        } else if self.lag.since.is_none() {
            let not_before = self
                .caught_up_at
                .into_iter()
                .chain(reached.and_then(|reached| reached.enqueued_at))
                .max();
            // A single event is the newest; the oldest of several was enqueued no later than the newest.
            let newest = extent.last_enqueued_at.unwrap_or(at);
            self.lag.since = Some(match (ahead, not_before) {
                (2.., Some(not_before)) => not_before.min(newest),
                _ => newest,
            });
        }
    }

    /// Events were received, up to this one.
    pub(super) fn received(&mut self, reached: &Reached, at: OffsetDateTime) {
        let Some(newest) = self.newest else { return };
        let ahead = newest - reached.position.sequence_number;
        self.lag.events = u64::try_from(ahead).unwrap_or(0);
        if ahead > 0 {
            self.lag.since = reached.enqueued_at.or(self.lag.since);
        } else {
            self.lag.since = None;
            self.caught_up_at = Some(at);
        }
    }

    pub(super) fn lag(&self) -> Lag {
        self.lag
    }
}

#[cfg(test)]
mod tests {
    use super::super::extent::tests::{CREATED, holding, reached};
    use super::*;
    use time::Duration;

    fn second(number: i64) -> OffsetDateTime {
        CREATED + Duration::seconds(number)
    }

    fn check(watch: &LagWatch, events: u64, since: Option<i64>) {
        let since = since.map(second);
        assert_eq!(watch.lag(), Lag { events, since });
    }

    #[test]
    fn an_event_that_waits_alone_waits_since_it_was_enqueued() {
        let mut watch = LagWatch::default();
        watch.answered(&holding(0, 4), 0, Some(&reached(4)), second(100));
        check(&watch, 0, None);
        let mut extent = holding(0, 5);
        extent.last_enqueued_at = Some(second(110));
        watch.answered(&extent, 1, Some(&reached(4)), second(130));
        check(&watch, 1, Some(110));
        watch.answered(&extent, 1, Some(&reached(4)), second(160));
        check(&watch, 1, Some(110));
        watch.received(&reached(5), second(161));
        check(&watch, 0, None);
    }

    #[test]
    fn several_events_wait_at_most_since_none_did() {
        let mut watch = LagWatch::default();
        watch.answered(&holding(0, 4), 0, Some(&reached(4)), second(100));
        let mut extent = holding(0, 9);
        extent.last_enqueued_at = Some(second(125));
        watch.answered(&extent, 5, Some(&reached(4)), second(130));
        check(&watch, 5, Some(100));
    }

    #[test]
    fn a_backlog_waits_since_the_event_that_was_read_last_was_enqueued() {
        let mut watch = LagWatch::default();
        watch.answered(&holding(0, 99), 100, None, second(5000));
        check(&watch, 100, Some(100));
        watch.received(&reached(9), second(5001));
        check(&watch, 90, Some(10));
        watch.received(&reached(99), second(5002));
        check(&watch, 0, None);
    }
}
