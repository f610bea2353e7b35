//! A partition's log in memory: events in order, the oldest dropped first.
//!
//! It reads no clock and notifies nobody; how many bytes all logs may take together is decided in `namespace`.

use std::collections::VecDeque;

use super::clock::Timestamp;
use super::event::{Event, Incoming};
use super::start::{Position, Start};

/// The events of a partition that are retained, and where the next one goes.
#[derive(Debug, Default)]
pub(crate) struct Log {
    events: VecDeque<Event>,
    bytes: usize,
    next_sequence_number: i64,
    next_offset: i64,
    /// The last event that was ever appended, whether or not it is retained.
    last: Option<Last>,
}

/// The end of a partition, as clients ask for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Last {
    pub(crate) sequence_number: i64,
    pub(crate) offset: i64,
    pub(crate) enqueued_at: Timestamp,
}

impl Last {
    /// Of a partition that never had an event.
    const NONE: Self = Self {
        sequence_number: -1,
        offset: -1,
        enqueued_at: 0,
    };
}

/// Distance between the offsets of two events beyond the bytes of the message. Offsets are places in a log, not
/// counts, and a client that confuses them should fail here and not in production.
const OFFSET_GAP: i64 = 64;

impl Log {
    /// Appends an event. Times never decrease within a partition, whatever the clock does.
    pub(crate) fn append(
        &mut self,
        incoming: &Incoming,
        partition_key: Option<&str>,
        now: Timestamp,
    ) {
        let enqueued_at = now.max(self.last().enqueued_at);
        let event = incoming.at(
            self.next_sequence_number,
            self.next_offset,
            enqueued_at,
            partition_key,
        );
        self.last = Some(Last {
            sequence_number: event.sequence_number,
            offset: event.offset,
            enqueued_at,
        });
        self.next_sequence_number += 1;
        self.next_offset += i64::try_from(event.message.len()).unwrap_or(0) + OFFSET_GAP;
        self.bytes += event.cost();
        self.events.push_back(event);
    }

    /// Drops the oldest event. Gives the bytes that it took.
    pub(crate) fn drop_oldest(&mut self) -> usize {
        let freed = self.events.pop_front().map_or(0, |event| event.cost());
        self.bytes -= freed;
        freed
    }

    /// Drops the events before this sequence number. Gives how many there were.
    pub(crate) fn trim(&mut self, before: i64) -> usize {
        let length = self.events.len();
        while self
            .events
            .front()
            .is_some_and(|event| event.sequence_number < before)
        {
            self.drop_oldest();
        }
        length - self.events.len()
    }

    /// Events from this sequence number on; from the oldest one if that is gone.
    pub(crate) fn events_from(&self, sequence_number: i64) -> impl Iterator<Item = &Event> {
        let skipped = sequence_number.saturating_sub(self.first_sequence_number());
        let skipped = usize::try_from(skipped).unwrap_or(0).min(self.events.len());
        self.events.range(skipped..)
    }

    /// The sequence number of the first event that a reader with this start receives. The error is a description: the
    /// position lies behind the end of the log, as one from another log may.
    pub(crate) fn resolve(&self, start: Start) -> Result<i64, String> {
        let (position, inclusive) = match start {
            Start::Earliest => return Ok(self.first_sequence_number()),
            Start::Latest => return Ok(self.next_sequence_number),
            Start::At {
                position,
                inclusive,
            } => (position, inclusive),
        };
        let last = self.last();
        let wanted = |at: i64| if inclusive { at } else { at.saturating_add(1) };
        // The first event that is wanted, or the next to come.
        let first_where = |unwanted: &dyn Fn(&Event) -> bool| {
            let skipped = self.events.partition_point(unwanted);
            self.first_sequence_number() + i64::try_from(skipped).unwrap_or(0)
        };
        match position {
            Position::Offset(offset) => {
                let highest = if inclusive {
                    self.next_offset
                } else {
                    last.offset
                };
                if offset > highest {
                    return Err(format!(
                        "The supplied offset '{offset}' is invalid. The last offset in the system is '{}'",
                        last.offset
                    ));
                }
                Ok(first_where(&|event| event.offset < wanted(offset)))
            }
            Position::SequenceNumber(number) => {
                if wanted(number) > self.next_sequence_number {
                    return Err(format!(
                        "The supplied sequence number '{number}' is invalid. The last sequence number in the system is '{}'",
                        last.sequence_number
                    ));
                }
                Ok(wanted(number).max(self.first_sequence_number()))
            }
            Position::EnqueuedTime(time) => {
                Ok(first_where(&|event| event.enqueued_at < wanted(time)))
            }
        }
    }

    /// Of the oldest event that is retained; of the next one if none is.
    pub(crate) fn first_sequence_number(&self) -> i64 {
        self.events
            .front()
            .map_or(self.next_sequence_number, |event| event.sequence_number)
    }

    pub(crate) fn next_sequence_number(&self) -> i64 {
        self.next_sequence_number
    }

