//! One partition: its log, its readers, and the faults that were asked for.

use std::collections::BTreeSet;

use bytes::Bytes;

use super::amqp::performative::AmqpError;
use super::clock::Timestamp;
use super::condition;
use super::event::{Event, Incoming};
use super::log::{Last, Log};
use super::mailbox::ReaderId;
use super::reader::{Reader, Readers};
use super::start::Start;

#[derive(Debug, Default)]
pub(crate) struct Partition {
    pub(crate) log: Log,
    pub(crate) readers: Readers,
    /// Readers stay attached and receive nothing.
    frozen: bool,
    /// Only half of the next event is sent.
    pub(crate) corrupts_next: bool,
    /// How many events the next read sends again.
    repeats: i64,
    /// How many answers report the partition without its last events, and how many events that is.
    stale: (u32, usize),
    /// The sequence numbers of events of which only half is ever sent.
    pub(crate) poisoned: BTreeSet<i64>,
}

/// What a client can ask about a partition.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PartitionProperties {
    pub(crate) first_sequence_number: i64,
    pub(crate) last: Last,
    pub(crate) retained_events: usize,
    pub(crate) retained_bytes: usize,
    pub(crate) readers: usize,
}

impl Partition {
    /// Appends messages, and wakes the readers.
    pub(crate) fn append(
        &mut self,
        messages: &[Incoming],
        partition_key: Option<&str>,
        now: Timestamp,
    ) {
        for message in messages {
            self.log.append(message, partition_key, now);
        }
        self.wake_readers();
    }

    /// Adds a reader. Gives the sequence number that it starts with.
    pub(crate) fn open_reader(&mut self, start: Start, reader: Reader) -> Result<i64, AmqpError> {
        let next = self
            .log
            .resolve(start)
            .map_err(|error| AmqpError::new(condition::INVALID_ARGUMENT, error))?;
        self.readers.claim(reader)?;
        Ok(next)
    }

    /// Shows a reader the events from a sequence number on, as long as `take` wants more. Gives the sequence number that
    /// comes next for it, and whether that event is there already.
    pub(crate) fn read(
        &mut self,
        reader: ReaderId,
        from: i64,
        mut take: impl FnMut(&Event, &Last) -> bool,
    ) -> (i64, bool) {
        if self.frozen || self.readers.is_frozen(reader) {
            return (from, false);
        }
        let last = self.log.last();
        let from = from - std::mem::take(&mut self.repeats);
        let mut next = from;
        for event in self.log.events_from(from) {
            let corrupts = self.corrupts_next || self.poisoned.contains(&event.sequence_number);
            let taken = if corrupts {
                take(&half_of(event), &last)
            } else {
                take(event, &last)
            };
            if !taken {
                break;
            }
            self.corrupts_next = false;
            next = event.sequence_number + 1;
        }
        (next, next < self.log.next_sequence_number())
    }

    pub(crate) fn freeze(&mut self, frozen: bool) {
        self.frozen = frozen;
        self.wake_readers();
    }

    pub(crate) fn repeat(&mut self, events: i64) {
        self.repeats = events;
        self.wake_readers();
    }

    pub(crate) fn answer_stale(&mut self, answers: u32, events: usize) {
        self.stale = (answers, events);
    }

    /// What a client is answered.
    pub(crate) fn answer(&mut self) -> PartitionProperties {
        let properties = self.properties();
        let (answers, events) = &mut self.stale;
        if *answers == 0 {
            return properties;
        }
        *answers -= 1;
        PartitionProperties {
            last: self.log.last_before(*events),
            ..properties
        }
    }

    pub(crate) fn properties(&self) -> PartitionProperties {
        PartitionProperties {
            first_sequence_number: self.log.first_sequence_number(),
            last: self.log.last(),
            retained_events: self.log.len(),
            retained_bytes: self.log.bytes(),
            readers: self.readers.iter().count(),
        }
    }

    fn wake_readers(&self) {
        for reader in self.readers.iter() {
            reader.mailbox.new_events();
        }
    }
}

/// The event with a message that ends in the middle of a value.
fn half_of(event: &Event) -> Event {
    let half = event.message.len() / 2;
    Event {
        message: Bytes::copy_from_slice(event.message.get(..half).unwrap_or_default()),
        ..event.clone()
    }
}
