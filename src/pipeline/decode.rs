//! From an event to what it moves. Pure.

use std::panic::{AssertUnwindSafe, catch_unwind};

use time::OffsetDateTime;

use crate::acs::{self, FailureRules, Observation, Record};
use crate::disposition::Reject;
use crate::envelope::{self, Opened};
use crate::telemetry::{Became, Tally};

/// What an event moves in the metrics, and how its records ended.
#[derive(Debug, Default)]
pub(crate) struct Decoded<'a> {
    /// Of every record observed, in order.
    pub observations: Vec<Observation<'a>>,
    /// How many records ended in which way.
    pub ended: Ended,
}

/// How the records of an event ended.
#[derive(Debug, Default)]
pub(crate) struct Ended {
    /// All records, counted.
    pub tally: Tally,
    /// The indices of the records that were rejected, and why.
    pub rejected: Vec<(usize, Reject)>,
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
    pub(super) fn open(body: &'a [u8], enqueued_at: Option<OffsetDateTime>) -> Self {
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

/// Decodes an event that is split into its records. A panic inside the decoder costs one record.
pub(crate) fn decode<'a>(event: &'a OpenedEvent<'_>, rules: &FailureRules) -> Decoded<'a> {
    let mut decoded = Decoded::default();
    let Ended { tally, rejected } = &mut decoded.ended;
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
                rejected.push((index, reason));
                tally.reject(reason);
            }
        }
    }
    decoded
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
