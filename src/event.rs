//! What an event hub sends: events, and their positions.
//!
//! Plain values. Nothing here knows the SDK, JSON or a metric.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use time::OffsetDateTime;

/// One partition of one event hub. Cheap to clone: it is a key and a label pair.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PartitionId {
    event_hub: Arc<str>,
    partition: Arc<str>,
}

impl PartitionId {
    /// The partition `partition` of the event hub `event_hub`, both by name as the namespace spells them.
    pub fn new(event_hub: impl Into<Arc<str>>, partition: impl Into<Arc<str>>) -> Self {
        Self {
            event_hub: event_hub.into(),
            partition: partition.into(),
        }
    }

    /// The event hub's name; the value of the label `event_hub`.
    pub fn event_hub(&self) -> &str {
        &self.event_hub
    }

    /// The partition's id within its event hub, such as `0`; the value of the label `partition`.
    pub fn partition(&self) -> &str {
        &self.partition
    }

    /// The same partition with both names in lower case, as a key: the service does not distinguish `Logs` from `logs`, and
    /// a configuration that is spelt anew must not read everything again.
    pub(crate) fn folded(&self) -> Self {
        Self::new(self.event_hub.to_lowercase(), self.partition.to_lowercase())
    }
}

impl Event {
    /// How far a partition has been read when this was its last event.
    pub fn reached(&self) -> Reached {
        Reached {
            position: self.position.clone(),
            enqueued_at: self.enqueued_at,
        }
    }
}

impl fmt::Display for PartitionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.event_hub, self.partition)
    }
}

/// The position of an event in its partition.
///
/// The sequence number counts events and orders them; the offset is opaque text, and what the service resumes by
/// best (with geo-replication it alone survives a failover).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// Counts up by one for each event of the partition.
    pub sequence_number: i64,
    /// The service's own marker, never parsed; `None` if the service sent none.
    pub offset: Option<String>,
}

/// How far a partition has been read: its last event, to go on after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reached {
    /// The position of that event.
    pub position: Position,
    /// When the event hub enqueued it; `None` if that is not known. An event hub that was created later is not the one
    /// that the event came from.
    pub enqueued_at: Option<OffsetDateTime>,
}

/// One event: its body, its position, and when the event hub enqueued it.
#[derive(Clone, Debug)]
pub struct Event {
    /// Its position in the partition.
    pub position: Position,
    /// When the event hub enqueued it, by the service's clock; `None` if it never went through one, as out of an archive.
    pub enqueued_at: Option<OffsetDateTime>,
    /// The payload as it came; several data sections are joined.
    pub body: Vec<u8>,
}

/// Events of one partition, in order: what the source passes on at a time. At least one.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The partition of all of them.
    pub partition: PartitionId,
    before: Vec<Event>,
    last: Event,
}

impl Batch {
    /// These events, oldest first; none if there are no events.
    pub fn new(partition: PartitionId, mut events: Vec<Event>) -> Option<Self> {
        let last = events.pop()?;
        Some(Self {
            partition,
            before: events,
            last,
        })
    }

    /// The events, oldest first.
    pub fn events(&self) -> impl Iterator<Item = &Event> {
        self.before.iter().chain([&self.last])
    }

    /// How many events there are.
    pub(crate) fn count(&self) -> usize {
        self.before.len() + 1
    }

    /// The youngest event.
    pub(crate) fn last(&self) -> &Event {
        &self.last
    }

    /// The partition, and its events, oldest first.
    pub(crate) fn into_events(self) -> (PartitionId, VecDeque<Event>) {
        let mut events = VecDeque::from(self.before);
        events.push_back(self.last);
        (self.partition, events)
    }
}
