//! Encodes a state as bytes, and decodes it: one line of JSON, with a version and a checksum. Pure.
//!
//! ```text
//! {"format":"acs-recording-exporter checkpoint","version":1,"crc32":"0f3a9c51","state":{..}}
//! ```
//!
//! The checksum covers the bytes of `state`. Everything around them is fixed, so a change of any byte is detected.

use std::borrow::Cow;

use flate2::Crc;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use time::OffsetDateTime;
use time::serde::rfc3339;

use super::state::{Scope, State};
use crate::acs;
use crate::delivery::Series;
use crate::event::{PartitionId, Position, Reached};

const FORMAT: &str = "acs-recording-exporter checkpoint";
const VERSION: u64 = 1;

/// Why bytes cannot be read as a state.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    /// The bytes are not JSON, or are JSON of another shape.
    #[error("its content is malformed")]
    Shape(#[from] serde_json::Error),
    /// The bytes are in another format.
    #[error("its `format` is another")]
    OtherFormat,
    /// Another version of the program wrote the bytes.
    #[error("it has version {0}, and this program reads version {VERSION}")]
    Version(u64),
    /// The bytes are not those that were written.
    #[error("its checksum is wrong")]
    Checksum,
    /// There are too many bytes.
    #[error("it has {0} bytes, which is too many")]
    TooLarge(u64),
}

/// The bytes of a state. Equal states have equal bytes.
pub(super) fn encode(scope: &Scope, state: &State) -> Vec<u8> {
    let content = to_raw_value(&Content::of(scope, state));
    let content = content.expect("text, numbers and times of our age are valid in JSON");
    let line = serde_json::to_vec(&Whole {
        format: FORMAT,
        version: VERSION,
        crc32: checksum(&content),
        state: Some(&content),
    });
    let mut line = line.expect("what is JSON is valid in JSON");
    line.push(b'\n');
    line
}

/// The state in the bytes, and its scope.
pub(super) fn decode(bytes: &[u8]) -> Result<(Scope, State), Unreadable> {
    let whole: Whole<'_> = serde_json::from_slice(bytes)?;
    if whole.format != FORMAT {
        return Err(Unreadable::OtherFormat);
    }
    if whole.version != VERSION {
        return Err(Unreadable::Version(whole.version));
    }
    match whole.state {
        Some(state) if whole.crc32 == checksum(state) => {
            Ok(serde_json::from_str::<Content<'_>>(state.get())?.into_state())
        }
        _ => Err(Unreadable::Checksum),
    }
}

fn checksum(state: &RawValue) -> String {
    let mut crc = Crc::new();
    crc.update(state.get().as_bytes());
    format!("{:08x}", crc.sum())
}

/// Every version of the format begins with these two fields. Another version may lack the fields that follow.
#[derive(Serialize, Deserialize)]
struct Whole<'a> {
    format: &'a str,
    version: u64,
    #[serde(default)]
    crc32: String,
    #[serde(borrow)]
    state: Option<&'a RawValue>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content<'a> {
    namespace: Cow<'a, str>,
    consumer_group: Cow<'a, str>,
    checkpoints: Vec<CheckpointEntry<'a>>,
    series: Vec<SeriesEntry<'a>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CheckpointEntry<'a> {
    event_hub: Cow<'a, str>,
    partition: Cow<'a, str>,
    sequence_number: i64,
    offset: Option<Cow<'a, str>>,
    #[serde(with = "rfc3339::option")]
    enqueued_at: Option<OffsetDateTime>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SeriesEntry<'a> {
    family: Cow<'a, str>,
    labels: Cow<'a, [String]>,
    #[serde(with = "rfc3339")]
    last_seen: OffsetDateTime,
}

impl<'a> Content<'a> {
    fn of(scope: &'a Scope, state: &'a State) -> Self {
        let checkpoints = state.checkpoints().iter();
        let checkpoints = checkpoints.map(|(partition, checkpoint)| CheckpointEntry {
            event_hub: partition.event_hub().into(),
            partition: partition.partition().into(),
            sequence_number: checkpoint.position.sequence_number,
            offset: checkpoint.position.offset.as_deref().map(Cow::from),
            // RFC 3339 has no years before 0, and no event hub existed in one.
            enqueued_at: checkpoint.enqueued_at.filter(|at| at.year() >= 0),
        });
        let series = state.series().iter();
        let series = series.map(|(series, last_seen)| SeriesEntry {
            family: Cow::Borrowed(&*series.family),
            labels: Cow::Borrowed(&*series.labels),
            last_seen: *last_seen,
        });
        Self {
            namespace: scope.namespace.as_str().into(),
            consumer_group: scope.consumer_group.as_str().into(),
            checkpoints: checkpoints.collect(),
            series: series.collect(),
        }
    }

    fn into_state(self) -> (Scope, State) {
        let mut state = State::default();
        for entry in self.checkpoints {
            let position = Position {
                sequence_number: entry.sequence_number,
                offset: entry.offset.map(Cow::into_owned),
            };
            state.deliver(
                &PartitionId::new(&*entry.event_hub, &*entry.partition),
                Reached {
                    position,
                    enqueued_at: entry.enqueued_at,
                },
            );
        }
        let series = self.series.into_iter();
        // Earlier versions stored what is not shown any more.
        let shown = series.filter(|entry| acs::may_show(&entry.family, &entry.labels));
        state.remember(shown.map(|entry| {
            let series = Series {
                family: Cow::Owned(entry.family.into_owned()),
                labels: entry.labels.into_owned().into(),
            };
            (series, entry.last_seen)
        }));
        (Scope::new(&self.namespace, &self.consumer_group), state)
    }
}
