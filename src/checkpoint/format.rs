//! A state as bytes: one line of JSON, with a version and a checksum. Pure.
//!
//! ```text
//! {"format":"acs-recording-exporter checkpoint","version":1,"crc32":"0f3a9c51","state":{..}}
//! ```
//!
//! The checksum is that of the bytes of `state`; all around it is fixed, so any other byte anywhere is noticed.

use std::borrow::Cow;

use flate2::Crc;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::state::{SERIES_MAX, Scope, State};
use crate::delivery::Series;
use crate::event::{PartitionId, Position, Reached};

const FORMAT: &str = "acs-recording-exporter checkpoint";
const VERSION: u64 = 1;

/// Why bytes cannot be read as a state.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    /// They are not JSON, or JSON of another shape.
    #[error("its content is malformed")]
    Shape(#[from] serde_json::Error),
    /// They are in another format.
    #[error("its `format` is another")]
    OtherFormat,
    /// Another version of the program wrote them.
    #[error("it has version {0}, and this program reads version {VERSION}")]
    Version(u64),
    /// They are not those that were written.
    #[error("its checksum is wrong")]
    Checksum,
    /// A time is not valid.
    #[error("it has a time that is not valid")]
    Time(#[from] time::error::Parse),
    /// There are too many.
    #[error("it has {0} bytes, which is too many")]
    TooLarge(u64),
}

/// The bytes of a state. Equal states have equal bytes.
pub(super) fn encode(scope: &Scope, state: &State) -> Vec<u8> {
    let content = Content::of(scope, state);
    let mut line = line(&content).expect("text and numbers are valid in JSON");
    line.push(b'\n');
    line
}

fn line(content: &Content<'_>) -> serde_json::Result<Vec<u8>> {
    let state = to_raw_value(content)?;
    serde_json::to_vec(&Whole {
        format: FORMAT.into(),
        version: VERSION,
        crc32: checksum(&state),
        state: Cow::Owned(state),
    })
}

/// The state that bytes hold, and its scope.
pub(super) fn decode(bytes: &[u8]) -> Result<(Scope, State), Unreadable> {
    // Every version begins so; the rest depends on the version.
    let head: Head<'_> = serde_json::from_slice(bytes)?;
    if head.format != FORMAT {
        return Err(Unreadable::OtherFormat);
    }
    if head.version != VERSION {
        return Err(Unreadable::Version(head.version));
    }
    let whole: Whole<'_> = serde_json::from_slice(bytes)?;
    if whole.crc32 != checksum(&whole.state) {
        return Err(Unreadable::Checksum);
    }
    let content: Content<'_> = serde_json::from_str(whole.state.get())?;
    Ok(content.into_state()?)
}

fn checksum(state: &RawValue) -> String {
    let mut crc = Crc::new();
    crc.update(state.get().as_bytes());
    format!("{:08x}", crc.sum())
}

#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow)]
    format: Cow<'a, str>,
    version: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Whole<'a> {
    format: Cow<'a, str>,
    version: u64,
    crc32: String,
    #[serde(borrow)]
    state: Cow<'a, RawValue>,
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
    enqueued_at: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SeriesEntry<'a> {
    family: Cow<'a, str>,
    labels: Cow<'a, [String]>,
    last_seen: String,
}

impl<'a> Content<'a> {
    fn of(scope: &'a Scope, state: &'a State) -> Self {
        let checkpoints =
            state
                .checkpoints()
                .iter()
                .map(|(partition, checkpoint)| CheckpointEntry {
                    event_hub: partition.event_hub().into(),
                    partition: partition.partition().into(),
                    sequence_number: checkpoint.position.sequence_number,
                    offset: checkpoint.position.offset.as_deref().map(Cow::from),
                    // No event hub existed in a year that RFC 3339 cannot write.
                    enqueued_at: checkpoint.enqueued_at.and_then(written),
                });
        let series = state.series().iter().filter_map(|(series, last_seen)| {
            Some(SeriesEntry {
                family: series.family.as_str().into(),
                labels: series.labels.as_slice().into(),
                last_seen: written(*last_seen)?,
            })
        });
        Self {
            namespace: scope.namespace().into(),
            consumer_group: scope.consumer_group().into(),
            checkpoints: checkpoints.collect(),
            series: series.collect(),
        }
    }

    fn into_state(self) -> Result<(Scope, State), time::error::Parse> {
        let mut state = State::default();
        for entry in self.checkpoints {
            let checkpoint = Reached {
                position: Position {
                    sequence_number: entry.sequence_number,
                    offset: entry.offset.map(Cow::into_owned),
                },
                enqueued_at: entry.enqueued_at.as_deref().map(read).transpose()?,
            };
            state.deliver(
                &PartitionId::new(&*entry.event_hub, &*entry.partition),
                checkpoint,
            );
        }
        // More than are kept can only come from a version that kept more.
        for entry in self.series.into_iter().take(SERIES_MAX) {
            let series = Series {
                family: entry.family.into_owned(),
                labels: entry.labels.into_owned(),
            };
            state.remember(series, read(&entry.last_seen)?);
        }
        Ok((Scope::new(&self.namespace, &self.consumer_group), state))
    }
}

fn written(time: OffsetDateTime) -> Option<String> {
    time.to_utc().format(&Rfc3339).ok()
}

fn read(text: &str) -> Result<OffsetDateTime, time::error::Parse> {
    OffsetDateTime::parse(text, &Rfc3339)
}
