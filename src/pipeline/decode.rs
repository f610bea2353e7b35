//! From a batch to what it moves. Pure.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::acs::{self, FailureRules, Observation, Record};
use crate::disposition::Reject;
use crate::envelope::{self, RecordText};
use crate::event::{Batch, Event};
use crate::metrics::Moves;
use crate::telemetry::{Became, Tally};

/// What a batch moves in the metrics, and how its records ended.
#[derive(Debug, Default)]
pub(crate) struct Decoded<'a> {
    /// Of every record observed, in order.
    pub observations: Vec<Observation<'a>>,
    /// Where in those each event ends.
    pub ends: Vec<usize>,
    /// How many records ended in which way.
    pub ended: Ended,
}

impl Decoded<'_> {
    pub(super) fn moves(&self) -> Moves<'_> {
        Moves {
            observations: &self.observations,
            ends: &self.ends,
        }
    }
}

/// How the records of a batch ended.
#[derive(Debug, Default)]
pub struct Ended {
    /// All records, counted.
    pub tally: Tally,
    /// The events that had records rejected.
    pub rejected: Vec<Rejected>,
}

/// An event with rejected records.
#[derive(Debug, PartialEq, Eq)]
pub struct Rejected {
    /// Its index in the batch.
    pub event: usize,
    /// Why, one reason for each such record, in order.
    pub reasons: Vec<Reject>,
}

/// Decodes a batch and passes on what it moves, which borrows from the decoded records and so cannot be returned.
///
/// A panic inside the decoder costs one record, or one event while it is split into records.
pub(crate) fn decode<T>(
    batch: &Batch,
    rules: &FailureRules,
    then: impl FnOnce(Decoded<'_>) -> T,
) -> T {
    // Observations are slices of the records: these outlive them.
    let envelopes = batch.events().map(|event| {
        guarded(|| Ok(envelope::open(&event.body))).unwrap_or_else(|reason| vec![Err(reason)])
    });
    let envelopes: Vec<_> = envelopes.collect();
    let mut decoded = Decoded::default();
    for (index, (event, records)) in batch.events().zip(&envelopes).enumerate() {
        let mut reasons = Vec::new();
        decode_event(event, records, rules, &mut decoded, &mut reasons);
        decoded.ends.push(decoded.observations.len());
        if !reasons.is_empty() {
            let event = index;
            decoded.ended.rejected.push(Rejected { event, reasons });
        }
    }
    then(decoded)
}

fn decode_event<'a>(
    event: &Event,
    records: &'a [RecordText<'_>],
    rules: &FailureRules,
    decoded: &mut Decoded<'a>,
    reasons: &mut Vec<Reject>,
) {
    let tally = &mut decoded.ended.tally;
    tally.received(records.len());
    for record in records {
        let text = record.as_deref().map_err(|reason| *reason);
        let read = text.and_then(|text| guarded(|| acs::read(text, event.enqueued_at, rules)));
        match read {
            Ok(record) => {
                note_faults(&record, tally);
                if let Some(observation) = record.observation {
                    decoded.observations.push(observation);
                    tally.observed += 1;
                } else {
                    tally.ignored += 1;
                }
            }
            Err(reason) => {
                reasons.push(reason);
                tally.reject(reason);
            }
        }
    }
}

/// Notes what Microsoft does not document, and what cannot be read.
fn note_faults(record: &Record<'_>, tally: &mut Tally) {
    let category = record.observation.as_ref().map(|it| it.category.name);
    let became = category.map_or(Became::Ignored, Became::ObservedAs);
    let unfamiliar = record.category.as_ref();
    if let Some(name) = unfamiliar.filter(|_| record.is_category_unfamiliar) {
        tally.drifted("category", name, became);
    }
    for field in &record.unfamiliar {
        tally.drifted("field", field, Became::Ignored);
    }
    for field in &record.unreadable {
        tally.unreadable(category.unwrap_or_default(), field);
    }
}

/// Does work in which a defect of the exporter may panic. Nothing that `work` changes outlives a panic.
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
