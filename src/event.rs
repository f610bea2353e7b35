//! What the Event Hub hands us: events, and where they stood.
//!
//! Plain values. Nothing here knows the SDK, JSON or a metric.

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

/// Where an event stands in its partition.
///
/// The sequence number counts events and orders them; the offset is opaque text, and what the service resumes by
/// best (with geo-replication it alone survives a failover).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// Counts up by one for each event of the partition.
    pub sequence_number: i64,
    /// The service's own marker; never parsed. `None` when the service sent none.
    pub offset: Option<String>,
}

/// How far a partition has been read: its last event, to go on after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reached {
    /// Where that event stands.
    pub position: Position,
    /// When the event hub took it in; none where that is not known. A hub that was made later is not the one that it
    /// came from.
    pub enqueued_at: Option<OffsetDateTime>,
}

/// One event: a body, and when and where the event hub put it.
#[derive(Clone, Debug)]
pub struct Event {
    /// Where it stands in its partition.
    pub position: Position,
    /// When the event hub took it in, by the service's clock; `None` if it never went through one, as out of an
    /// archive.
    pub enqueued_at: Option<OffsetDateTime>,
    /// The payload as it came; several data sections are joined.
    pub body: Vec<u8>,
}

/// Events of one partition, in order: what the source passes on at a time.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Where all of them come from.
    pub partition: PartitionId,
    /// At least one event, oldest first.
    pub events: Vec<Event>,
}
