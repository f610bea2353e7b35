//! Body -> records, still unread, in every shape that anyone sends.
//!
//! Azure Monitor sends `{"records": [ ... ]}`
//! (<https://learn.microsoft.com/azure/azure-monitor/platform/resource-logs>). Archives, forwarders and other services
//! send bare records and arrays, envelopes in arrays and in envelopes, one document behind another with newlines,
//! commas or nothing between, records as text, `{"body": ...}` around it all, and any of that compressed.
//!
//! A record that is JSON is a slice of its body, found in one pass. Only what a strict parser refuses is repaired, record
//! by record, so that a broken one costs no other. This module does not read records: it returns JSON objects, and for
//! each one that is missing the reason why.

mod gzip;
mod shape;
mod walk;

use std::borrow::Cow;

pub use walk::RECORDS_MAX;

use crate::disposition::Reject;
use walk::Walker;

/// Where a record should be: its text, which is one JSON object, or why there is none. Each is one record received, to
/// be observed, ignored or rejected. A text that was not repaired, inflated or decoded is a slice of the body.
pub(crate) type RecordText<'a> = Result<Cow<'a, str>, Reject>;

/// Splits the body of an event into its records.
///
/// An envelope without records has none. Text that is broken so that its records cannot be counted is one rejected
/// record: text that is not JSON, and the missing end of a body that ends too early.
///
/// Takes time and memory linear in the body, or in [`gzip::INFLATED_MAX`] where it is compressed.
pub fn open(body: &[u8]) -> Vec<RecordText<'_>> {
    // Only the beginning of what may be compressed is trimmed: the length at its end is NULs for the most part.
    let stream = body.trim_ascii_start();
    if !gzip::is_gzip(stream) {
        return read(trim(body), false);
    }
    match gzip::inflate(stream) {
        Ok(inflated) => read(trim(&inflated.bytes), inflated.is_truncated)
            .into_iter()
            .map(owned)
            .collect(),
        Err(reject) => vec![Err(reject)],
    }
}

/// The records of a text that is not compressed, whose end may be known to be missing.
fn read(text: &[u8], is_truncated: bool) -> Vec<RecordText<'_>> {
    if text.is_empty() {
        return vec![Err(Reject::EmptyBody)];
    }
    Walker::new(text).documents(is_truncated)
}

/// The record, independent of the text that it was read from.
fn owned(record: RecordText<'_>) -> RecordText<'static> {
    record.map(|text| Cow::Owned(text.into_owned()))
}

/// Takes off what stands around a text: a byte order mark, blanks, newlines, and the NULs that some senders pad with.
fn trim(mut text: &[u8]) -> &[u8] {
    let is_padding = |byte: &u8| *byte == 0 || byte.is_ascii_whitespace();
    text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    let begin = text.iter().position(|byte| !is_padding(byte));
    let end = text.iter().rposition(|byte| !is_padding(byte));
    match (begin, end) {
        (Some(begin), Some(end)) => text.get(begin..=end).unwrap_or_default(),
        _ => &[],
    }
}

/// UTF-8's. It stands before a document, and in the middle of files that were joined.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

#[cfg(test)]
mod tests;