    pub(crate) fn last(&self) -> Last {
        self.last.unwrap_or(Last::NONE)
    }

    /// The end as it was before these last events.
    pub(crate) fn last_before(&self, events: usize) -> Last {
        let event = self.events.iter().rev().nth(events);
        event.map_or(Last::NONE, |event| Last {
            sequence_number: event.sequence_number,
            offset: event.offset,
            enqueued_at: event.enqueued_at,
        })
    }

    /// Drops the last events: the next ones have their sequence numbers and offsets.
    pub(crate) fn fall_back(&mut self, events: usize) {
        self.last = Some(self.last_before(events)).filter(|last| last.sequence_number >= 0);
        for event in self
            .events
            .split_off(self.events.len().saturating_sub(events))
        {
            self.bytes -= event.cost();
            self.next_sequence_number = self.next_sequence_number.min(event.sequence_number);
            self.next_offset = self.next_offset.min(event.offset);
        }
    }

    pub(crate) fn oldest_enqueued_at(&self) -> Option<Timestamp> {
        self.events.front().map(|event| event.enqueued_at)
    }

    pub(crate) fn len(&self) -> usize {
        self.events.len()
    }

    /// The memory that the retained events take.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::Position::{EnqueuedTime, Offset, SequenceNumber};
    use super::*;
    use crate::amqp::message::put_data;

    fn event() -> Incoming {
        let mut message = BytesMut::new();
        put_data(&mut message, b"body");
        Incoming::parse(&message.freeze()).expect("a message")
    }

    /// A log of ten events, one each 100 ms from 1000 ms on, of which the first three were dropped.
    fn log() -> Log {
        let mut log = Log::default();
        for number in 0..10 {
            log.append(&event(), None, 1000 + number * 100);
        }
        for _ in 0..3 {
            log.drop_oldest();
        }
        log
    }

    fn offset(sequence_number: i64) -> i64 {
        let log = log();
        log.events_from(sequence_number)
            .next()
            .expect("is kept")
            .offset
    }

    fn check(start: Start, expected: i64) {
        assert_eq!(log().resolve(start), Ok(expected), "{start:?}");
    }

    fn at(position: Position) -> Start {
        Start::At {
            position,
            inclusive: true,
        }
    }

    fn after(position: Position) -> Start {
        Start::At {
            position,
            inclusive: false,
        }
    }

    #[test]
    fn a_start_is_the_first_event_that_is_wanted() {
        check(Start::Earliest, 3);
        check(Start::Latest, 10);
        check(after(SequenceNumber(5)), 6);
        check(at(SequenceNumber(5)), 5);
        check(after(SequenceNumber(9)), 10);
        check(at(SequenceNumber(10)), 10);
        check(after(Offset(offset(5))), 6);
        check(at(Offset(offset(5))), 5);
        check(after(Offset(offset(9))), 10);
        check(after(EnqueuedTime(1500)), 6);
        check(at(EnqueuedTime(1500)), 5);
        check(at(EnqueuedTime(1501)), 6);
        check(after(EnqueuedTime(9999)), 10);
    }

    #[test]
    fn a_start_before_what_is_retained_is_the_oldest_that_is() {
        check(after(SequenceNumber(0)), 3);
        check(after(SequenceNumber(-1)), 3);
        check(after(Offset(0)), 3);
        check(after(EnqueuedTime(0)), 3);
    }

    #[test]
    fn a_start_behind_the_end_is_refused() {
        let log = log();
        for start in [
            after(SequenceNumber(10)),
            at(SequenceNumber(11)),
            after(SequenceNumber(i64::MAX)),
            after(Offset(offset(9) + 1)),
        ] {
            assert!(log.resolve(start).is_err(), "{start:?}");
        }
    }

    #[test]
    fn dropping_frees_what_appending_took() {
        let mut log = log();
        assert!(log.bytes() > 7 * 100, "{}", log.bytes());
        let last = log.last();
        while log.drop_oldest() > 0 {}
        assert_eq!((log.bytes(), log.len()), (0, 0));
        assert_eq!(
            (log.first_sequence_number(), log.next_sequence_number()),
            (10, 10)
        );
        assert_eq!(
            log.last(),
            last,
            "the end of a partition is known when nothing is retained"
        );
    }

    #[test]
    fn times_do_not_decrease_within_a_partition() {
        let mut log = log();
        log.append(&event(), None, 5);
        assert_eq!(log.last().enqueued_at, 1900);
    }

    #[test]
    fn a_reader_that_is_too_late_receives_the_oldest_that_is_retained() {
        let log = log();
        let sequence_numbers = |from| {
            log.events_from(from)
                .map(|event| event.sequence_number)
                .collect::<Vec<_>>()
        };
        assert_eq!(sequence_numbers(0), [3, 4, 5, 6, 7, 8, 9]);
        assert_eq!(sequence_numbers(8), [8, 9]);
        assert!(sequence_numbers(10).is_empty());
        assert!(sequence_numbers(99).is_empty());
    }
}
