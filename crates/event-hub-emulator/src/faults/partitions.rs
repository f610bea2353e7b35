//! Faults of one event hub, or of one of its partitions and their readers.

use super::asked_for;
use crate::amqp::performative::AmqpError;
use crate::clock::Now;
use crate::mailbox::Command;
use crate::namespace::PartitionId;
use crate::partition::Partition;
use crate::reader::Reader;
use crate::{Handle, HubError, PARTITIONS_MAX};

/// Faults of event hubs.
impl Handle {
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
}

/// Faults of partitions. Each is an error only if there is no such partition, or a condition is not ASCII.
impl Handle {
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
        let readers = self.change(partition, |partition| partition.readers.take_all());
        Ok(detach(&readers, error.as_ref()))
    }

    /// While set, the readers of a partition stay attached and get nothing, and so do those that come.
    ///
    /// # Errors
    ///
    /// If there is no such partition.
    pub fn freeze(&self, event_hub: &str, partition: u32, frozen: bool) -> Result<(), HubError> {
        let partition = self.partition(event_hub, partition)?;
        self.change(partition, |partition| partition.freeze(frozen));
        Ok(())
    }

    /// The readers that a partition has now stay attached and get nothing, for good; those that come are served. How
    /// many there were.
    ///
    /// # Errors
    ///
    /// If there is no such partition.
    pub fn freeze_readers(&self, event_hub: &str, partition: u32) -> Result<usize, HubError> {
        let partition = self.partition(event_hub, partition)?;
        Ok(self.change(partition, |partition| partition.readers.freeze()))
    }

    /// Sends half of the next event of a partition, so that its reader cannot decode it. What is kept stays whole: who
    /// reads it again gets all of it.
    ///
    /// # Errors
    ///
    /// If there is no such partition.
    pub fn corrupt_next(&self, event_hub: &str, partition: u32) -> Result<(), HubError> {
        let partition = self.partition(event_hub, partition)?;
        self.change(partition, Partition::corrupt_next);
        Ok(())
    }

    /// Sends the last so many events once more to whoever reads the partition next, over a link that stays as it is.
    ///
    /// # Errors
    ///
    /// If there is no such partition.
    pub fn repeat(&self, event_hub: &str, partition: u32, events: u32) -> Result<(), HubError> {
        let partition = self.partition(event_hub, partition)?;
        self.change(partition, |partition| partition.repeat(i64::from(events)));
        Ok(())
    }

    /// Sends half of the event of this sequence number, whoever reads it and however often, whether or not it is there
    /// yet.
    ///
    /// # Errors
    ///
    /// If there is no such partition.
    pub fn poison(
        &self,
        event_hub: &str,
        partition: u32,
        sequence_number: i64,
    ) -> Result<(), HubError> {
        let partition = self.partition(event_hub, partition)?;
        self.change(partition, |partition| partition.poison(sequence_number));
        Ok(())
    }

    /// Drops the events before this sequence number, as retention does. How many there were.
    ///
    /// # Errors
    ///
    /// If there is no such partition.
    pub fn trim(&self, event_hub: &str, partition: u32, before: i64) -> Result<usize, HubError> {
        let partition = self.partition(event_hub, partition)?;
        Ok(self.namespace.trim(partition, before))
    }

    /// Nothing is changed of a partition that is gone; but none ever goes.
    fn change<T: Default>(
        &self,
        partition: PartitionId,
        change: impl FnOnce(&mut Partition) -> T,
    ) -> T {
        self.namespace.change(partition, change).unwrap_or_default()
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
