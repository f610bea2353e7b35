//! The loop: take a batch, decode it, apply it.
//!
//! One writer stands behind the queue of all partitions. Decoding is pure and happens before the lock is taken; what
//! a batch moves and the position that it reaches become visible to scrapes together.
//!
//! Where exact delivery takes hold, later: `decode` is where an event that would move a failure series that no scrape
//! has shown is held back, and [`Exposition::apply`] records the positions that a completed scrape acknowledges.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::acs::{self, Category, FailureRules, Observation};
use crate::dead_letters::DeadLetters;
use crate::disposition::{Disposition, Reject};
use crate::envelope::{self, Envelope};
use crate::event::{Batch, Event};
use crate::liveness::Liveness;
use crate::metrics::Exposition;
use crate::telemetry::{AppliedBatch, Tally};

/// Applies batches until every sender is gone and the queue is empty. Events with rejected records are offered to
/// `dead_letters`, if they are kept.
pub async fn run(
    mut batches: mpsc::Receiver<Batch>,
    exposition: Arc<Exposition>,
    liveness: Arc<Liveness>,
    dead_letters: Option<DeadLetters>,
) {
    while let Some(batch) = batches.recv().await {
        let _work = liveness.at_work("the writer".to_owned(), Instant::now());
        let applied = apply(&batch, &exposition);
        if let Some(dead_letters) = &dead_letters {
            for Rejected { event, reasons } in applied.rejected {
                if let Some(event) = batch.events.get(event) {
                    dead_letters.offer(&batch.partition, event, &reasons);
                }
            }
        }
    }
}

/// What a batch moves, and how its records ended.
#[derive(Debug, Default)]
pub struct Decoded<'a> {
    /// Of every record observed, in order.
    pub observations: Vec<Observation<'a>>,
    /// How many records ended in which way.
    pub ended: Ended,
}

/// How the records of a batch ended.
#[derive(Debug, Default)]
pub struct Ended {
    /// All records, counted.
    pub tally: Tally,
    /// The events that had records rejected.
    pub rejected: Vec<Rejected>,
}

/// An event with records that could not be read.
#[derive(Debug, PartialEq, Eq)]
pub struct Rejected {
    /// Its index in the batch.
    pub event: usize,
    /// Why, one for each such record, in order.
    pub reasons: Vec<Reject>,
}

/// Decodes a batch and applies it whole.
pub fn apply(batch: &Batch, exposition: &Exposition) -> Ended {
    let Some(last) = batch.events.last() else {
        return Ended::default();
    };
    let bytes: usize = batch.events.iter().map(|event| event.body.len()).sum();
    decode(batch, exposition.failure_rules(), |decoded| {
        exposition.apply(
            &batch.partition,
            last.position.clone(),
            &decoded.observations,
            |telemetry| {
                telemetry.batch_applied(
                    &batch.partition,
                    AppliedBatch {
                        events: u64::try_from(batch.events.len()).unwrap_or(u64::MAX),
                        bytes: u64::try_from(bytes).unwrap_or(u64::MAX),
                        last_sequence_number: last.position.sequence_number,
                        tally: &decoded.ended.tally,
                    },
                );
            },
        );
        decoded.ended
    })
}

/// Decodes a batch and hands over what it moves, which borrows from what was decoded and therefore cannot be returned.
///
/// A panic inside the decoder costs one record, or one event where its records are not told apart yet.
pub fn decode<T>(batch: &Batch, rules: &FailureRules, then: impl FnOnce(Decoded<'_>) -> T) -> T {
    // Observations are slices of the bodies, or of what was made anew of them: the envelopes outlive them.
    let envelopes: Vec<_> = batch
        .events
        .iter()
        .map(|event| guarded(|| Ok(envelope::open(&event.body))).unwrap_or_else(Envelope::rejected))
        .collect();
    let mut decoded = Decoded::default();
    for (index, (event, envelope)) in batch.events.iter().zip(&envelopes).enumerate() {
        let mut reasons = Vec::new();
        decode_event(event, envelope, rules, &mut decoded, &mut reasons);
        if !reasons.is_empty() {
            let event = index;
            decoded.ended.rejected.push(Rejected { event, reasons });
        }
    }
    then(decoded)
}

fn decode_event<'a>(
    event: &Event,
    envelope: &'a Envelope<'_>,
    rules: &FailureRules,
    decoded: &mut Decoded<'a>,
    reasons: &mut Vec<Reject>,
) {
    let tally = &mut decoded.ended.tally;
    tally.received(envelope.slots().len());
    for slot in envelope.slots() {
        let read = slot.and_then(|slot| {
            guarded(|| {
                let record = acs::read(slot)?;
                let observation = acs::observe(&record, event.enqueued_at, rules);
                Ok((record, observation))
            })
        });
        let disposition = match read {
            Ok((record, Some(observation))) => {
                for field in &record.unfamiliar {
                    tally.drifted("field", field);
                }
                decoded.observations.push(observation);
                Disposition::Observed
            }
            Ok((record, None)) => {
                let unknown = record
                    .category
                    .filter(|category| !Category::is_known_elsewhere(category));
                if let Some(category) = unknown {
                    tally.drifted("category", &category);
                }
                Disposition::Ignored
            }
            Err(reason) => {
                reasons.push(reason);
                Disposition::Rejected(reason)
            }
        };
        tally.ended(disposition);
    }
}

/// Does what may meet a defect of ours. Nothing outlives a panic but what `work` was given to read.
fn guarded<T>(work: impl FnOnce() -> Result<T, Reject>) -> Result<T, Reject> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(Reject::Panicked))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_rejected_record() {
        assert_eq!(
            guarded(|| -> Result<(), Reject> { panic!("a defect") }),
            Err(Reject::Panicked)
        );
        assert_eq!(guarded(|| Ok(7)), Ok(7));
    }
}
