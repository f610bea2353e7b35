//! A document while it is read: which bytes belong to it, where it ends, and what tells that it is broken.

use super::splitter::{DOCUMENT_BYTES_MAX, Document};

/// Beyond this the kinds of brackets are not remembered: no record nests so deep, and the decoder rejects it.
const DEPTH_REMEMBERED: usize = 1024;

/// An object, or something that is neither object nor array, whose end has not come yet.
#[derive(Debug)]
pub(super) struct Within {
    pub(super) document: Document,
    is_object: bool,
    /// The brackets that are open; `{` is `true`.
    open: Vec<bool>,
    /// How many more are open than are remembered.
    open_deeper: u64,
    text: Text,
    /// The last byte that is not white space, outside of strings; a string is its closing quote.
    last: u8,
    at_line_start: bool,
}

/// What a byte means for the document.
pub(super) enum Verdict {
    Within,
    /// It ends with this byte.
    Ended,
    /// It ended before this byte.
    EndedBefore,
    /// It ends with this byte, and is broken.
    Broken,
    /// It ended before this byte, and is broken.
    BrokenBefore,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Text {
    OutsideString,
    InString,
    AfterBackslash,
}

impl Within {
    pub(super) fn begin(byte: u8, line: u64) -> Self {
        let document = Document {
            text: vec![byte],
            line,
            is_truncated: false,
        };
        let is_object = byte == b'{';
        Self {
            document,
            is_object,
            open: if is_object { vec![true] } else { Vec::new() },
            open_deeper: 0,
            text: if byte == b'"' {
                Text::InString
            } else {
                Text::OutsideString
            },
            last: byte,
            at_line_start: false,
        }
    }

    pub(super) fn take(&mut self, byte: u8, arrays: usize) -> Verdict {
        if byte == b'\n' {
            self.at_line_start = true;
            // No string goes over the end of a line; what is not an object is a line of something else.
            if self.is_in_string() {
                return Verdict::Broken;
            }
            if !self.is_object {
                return Verdict::Ended;
            }
            self.push(byte);
            return Verdict::Within;
        }
        if self.is_in_string() {
            self.push(byte);
            self.take_in_string(byte);
            return Verdict::Within;
        }
        if !self.is_object && arrays > 0 && matches!(byte, b',' | b']') {
            return Verdict::EndedBefore;
        }
        if !byte.is_ascii_whitespace() {
            if self.at_line_start && byte == b'{' && !self.may_open_object() {
                return Verdict::BrokenBefore;
            }
            self.at_line_start = false;
        }
        self.push(byte);
        match byte {
            b'"' => self.text = Text::InString,
            b'{' | b'[' if self.is_object => self.open(byte == b'{'),
            b'}' | b']' if self.is_object => self.close(),
            _ => {}
        }
        if !byte.is_ascii_whitespace() {
            self.last = byte;
        }
        if self.is_object && self.open.is_empty() {
            Verdict::Ended
        } else {
            Verdict::Within
        }
    }

    fn take_in_string(&mut self, byte: u8) {
        self.text = match (self.text, byte) {
            (Text::InString, b'\\') => Text::AfterBackslash,
            (Text::InString, b'"') => Text::OutsideString,
            _ => Text::InString,
        };
    }

    fn is_in_string(&self) -> bool {
        self.text != Text::OutsideString
    }

    /// Whether JSON allows an object here: after a colon, or as an item of an array. If not, the document was truncated at
    /// the end of its line, and the next one begins.
    fn may_open_object(&self) -> bool {
        let in_object = self.open_deeper == 0 && self.open.last() == Some(&true);
        match self.last {
            b':' => true,
            b',' | b'[' => !in_object,
            _ => false,
        }
    }

    fn open(&mut self, is_object: bool) {
        if self.open.len() < DEPTH_REMEMBERED {
            self.open.push(is_object);
        } else {
            self.open_deeper += 1;
        }
    }

    fn close(&mut self) {
        match self.open_deeper.checked_sub(1) {
            Some(left) => self.open_deeper = left,
            None => {
                self.open.pop();
            }
        }
    }

    fn push(&mut self, byte: u8) {
        if self.document.text.len() < DOCUMENT_BYTES_MAX {
            self.document.text.push(byte);
        } else {
            self.document.is_truncated = true;
        }
    }

    /// Splits broken text into the lines of it that are whole documents by themselves, and what stands between them.
    pub(super) fn end_broken(self) -> Vec<Document> {
        if self.document.is_truncated {
            return vec![self.document];
        }
        let Document {
            text,
            line,
            is_truncated,
        } = self.document;
        let mut done = Vec::new();
        let mut broken: Option<Document> = None;
        for (number, text) in (line..).zip(text.split_inclusive(|byte| *byte == b'\n')) {
            let document = || Document {
                text: text.to_vec(),
                line: number,
                is_truncated,
            };
            if number > line && is_document(text) {
                done.extend(broken.take());
                done.push(document());
            } else if let Some(broken) = &mut broken {
                broken.text.extend_from_slice(text);
            } else if !text.trim_ascii().is_empty() {
                broken = Some(document());
            }
        }
        done.extend(broken);
        done
    }
}

/// Whether a line begins with an object and ends with the end of it.
fn is_document(line: &[u8]) -> bool {
    let [first @ b'{', rest @ ..] = line.trim_ascii() else {
        return false;
    };
    let mut within = Within::begin(*first, 0);
    let mut rest = rest.iter();
    let ended = rest.any(|byte| matches!(within.take(*byte, 0), Verdict::Ended));
    ended && rest.next().is_none()
}
