//! Body -> records, still unread, in every shape that anyone sends.
//!
//! Azure Monitor sends `{"records": [ ... ]}`
//! (<https://learn.microsoft.com/azure/azure-monitor/platform/resource-logs>). Archives, forwarders and other services
//! send bare records and arrays, envelopes in arrays and in envelopes, one document behind another with newlines,
//! commas or nothing between, records as text, `{"body": ...}` around it all, and any of that compressed, or as UTF-16.
//!
//! A record that is JSON is a slice of its body, found in one pass. Only what a strict parser refuses is repaired, record
//! by record, so that a broken one costs no other. This module does not read records: it returns JSON objects, and for
//! each one that is missing the reason why.
//!
//! [`open`] takes a body that is in memory. A file is read by the same [`Walk`], window by window, out of [`decoded`].

mod encoding;
mod shape;
mod walk;

use std::borrow::Cow;
use std::io::Read;
use std::ops::Deref;

pub(crate) use encoding::decoded;
pub use walk::{Behind, Walk};

use crate::disposition::Reject;
use crate::repair::Repair;

/// The largest event of a standard event hub. Azure Monitor sends no larger one, so no record is longer, nor a text that
/// holds records.
const EVENT_BYTES_MAX: usize = 1 << 20;

/// How many times its size an encoded body may inflate to, beyond [`EVENT_BYTES_MAX`]. Logs compress 10 to 20 times, and 50
/// times if they repeat themselves; what is made to inflate does so 300 to 1000 times.
const INFLATED_RATIO_MAX: usize = 64;

/// How much an encoded body may inflate to at all: some thousand records. It takes several times as much memory: the text,
/// the records where they were repaired, and what is read from them.
const INFLATED_MAX: usize = 4 << 20;

/// How many records a body may hold: one for every 64 bytes of the largest event. A record has 500 bytes and more, and what
/// is read from one takes more than 1000. The rest of the body counts as one rejected record.
pub const RECORDS_MAX: usize = 1 << 14;

/// Where a record should be: its text, or why there is none. Each is one record received, to be observed, ignored or
/// rejected.
pub type RecordText<'a> = Result<Text<'a>, Reject>;

/// The text of a record: one JSON object. If it was not repaired, inflated or decoded, it is a slice of the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text<'a> {
    /// Strict JSON.
    pub json: Cow<'a, str>,
    /// Whether it, or a text that it is part of, was repaired where it was not clear where a text ends.
    pub is_repaired: bool,
}

/// What a body holds.
#[derive(Debug, Default)]
pub struct Opened<'a> {
    /// Its records, in order.
    pub records: Vec<RecordText<'a>>,
    /// What was repaired in it: each kind once for each record that needed it.
    pub repairs: Vec<Repair>,
}

/// Splits the body of an event into its records.
///
/// An envelope without records has none. Text that is broken so that its records cannot be counted is one rejected
/// record: text that is not JSON, and the missing end of a body that ends too early.
///
/// Takes time and memory linear in the body, or in [`INFLATED_MAX`] where it is encoded.
pub fn open(body: &[u8]) -> Opened<'_> {
    if !encoding::is_encoded(body) {
        return split(body, Behind::Nothing);
    }
    let inflated_max = body.len().saturating_mul(INFLATED_RATIO_MAX);
    let inflated_max = inflated_max.clamp(EVENT_BYTES_MAX, INFLATED_MAX);
    let mut text = Vec::with_capacity(body.len().min(inflated_max));
    let limit = u64::try_from(inflated_max).map_or(u64::MAX, |limit| limit + 1);
    let read = decoded(body).take(limit).read_to_end(&mut text);
    if text.len() > inflated_max {
        return Opened {
            records: vec![Err(Reject::InflatesTooFar)],
            repairs: Vec::new(),
        };
    }
    let Opened { records, repairs } = match read {
        Ok(_) => split(&text, Behind::Nothing),
        Err(_) => split(&text, Behind::Lost),
    };
    Opened {
        records: records.into_iter().map(owned).collect(),
        repairs,
    }
}

fn split(text: &[u8], behind: Behind) -> Opened<'_> {
    let mut records = Vec::new();
    let mut walk = Walk::default();
    walk.window(text, behind, |_, record| match records.len() {
        0..RECORDS_MAX => records.push(record.and_then(not_too_long)),
        RECORDS_MAX => records.push(Err(Reject::TooManyRecords)),
        _ => {}
    });
    Opened {
        records,
        repairs: walk.take_repairs(),
    }
}

fn not_too_long(record: Text<'_>) -> RecordText<'_> {
    if record.len() > EVENT_BYTES_MAX {
        return Err(Reject::Malformed);
    }
    Ok(record)
}

/// The record, independent of the text that it was read from.
fn owned(record: RecordText<'_>) -> RecordText<'static> {
    record.map(|text| Text {
        json: Cow::Owned(text.json.into_owned()),
        ..text
    })
}

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.json
    }
}

#[cfg(test)]
mod tests;
