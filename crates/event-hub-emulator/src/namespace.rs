//! The event hubs of a namespace: what all connections share.
//!
//! One lock guards it, for as long as bytes are copied and never across an await. It knows AMQP's errors, since clients
//! receive them, but no frames and no sockets.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::amqp::performative::AmqpError;
use super::clock::Timestamp;
use super::event::Incoming;
use super::faults::Faults;
use super::mailbox::Mailbox;
use super::partition::{Partition, PartitionProperties};
use super::policy::{Policy, Rights, rights_of};
use super::{EventHub as EventHubSettings, Settings};

/// Event hubs, their partitions and readers, the connections, and the faults that were asked for.
#[derive(Debug)]
pub(crate) struct Namespace {
    retain_bytes: usize,
    event_hubs: Mutex<EventHubs>,
    policies: Mutex<Vec<Policy>>,
    /// The open connections, by their serial.
    connections: Mutex<BTreeMap<u64, Mailbox>>,
    pub(crate) faults: Faults,
}

/// An event hub of the namespace. None is ever removed, so an id stays valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct EventHubId(usize);

/// A partition of the namespace. None is ever removed, so an id stays valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PartitionId {
    pub(crate) event_hub: EventHubId,
    number: usize,
}

/// What a client can ask about an event hub.
#[derive(Clone, Debug)]
pub(crate) struct EventHubProperties {
    pub(crate) name: String,
    pub(crate) created_at: Timestamp,
    pub(crate) partitions: usize,
}

#[derive(Debug)]
struct EventHubs(Vec<EventHub>);

#[derive(Debug)]
struct EventHub {
    name: String,
    created_at: Timestamp,
    /// `None` accepts every group.
    consumer_groups: Option<Vec<String>>,
    partitions: Vec<Partition>,
    /// Counts the sends that name neither partition nor key.
    turns: usize,
}

impl Namespace {
    pub(crate) fn new(settings: &Settings, now: Timestamp) -> Self {
        let event_hubs = settings.event_hubs.iter();
        let event_hubs = event_hubs.map(|event_hub| EventHub::new(event_hub, now));
        Self {
            retain_bytes: settings.retain_bytes,
            event_hubs: Mutex::new(EventHubs(event_hubs.collect())),
            policies: Mutex::new(settings.policies.clone()),
            connections: Mutex::default(),
            faults: Faults::default(),
        }
    }

    pub(crate) fn connected(&self, connection: u64, mailbox: Mailbox) {
        lock(&self.connections).insert(connection, mailbox);
    }

    pub(crate) fn disconnected(&self, connection: u64) {
        lock(&self.connections).remove(&connection);
    }

    /// How to reach each connection.
    pub(crate) fn connections(&self) -> Vec<Mailbox> {
        lock(&self.connections).values().cloned().collect()
    }

    /// Creates an event hub. False if there is one of this name.
    pub(crate) fn create(&self, event_hub: &EventHubSettings, now: Timestamp) -> bool {
        let mut event_hubs = lock(&self.event_hubs);
        let is_new = event_hubs.find(&event_hub.name).is_none();
        if is_new {
            event_hubs.0.push(EventHub::new(event_hub, now));
        }
        is_new
    }

    /// Creates a consumer group, where not every group is accepted anyway.
    pub(crate) fn create_consumer_group(&self, event_hub: EventHubId, consumer_group: &str) {
        let mut event_hubs = lock(&self.event_hubs);
        if let Some(groups) = &mut event_hubs.get(event_hub).consumer_groups {
            groups.push(consumer_group.to_owned());
        }
    }

    pub(crate) fn set_policies(&self, policies: Vec<Policy>) {
        *lock(&self.policies) = policies;
    }

    /// What a shared access signature allows: everything where there are no policies; `None` if no policy has made it.
    pub(crate) fn rights_of(&self, signature: &str) -> Option<Rights> {
        let policies = lock(&self.policies);
        if policies.is_empty() {
            Some(Rights::ALL)
        } else {
            rights_of(&policies, signature)
        }
    }

    /// The names of the event hubs.
    pub(crate) fn names(&self) -> Vec<String> {
        let event_hubs = lock(&self.event_hubs);
        event_hubs.0.iter().map(|hub| hub.name.clone()).collect()
    }

    /// The event hub of this name, whose case does not matter.
    pub(crate) fn find(&self, name: &str) -> Option<EventHubId> {
        lock(&self.event_hubs).find(name)
    }

    /// The partition of this number, if the event hub has it.
    pub(crate) fn find_partition(
        &self,
        event_hub: EventHubId,
        number: &str,
    ) -> Option<PartitionId> {
        let number = number.parse().ok()?;
        let partitions = lock(&self.event_hubs).get(event_hub).partitions.len();
        (number < partitions).then_some(PartitionId { event_hub, number })
    }

    /// Whether the event hub has this consumer group. Each has `$Default`.
    pub(crate) fn has_consumer_group(&self, event_hub: EventHubId, consumer_group: &str) -> bool {
        let mut event_hubs = lock(&self.event_hubs);
        let groups = &event_hubs.get(event_hub).consumer_groups;
        groups.as_ref().is_none_or(|groups| {
            let mut known = groups.iter().map(String::as_str).chain(["$Default"]);
            known.any(|group| group.eq_ignore_ascii_case(consumer_group))
        })
    }

