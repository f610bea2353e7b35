//! Values, objects and arrays: a reader that always goes on, and writes strict JSON of what it reads.
//!
//! Linear: it goes forward only, and looks ahead no further than over the next key.

use super::cursor::Rewriter;
use super::kinds::Repair;

/// How deep values may nest; deeper ones become `null`. Records of Azure Monitor nest five deep at most, and the stack
/// is finite.
const DEPTH_MAX: usize = 32;

/// Why reading stopped before the end of a value. What was written up to there is whole all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The bytes end too early.
    Truncated,
    /// Another record begins here, though this one has not ended.
    NextRecord,
}

/// What a text is part of, which decides what may come behind its closing quote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Context {
    Key,
    Object,
    Array,
    /// A key or a value, in an object or an array.
    Unknown,
}

impl Rewriter<'_> {
    /// Rewrites the value that is next.
    pub(crate) fn value(&mut self, out: &mut String) -> Result<(), Stop> {
        self.value_in(Context::Object, out, 0)
    }

    /// Rewrites the text that is next, an item of an array.
    pub(crate) fn item_text(&mut self, out: &mut String) -> Result<(), Stop> {
        self.text(Context::Array, out)
    }

    /// Rewrites up to the value of the next property, and returns where in `out` its key begins; `None` at the end of
    /// the object. `out` is the object as far as it is written, its brace included.
    pub(crate) fn next_key(&mut self, out: &mut String) -> Result<Option<usize>, Stop> {
        loop {
            self.skip_blanks();
            match self.peek() {
                None => return Err(Stop::Truncated),
                Some(b',') => self.comma(out),
                Some(b'}') => {
                    self.at += 1;
                    return Ok(None);
                }
                // The array around the object ends, and so does the object.
                Some(b']') => {
                    self.repaired(Repair::Brackets);
                    return Ok(None);
                }
                Some(b'{') => return Err(Stop::NextRecord),
                Some(b'"' | b'\'') => {
                    let before = out.len();
                    if !out.ends_with('{') {
                        out.push(',');
                    }
                    let key = out.len() + 1;
                    if let Err(stop) = self.text(Context::Key, out) {
                        out.truncate(before);
                        return Err(stop);
                    }
                    self.skip_blanks();
                    self.at += 1; // the colon: without one, the key would not have ended
                    self.skip_blanks();
                    out.push(':');
                    return Ok(Some(key));
                }
                Some(_) => {
                    self.repaired(Repair::InvalidValues);
                    self.skip_word();
                }
            }
        }
    }

    /// Goes past the value that is next, however deep it nests.
    pub(crate) fn skip_value(&mut self) -> Result<(), Stop> {
        let mut ignored = String::new();
        let mut depth = 0_usize;
        loop {
            self.skip_blanks();
            match self.peek() {
                None => return Err(Stop::Truncated),
                Some(b'{' | b'[') => {
                    depth += 1;
                    self.at += 1;
                }
                Some(b'}' | b']') => {
                    depth = depth.saturating_sub(1);
                    self.at += 1;
                }
                Some(b'"' | b'\'') => {
                    ignored.clear();
                    self.text(Context::Unknown, &mut ignored)?;
                }
                Some(b',' | b':') => self.at += 1,
                Some(_) => self.skip_word(),
            }
            if depth == 0 {
                return Ok(());
            }
        }
    }

    /// Goes past the quote that stands before an object or array whose own quotes are not escaped.
    pub(crate) fn open_bare_quotes(&mut self) {
        self.repaired(Repair::ObjectInQuotes);
        self.at += 1;
        self.skip_blanks();
    }

    /// Goes past the quote behind it, if there is one.
    pub(crate) fn close_bare_quotes(&mut self) {
        self.skip_blanks();
        if matches!(self.peek(), Some(b'"' | b'\'')) {
            self.at += 1;
        }
    }

    /// Goes past a comma, and notes it if there is nothing before it in `out`, or nothing behind it.
    fn comma(&mut self, out: &str) {
        self.at += 1;
        self.skip_blanks();
        if out.ends_with(['{', '[']) || matches!(self.peek(), Some(b',' | b'}' | b']')) {
            self.repaired(Repair::ExtraCommas);
        }
    }

    fn value_in(&mut self, context: Context, out: &mut String, depth: usize) -> Result<(), Stop> {
        match self.peek() {
            Some(b'{' | b'[') if depth == DEPTH_MAX => {
                out.push_str("null");
                self.repaired(Repair::InvalidValues);
                self.skip_value()
            }
            Some(b'{') if self.is_record_on_its_line(out) => {
                out.push_str("null");
                Err(Stop::NextRecord)
            }
            Some(b'{') => {
                self.at += 1;
                out.push('{');
                let end = self.properties(out, depth + 1);
                out.push('}');
                end
            }
            Some(b'[') => {
                self.at += 1;
                out.push('[');
                let end = self.items(out, depth + 1);
                out.push(']');
                end
            }
            Some(b'"' | b'\'') if self.is_object_in_bare_quotes() => {
                self.open_bare_quotes();
                self.value_in(context, out, depth)?;
                self.close_bare_quotes();
                Ok(())
            }
            Some(b'"' | b'\'') => {
                let before = out.len();
                self.text(context, out).inspect_err(|_| {
                    out.truncate(before);
                    out.push_str("null");
                })
            }
            _ => self.literal(out),
        }
    }

    fn properties(&mut self, out: &mut String, depth: usize) -> Result<(), Stop> {
        while self.next_key(out)?.is_some() {
            self.value_in(Context::Object, out, depth)?;
        }
        Ok(())
    }

    fn items(&mut self, out: &mut String, depth: usize) -> Result<(), Stop> {
        loop {
            self.skip_blanks();
            match self.peek() {
                None => return Err(Stop::Truncated),
                Some(b']') => {
                    self.at += 1;
                    return Ok(());
                }
                // The object around the array ends, and so does the array.
                Some(b'}') => {
                    self.repaired(Repair::Brackets);
                    return Ok(());
                }
                Some(b',') => self.comma(out),
                Some(b'{') if self.is_record(self.at) => {
                    return Err(Stop::NextRecord);
                }
                Some(_) => {
                    if !out.ends_with('[') {
                        out.push(',');
                    }
                    self.value_in(Context::Array, out, depth)?;
                }
            }
        }
    }

    /// A number, `true`, `false`, `null`, or a word that is none of these.
    fn literal(&mut self, out: &mut String) -> Result<(), Stop> {
        let from = self.at;
        self.skip_word();
        let word = self.bytes.get(from..self.at).unwrap_or_default();
        let word = std::str::from_utf8(word.trim_ascii()).unwrap_or_default();
        if self.peek().is_none() {
            // `12` may have been the beginning of `123`.
            out.push_str("null");
            return Err(Stop::Truncated);
        }
        let is_value = match word.as_bytes().first() {
            // As a number: `1e999` is JSON, and no reader could take it.
            Some(b'-' | b'0'..=b'9') => serde_json::from_str::<f64>(word).is_ok(),
            _ => matches!(word, "true" | "false" | "null"),
        };
        if is_value {
            out.push_str(word);
        } else {
            out.push_str("null");
            self.repaired(Repair::InvalidValues);
        }
        Ok(())
    }

    /// Goes to the end of a word: to whatever may come behind a value, or to a record.
    fn skip_word(&mut self) {
        let mut bytes = (self.at..).zip(self.rest());
        let end = bytes.position(|(at, byte)| match byte {
            b',' | b'}' | b']' | b'\n' => true,
            b'{' => self.is_record(at),
            _ => false,
        });
        self.at = end.map_or(self.bytes.len(), |length| self.at + length);
    }
}
