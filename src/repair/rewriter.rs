//! Values, objects and arrays: a reader that always goes on, and writes strict JSON of what it reads.
//!
//! Linear: it goes forward only, and looks ahead no further than to the next byte that is not a blank.

/// How deep values may nest; deeper ones become `null`. Records of Azure Monitor nest five deep at most, and the stack
/// is finite.
const DEPTH_MAX: usize = 32;

/// Reads bytes that were meant to be JSON, from `at` on.
#[derive(Debug)]
pub(crate) struct Rewriter<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
}

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

impl<'a> Rewriter<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// What has not been read.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    pub(crate) fn advance(&mut self, bytes: usize) {
        self.at = self.at.saturating_add(bytes).min(self.bytes.len());
    }

    pub(crate) fn skip_blanks(&mut self) {
        self.at = self.past_blanks(self.at);
    }

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
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(None);
                }
                // The array around the object ends, and so does the object.
                Some(b']') => return Ok(None),
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
                Some(_) => self.skip_word(),
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

    /// Whether the text that is next is an object or an array whose own quotes are not escaped: `"{"a":1}"`.
    pub(crate) fn is_object_in_bare_quotes(&self) -> bool {
        let mut at = self.past_blanks(self.at + 1);
        if self.bytes.get(at) == Some(&b'[') {
            at = self.past_blanks(at + 1);
        }
        if self.bytes.get(at) != Some(&b'{') {
            return false;
        }
        at = self.past_blanks(at + 1);
        // `{"a":"{"}` is strict JSON: a text that is a brace.
        self.bytes.get(at) == Some(&b'"')
            && !matches!(
                self.bytes.get(self.past_blanks(at + 1)),
                None | Some(b',' | b'}' | b']')
            )
    }

    /// Goes past the quote that stands before such an object or array.
    pub(crate) fn open_bare_quotes(&mut self) {
        self.at += 1;
        self.skip_blanks();
    }

    /// Goes past the quote behind it, if there is one.
    pub(crate) fn close_bare_quotes(&mut self) {
        self.skip_blanks();
        if self.peek() == Some(b'"') {
            self.at += 1;
        }
    }

    fn value_in(&mut self, context: Context, out: &mut String, depth: usize) -> Result<(), Stop> {
        match self.peek() {
            Some(b'{' | b'[') if depth == DEPTH_MAX => {
                out.push_str("null");
                self.skip_value()
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
            Some(b'"') if self.is_object_in_bare_quotes() => {
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
                Some(b'}') => return Ok(()),
                Some(b',') => self.at += 1,
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
        out.push_str(if is_value { word } else { "null" });
        Ok(())
    }

    /// Goes to the end of a word: to whatever may come behind a value.
    fn skip_word(&mut self) {
        let ends = |byte: &u8| matches!(byte, b',' | b'}' | b']' | b'\n');
        let word = self.rest().iter().position(ends);
        self.at = word.map_or(self.bytes.len(), |length| self.at + length);
    }

    pub(super) fn past_blanks(&self, at: usize) -> usize {
        let rest = self.bytes.get(at..).unwrap_or_default();
        let blanks = rest.iter().position(|byte| !is_blank(*byte));
        blanks.map_or(self.bytes.len(), |blanks| at + blanks)
    }
}

/// JSON's blanks, and the NUL that some senders pad with.
pub(super) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | 0)
}
