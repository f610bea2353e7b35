//! Faults on request: what a test asks of a hub so that its clients see a bad day.
//!
//! Nothing here happens by itself. What is set stays until it is set back.

use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use super::amqp::Symbol;
use super::amqp::performative::AmqpError;
use super::clock::Now;
use super::mailbox::Command;
use super::reader::Reader;
use super::{Handle, HubError, PARTITIONS_MAX, condition};

/// The faults that all connections look at. Each stands for itself, so relaxed order is enough.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    silent: AtomicBool,
    token_status: AtomicU16,
    busy: AtomicU32,
    delay_ms: AtomicU64,
}

impl Faults {
    /// New connections get no answer.
    pub(crate) fn silent(&self) -> bool {
        self.silent.load(Ordering::Relaxed)
    }

    /// The status that tokens are refused with.
    pub(crate) fn token_status(&self) -> Option<u16> {
        Some(self.token_status.load(Ordering::Relaxed)).filter(|status| *status != 0)
    }

    /// Whether this send is answered with server-busy; counts it.
    pub(crate) fn take_busy(&self) -> bool {
        let one_less = |left: u32| left.checked_sub(1);
        self.busy
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less)
            .is_ok()
    }

    /// How long what a client says is left unread.
    pub(crate) fn delay(&self) -> Duration {
        Duration::from_millis(self.delay_ms.load(Ordering::Relaxed))
    }
}

/// Faults.
impl Handle {
    /// Drops every connection without a word, as a network does. How many there were.
    pub fn cut_connections(&self) -> usize {
        let connections = self.namespace.connections();
        connections.iter().for_each(super::mailbox::Mailbox::cut);
        connections.len()
    }

    /// Closes every connection with this condition, for example `amqp:connection:forced`. How many there were.
    ///
    /// # Errors
    ///
    /// If the condition is not ASCII.
    pub fn close_connections(&self, condition: &str) -> Result<usize, HubError> {
        let error = asked_for(condition)?;
        let connections = self.namespace.connections();
        for connection in &connections {
            connection.send(Command::Close(error.clone()));
        }
        Ok(connections.len())
    }

    /// Detaches every reader of a partition, with a condition or without. How many there were.
    ///
    /// # Errors
    ///
    /// If there is no such partition, or the condition is not ASCII.
    pub fn detach_readers(
        &self,
        event_hub: &str,
        partition: u32,
        condition: Option<&str>,
    ) -> Result<usize, HubError> {
        let partition = self.partition(event_hub, partition)?;
        let error = condition.map(asked_for).transpose()?;
        Ok(detach(
            &self.namespace.take_readers(partition),
            error.as_ref(),
        ))
    }

    /// While set, connections are accepted and never answered; those that are open stay as they are.
    pub fn never_answer(&self, silent: bool) {
        self.namespace
            .faults
            .silent
            .store(silent, Ordering::Relaxed);
    }

    /// While set, the readers of a partition stay attached and get nothing.
    ///
    /// # Errors
    ///
    /// If there is no such partition.
    pub fn freeze(&self, event_hub: &str, partition: u32, frozen: bool) -> Result<(), HubError> {
        self.namespace
            .freeze(self.partition(event_hub, partition)?, frozen);
        Ok(())
    }

    /// While set, tokens are refused with this status: 401 is what Azure answers to a wrong one, 403 to one without
    /// the right.
    pub fn refuse_tokens(&self, status: Option<u16>) {
        self.namespace
            .faults
            .token_status
            .store(status.unwrap_or(0), Ordering::Relaxed);
    }

    /// Answers the next so many sends with `com.microsoft:server-busy`.
    pub fn be_busy(&self, times: u32) {
        self.namespace.faults.busy.store(times, Ordering::Relaxed);
    }

    /// Leaves what a client says unread for this long, so that every answer comes so much later.
    pub fn delay_answers(&self, delay: Duration) {
        let milliseconds = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        self.namespace
            .faults
            .delay_ms
            .store(milliseconds, Ordering::Relaxed);
    }

    /// Makes an event hub anew: no events, and sequence numbers and offsets begin again. Its readers are detached with
    /// `amqp:link:detach-forced`; that Azure does so is assumed.
    ///
    /// # Errors
    ///
    /// If there is no such event hub.
    pub fn forget_everything(&self, event_hub: &str) -> Result<(), HubError> {
        let id = self.event_hub(event_hub)?;
        let readers = self.namespace.forget(id, Now::read().timestamp);
        detach(&readers, Some(&asked_for("amqp:link:detach-forced")?));
        Ok(())
    }

    /// Gives an event hub more partitions, as Azure can; fewer cannot be had.
    ///
    /// # Errors
    ///
    /// If there is no such event hub, or it has as many, or so many cannot be.
    pub fn grow(&self, event_hub: &str, partitions: u32) -> Result<(), HubError> {
        let id = self.event_hub(event_hub)?;
        let grown = partitions <= PARTITIONS_MAX
            && usize::try_from(partitions)
                .is_ok_and(|partitions| self.namespace.grow(id, partitions));
        if grown {
            Ok(())
        } else {
            Err(HubError::Partitions {
                event_hub: event_hub.to_owned(),
                partitions,
            })
        }
    }

    /// Sends half of the next event of a partition, so that its reader cannot decode it. What is kept stays whole: who
    /// reads it again gets all of it.
    ///
    /// # Errors
    ///
    /// If there is no such partition.
    pub fn corrupt_next(&self, event_hub: &str, partition: u32) -> Result<(), HubError> {
        self.namespace
            .corrupt_next(self.partition(event_hub, partition)?);
        Ok(())
    }
}

fn detach(readers: &[Reader], error: Option<&AmqpError>) -> usize {
    for reader in readers {
        reader.mailbox.send(Command::Detach {
            reader: reader.id,
            error: error.cloned(),
        });
    }
    readers.len()
}

fn asked_for(condition: &str) -> Result<AmqpError, HubError> {
    let symbol = Symbol::parse(condition.to_owned())
        .ok_or_else(|| HubError::Condition(condition.to_owned()))?;
    Ok(AmqpError::new(symbol, condition::ASKED_FOR))
}
