//! What the rest of the program does with a hub while it runs.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::BytesMut;

use super::amqp::message::put_data;
use super::clock::Now;
use super::event::Incoming;
use super::namespace::{EventHubId, Namespace, PartitionId};
use super::{HubError, MESSAGE_BYTES_MAX};

/// A hold on a running hub. Copies are cheap and reach the same hub.
#[derive(Clone, Debug)]
pub struct Handle {
    pub(super) namespace: Arc<Namespace>,
}

/// A partition at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartitionState {
    /// The partition's number.
    pub partition: u32,
    /// Of the oldest event that is kept; none if none is.
    pub first_sequence_number: Option<i64>,
    /// Of the last event that was ever published; none if there was none.
    pub last_sequence_number: Option<i64>,
    /// When that one was published.
    pub last_enqueued_at: Option<SystemTime>,
    /// How many events are kept.
    pub retained_events: usize,
    /// How much memory they take, in bytes.
    pub retained_bytes: usize,
    /// How many clients read it now, in all consumer groups.
    pub readers: usize,
}

impl Handle {
    pub(super) fn new(namespace: Arc<Namespace>) -> Self {
        Self { namespace }
    }

    /// Publishes an event of this body, as a client would.
    ///
    /// # Errors
    ///
    /// If there is no such partition, or the body is larger than a message can be.
    pub fn publish(&self, event_hub: &str, partition: u32, body: &[u8]) -> Result<(), HubError> {
        let partition = self.partition(event_hub, partition)?;
        let mut message = BytesMut::with_capacity(body.len() + 16);
        put_data(&mut message, body);
        if u64::try_from(message.len()).is_ok_and(|length| length > MESSAGE_BYTES_MAX) {
            return Err(HubError::TooLarge(body.len()));
        }
        let message =
            Incoming::parse(&message.freeze()).map_err(|_| HubError::TooLarge(body.len()))?;
        let now = Now::read().timestamp;
        self.namespace
            .publish(partition.event_hub, Some(partition), None, &[message], now);
        Ok(())
    }

    /// The names of the event hubs, in the order in which they were given.
    pub fn event_hubs(&self) -> Vec<String> {
        self.namespace.names()
    }

    /// The partitions of an event hub, in the order of their numbers.
    ///
    /// # Errors
    ///
    /// If there is no such event hub.
    pub fn partitions(&self, event_hub: &str) -> Result<Vec<PartitionState>, HubError> {
        let id = self.event_hub(event_hub)?;
        let states = self.namespace.all_partitions(id).into_iter().zip(0..).map(
            |(properties, partition)| {
                let has_last = properties.last.sequence_number >= 0;
                PartitionState {
                    partition,
                    first_sequence_number: (properties.retained_events > 0)
                        .then_some(properties.first_sequence_number),
                    last_sequence_number: has_last.then_some(properties.last.sequence_number),
                    last_enqueued_at: u64::try_from(properties.last.enqueued_at)
                        .ok()
                        .filter(|_| has_last)
                        .map(|milliseconds| UNIX_EPOCH + Duration::from_millis(milliseconds)),
                    retained_events: properties.retained_events,
                    retained_bytes: properties.retained_bytes,
                    readers: properties.readers,
                }
            },
        );
        Ok(states.collect())
    }

    /// How many connections clients have open.
    pub fn connections(&self) -> usize {
        self.namespace.connections().len()
    }

    pub(super) fn event_hub(&self, name: &str) -> Result<EventHubId, HubError> {
        self.namespace
            .find(name)
            .ok_or_else(|| HubError::UnknownEventHub(name.to_owned()))
    }

    pub(super) fn partition(
        &self,
        event_hub: &str,
        partition: u32,
    ) -> Result<PartitionId, HubError> {
        let id = self.event_hub(event_hub)?;
        self.namespace
            .find_partition(id, &partition.to_string())
            .ok_or_else(|| HubError::UnknownPartition {
                event_hub: event_hub.to_owned(),
                partition,
            })
    }
}
