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

impl Extent {
    /// Why the hub cannot continue after `reached`, if it cannot.
    ///
    /// A sequence that ends before the position is another sequence. So is the sequence of a hub that is younger than the
    /// last event: this also recognises a hub that was created again and has meanwhile counted further than the old one.
    pub(super) fn loss(&self, reached: &Reached) -> Option<Loss> {
        let sequence_number = reached.position.sequence_number;
        let is_younger = self
            .hub_created_at
            .zip(reached.enqueued_at)
            .is_some_and(|(created_at, enqueued_at)| created_at > enqueued_at);
        if self.last_sequence_number < sequence_number || is_younger {
            return Some(Loss::Restarted);
        }
        let is_behind = self.last_sequence_number > sequence_number;
        let next_is_gone = self.is_empty || self.first_sequence_number > sequence_number + 1;
        (is_behind && next_is_gone).then_some(Loss::Expired)
    }

    /// The position of the last event; none before the first.
    pub(super) fn newest(&self) -> Option<Reached> {
        (self.last_sequence_number >= 0).then(|| Reached {
            position: Position {
                sequence_number: self.last_sequence_number,
                offset: Some(self.last_offset.clone()),
            },
            enqueued_at: self.last_enqueued_at,
        })
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
    fn a_position_is_lost_when_the_events_after_it_are_gone() {
        let check = |extent: &Extent, at: i64, loss: Option<Loss>| {
            assert_eq!(extent.loss(&reached(at)), loss, "{extent:?} after {at}");
        };
        check(&holding(0, 9), 4, None);
        check(&holding(0, 9), 9, None);
        check(&holding(5, 9), 4, None);
        check(&holding(6, 9), 4, Some(Loss::Expired));
        check(&holding(0, 9), 10, Some(Loss::Restarted));
        check(&holding(0, -1), 0, Some(Loss::Restarted));
        // The hub has no event, and all of them were received.
        check(&holding(10, 9), 9, None);
        check(&holding(10, 9), 4, Some(Loss::Expired));
    }

    #[test]
    fn a_hub_younger_than_the_last_event_is_another_one_however_far_it_has_counted() {
        let mut anew = holding(0, 100);
        anew.hub_created_at = Some(CREATED + Duration::hours(1));
        assert_eq!(anew.loss(&reached(9)), Some(Loss::Restarted));
        let unknown = Reached {
            enqueued_at: None,
            ..reached(9)
        };
        assert_eq!(anew.loss(&unknown), None);
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
