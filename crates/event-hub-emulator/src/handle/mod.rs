//! [`Handle`]: what a test does with a running emulator. Its faults are in [`connections`] and [`partitions`]: none happens
//! by itself, and each stays until it is taken back. What exists, and who may use it, is changed in [`access`].

mod access;
mod connections;
mod partitions;

use std::sync::Arc;

use bytes::BytesMut;
use serde::Serialize;

use super::amqp::Symbol;
use super::amqp::message::put_data;
use super::amqp::performative::AmqpError;
use super::clock::Now;
use super::condition::ASKED_FOR;
use super::event::Incoming;
use super::namespace::{EventHubId, Namespace, PartitionId};
use super::partition::{Partition, PartitionProperties};
use super::{EmulatorError, MESSAGE_BYTES_MAX};

/// Publishes events, shows partitions, and asks for faults. Copies are cheap and reach the same emulator.
#[derive(Clone, Debug)]
pub struct Handle {
    namespace: Arc<Namespace>,
}

/// The state of a partition at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct PartitionState {
    /// The partition's number.
    pub partition: u32,
    /// Of the oldest event that is retained, if any is.
    pub first_sequence_number: Option<i64>,
    /// Of the last event that was ever published, if there was one.
    pub last_sequence_number: Option<i64>,
    /// How many events are retained.
    pub retained_events: usize,
    /// How much memory they take, in bytes.
    pub retained_bytes: usize,
    /// How many clients read the partition now, in all consumer groups.
    pub readers: usize,
}

impl Handle {
    pub(super) fn new(namespace: Arc<Namespace>) -> Self {
        Self { namespace }
    }

    /// Publishes an event with this body, as a client would.
    ///
    /// # Errors
    ///
    /// If there is no such partition, or the body is larger than a message can be.
    pub fn publish(
        &self,
        event_hub: &str,
        partition: u32,
        body: &[u8],
    ) -> Result<(), EmulatorError> {
        let partition = self.partition(event_hub, partition)?;
        let mut message = BytesMut::with_capacity(body.len() + 16);
        put_data(&mut message, body);
        if u64::try_from(message.len()).is_ok_and(|length| length > MESSAGE_BYTES_MAX) {
            return Err(EmulatorError::TooLarge(body.len()));
        }
        let message =
            Incoming::parse(&message.freeze()).map_err(|_| EmulatorError::TooLarge(body.len()))?;
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
    pub fn partitions(&self, event_hub: &str) -> Result<Vec<PartitionState>, EmulatorError> {
        let partitions = self.namespace.all_partitions(self.event_hub(event_hub)?);
        let state = |(properties, partition): (PartitionProperties, u32)| {
            let last = properties.last.sequence_number;
            PartitionState {
                partition,
                first_sequence_number: (properties.retained_events > 0)
                    .then_some(properties.first_sequence_number),
                last_sequence_number: (last >= 0).then_some(last),
                retained_events: properties.retained_events,
                retained_bytes: properties.retained_bytes,
                readers: properties.readers,
            }
        };
        Ok(partitions.into_iter().zip(0..).map(state).collect())
    }

    /// How many connections are open.
    pub fn connections(&self) -> usize {
        self.namespace.connections().len()
    }

    fn event_hub(&self, name: &str) -> Result<EventHubId, EmulatorError> {
        self.namespace
            .find(name)
            .ok_or_else(|| EmulatorError::UnknownEventHub(name.to_owned()))
    }

    /// Reads or changes a partition.
    fn with<T>(
        &self,
        event_hub: &str,
        partition: u32,
        action: impl FnOnce(&mut Partition) -> T,
    ) -> Result<T, EmulatorError> {
        let partition = self.partition(event_hub, partition)?;
        Ok(self.namespace.with(partition, action))
    }

    fn partition(&self, event_hub: &str, partition: u32) -> Result<PartitionId, EmulatorError> {
        let id = self.event_hub(event_hub)?;
        self.namespace
            .find_partition(id, &partition.to_string())
            .ok_or_else(|| EmulatorError::UnknownPartition {
                event_hub: event_hub.to_owned(),
                partition,
            })
    }
}

/// The error of a fault with this condition.
fn asked_for(condition: &str) -> Result<AmqpError, EmulatorError> {
    let symbol = Symbol::parse(condition.to_owned())
        .ok_or_else(|| EmulatorError::Condition(condition.to_owned()))?;
    Ok(AmqpError::new(symbol, ASKED_FOR))
}
