//! Every other body: a walk from document to envelope to record, each read strictly first and repaired if need be.
//!
//! Linear: a strict parser never reads further than the walk then goes (the two differ first where the strict one
//! fails), and each level of nesting is looked at once, of which there are few.

use std::borrow::Cow;

use super::{Slots, strict};
use crate::disposition::Reject;
use crate::repair::{Member, Repair, Repairs, Rewriter, Stop, is_json};

/// How many brackets may stand around a record that are not its own. An envelope has two, one in an array three, one
/// in an envelope four; each level is read once more.
pub(super) const DEPTH_MAX: usize = 8;

/// How many records a body may hold: one for every four bytes of the largest event (1 MiB), so that no event is ever
/// cut short; a file that is one body may be. What is beyond counts as one rejected record.
pub const RECORDS_MAX: usize = 1 << 18;

/// Finds the records of a text.
#[derive(Debug)]
pub(super) struct Walker<'a> {
    text: Rewriter<'a>,
    slots: Slots<'a>,
    is_cut: bool,
}

impl<'a> Walker<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Self {
            text: Rewriter::new(text),
            slots: Vec::new(),
            is_cut: false,
        }
    }

    /// Reads one document behind another, to the end, of which more may be known to be missing.
    pub(super) fn documents(mut self, is_cut: bool) -> (Slots<'a>, Repairs) {
        self.read_documents(0);
        if is_cut {
            self.cut();
        }
        (self.slots, self.text.repairs)
    }

    fn read_documents(&mut self, depth: usize) {
        loop {
            self.text.skip_blanks();
            match self.text.peek() {
                None => return,
                // Documents are parted by newlines, commas (an array that lost its brackets), or nothing.
                Some(b',' | RECORD_SEPARATOR) => self.text.advance(1),
                Some(b'{' | b'[') => self.document(depth),
                Some(b'}' | b']') => {
                    self.repaired(Repair::Brackets);
                    self.text.advance(1);
                }
                Some(_) if self.text.rest().starts_with(BYTE_ORDER_MARK) => {
                    self.text.advance(BYTE_ORDER_MARK.len());
                }
                Some(_) => self.unknown_text(depth),
            }
        }
    }

    fn document(&mut self, depth: usize) {
        match strict::split(self.text.rest(), &mut self.slots) {
            Some(length) => self.text.advance(length),
            None => self.value(depth),
        }
    }

    /// What stands in the place of a record.
    fn value(&mut self, depth: usize) {
        match self.text.peek() {
            None => self.cut(),
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') if self.text.is_object_in_bare_quotes() => {
                self.repaired(Repair::Quotes);
                self.text.advance(1);
                self.text.skip_blanks();
                self.value(depth);
                self.text.skip_blanks();
                if self.text.peek() == Some(b'"') {
                    self.text.advance(1);
                }
            }
            Some(b'"' | b'\'') => self.records_as_text(depth),
            Some(_) => {
                let mut nothing = String::new();
                let end = self.text.value(&mut nothing);
                self.push(Err(Reject::NotAnObject));
                if end == Err(Stop::Cut) {
                    self.cut();
                }
            }
        }
    }

    fn object(&mut self, depth: usize) {
        if let Some(text) = strict::value(self.text.rest())
            && !strict::is_wrapper(text)
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
            let key = match self.text.next_member(&mut rewritten) {
                Ok(Member::Key(before)) => before,
                Ok(Member::End) => break Ok(()),
                Err(stop) => break Err(stop),
            };
            let name = rewritten
                .get(key..rewritten.len() - 1)
                .unwrap_or_default()
                .trim_start_matches(',')
                .trim_matches('"');
            has_category |= strict::is_category(name);
            let is_body = strict::is_body(name) && !has_category;
            if strict::is_records(name) || (is_body && strict::is_container(self.text.rest())) {
                is_wrapper = true;
                self.value(depth + 1);
                rewritten.push_str("null");
            } else if let Err(stop) = self.text.value(&mut rewritten) {
                break Err(stop);
            }
        };
        match end {
            Err(Stop::Cut) => self.cut(),
            _ if is_wrapper => {}
            Err(Stop::Boundary) => self.push(Err(Reject::Malformed)),
            Ok(()) => {
                rewritten.push('}');
                self.repaired_record(rewritten, depth);
            }
        }
    }

    /// What was repaired is looked at once more: whatever went wrong, a record is strict JSON and no wrapper. One of which
    /// nothing is left is none.
    fn repaired_record(&mut self, text: String, depth: usize) {
        if text == "{}" || !is_json(&text) {
            self.push(Err(Reject::Malformed));
        } else if strict::is_wrapper(&text) {
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
                    self.cut();
                    return;
                }
                Some(b']') => {
                    self.text.advance(1);
                    return;
                }
                Some(b',') => self.text.advance(1),
                Some(b'}') => {
                    self.repaired(Repair::Brackets);
                    self.text.advance(1);
                }
                Some(_) => self.value(depth + 1),
            }
        }
    }

    /// A text, which may be records once more.
    fn records_as_text(&mut self, depth: usize) {
        let mut json = String::new();
        let end = self.text.item_text(&mut json);
        match end {
            Ok(()) if depth < DEPTH_MAX => self.decoded(&json, depth + 1),
            Ok(()) => self.push(Err(Reject::NotAnObject)),
            Err(Stop::Cut) => self.cut(),
            Err(Stop::Boundary) => self.push(Err(Reject::Malformed)),
        }
    }

    fn decoded(&mut self, json: &str, depth: usize) {
        let decoded: String = serde_json::from_str(json).unwrap_or_default();
        let text = decoded.trim_ascii();
        if !strict::is_container(text.as_bytes()) {
            self.push(Err(Reject::NotAnObject));
            return;
        }
        self.inside(text, depth);
    }

    /// The records of a text that is not part of this one.
    fn inside(&mut self, text: &str, depth: usize) {
        let mut inner = Walker::new(text.as_bytes());
        inner.read_documents(depth);
        self.text.repairs.extend(inner.text.repairs);
        for slot in inner.slots {
            self.push(owned(slot));
        }
    }

    /// Something between documents that is none. It goes to the next line that begins one, or to `{"`.
    fn unknown_text(&mut self, depth: usize) {
        let rest = self.text.rest();
        if let Some(scalar) = strict::value(rest) {
            let behind = rest.get(scalar.len()..).unwrap_or_default();
            let mut behind = behind
                .iter()
                .skip_while(|byte| matches!(byte, b' ' | b'\t'));
            if matches!(behind.next(), None | Some(b'\r' | b'\n' | b',')) {
                self.text.advance(scalar.len());
                if scalar.starts_with('"') && depth < DEPTH_MAX {
                    self.decoded(scalar, depth + 1);
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
        if end == Err(Stop::Cut) {
            self.cut();
        }
    }

    /// The end is missing: what it held, if anything, cannot be told, so it counts as one record.
    fn cut(&mut self) {
        if !self.is_cut {
            self.is_cut = true;
            self.repaired(Repair::Truncated);
            self.push(Err(Reject::Truncated));
        }
    }

    fn repaired(&mut self, repair: Repair) {
        self.text.repairs.insert(repair);
    }

    fn push(&mut self, slot: Result<Cow<'a, str>, Reject>) {
        match self.slots.len() {
            0..RECORDS_MAX => self.slots.push(slot),
            RECORDS_MAX => self.slots.push(Err(Reject::TooManyRecords)),
            _ => {}
        }
        if self.slots.len() > RECORDS_MAX {
            self.text.advance(self.text.rest().len());
            self.is_cut = true;
        }
    }
}

/// The slot, freed from the text that it was read from.
pub(super) fn owned(slot: Result<Cow<'_, str>, Reject>) -> Result<Cow<'static, str>, Reject> {
    slot.map(|text| Cow::Owned(text.into_owned()))
}

/// JSON text sequences (RFC 7464) put it before each document.
const RECORD_SEPARATOR: u8 = 0x1E;

/// Files that were joined have theirs in the middle.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

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
