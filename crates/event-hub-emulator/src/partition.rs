//! One partition: its log, its readers, and the faults that were asked for.

use std::collections::BTreeSet;

use bytes::Bytes;

use super::amqp::performative::AmqpError;
use super::clock::Timestamp;
use super::condition;
use super::event::{Event, Incoming};
use super::log::{Last, Log};
use super::reader::{Displaced, Reader, ReaderId, Readers};
use super::start::Start;

#[derive(Debug, Default)]
pub(crate) struct Partition {
    pub(crate) log: Log,
    pub(crate) readers: Readers,
    /// Readers stay attached and get nothing.
    frozen: bool,
    /// The next event that is sent is sent cut in half.
    corrupts_next: bool,
    /// So many events are sent again, to whoever reads next.
    repeats: i64,
    /// The sequence numbers of events that are always sent cut in half.
    poisoned: BTreeSet<i64>,
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
    /// Appends messages, and tells the readers. Gives back by how much the log has grown, in bytes.
    pub(crate) fn append(
        &mut self,
        messages: &[Incoming],
        partition_key: Option<&str>,
        now: Timestamp,
    ) -> usize {
        let bytes_before = self.log.bytes();
        for message in messages {
            self.log.append(message, partition_key, now);
        }
        self.tell_readers();
        self.log.bytes() - bytes_before
    }

    /// Lets a reader in, and says with which sequence number it starts. Whom it displaces has yet to be told.
    pub(crate) fn open_reader(
        &mut self,
        start: Start,
        reader: Reader,
    ) -> Result<(i64, Vec<Displaced>), AmqpError> {
        let next = self
            .log
            .resolve(start)
            .map_err(condition::invalid_argument)?;
        Ok((next, self.readers.claim(reader)?))
    }

    /// Shows a reader the events from a sequence number on, as long as `take` wants more. What comes next for it, and
    /// whether that is there already.
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
        self.tell_readers();
    }

    pub(crate) fn corrupt_next(&mut self) {
        self.corrupts_next = true;
    }

    pub(crate) fn repeat(&mut self, events: i64) {
        self.repeats = events;
        self.tell_readers();
    }

    pub(crate) fn poison(&mut self, sequence_number: i64) {
        self.poisoned.insert(sequence_number);
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

    fn tell_readers(&self) {
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
