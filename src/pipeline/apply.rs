//! One event at a time: decodes it, and applies it whole or not at all. Its memory is free before the next one is opened.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::decode::{Ended, OpenedEvent, decode};
use super::failures;
use crate::dead_letters::DeadLetters;
use crate::event::{Batch, Event, PartitionId, Position};
use crate::metrics::{Exposition, Hold, NotShown};

/// What events are applied to.
#[derive(Debug)]
pub(super) struct Applier {
    pub(super) exposition: Arc<Exposition>,
    /// Events with rejected records are offered to these, if they are kept.
    pub(super) dead_letters: Option<DeadLetters>,
    /// Everything that failed has a line in the log.
    pub(super) logs_failures: bool,
    /// Cancelled when nothing more shall be applied: a batch of large events takes longer than a stop may.
    pub(super) stop: CancellationToken,
}

impl Applier {
    /// Applies an event, unless it has to be held.
    pub(super) fn apply(
        &self,
        partition: &PartitionId,
        event: &Event,
        hold: Hold,
    ) -> Result<(), NotShown> {
        let opened = OpenedEvent::open(&event.body, event.enqueued_at);
        let mut decoded = decode(&opened, &self.exposition.failure_rules());
        let Ended { tally, rejected } = &mut decoded.ended;
        let observations = &decoded.observations;
        let dropped = self
            .exposition
            .apply(partition, event, observations, tally, hold)?;
        if self.logs_failures {
            let observations = observations.iter().enumerate();
            let moved = observations.filter(|(index, _)| dropped.binary_search(index).is_err());
            moved.for_each(|(_, observation)| failures::log(observation));
        }
        if let Some(dead_letters) = &self.dead_letters
            && !rejected.is_empty()
        {
            let reasons: Vec<_> = rejected.iter().map(|(_, reason)| *reason).collect();
            dead_letters.offer(partition, event, &reasons);
        }
        Ok(())
    }

    /// Creates the failure series that an event will move.
    pub(super) fn prepare(&self, event: &Event) {
        let opened = OpenedEvent::open(&event.body, event.enqueued_at);
        let decoded = decode(&opened, &self.exposition.failure_rules());
        self.exposition.prepare(&decoded.observations);
    }
}

/// Decodes events and applies them, whether their failure series were shown or not.
pub fn apply(batch: &Batch, exposition: &Exposition) {
    for event in batch.events() {
        let opened = OpenedEvent::open(&event.body, event.enqueued_at);
        apply_unheld(&batch.partition, event, &opened, exposition);
    }
}

/// Applies records that came out of a file: nothing is held for a scrape, and no position is reached.
pub(crate) fn apply_opened(opened: &OpenedEvent<'_>, exposition: &Exposition) -> Ended {
    let stands_for_it = Event {
        position: Position {
            sequence_number: 0,
            offset: None,
        },
        enqueued_at: opened.enqueued_at,
        body: Vec::new(),
    };
    let partition = PartitionId::new("replay", "0");
    apply_unheld(&partition, &stands_for_it, opened, exposition)
}

fn apply_unheld(
    partition: &PartitionId,
    event: &Event,
    opened: &OpenedEvent<'_>,
    exposition: &Exposition,
) -> Ended {
    let mut decoded = decode(opened, &exposition.failure_rules());
    let tally = &mut decoded.ended.tally;
    let _none_is_held =
        exposition.apply(partition, event, &decoded.observations, tally, Hold::Never);
    decoded.ended
}
