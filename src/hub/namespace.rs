//! The event hubs of a namespace: what all connections share.
//!
//! One lock guards it, held for as long as bytes are copied and never across an await. It knows AMQP's errors, since
//! they are what a client is told, but no frames and no sockets.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::amqp::performative::AmqpError;
use super::clock::Timestamp;
use super::condition;
use super::event::{Event, Incoming};
use super::log::{Last, Log};
use super::reader::{Displaced, Reader, ReaderId, Readers};
use super::start::Start;

/// Event hubs, their partitions, and who reads them.
#[derive(Debug)]
pub(crate) struct Namespace {
    retain_bytes: usize,
    state: Mutex<State>,
}

/// Which event hub of the namespace. They are never taken away, so it stays right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EventHubId(usize);

/// Which partition of the namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PartitionId {
    pub(crate) event_hub: EventHubId,
    pub(crate) number: usize,
}

/// What a client can ask about an event hub.
#[derive(Clone, Debug)]
pub(crate) struct EventHubProperties {
    pub(crate) name: String,
    pub(crate) created_at: Timestamp,
    pub(crate) partitions: usize,
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

#[derive(Debug)]
struct State {
    event_hubs: Vec<EventHub>,
    /// What the events of all logs cost together.
    bytes: usize,
}

#[derive(Debug)]
struct EventHub {
    name: String,
    created_at: Timestamp,
    partitions: Vec<Partition>,
    /// Counts the sends that name neither partition nor key.
    turns: usize,
}

#[derive(Debug, Default)]
struct Partition {
    log: Log,
    readers: Readers,
}

impl Namespace {
    pub(crate) fn new(event_hubs: &[super::EventHub], retain_bytes: usize, now: Timestamp) -> Self {
        let event_hubs = event_hubs
            .iter()
            .map(|event_hub| EventHub {
                name: event_hub.name.clone(),
                created_at: now,
                partitions: (0..event_hub.partitions)
                    .map(|_| Partition::default())
                    .collect(),
                turns: 0,
            })
            .collect();
        Self {
            retain_bytes,
            state: Mutex::new(State {
                event_hubs,
                bytes: 0,
            }),
        }
    }

    /// The event hub of this name, whose case does not matter.
    pub(crate) fn find(&self, name: &str) -> Option<EventHubId> {
        let state = self.lock();
        let index = state
            .event_hubs
            .iter()
            .position(|event_hub| event_hub.name.eq_ignore_ascii_case(name))?;
        Some(EventHubId(index))
    }

    /// The partition of this number, if the event hub has it.
    pub(crate) fn find_partition(
        &self,
        event_hub: EventHubId,
        number: &str,
    ) -> Option<PartitionId> {
        let number = number.parse().ok()?;
        let id = PartitionId { event_hub, number };
        self.lock().partition(id).map(|_| id)
    }

    /// Appends messages to one partition: the one that is named, else the one of the key, else the next in turn.
    pub(crate) fn publish(
        &self,
        event_hub: EventHubId,
        partition: Option<PartitionId>,
        partition_key: Option<&str>,
        messages: &[Incoming],
        now: Timestamp,
    ) {
        let mut state = self.lock();
        let Some(id) = partition.or_else(|| state.choose(event_hub, partition_key)) else {
            return;
        };
        let Some(partition) = state.partition_mut(id) else {
            return;
        };
        let bytes_before = partition.log.bytes();
        for message in messages {
            partition.log.append(message, partition_key, now);
        }
        let grown_by = partition.log.bytes() - bytes_before;
        for reader in partition.readers.iter() {
            reader.mailbox.new_events();
        }
        state.bytes += grown_by;
        state.retain(self.retain_bytes);
    }

    /// Lets a reader in, and says with which sequence number it starts. Whom it displaces has yet to be told.
    pub(crate) fn open_reader(
        &self,
        partition: PartitionId,
        start: Start,
        reader: Reader,
    ) -> Result<(i64, Vec<Displaced>), AmqpError> {
        let mut state = self.lock();
        let partition = state
            .partition_mut(partition)
            .ok_or_else(|| condition::not_found(&partition.number.to_string()))?;
        let next = partition
            .log
            .resolve(start)
            .map_err(condition::invalid_argument)?;
        Ok((next, partition.readers.claim(reader)?))
    }

