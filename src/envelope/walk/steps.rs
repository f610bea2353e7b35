//! One step: what is next is passed, opened, closed or found.

use std::borrow::Cow;

use super::{Behind, Next, Open, Step, Walk};
use crate::disposition::Reject;
use crate::envelope::{EVENT_BYTES_MAX, Text, owned, shape};
use crate::repair::{Repair, Rewriter, Stop, is_json};

/// How many brackets may stand around a record that are not its own. An envelope has two, one in an array three, one
/// in an envelope four; each level is read once more.
const DEPTH_MAX: usize = 8;

impl Walk {
    /// Reads what is next. Nothing changes but the place in the text.
    pub(super) fn step<'a>(&self, text: &mut Rewriter<'a>, is_last: bool) -> Step<'a> {
        let Some(byte) = text.peek() else {
            return Step::End;
        };
        match (self.next, self.open.last()) {
            (Next::Beginning { of_line }, _) => self.until_beginning(text, of_line),
            (Next::Value, _) => self.value(text, is_last),
            (_, None) => self.document(text, byte, is_last),
            (_, Some(Open::Array)) => self.item(text, byte, is_last),
            (_, Some(Open::Wrapper)) => Self::key(text),
            (_, Some(Open::Quotes)) => {
                text.close_bare_quotes();
                Step::Closed
            }
        }
    }

    fn document<'a>(&self, text: &mut Rewriter<'a>, byte: u8, is_last: bool) -> Step<'a> {
        match byte {
            b'{' | b'[' => self.value(text, is_last),
            // Documents are parted by newlines, commas (an array that lost its brackets), or nothing.
            b',' | RECORD_SEPARATOR => Self::passed(text, 1),
            b'}' | b']' => {
                text.repaired(Repair::Brackets);
                Self::passed(text, 1)
            }
            _ if text.begins_with(BYTE_ORDER_MARK) => {
                text.advance(BYTE_ORDER_MARK.len());
                Step::Skipped
            }
            _ if text.begins_with(MARK_ENCODED_TWICE) => {
                text.repaired(Repair::ByteOrderMark);
                text.advance(MARK_ENCODED_TWICE.len());
                Step::Skipped
            }
            _ => self.unknown_text(text, is_last),
        }
    }

    fn passed<'a>(text: &mut Rewriter<'a>, bytes: usize) -> Step<'a> {
        text.advance(bytes);
        Step::Passed(Next::Any)
    }

    fn item<'a>(&self, text: &mut Rewriter<'a>, byte: u8, is_last: bool) -> Step<'a> {
        match byte {
            b']' => {
                text.advance(1);
                Step::Closed
            }
            b'}' => {
                text.repaired(Repair::Brackets);
                Self::passed(text, 1)
            }
            b',' => {
                text.advance(1);
                text.skip_blanks();
                if matches!(text.peek(), Some(b',' | b']')) {
                    text.repaired(Repair::ExtraCommas);
                }
                Step::Passed(Next::Any)
            }
            _ => self.value(text, is_last),
        }
    }

    /// The next key of a wrapper, and its value if that holds no records.
    fn key<'a>(text: &mut Rewriter<'a>) -> Step<'a> {
        let mut ignored = String::from("{\"\":0"); // other keys came before
        let read = match text.next_key(&mut ignored) {
            Ok(None) => return Step::Closed,
            Ok(Some(begin)) => {
                let key = key_at(&ignored, begin);
                let is_body = shape::is_body(key) && text.is_container_next();
                if shape::is_records(key) || is_body || text.is_records_next() {
                    return Step::Passed(Next::Value);
                }
                text.value(&mut ignored)
            }
            Err(stop) => Err(stop),
        };
        match read {
            Ok(()) => Step::Passed(Next::Any),
            Err(Stop::NextRecord) => {
                text.repaired(Repair::Brackets);
                Step::Closed
            }
            Err(Stop::Truncated) => Step::Truncated,
        }
    }

    /// What stands where a record should be.
    fn value<'a>(&self, text: &mut Rewriter<'a>, is_last: bool) -> Step<'a> {
        match text.peek() {
            Some(b'{') => self.object(text, is_last),
            Some(b'[') if self.depth() < DEPTH_MAX => {
                text.advance(1);
                Step::Opened(Open::Array, Next::Any)
            }
            Some(b'[') => Self::too_deep(text),
            Some(b'"' | b'\'') if text.is_object_in_bare_quotes() => {
                text.open_bare_quotes();
                Step::Opened(Open::Quotes, Next::Value)
            }
            Some(b'"' | b'\'') => self.records_as_text(text),
            _ => match text.value(&mut String::new()) {
                Ok(()) | Err(Stop::NextRecord) => Step::Found(Err(Reject::NotAnObject)),
                Err(Stop::Truncated) => Step::Truncated,
            },
        }
    }

    fn object<'a>(&self, text: &mut Rewriter<'a>, is_last: bool) -> Step<'a> {
        let (begin, rest) = (text.at(), text.rest());
        let (mut is_unfinished, mut read) = (false, 0);
        if !shape::begins_with_records(rest) && !self.is_parser_unasked {
            match shape::strict_value(rest) {
                Ok(record) if !shape::is_wrapper(record) => {
                    text.advance(record.len());
                    return found(Cow::Borrowed(record));
                }
                Ok(_) => {}
                Err(not_strict) => {
                    is_unfinished = not_strict.is_unfinished;
                    read = not_strict.read;
                }
            }
        }
        let step = if self.depth() >= DEPTH_MAX {
            Self::too_deep(text)
        } else {
            self.wrapper_or_broken_record(text, is_unfinished, is_last)
        };
        if !matches!(step, Step::Opened(..)) {
            // A wrapper is read once for each level around its records, of which there are few.
            text.read_in_vain((begin + read).saturating_sub(text.at()));
        }
        step
    }

    /// Reads as far as to the first key that shows the object to be a wrapper. Any but `records` shows that only if no
    /// other key shows it to be a record, so an object that is strict as far as it is there has to be there whole.
    fn wrapper_or_broken_record<'a>(
        &self,
        text: &mut Rewriter<'a>,
        is_unfinished: bool,
        is_last: bool,
    ) -> Step<'a> {
        text.advance(1);
        let mut rewritten = String::from("{");
        let mut keys = shape::Keys::default();
        let end = loop {
            let key = match text.next_key(&mut rewritten) {
                Ok(Some(begin)) => key_at(&rewritten, begin),
                Ok(None) => break Ok(false),
                Err(stop) => break Err(stop),
            };
            keys.note(key);
            if shape::is_records(key) {
                return Step::Opened(Open::Wrapper, Next::Value);
            }
            let is_body = shape::is_body(key) && text.is_container_next();
            if (is_body && keys.may_have_body())
                || (keys.may_have_records() && text.is_records_next())
            {
                break Ok(true);
            }
            if let Err(stop) = text.value(&mut rewritten) {
                break Err(stop);
            }
        };
        if is_unfinished && !is_last {
            text.meet_end();
        }
        match end {
            Ok(true) => Step::Opened(Open::Wrapper, Next::Value),
            Ok(false) => {
                rewritten.push('}');
                self.repaired_record(rewritten)
            }
            Err(Stop::Truncated) => Step::Truncated,
            Err(Stop::NextRecord) if is_unfinished => {
                text.advance(text.rest().len()); // no record, but part of one that is strict JSON up to here
                Step::Truncated
            }
            Err(Stop::NextRecord) => {
                text.repaired(Repair::MergedRecords);
                Step::Found(Err(Reject::Malformed))
            }
        }
    }

    /// A repaired record is checked once more: whatever went wrong, a record is strict JSON and not a wrapper. One of
    /// which nothing is left is not a record.
    fn repaired_record<'a>(&self, record: String) -> Step<'a> {
        if record == "{}" || !is_json(&record) {
            Step::Found(Err(Reject::Malformed))
        } else if shape::is_wrapper(&record) {
            self.inside(&record)
        } else {
            found(Cow::Owned(record))
        }
    }

    /// A text, which may be records once more.
    fn records_as_text<'a>(&self, text: &mut Rewriter<'a>) -> Step<'a> {
        let mut json = String::new();
        match text.item_text(&mut json) {
            Ok(()) => self.decoded(&json),
            Err(Stop::Truncated) => Step::Truncated,
            Err(Stop::NextRecord) => {
                text.repaired(Repair::MergedRecords);
                Step::Found(Err(Reject::Malformed))
            }
        }
    }

    fn decoded<'a>(&self, json: &str) -> Step<'a> {
        let decoded: String = serde_json::from_str(json).unwrap_or_default();
        let text = decoded.trim_ascii();
        let is_short = text.len() <= EVENT_BYTES_MAX;
        if is_short && self.depth() < DEPTH_MAX && shape::is_container(text.as_bytes()) {
            self.inside(text)
        } else {
            Step::Found(Err(Reject::NotAnObject))
        }
    }

    /// The records of a text that is not part of this one.
    fn inside<'a>(&self, text: &str) -> Step<'a> {
        let mut inner = Self {
            depth: self.depth() + 1,
            ..Self::default()
        };
        let mut records = Vec::new();
        inner.window(text.as_bytes(), Behind::Nothing, |_, record| {
            records.push(owned(record));
        });
        Step::FoundInside(records, inner.repairs)
    }

    /// Text between documents: a value that is not an object, alone on its line, or anything else.
    fn unknown_text<'a>(&self, text: &mut Rewriter<'a>, is_last: bool) -> Step<'a> {
        let scalar = match shape::strict_value(text.rest()) {
            Ok(scalar) => scalar,
            Err(not_strict) => {
                if not_strict.is_unfinished {
                    text.meet_end();
                    if is_last && shape::is_container(text.rest()) {
                        return Step::Truncated; // of records as text
                    }
                }
                return Step::Found(Err(Reject::BodyNotJson));
            }
        };
        let end = text.at() + scalar.len();
        let is_blank = |at| matches!(text.byte(at), Some(b' ' | b'\t'));
        let mut behind = end;
        while is_blank(behind) {
            behind += 1;
        }
        if !matches!(text.byte(behind), None | Some(b'\r' | b'\n' | b',')) {
            return Step::Found(Err(Reject::BodyNotJson));
        }
        text.advance(scalar.len());
        if scalar.starts_with('"') {
            self.decoded(scalar)
        } else {
            Step::Found(Err(Reject::NotAnObject))
        }
    }

    /// Goes on to the next brace or bracket where a document may begin: at the beginning of a line, at a key with which
    /// records begin, or at any `{"`, but that not behind a record that was too long.
    fn until_beginning<'a>(&self, text: &mut Rewriter<'a>, mut of_line: bool) -> Step<'a> {
        let rest = text.rest();
        let found = rest.iter().position(|byte| {
            let may_begin = *byte == b'{' || (*byte == b'[' && of_line);
            if !may_begin {
                of_line = *byte == b'\n' || (of_line && byte.is_ascii_whitespace());
            }
            may_begin
        });
        let bytes = found.unwrap_or(rest.len());
        if bytes > 0 {
            text.advance(bytes);
            return Step::Passed(Next::Beginning { of_line });
        }
        let is_key_behind = || text.byte(text.at() + 1) == Some(b'"');
        if of_line || (self.open.is_empty() && is_key_behind()) || text.is_record(text.at()) {
            return Step::Passed(Next::Any);
        }
        text.advance(1);
        Step::Passed(Next::Beginning { of_line: false })
    }

    fn too_deep<'a>(text: &mut Rewriter<'a>) -> Step<'a> {
        // If it is truncated, so is what stands around it.
        let _end = text.skip_value();
        Step::Found(Err(Reject::TooDeep))
    }
}

/// A record. Whether it was repaired is known when the step is done.
fn found(json: Cow<'_, str>) -> Step<'_> {
    Step::Found(Ok(Text {
        json,
        is_repaired: false,
    }))
}

/// The key that begins at `begin` of an object that has been rewritten up to its value.
fn key_at(rewritten: &str, begin: usize) -> &str {
    rewritten
        .get(begin..rewritten.len().saturating_sub(2))
        .unwrap_or_default()
}

/// JSON text sequences (RFC 7464) put it before each document.
const RECORD_SEPARATOR: u8 = 0x1E;

/// UTF-8's. It stands before a document, and in the middle of files that were joined.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// The same, read as Latin-1 and written as UTF-8 once more.
const MARK_ENCODED_TWICE: &[u8] = b"\xC3\xAF\xC2\xBB\xC2\xBF";
