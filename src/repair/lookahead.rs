//! What comes next, by a few bytes of it: where a record begins inside one that never ended, and what quotes contain.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::value::RawValue;

use super::cursor::Rewriter;

/// Keys with which records begin, and envelopes: those of Azure Monitor's common schema and of its metrics, of the tables
/// of Log Analytics, and of Event Grid, that no value inside a record is known to begin with.
const FIRST_KEYS: [&str; 15] = [
    "time",
    "timeStamp",
    "TimeGenerated",
    "resourceId",
    "_ResourceId",
    "tenantId",
    "category",
    "operationName",
    "operationVersion",
    "correlationId",
    "resultType",
    "level",
    "metricName",
    "eventType",
    "records",
];

impl Rewriter<'_> {
    /// Whether the text that is next is an object or an array whose own quotes are not escaped: `"{"a":1}"`.
    pub(crate) fn is_object_in_bare_quotes(&self) -> bool {
        let mut at = self.past_blanks(self.at + 1);
        if self.byte(at) == Some(b'[') {
            at = self.past_blanks(at + 1);
        }
        if self.byte(at) != Some(b'{') {
            return false;
        }
        at = self.past_blanks(at + 1);
        // `{"a":"{"}` is strict JSON: a text that is a brace.
        matches!(self.byte(at), Some(b'"' | b'\''))
            && !matches!(
                self.byte(self.past_blanks(at + 1)),
                None | Some(b',' | b'}' | b']')
            )
    }

    /// Whether the value that is next is an object or an array, or text of one.
    pub(crate) fn is_container_next(&self) -> bool {
        let is_quoted = matches!(self.peek(), Some(b'"' | b'\''));
        let at = self.past_blanks(self.at + usize::from(is_quoted));
        matches!(self.byte(at), Some(b'{' | b'['))
    }

    /// Whether the object that is next begins a line as records do, though a value is missing: the record before it ends
    /// with its line. Microsoft's pages print `properties` so, too.
    pub(super) fn is_record_on_its_line(&self, out: &str) -> bool {
        const PROPERTIES: &[u8] = b"properties\":";
        let tail = out.len().saturating_sub(PROPERTIES.len());
        let tail = out.as_bytes().get(tail..).unwrap_or_default();
        self.before_blanks(self.at)
            .is_some_and(|(_, newline)| newline)
            && !tail.eq_ignore_ascii_case(PROPERTIES)
            && self.is_record(self.at)
    }

    /// Whether the value that is next is an array of what are most likely records.
    pub(crate) fn is_records_next(&self) -> bool {
        self.peek() == Some(b'[') && self.is_record(self.past_blanks(self.at + 1))
    }

    /// The array that is next, if its objects look like records and are none: it is short, strict JSON to its end, and none of
    /// them has more than one property.
    pub(super) fn list_of_objects_next(&self) -> Option<&str> {
        const LIST_BYTES_MAX: usize = 4 << 10;
        if !self.is_records_next() {
            return None;
        }
        let rest = self.rest();
        let short = rest.get(..LIST_BYTES_MAX).unwrap_or(rest);
        let mut values = serde_json::Deserializer::from_slice(short).into_iter::<&RawValue>();
        let list = values.next()?.ok();
        if list.is_none() && short.len() < LIST_BYTES_MAX {
            self.meet_end();
        }
        let list = list?.get();
        let objects: Vec<HashMap<Cow<'_, str>, &RawValue>> = serde_json::from_str(list).ok()?;
        objects
            .iter()
            .all(|object| object.len() == 1)
            .then_some(list)
    }

    /// Whether there is a brace at `brace` that opens what is most likely a record: its first key is one of [`FIRST_KEYS`].
    pub(crate) fn is_record(&self, brace: usize) -> bool {
        if self.byte(brace) != Some(b'{') {
            return false;
        }
        let quote = self.past_blanks(brace + 1);
        let Some(quote_byte @ (b'"' | b'\'')) = self.byte(quote) else {
            return false;
        };
        let mut behind = quote + 1;
        while let Some(b'A'..=b'Z' | b'a'..=b'z' | b'_') = self.byte(behind) {
            behind += 1;
        }
        let key = self.bytes.get(quote + 1..behind).unwrap_or_default();
        self.byte(behind) == Some(quote_byte)
            && is_first_key(key)
            && self.byte(self.past_blanks(behind + 1)) == Some(b':')
    }

    /// Where the record begins whose first key this quote opens: behind `}{`, `},{`, a brace on a line of its own, or `,{`
    /// and `[{` where the key is one with which records begin. A text that was never closed would else take its neighbour
    /// with it.
    pub(super) fn record_begins(&self) -> Option<usize> {
        let (brace, _) = self.before_blanks(self.at)?;
        if self.bytes.get(brace) != Some(&b'{') {
            return None;
        }
        let (mut end, newline) = self.before_blanks(brace)?;
        let is_item = matches!(self.bytes.get(end), Some(b',' | b'['));
        if self.bytes.get(end) == Some(&b',') {
            end = self.before_blanks(end)?.0;
        }
        let is_apart = newline || self.bytes.get(end) == Some(&b'}');
        (is_apart || (is_item && self.is_record(brace))).then_some(brace)
    }
}

/// Whether a key is one with which records begin, or envelopes.
pub(crate) fn is_first_key(key: &[u8]) -> bool {
    FIRST_KEYS
        .iter()
        .any(|first| first.as_bytes().eq_ignore_ascii_case(key))
}