    pub(crate) fn close_reader(&self, partition: PartitionId, reader: ReaderId) {
        if let Some(partition) = self.lock().partition_mut(partition) {
            partition.readers.release(reader);
        }
    }

    /// Shows a reader the events from a sequence number on, as long as `take` wants more. What comes next for it, and
    /// whether that is there already.
    pub(crate) fn read(
        &self,
        partition: PartitionId,
        from: i64,
        mut take: impl FnMut(&Event) -> bool,
    ) -> (i64, bool) {
        let state = self.lock();
        let Some(partition) = state.partition(partition) else {
            return (from, false);
        };
        let mut next = from;
        for event in partition.log.events_from(from) {
            if !take(event) {
                break;
            }
            next = event.sequence_number + 1;
        }
        (next, next < partition.log.next_sequence_number())
    }

    pub(crate) fn event_hub_properties(&self, event_hub: EventHubId) -> Option<EventHubProperties> {
        let state = self.lock();
        let event_hub = state.event_hubs.get(event_hub.0)?;
        Some(EventHubProperties {
            name: event_hub.name.clone(),
            created_at: event_hub.created_at,
            partitions: event_hub.partitions.len(),
        })
    }

    pub(crate) fn partition_properties(
        &self,
        partition: PartitionId,
    ) -> Option<PartitionProperties> {
        self.lock().partition(partition).map(Partition::properties)
    }

    /// The properties of all partitions, in the order of their numbers.
    pub(crate) fn all_partitions(&self, event_hub: EventHubId) -> Vec<PartitionProperties> {
        let state = self.lock();
        let partitions = state
            .event_hubs
            .get(event_hub.0)
            .map(|event_hub| &event_hub.partitions);
        partitions
            .into_iter()
            .flatten()
            .map(Partition::properties)
            .collect()
    }

    /// A panic while the lock is held leaves the counts at worst a little wrong: no reason to end all connections.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn partition(&self, id: PartitionId) -> Option<&Partition> {
        self.event_hubs
            .get(id.event_hub.0)?
            .partitions
            .get(id.number)
    }

    fn partition_mut(&mut self, id: PartitionId) -> Option<&mut Partition> {
        self.event_hubs
            .get_mut(id.event_hub.0)?
            .partitions
            .get_mut(id.number)
    }

    fn choose(&mut self, id: EventHubId, partition_key: Option<&str>) -> Option<PartitionId> {
        let event_hub = self.event_hubs.get_mut(id.0)?;
        let partitions = event_hub.partitions.len();
        let number = if let Some(key) = partition_key {
            place_of(key, partitions)
        } else {
            event_hub.turns = event_hub.turns.wrapping_add(1);
            event_hub.turns.checked_rem(partitions)?
        };
        Some(PartitionId {
            event_hub: id,
            number,
        })
    }

    /// Drops the oldest events of the namespace, wherever they are, until what is kept fits.
    fn retain(&mut self, retain_bytes: usize) {
        while self.bytes > retain_bytes {
            let oldest = self
                .event_hubs
                .iter_mut()
                .flat_map(|event_hub| &mut event_hub.partitions)
                .filter_map(|partition| Some((partition.log.oldest_enqueued_at()?, partition)))
                .min_by_key(|(enqueued_at, _)| *enqueued_at);
            match oldest {
                Some((_, partition)) => self.bytes -= partition.log.drop_oldest(),
                None => break,
            }
        }
    }
}

impl Partition {
    fn properties(&self) -> PartitionProperties {
        PartitionProperties {
            first_sequence_number: self.log.first_sequence_number(),
            last: self.log.last(),
            retained_events: self.log.len(),
            retained_bytes: self.log.bytes(),
            readers: self.readers.iter().count(),
        }
    }
}

/// The partition of a key: the same for the same key, and spread evenly (FNV-1a). Not Azure's function, so a key that
/// is on partition 2 there may be on another here.
fn place_of(key: &str, partitions: usize) -> usize {
    let hash = key.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let partitions = u64::try_from(partitions).unwrap_or(1).max(1);
    usize::try_from(hash % partitions).unwrap_or(0)
}
