//! The loop: take a batch, decode it, apply it.
//!
//! One writer stands behind the queue of all partitions. Decoding is pure and happens before the lock is taken; what
//! a batch moves and the position that it reaches become visible to scrapes together.
//!
//! Where exact delivery takes hold, later: `decode` is where an event that would move a failure series that no scrape
//! has shown is held back, and [`Exposition::apply`] records the positions that a completed scrape acknowledges.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::acs::{self, Observation};
use crate::disposition::Disposition;
use crate::envelope;
use crate::event::{Batch, Event};
use crate::metrics::Exposition;
use crate::telemetry::{AppliedBatch, Tally};

/// Applies batches until every sender is gone and the queue is empty.
pub async fn run(mut batches: mpsc::Receiver<Batch>, exposition: Arc<Exposition>) {
    while let Some(batch) = batches.recv().await {
        apply(&batch, &exposition);
    }
}

/// Decodes a batch and applies it whole.
pub fn apply(batch: &Batch, exposition: &Exposition) {
    let Some(last) = batch.events.last() else {
        return;
    };
    let mut tally = Tally::default();
    let mut observations = Vec::with_capacity(batch.events.len());
    for event in &batch.events {
        decode(event, &mut observations, &mut tally);
    }
    let bytes: usize = batch.events.iter().map(|event| event.body.len()).sum();
    exposition.apply(
        &batch.partition,
        last.position.clone(),
        &observations,
        |telemetry| {
            telemetry.batch_applied(
                &batch.partition,
                AppliedBatch {
                    events: u64::try_from(batch.events.len()).unwrap_or(u64::MAX),
                    bytes: u64::try_from(bytes).unwrap_or(u64::MAX),
                    last_sequence_number: last.position.sequence_number,
                    tally: &tally,
                },
            );
        },
    );
}

fn decode<'a>(event: &'a Event, observations: &mut Vec<Observation<'a>>, tally: &mut Tally) {
    let slots = envelope::open(&event.body);
    tally.received(slots.len());
    for slot in slots {
        tally.ended(match slot.and_then(acs::read) {
            Ok(record) => match acs::observe(&record, event.enqueued_at) {
                Some(observation) => {
                    observations.push(observation);
                    Disposition::Observed
                }
                None => Disposition::Ignored,
            },
            Err(reason) => Disposition::Rejected(reason),
        });
    }
}
