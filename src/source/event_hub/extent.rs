//! What the hub holds of a partition, and whether a reader can continue after its position.
//!
//! Plain values and functions of them: `reader` asks the hub, `progress` decides.

use time::OffsetDateTime;

use crate::event::{Position, Reached};
use crate::family::label_values;

/// The end of a partition, and the age of its hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    /// When the event hub was created, if it reports that.
    pub(super) hub_created_at: Option<OffsetDateTime>,
    /// Of the oldest event that the hub still has.
    pub(super) first_sequence_number: i64,
    /// Of the last event that was ever enqueued; -1 if there was none.
    pub(super) last_sequence_number: i64,
    /// Its offset.
    pub(super) last_offset: String,
    /// When it was enqueued, if the hub reports that.
    pub(super) last_enqueued_at: Option<OffsetDateTime>,
    /// The hub has no event: there was none, or all have expired.
    pub(super) is_empty: bool,
}

label_values! {
    /// Why the hub cannot continue after a position; the value of the label `reason`.
    pub(crate) Loss {
        /// The sequence begins again: the hub was created again, or failed over to one with a sequence of its own.
        Restarted = "restarted",
        /// The events after the position have expired.
        Expired = "expired",
        /// The hub refuses the position although it reports that it has it.
        Refused = "refused",
    }
}

/// What speaks against a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// The hub was created after the position's event was enqueued.
    Younger,
    /// The hub reports that its last event comes before the position.
    EndsBefore,
    /// The event at the position's sequence number is another one.
    Differs,
    /// The hub does not open a link at the position.
    Refused,
}

impl Finding {
    /// In words, for the log.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Younger => "the event hub was created after this event",
            Self::EndsBefore => "the event hub reports that its last event comes before this one",
            Self::Differs => "another event has its sequence number",
            Self::Refused => "the event hub refuses to continue after it",
        }
    }
}

impl Extent {
    /// What speaks against `reached` being a position of this partition.
    ///
    /// A hub that is younger than the last event is another hub, however far it has counted. A hub that ends before the
    /// position may be another one too, or its answer is stale.
    pub(super) fn finding(&self, reached: &Reached) -> Option<Finding> {
        let is_younger = self
            .hub_created_at
            .zip(reached.enqueued_at)
            .is_some_and(|(created_at, enqueued_at)| created_at > enqueued_at);
        if is_younger {
            return Some(Finding::Younger);
        }
        let ends_before = self.last_sequence_number < reached.position.sequence_number;
        ends_before.then_some(Finding::EndsBefore)
    }

    /// Whether events after `reached` have expired.
    pub(super) fn has_expired_after(&self, reached: &Reached) -> bool {
        let sequence_number = reached.position.sequence_number;
        let next_is_gone = self.is_empty || self.first_sequence_number > sequence_number + 1;
        self.last_sequence_number > sequence_number && next_is_gone
    }

    /// Whether the hub has an event of this sequence number.
    pub(super) fn has(&self, sequence_number: i64) -> bool {
        let held = self.first_sequence_number..=self.last_sequence_number;
        !self.is_empty && held.contains(&sequence_number)
    }

    /// The position of the last event; none before the first.
    pub(super) fn newest(&self) -> Option<Reached> {
        (self.last_sequence_number >= 0).then(|| Reached {
            position: Position {
                sequence_number: self.last_sequence_number,
                offset: Some(self.last_offset.clone()).filter(|offset| !offset.is_empty()),
            },
            enqueued_at: self.last_enqueued_at,
        })
    }

    /// Whether the last event is this one.
    pub(super) fn ends_at(&self, reached: &Reached) -> bool {
        self.newest()
            .is_some_and(|newest| is_same(reached, &newest))
    }

    /// How many events the hub has after `reached`, which is none before the first event.
    pub(super) fn ahead_of(&self, reached: Option<&Reached>) -> i64 {
        let last = reached.map(|reached| reached.position.sequence_number);
        if self.is_empty {
            return 0;
        }
        let first_missing = last.map_or(self.first_sequence_number, |last| {
            last.saturating_add(1).max(self.first_sequence_number)
        });
        (self.last_sequence_number - first_missing + 1).max(0)
    }
}

