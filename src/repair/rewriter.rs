//! Values, objects and arrays: a reader that never gives up, and writes strict JSON of what it reads.
//!
//! Linear: it goes forward only, and what it looks ahead to is the next thing that is not a blank.

use super::{Repair, Repairs, is_json};

/// How deep values may nest; deeper ones become `null`. Records of Azure Monitor nest five deep at most, and the stack
/// is finite.
const DEPTH_MAX: usize = 32;

/// Reads bytes that were meant to be JSON, from `at` on.
#[derive(Debug)]
pub(crate) struct Rewriter<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
    /// What was put right up to here.
    pub(crate) repairs: Repairs,
}

/// Why reading stopped before the end of a value. What was written up to there is whole all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The bytes are at their end.
    Cut,
    /// Another record begins here, though this one has not ended.
    Boundary,
}

/// What comes next in an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Member {
    /// A key was written, the output up to it being this long; its value is next.
    Key(usize),
    /// The object has ended.
    End,
}

/// Where a value stands, which tells what may come behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Key,
    InObject,
    InArray,
    /// A key or a value: nobody keeps count.
    Anywhere,
}

impl<'a> Rewriter<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            at: 0,
            repairs: Repairs::default(),
        }
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
        self.value_at(out, Place::InObject, 0)
    }

    /// Rewrites the text that is next, an item of an array.
    pub(crate) fn item_text(&mut self, out: &mut String) -> Result<(), Stop> {
        self.text(out, Place::InArray)
    }

    /// Rewrites up to the value of the next property. `out` is the object as far as it is written, its brace included.
    pub(crate) fn next_member(&mut self, out: &mut String) -> Result<Member, Stop> {
        // `{` and `:` begin something, so a comma behind them is one too many.
        let mut comma = out.ends_with('{');
        loop {
            self.skip_blanks();
            match self.peek() {
                None => return Err(Stop::Cut),
                Some(b',') => {
                    if comma {
                        self.repairs.insert(Repair::Commas);
                    }
                    comma = true;
                    self.at += 1;
                }
                Some(b'}') => {
                    if comma && !out.ends_with('{') {
                        self.repairs.insert(Repair::Commas);
                    }
                    self.at += 1;
                    return Ok(Member::End);
                }
                // The array around it ends, and so does this.
                Some(b']') => {
                    self.repairs.insert(Repair::Brackets);
                    return Ok(Member::End);
                }
                Some(b'{') => {
                    self.repairs.insert(Repair::Brackets);
                    return Err(Stop::Boundary);
                }
                Some(b'"' | b'\'') => {
                    if !comma {
                        self.repairs.insert(Repair::Commas);
                    }
                    let before = out.len();
                    if !out.ends_with('{') {
                        out.push(',');
                    }
                    if let Err(stop) = self.text(out, Place::Key) {
                        out.truncate(before);
                        return Err(stop);
                    }
                    self.skip_blanks();
                    self.at += 1; // the colon: without one, the key would not have ended
                    self.skip_blanks();
                    out.push(':');
                    return Ok(Member::Key(before));
                }
                Some(_) => {
                    self.repairs.insert(Repair::UnreadableValue);
                    self.skip_word();
                }
            }
        }
    }

    /// Goes past the value that is next, without a word of it.
    pub(crate) fn skip_value(&mut self) -> Result<(), Stop> {
        let mut nothing = String::new();
        let mut depth = 0_usize;
        loop {
            self.skip_blanks();
            match self.peek() {
                None => return Err(Stop::Cut),
                Some(b'{' | b'[') => {
                    depth += 1;
                    self.at += 1;
                }
                Some(b'}' | b']') => {
                    depth = depth.saturating_sub(1);
                    self.at += 1;
                }
                Some(b'"' | b'\'') => {
                    nothing.clear();
                    self.text(&mut nothing, Place::Anywhere)?;
                }
                Some(b',' | b':') => self.at += 1,
                Some(_) => self.skip_word(),
            }
            if depth == 0 {
                return Ok(());
            }
        }
    }

    /// Whether the text that is next is an object or an array whose own quotes nobody escaped: `"{"a":1}"`.
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

    fn value_at(&mut self, out: &mut String, place: Place, depth: usize) -> Result<(), Stop> {
        match self.peek() {
            Some(b'{' | b'[') if depth == DEPTH_MAX => {
                self.repairs.insert(Repair::UnreadableValue);
                out.push_str("null");
                self.skip_value()
            }
            Some(b'{') => self.object(out, depth),
            Some(b'[') => self.array(out, depth),
            Some(b'"') if self.is_object_in_bare_quotes() => {
                self.repairs.insert(Repair::Quotes);
                self.at += 1;
                self.skip_blanks();
                self.value_at(out, place, depth)?;
                self.skip_blanks();
                if self.peek() == Some(b'"') {
                    self.at += 1;
                }
                Ok(())
            }
            Some(b'"' | b'\'') => {
                let before = out.len();
                self.text(out, place).inspect_err(|_| {
                    out.truncate(before);
                    out.push_str("null");
                })
            }
            _ => self.literal(out),
        }
    }

    fn object(&mut self, out: &mut String, depth: usize) -> Result<(), Stop> {
        self.at += 1;
        out.push('{');
        let mut end = Ok(());
        loop {
            match self.next_member(out) {
                Ok(Member::End) => break,
                Ok(Member::Key(_)) => {
                    if let Err(stop) = self.value_at(out, Place::InObject, depth + 1) {
                        end = Err(stop);
                        break;
                    }
                }
                Err(stop) => {
                    end = Err(stop);
                    break;
                }
            }
        }
        out.push('}');
        end
    }

    fn array(&mut self, out: &mut String, depth: usize) -> Result<(), Stop> {
        self.at += 1;
        out.push('[');
        let end = self.items(out, depth);
        out.push(']');
        end
    }

    fn items(&mut self, out: &mut String, depth: usize) -> Result<(), Stop> {
        let mut comma = true;
        loop {
            self.skip_blanks();
            match self.peek() {
                None => return Err(Stop::Cut),
                Some(b']') => {
                    if comma && !out.ends_with('[') {
                        self.repairs.insert(Repair::Commas);
                    }
                    self.at += 1;
                    return Ok(());
                }
                Some(b'}') => {
                    self.repairs.insert(Repair::Brackets);
                    return Ok(());
                }
                Some(b',') => {
                    if comma {
                        self.repairs.insert(Repair::Commas);
                    }
                    comma = true;
                    self.at += 1;
                }
                Some(_) => {
                    if !out.ends_with('[') {
                        out.push(',');
                    }
                    comma = false;
                    self.value_at(out, Place::InArray, depth + 1)?;
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
        let is_value = match word.as_bytes().first() {
            Some(b'-' | b'0'..=b'9') => serde_json::from_str::<f64>(word).is_ok(),
            _ => matches!(word, "true" | "false" | "null"),
        };
        if self.peek().is_none() {
            // `12` may have been the beginning of `123`.
            out.push_str("null");
            return Err(Stop::Cut);
        }
        if is_value && is_json(word) {
            out.push_str(word);
        } else {
            self.repairs.insert(Repair::UnreadableValue);
            out.push_str("null");
        }
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
