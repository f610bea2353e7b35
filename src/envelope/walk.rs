//! The walk from document to envelope to record, each record read strictly first and repaired if need be.
//!
//! Linear: a strict parser never reads further than the walk then goes (the two differ first where the strict one
//! fails), and each level of nesting is looked at once, of which there are few.

use std::borrow::Cow;

use super::{BYTE_ORDER_MARK, RecordText, owned, shape};
use crate::disposition::Reject;
use crate::repair::{Rewriter, Stop, is_json};

/// How many brackets may stand around a record that are not its own. An envelope has two, one in an array three, one
/// in an envelope four; each level is read once more.
pub(super) const DEPTH_MAX: usize = 8;

/// How many records a body may hold: one for every four bytes of the largest event (1 MiB), so that no event ever
/// reaches it; a file that is one body may. The rest of the body counts as one rejected record.
pub const RECORDS_MAX: usize = 1 << 18;

/// Finds the records of a text.
#[derive(Debug)]
pub(super) struct Walker<'a> {
    text: Rewriter<'a>,
    records: Vec<RecordText<'a>>,
    is_truncated: bool,
}

impl<'a> Walker<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Self {
            text: Rewriter::new(text),
            records: Vec::new(),
            is_truncated: false,
        }
    }

    /// Reads one document behind another, to the end of the text, behind which more may be known to be missing.
    pub(super) fn documents(mut self, is_truncated: bool) -> Vec<RecordText<'a>> {
        self.read_documents(0);
        if is_truncated {
            self.truncated();
        }
        self.records
    }

    fn read_documents(&mut self, depth: usize) {
        loop {
            self.text.skip_blanks();
            match self.text.peek() {
                None => return,
                Some(b'{' | b'[') => self.value(depth),
                // Documents are parted by newlines, commas (an array that lost its brackets), or nothing.
                Some(b',' | b'}' | b']' | RECORD_SEPARATOR) => self.text.advance(1),
                Some(_) if self.text.rest().starts_with(BYTE_ORDER_MARK) => {
                    self.text.advance(BYTE_ORDER_MARK.len());
                }
                Some(_) => self.unknown_text(depth),
            }
        }
    }

    /// What stands where a record should be.
    fn value(&mut self, depth: usize) {
        match self.text.peek() {
            None => self.truncated(),
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') if self.text.is_object_in_bare_quotes() => {
                self.text.open_bare_quotes();
                self.value(depth);
                self.text.close_bare_quotes();
            }
            Some(b'"' | b'\'') => self.records_as_text(depth),
            Some(_) => {
                let end = self.text.value(&mut String::new());
                self.push(Err(Reject::NotAnObject));
                if end == Err(Stop::Truncated) {
                    self.truncated();
                }
            }
        }
    }

    fn object(&mut self, depth: usize) {
        let rest = self.text.rest();
        if !shape::begins_with_records(rest)
            && let Some(text) = shape::strict_value(rest)
            && !shape::is_wrapper(text)
        {
            self.text.advance(text.len());
            self.push(Ok(Cow::Borrowed(text)));
        } else if depth >= DEPTH_MAX {
            self.too_deep();
        } else {
            self.wrapper_or_broken_record(depth);
        }
    }

    fn wrapper_or_broken_record(&mut self, depth: usize) {
        self.text.advance(1);
        let mut rewritten = String::from("{");
        let mut is_wrapper = false;
        let mut has_category = false;
        let end = loop {
            let key = match self.text.next_key(&mut rewritten) {
                Ok(Some(begin)) => rewritten.get(begin..rewritten.len() - 2),
                Ok(None) => break Ok(()),
                Err(stop) => break Err(stop),
            };
            let key = key.unwrap_or_default();
            has_category |= shape::is_category(key);
            let is_body = shape::is_body(key) && !has_category;
            if shape::is_records(key) || (is_body && shape::is_container(self.text.rest())) {
                is_wrapper = true;
                self.value(depth + 1);
                rewritten.push_str("null");
            } else if let Err(stop) = self.text.value(&mut rewritten) {
                break Err(stop);
            }
        };
        match end {
            Err(Stop::Truncated) => self.truncated(),
            _ if is_wrapper => {}
            Err(Stop::NextRecord) => self.push(Err(Reject::Malformed)),
            Ok(()) => {
                rewritten.push('}');
                self.repaired_record(rewritten, depth);
            }
        }
    }

    /// A repaired record is checked once more: whatever went wrong, a record is strict JSON and not a wrapper. One of
    /// which nothing is left is not a record.
    fn repaired_record(&mut self, text: String, depth: usize) {
        if text == "{}" || !is_json(&text) {
            self.push(Err(Reject::Malformed));
        } else if shape::is_wrapper(&text) {
            self.inside(&text, depth + 1);
        } else {
            self.push(Ok(Cow::Owned(text)));
        }
    }

    fn array(&mut self, depth: usize) {
        if depth >= DEPTH_MAX {
            self.too_deep();
            return;
        }
        self.text.advance(1);
        loop {
            self.text.skip_blanks();
            match self.text.peek() {
                None => {
                    self.truncated();
                    return;
                }
                Some(b']') => {
                    self.text.advance(1);
                    return;
                }
                Some(b',' | b'}') => self.text.advance(1),
                Some(_) => self.value(depth + 1),
            }
        }
    }

    /// A text, which may be records once more.
    fn records_as_text(&mut self, depth: usize) {
        let mut json = String::new();
        match self.text.item_text(&mut json) {
            Ok(()) => self.decoded(&json, depth),
            Err(Stop::Truncated) => self.truncated(),
            Err(Stop::NextRecord) => self.push(Err(Reject::Malformed)),
        }
    }

    fn decoded(&mut self, json: &str, depth: usize) {
        let decoded: String = serde_json::from_str(json).unwrap_or_default();
        let text = decoded.trim_ascii();
        if depth < DEPTH_MAX && shape::is_container(text.as_bytes()) {
            self.inside(text, depth + 1);
        } else {
            self.push(Err(Reject::NotAnObject));
        }
    }

    /// The records of a text that is not part of this one.
    fn inside(&mut self, text: &str, depth: usize) {
        let mut inner = Walker::new(text.as_bytes());
        inner.read_documents(depth);
        for record in inner.records {
            self.push(owned(record));
        }
    }

    /// Text between documents. It ends where a line begins a document, or at `{"`.
    fn unknown_text(&mut self, depth: usize) {
        let rest = self.text.rest();
        if let Some(scalar) = shape::strict_value(rest) {
            let behind = rest.get(scalar.len()..).unwrap_or_default();
            let mut behind = behind
                .iter()
                .skip_while(|byte| matches!(byte, b' ' | b'\t'));
            if matches!(behind.next(), None | Some(b'\r' | b'\n' | b',')) {
                self.text.advance(scalar.len());
                if scalar.starts_with('"') {
                    self.decoded(scalar, depth);
                } else {
                    self.push(Err(Reject::NotAnObject));
                }
                return;
            }
        }
        self.text.advance(until_document(rest));
        self.push(Err(Reject::BodyNotJson));
    }

    fn too_deep(&mut self) {
        let end = self.text.skip_value();
        self.push(Err(Reject::TooDeep));
        if end == Err(Stop::Truncated) {
            self.truncated();
        }
    }

    /// The end is missing. How many records it held cannot be known, so it counts as one.
    fn truncated(&mut self) {
        if !self.is_truncated {
            self.is_truncated = true;
            self.push(Err(Reject::Truncated));
        }
    }

    fn push(&mut self, record: RecordText<'a>) {
        match self.records.len() {
            0..RECORDS_MAX => self.records.push(record),
            RECORDS_MAX => {
                self.records.push(Err(Reject::TooManyRecords));
                self.text.advance(self.text.rest().len());
            }
            _ => {}
        }
    }
}

/// JSON text sequences (RFC 7464) put it before each document.
const RECORD_SEPARATOR: u8 = 0x1E;

/// How far it is to what may be a document.
fn until_document(text: &[u8]) -> usize {
    let mut begins_line = false;
    let found = text.iter().enumerate().position(|(at, byte)| {
        let begins = match byte {
            b'{' | b'[' if begins_line => true,
            b'{' => at > 0 && text.get(at + 1) == Some(&b'"'),
            _ => false,
        };
        begins_line = *byte == b'\n' || (begins_line && byte.is_ascii_whitespace());
        begins
    });
    found.unwrap_or(text.len())
}