/// Whether an event is the remembered one, by all that is remembered: sequence numbers and offsets are used again after a
/// failover, and times are not.
pub(super) fn is_same(remembered: &Reached, event: &Reached) -> bool {
    let Position {
        sequence_number,
        offset,
    } = &remembered.position;
    *sequence_number == event.position.sequence_number
        && (offset.is_none() || *offset == event.position.offset)
        && (remembered.enqueued_at.is_none() || remembered.enqueued_at == event.enqueued_at)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use time::Duration;
    use time::macros::datetime;

    pub(in super::super) const CREATED: OffsetDateTime = datetime!(2026-01-01 00:00 UTC);

    /// A partition that holds these sequence numbers, both included; one enqueued each second.
    pub(in super::super) fn holding(first: i64, last: i64) -> Extent {
        Extent {
            hub_created_at: Some(CREATED),
            first_sequence_number: first,
            last_sequence_number: last,
            last_offset: format!("o{last}"),
            last_enqueued_at: Some(CREATED + Duration::seconds(last + 1)),
            is_empty: last < first,
        }
    }

    pub(in super::super) fn reached(sequence_number: i64) -> Reached {
        Reached {
            position: Position {
                sequence_number,
                offset: Some(format!("o{sequence_number}")),
            },
            enqueued_at: Some(CREATED + Duration::seconds(sequence_number + 1)),
        }
    }

    #[test]
    fn events_have_expired_when_the_oldest_that_is_left_is_not_the_next() {
        let check = |extent: &Extent, at: i64, expired: bool| {
            assert_eq!(extent.finding(&reached(at)), None, "{extent:?} after {at}");
            assert_eq!(extent.has_expired_after(&reached(at)), expired);
        };
        check(&holding(0, 9), 4, false);
        check(&holding(0, 9), 9, false);
        check(&holding(5, 9), 4, false);
        check(&holding(6, 9), 4, true);
        // The hub has no event, and all of them were received.
        check(&holding(10, 9), 9, false);
        check(&holding(10, 9), 4, true);
    }

    #[test]
    fn a_hub_that_ends_before_the_position_or_is_younger_speaks_against_it() {
        let ends_before = Some(Finding::EndsBefore);
        assert_eq!(holding(0, 9).finding(&reached(10)), ends_before);
        assert_eq!(holding(0, -1).finding(&reached(0)), ends_before);
        let mut anew = holding(0, 100);
        anew.hub_created_at = Some(CREATED + Duration::hours(1));
        assert_eq!(anew.finding(&reached(9)), Some(Finding::Younger));
        let unknown = Reached {
            enqueued_at: None,
            ..reached(9)
        };
        assert_eq!(anew.finding(&unknown), None);
    }

    #[test]
    fn the_last_event_is_recognised_by_all_that_is_remembered_of_it() {
        let extent = holding(0, 9);
        assert!(extent.ends_at(&reached(9)));
        assert!(!extent.ends_at(&reached(8)));
        let mut other = reached(9);
        other.enqueued_at = other.enqueued_at.map(|at| at + Duration::milliseconds(1));
        assert!(!extent.ends_at(&other));
        other.enqueued_at = None;
        assert!(extent.ends_at(&other));
        other.position.offset = Some("o10".to_owned());
        assert!(!extent.ends_at(&other));
    }

    #[test]
    fn an_end_without_an_offset_is_a_position_without_one() {
        let mut extent = holding(0, 9);
        extent.last_offset = String::new();
        assert_eq!(extent.newest().unwrap().position.offset, None);
        assert!(!extent.ends_at(&reached(9)));
    }

    #[test]
    fn events_ahead_are_those_that_the_hub_still_has() {
        assert_eq!(holding(0, 9).ahead_of(Some(&reached(4))), 5);
        assert_eq!(holding(0, 9).ahead_of(Some(&reached(9))), 0);
        assert_eq!(holding(3, 9).ahead_of(None), 7);
        assert_eq!(holding(8, 9).ahead_of(Some(&reached(4))), 2);
        assert_eq!(holding(10, 9).ahead_of(Some(&reached(4))), 0);
        assert_eq!(holding(0, -1).ahead_of(None), 0);
    }
}
