//! From a batch to what it moves. Pure.

use std::panic::{AssertUnwindSafe, catch_unwind};

use time::OffsetDateTime;

use crate::acs::{self, FailureRules, Observation, Record};
use crate::disposition::Reject;
use crate::envelope::{self, Opened};
use crate::event::Batch;
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
    /// The indices of these records in the event.
    pub records: Vec<usize>,
    /// Why, one reason for each of them.
    pub reasons: Vec<Reject>,
}

/// The records of an event, still unread.
#[derive(Debug)]
pub(crate) struct OpenedEvent<'a> {
    /// When the event hub enqueued the event, if one did.
    pub enqueued_at: Option<OffsetDateTime>,
    /// What its body holds.
    pub opened: Opened<'a>,
}

impl<'a> OpenedEvent<'a> {
    /// Opens a body. A panic inside the decoder costs this event.
    pub(crate) fn open(body: &'a [u8], enqueued_at: Option<OffsetDateTime>) -> Self {
        let opened = guarded(|| Ok(envelope::open(body))).unwrap_or_else(|reason| Opened {
            records: vec![Err(reason)],
            repairs: Vec::new(),
        });
        Self {
            enqueued_at,
            opened,
        }
    }
}

/// Decodes a batch and passes on what it moves, which borrows from the decoded records and so cannot be returned.
pub(crate) fn decode<T>(
    batch: &Batch,
    rules: &FailureRules,
    then: impl FnOnce(Decoded<'_>) -> T,
) -> T {
    let opened: Vec<_> = batch
        .events()
        .map(|event| OpenedEvent::open(&event.body, event.enqueued_at))
        .collect();
    then(decode_opened(&opened, rules))
}

/// Decodes events that are split into their records. A panic inside the decoder costs one record.
pub(crate) fn decode_opened<'a>(
    events: &'a [OpenedEvent<'_>],
    rules: &FailureRules,
) -> Decoded<'a> {
    let mut decoded = Decoded::default();
    for (index, event) in events.iter().enumerate() {
        let mut rejected = Rejected {
            event: index,
            records: Vec::new(),
            reasons: Vec::new(),
        };
        decode_event(event, rules, &mut decoded, &mut rejected);
        decoded.ends.push(decoded.observations.len());
        if !rejected.reasons.is_empty() {
            decoded.ended.rejected.push(rejected);
        }
    }
    decoded
}

fn decode_event<'a>(
    event: &'a OpenedEvent<'_>,
    rules: &FailureRules,
    decoded: &mut Decoded<'a>,
    rejected: &mut Rejected,
) {
    let tally = &mut decoded.ended.tally;
    let Opened { records, repairs } = &event.opened;
    tally.received(records.len());
    for repair in repairs {
        tally.repaired(*repair);
    }
    for (index, record) in records.iter().enumerate() {
        let read = record.as_ref().map_err(|reason| *reason).and_then(|text| {
            let read = guarded(|| acs::read(text, event.enqueued_at, rules));
            read.map(|read| {
                if text.is_repaired {
                    read.repaired()
                } else {
                    read
                }
            })
        });
        match read {
            Ok(record) => {
                note_faults(&record, tally);
                if let Some(observation) = record.observation {
                    decoded.observations.push(observation);
                    tally.observed += 1;
                } else {
                    tally.ignore(record.category.as_deref());
                }
            }
            Err(reason) => {
                rejected.records.push(index);
                rejected.reasons.push(reason);
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
    for repair in &record.repairs {
        tally.repaired(*repair);
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