    /// Appends messages to one partition: the given one, else the one of the key, else the next in turn.
    pub(crate) fn publish(
        &self,
        event_hub: EventHubId,
        partition: Option<PartitionId>,
        partition_key: Option<&str>,
        messages: &[Incoming],
        now: Timestamp,
    ) {
        let mut event_hubs = lock(&self.event_hubs);
        let partition =
            partition.unwrap_or_else(|| event_hubs.get(event_hub).choose(event_hub, partition_key));
        event_hubs
            .partition(partition)
            .append(messages, partition_key, now);
        event_hubs.retain(self.retain_bytes);
    }

    /// Reads or changes a partition.
    pub(crate) fn with<T>(
        &self,
        partition: PartitionId,
        action: impl FnOnce(&mut Partition) -> T,
    ) -> T {
        action(lock(&self.event_hubs).partition(partition))
    }

    /// Gives the event hub more partitions, empty ones. False if it has as many already.
    pub(crate) fn grow(&self, event_hub: EventHubId, partitions: usize) -> bool {
        let mut event_hubs = lock(&self.event_hubs);
        let present = &mut event_hubs.get(event_hub).partitions;
        let grows = present.len() < partitions;
        if grows {
            present.resize_with(partitions, Partition::default);
        }
        grows
    }

    /// Replaces the event hub by an empty one of the same name, whose sequence numbers begin at 0, and detaches its readers.
    pub(crate) fn recreate(&self, event_hub: EventHubId, error: &AmqpError, now: Timestamp) {
        let mut event_hubs = lock(&self.event_hubs);
        let event_hub = event_hubs.get(event_hub);
        event_hub.created_at = now;
        for partition in &mut event_hub.partitions {
            partition.readers.detach_all(Some(error));
            *partition = Partition::default();
        }
    }

    pub(crate) fn properties(&self, event_hub: EventHubId) -> EventHubProperties {
        let mut event_hubs = lock(&self.event_hubs);
        let event_hub = event_hubs.get(event_hub);
        EventHubProperties {
            name: event_hub.name.clone(),
            created_at: event_hub.created_at,
            partitions: event_hub.partitions.len(),
        }
    }

    /// The properties of all partitions, in the order of their numbers.
    pub(crate) fn all_partitions(&self, event_hub: EventHubId) -> Vec<PartitionProperties> {
        let mut event_hubs = lock(&self.event_hubs);
        let partitions = event_hubs.get(event_hub).partitions.iter();
        partitions.map(Partition::properties).collect()
    }
}

/// A panic while the lock is held is no reason to end all connections: every change here is complete in itself.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl EventHubs {
    fn find(&self, name: &str) -> Option<EventHubId> {
        let mut names = self.0.iter().map(|hub| &hub.name);
        let index = names.position(|known| known.eq_ignore_ascii_case(name))?;
        Some(EventHubId(index))
    }

    fn get(&mut self, id: EventHubId) -> &mut EventHub {
        self.0.get_mut(id.0).expect("no event hub is ever removed")
    }

    fn partition(&mut self, id: PartitionId) -> &mut Partition {
        let partitions = &mut self.get(id.event_hub).partitions;
        partitions
            .get_mut(id.number)
            .expect("no partition is ever removed")
    }

    /// Drops the oldest events of the namespace, in whichever partition, until the rest fits.
    fn retain(&mut self, retain_bytes: usize) {
        let partitions = || self.0.iter().flat_map(|hub| &hub.partitions);
        let mut bytes: usize = partitions().map(|partition| partition.log.bytes()).sum();
        while bytes > retain_bytes {
            let oldest = self
                .0
                .iter_mut()
                .flat_map(|event_hub| &mut event_hub.partitions)
                .filter_map(|partition| Some((partition.log.oldest_enqueued_at()?, partition)))
                .min_by_key(|(enqueued_at, _)| *enqueued_at);
            match oldest {
                Some((_, partition)) => bytes -= partition.log.drop_oldest(),
                None => break,
            }
        }
    }
}

impl EventHub {
    fn new(settings: &EventHubSettings, now: Timestamp) -> Self {
        Self {
            name: settings.name.clone(),
            created_at: now,
            consumer_groups: settings.consumer_groups.clone(),
            partitions: (0..settings.partitions)
                .map(|_| Partition::default())
                .collect(),
            turns: 0,
        }
    }

    fn choose(&mut self, id: EventHubId, partition_key: Option<&str>) -> PartitionId {
        let partitions = self.partitions.len();
        let number = if let Some(key) = partition_key {
            place_of(key, partitions)
        } else {
            self.turns = self.turns.wrapping_add(1);
            self.turns % partitions
        };
        PartitionId {
            event_hub: id,
            number,
        }
    }
}

/// The partition of a key: the same for the same key, and spread evenly (FNV-1a). Azure uses another function, so a key
/// may be on another partition there.
fn place_of(key: &str, partitions: usize) -> usize {
    let hash = key.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let partitions = u64::try_from(partitions).expect("at most 1024");
    usize::try_from(hash % partitions).expect("less than 1024")
}
