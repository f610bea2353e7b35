//! Faults of one event hub, or of one of its partitions and their readers.

use super::{Handle, asked_for};
use crate::EmulatorError;
use crate::clock::Now;
use crate::limits::PARTITIONS_MAX;

/// Faults of event hubs.
impl Handle {
    /// Replaces an event hub by an empty one of the same name, whose sequence numbers and offsets begin at 0. Its readers
    /// are detached with `amqp:link:detach-forced`; that Azure does so is assumed.
    ///
    /// # Errors
    ///
    /// If there is no such event hub.
    pub fn recreate(&self, event_hub: &str) -> Result<(), EmulatorError> {
        let id = self.event_hub(event_hub)?;
        let error = asked_for("amqp:link:detach-forced")?;
        self.namespace.recreate(id, &error, Now::read().timestamp);
        Ok(())
    }

    /// Gives an event hub more partitions, as Azure can. It cannot have fewer.
    ///
    /// # Errors
    ///
    /// If there is no such event hub, or it has as many already, or that many are not allowed.
    pub fn grow(&self, event_hub: &str, partitions: u32) -> Result<(), EmulatorError> {
        let id = self.event_hub(event_hub)?;
        let grown = partitions <= PARTITIONS_MAX
            && usize::try_from(partitions)
                .is_ok_and(|partitions| self.namespace.grow(id, partitions));
        if grown {
            Ok(())
        } else {
            Err(EmulatorError::Partitions {
                event_hub: event_hub.to_owned(),
                partitions,
            })
        }
    }
}

/// Faults of partitions.
impl Handle {
    /// Detaches every reader of a partition, with a condition or without. Gives how many there were.
    ///
    /// # Errors
    ///
    /// If there is no such partition, or the condition is not ASCII.
    pub fn detach_readers(
        &self,
        event_hub: &str,
        partition: u32,
        condition: Option<&str>,
    ) -> Result<usize, EmulatorError> {
        let error = condition.map(asked_for).transpose()?;
        self.with(event_hub, partition, |partition| {
            partition.readers.detach_all(error.as_ref())
        })
    }

    /// While set, the readers of a partition, old and new, stay attached and receive nothing.
    ///
    /// # Errors
    ///
    /// If there is no such partition.
    pub fn freeze(
        &self,
        event_hub: &str,
        partition: u32,
        frozen: bool,
    ) -> Result<(), EmulatorError> {
        self.with(event_hub, partition, |partition| partition.freeze(frozen))
    }

    /// The present readers of a partition stay attached and never receive anything again; new ones are served. Gives how
    /// many there were.
    ///
    /// # Errors
    ///
    /// If there is no such partition.
    pub fn freeze_readers(&self, event_hub: &str, partition: u32) -> Result<usize, EmulatorError> {
        self.with(event_hub, partition, |partition| partition.readers.freeze())
    }

    /// Sends half of the next event of a partition, so that its reader cannot decode it. The event itself stays whole: the
    /// next read of it gets all of it.
    ///
    /// # Errors
    ///
    /// If there is no such partition.
    pub fn corrupt_next(&self, event_hub: &str, partition: u32) -> Result<(), EmulatorError> {
        self.with(event_hub, partition, |partition| {
            partition.corrupts_next = true;
        })
    }

    /// Sends this many of the last events once more, over a link that stays open: to the next reader that is served.
    ///
    /// # Errors
    ///
    /// If there is no such partition.
    pub fn repeat(
        &self,
        event_hub: &str,
        partition: u32,
        events: u32,
    ) -> Result<(), EmulatorError> {
        self.with(event_hub, partition, |partition| {
            partition.repeat(i64::from(events));
        })
    }

    /// Sends half of the event of this sequence number, to every reader and every time. The event may be yet to come.
    ///
    /// # Errors
    ///
    /// If there is no such partition.
    pub fn poison(
        &self,
        event_hub: &str,
        partition: u32,
        sequence_number: i64,
    ) -> Result<(), EmulatorError> {
        self.with(event_hub, partition, |partition| {
            partition.poisoned.insert(sequence_number);
        })
    }

    /// Answers this many questions about a partition as if it did not have its last events yet.
    ///
    /// # Errors
    ///
    /// If there is no such partition.
    pub fn answer_stale(
        &self,
        event_hub: &str,
        partition: u32,
        answers: u32,
        events: usize,
    ) -> Result<(), EmulatorError> {
        self.with(event_hub, partition, |partition| {
            partition.answer_stale(answers, events);
        })
    }

    /// Drops the last events of a partition, as a failover to a replica that lacks them does: new events get their sequence
    /// numbers. Its readers are detached with `amqp:link:detach-forced`; that Azure does so is assumed.
    ///
    /// # Errors
    ///
    /// If there is no such partition.
    pub fn fall_back(
        &self,
        event_hub: &str,
        partition: u32,
        events: usize,
    ) -> Result<(), EmulatorError> {
        let error = asked_for("amqp:link:detach-forced")?;
        self.with(event_hub, partition, |partition| {
            partition.log.fall_back(events);
            partition.readers.detach_all(Some(&error));
        })
    }

    /// Drops the events before this sequence number, as retention does. Gives how many there were.
    ///
    /// # Errors
    ///
    /// If there is no such partition.
    pub fn trim(
        &self,
        event_hub: &str,
        partition: u32,
        before: i64,
    ) -> Result<usize, EmulatorError> {
        self.with(event_hub, partition, |partition| partition.log.trim(before))
    }
}
