//! The event hubs of a namespace: what all connections share.
//!
//! One lock guards it, held for as long as bytes are copied and never across an await. It knows AMQP's errors, since
//! they are what a client is told, but no frames and no sockets.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Settings;
use super::amqp::performative::AmqpError;
use super::clock::Timestamp;
use super::condition;
use super::event::{Event, Incoming};
use super::faults::Faults;
use super::log::Last;
use super::mailbox::Mailbox;
use super::partition::{Partition, PartitionProperties};
use super::reader::{Displaced, Reader, ReaderId};
use super::start::Start;

/// Event hubs, their partitions, and who reads them.
#[derive(Debug)]
pub(crate) struct Namespace {
    retain_bytes: usize,
    retain_for_ms: Option<Timestamp>,
    state: Mutex<State>,
    /// The connections there are, by their serial.
    connections: Mutex<BTreeMap<u64, Mailbox>>,
    pub(crate) faults: Faults,
}

/// Which event hub of the namespace. They are never taken away, so it stays right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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
    /// None: any group is there.
    consumer_groups: Option<Vec<String>>,
    partitions: Vec<Partition>,
    /// Counts the sends that name neither partition nor key.
    turns: usize,
}

impl Namespace {
    pub(crate) fn new(settings: &Settings, now: Timestamp) -> Self {
        let event_hubs = settings.event_hubs.iter().map(|event_hub| EventHub {
            name: event_hub.name.clone(),
            created_at: now,
            consumer_groups: event_hub.consumer_groups.clone(),
            partitions: (0..event_hub.partitions)
                .map(|_| Partition::default())
                .collect(),
            turns: 0,
        });
        Self {
            retain_bytes: settings.retain_bytes,
            retain_for_ms: settings
                .retain_for
                .map(|age| Timestamp::try_from(age.as_millis()).unwrap_or(Timestamp::MAX)),
            state: Mutex::new(State {
                event_hubs: event_hubs.collect(),
                bytes: 0,
            }),
            connections: Mutex::default(),
            faults: Faults::default(),
        }
    }

    pub(crate) fn connected(&self, connection: u64, mailbox: Mailbox) {
        self.lock_connections().insert(connection, mailbox);
    }

    pub(crate) fn disconnected(&self, connection: u64) {
        self.lock_connections().remove(&connection);
    }

    /// How to reach each connection.
    pub(crate) fn connections(&self) -> Vec<Mailbox> {
        self.lock_connections().values().cloned().collect()
    }

    /// The names of the event hubs.
    pub(crate) fn names(&self) -> Vec<String> {
        self.lock()
            .event_hubs
            .iter()
            .map(|event_hub| event_hub.name.clone())
            .collect()
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

    /// Whether the event hub has this consumer group. `$Default` is always there.
    pub(crate) fn has_consumer_group(&self, event_hub: EventHubId, consumer_group: &str) -> bool {
        let state = self.lock();
        let event_hub = state.event_hubs.get(event_hub.0);
        match event_hub.map(|event_hub| &event_hub.consumer_groups) {
            None => false,
            Some(None) => true,
            Some(Some(groups)) => {
                consumer_group.eq_ignore_ascii_case("$Default")
                    || groups
                        .iter()
                        .any(|group| group.eq_ignore_ascii_case(consumer_group))
            }
        }
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
        let grown_by = partition.append(messages, partition_key, now);
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
        match state.partition_mut(partition) {
            Some(partition) => partition.open_reader(start, reader),
            None => Err(condition::not_found(&partition.number.to_string())),
        }
    }

    pub(crate) fn close_reader(&self, partition: PartitionId, reader: ReaderId) {
        if let Some(partition) = self.lock().partition_mut(partition) {
            partition.readers.release(reader);
        }
    }

    /// What [`Partition::read`] does, of this partition.
    pub(crate) fn read(
        &self,
        partition: PartitionId,
        reader: ReaderId,
        from: i64,
        take: impl FnMut(&Event, &Last) -> bool,
    ) -> (i64, bool) {
        match self.lock().partition_mut(partition) {
            Some(partition) => partition.read(reader, from, take),
            None => (from, false),
        }
    }

    /// Gives the event hub more partitions, empty ones. False: it has as many already.
    pub(crate) fn grow(&self, event_hub: EventHubId, partitions: usize) -> bool {
        let mut state = self.lock();
        match state.event_hubs.get_mut(event_hub.0) {
            Some(event_hub) if event_hub.partitions.len() < partitions => {
                event_hub
                    .partitions
                    .resize_with(partitions, Partition::default);
                true
            }
            _ => false,
        }
    }

    /// Makes the event hub anew: without events, its sequence numbers beginning again. Whoever read it must be told.
    pub(crate) fn forget(&self, event_hub: EventHubId, now: Timestamp) -> Vec<Reader> {
        let mut state = self.lock();
        let Some(event_hub) = state.event_hubs.get_mut(event_hub.0) else {
            return Vec::new();
        };
        event_hub.created_at = now;
        let partitions = event_hub.partitions.len();
        let forgotten = std::mem::take(&mut event_hub.partitions);
        event_hub
            .partitions
            .resize_with(partitions, Partition::default);
        state.bytes -= forgotten
            .iter()
            .map(|partition| partition.log.bytes())
            .sum::<usize>();
        forgotten
            .into_iter()
            .flat_map(|mut partition| partition.readers.take_all())
            .collect()
    }

    /// Changes a partition in what does not count: its readers and the faults that were asked for.
    pub(crate) fn change<T>(
        &self,
        partition: PartitionId,
        change: impl FnOnce(&mut Partition) -> T,
    ) -> Option<T> {
        self.lock().partition_mut(partition).map(change)
    }

    /// Drops a partition's events before this sequence number. How many there were.
    pub(crate) fn trim(&self, partition: PartitionId, before: i64) -> usize {
        let mut state = self.lock();
        let (mut dropped, mut freed) = (0, 0);
        if let Some(partition) = state.partition_mut(partition) {
            while partition.log.len() > 0 && partition.log.first_sequence_number() < before {
                freed += partition.log.drop_oldest();
                dropped += 1;
            }
        }
        state.bytes -= freed;
        dropped
    }

    /// Drops the events that are older than they may be.
    pub(crate) fn drop_aged(&self, now: Timestamp) {
        let Some(retain_for) = self.retain_for_ms else {
            return;
        };
        let mut state = self.lock();
        let mut freed = 0;
        let partitions = state
            .event_hubs
            .iter_mut()
            .flat_map(|event_hub| &mut event_hub.partitions);
        for partition in partitions {
            while partition
                .log
                .oldest_enqueued_at()
                .is_some_and(|enqueued_at| enqueued_at + retain_for <= now)
            {
                freed += partition.log.drop_oldest();
            }
        }
        state.bytes -= freed;
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

    fn lock_connections(&self) -> MutexGuard<'_, BTreeMap<u64, Mailbox>> {
        self.connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
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

/// The partition of a key: the same for the same key, and spread evenly (FNV-1a). Not Azure's function, so a key that
/// is on partition 2 there may be on another here.
fn place_of(key: &str, partitions: usize) -> usize {
    let hash = key.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let partitions = u64::try_from(partitions).unwrap_or(1).max(1);
    usize::try_from(hash % partitions).unwrap_or(0)
}
