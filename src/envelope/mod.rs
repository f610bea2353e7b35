//! Body -> records, still unread, in every shape that anyone sends.
//!
//! Azure Monitor sends `{"records": [ ... ]}`
//! (<https://learn.microsoft.com/azure/azure-monitor/platform/resource-logs>). Archives, forwarders and other services
//! send bare records and arrays, envelopes in arrays and in envelopes, one document behind another with newlines,
//! commas or nothing between, records as text, `{"body": ...}` around it all, and any of that compressed.
//!
//! Strict first: a body that is JSON is split in one pass, and its records are slices of it. Only what a strict parser
//! refuses is repaired, record by record, so that a broken one costs no other. What stands inside a record is none of
//! this module's business: what it returns is one JSON object, or the reason why there is none.

mod gzip;
mod strict;
mod walk;

use std::borrow::Cow;

pub use walk::RECORDS_MAX;

use crate::disposition::Reject;
use crate::repair::{Repair, Repairs};
use walk::Walker;

/// One place where a record should be: its text, one JSON object, or why there is none.
pub(crate) type Slot<'a> = Result<&'a str, Reject>;

/// The records of one body. What had to be made anew, inflated or repaired, lives here; all else is in the body.
#[derive(Debug)]
pub struct Envelope<'a> {
    slots: Slots<'a>,
    repairs: Repairs,
}

/// Records as the body has them, or made anew.
type Slots<'a> = Vec<Result<Cow<'a, str>, Reject>>;

impl Envelope<'_> {
    /// The envelope of a body that could not be opened at all: one record, rejected.
    pub fn rejected(reject: Reject) -> Self {
        Self {
            slots: vec![Err(reject)],
            repairs: Repairs::default(),
        }
    }

    /// Each is one record received: it is to be observed, ignored or rejected.
    pub fn slots(&self) -> impl ExactSizeIterator<Item = Slot<'_>> {
        self.slots
            .iter()
            .map(|slot| slot.as_deref().map_err(|reject| *reject))
    }

    /// What had to be put right before the records could be read.
    pub fn repairs(&self) -> Repairs {
        self.repairs
    }
}

/// Splits the body of an event into its records.
///
/// An envelope without records has none. What can be told to be broken but not how many records it held counts as
/// one rejected record: text that is not JSON, and what a body that ends too early no longer holds.
///
/// Takes time and memory linear in the body, or in [`gzip::INFLATED_MAX`] where it is compressed.
pub fn open(body: &[u8]) -> Envelope<'_> {
    // Only the beginning of what may be compressed is trimmed: the length at its end is NULs for the most part.
    let stream = body.trim_ascii_start();
    if !gzip::is_gzip(stream) {
        let (slots, repairs) = read(trim(body), false);
        return Envelope { slots, repairs };
    }
    let (slots, mut repairs) = match gzip::inflate(stream) {
        Ok(inflated) => {
            let is_cut = inflated.is_cut;
            let (slots, repairs) = read(trim(&inflated.bytes), is_cut);
            (slots.into_iter().map(walk::owned).collect(), repairs)
        }
        Err(reject) => (vec![Err(reject)], Repairs::default()),
    };
    repairs.insert(Repair::Gzip);
    Envelope { slots, repairs }
}

/// The records of a text that is not compressed, of which the end may be known to be missing.
fn read(text: &[u8], is_cut: bool) -> (Slots<'_>, Repairs) {
    if text.is_empty() {
        return (vec![Err(Reject::EmptyBody)], Repairs::default());
    }
    Walker::new(text).documents(is_cut)
}

/// Takes off what stands around a text: a byte order mark, blanks, newlines, and the NULs that some senders pad with.
fn trim(mut text: &[u8]) -> &[u8] {
    const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";
    let is_padding = |byte: &u8| *byte == 0 || byte.is_ascii_whitespace();
    text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    let begin = text.iter().position(|byte| !is_padding(byte));
    let end = text.iter().rposition(|byte| !is_padding(byte));
    match (begin, end) {
        (Some(begin), Some(end)) => text.get(begin..=end).unwrap_or_default(),
        _ => &[],
    }
}

#[cfg(test)]
mod tests;
