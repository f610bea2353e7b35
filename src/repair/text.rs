//! Texts: where one ends when nobody escaped its quotes, and what stands between.

use super::Repair;
use super::rewriter::{Place, Rewriter, Stop, is_blank};

impl Rewriter<'_> {
    /// Rewrites the text that is next, in quotes of either kind.
    ///
    /// A quote ends it where what comes behind may come behind a text; any other is part of it.
    pub(super) fn text(&mut self, out: &mut String, place: Place) -> Result<(), Stop> {
        let quote = self.peek().unwrap_or(b'"');
        if quote == b'\'' {
            self.repairs.insert(Repair::SingleQuotes);
        }
        self.at += 1;
        out.push('"');
        loop {
            self.plain_characters(out, quote);
            match self.peek() {
                None => return Err(Stop::Cut),
                Some(byte) if byte == quote => {
                    if self.ends_text(place) {
                        self.at += 1;
                        out.push('"');
                        return Ok(());
                    }
                    self.quote_within(out, quote)?;
                }
                Some(b'"') => {
                    out.push_str("\\\"");
                    self.at += 1;
                }
                Some(b'\\') => self.escape(out)?,
                Some(control) => {
                    self.repairs.insert(Repair::ControlCharacters);
                    out.push_str(match control {
                        b'\n' => "\\n",
                        b'\r' => "\\r",
                        b'\t' => "\\t",
                        _ => " ",
                    });
                    self.at += 1;
                }
            }
        }
    }

    fn plain_characters(&mut self, out: &mut String, quote: u8) {
        let special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20) || *byte == quote;
        let rest = self.rest();
        let length = rest.iter().position(special).unwrap_or(rest.len());
        for chunk in rest.get(..length).unwrap_or_default().utf8_chunks() {
            out.push_str(chunk.valid());
            if !chunk.invalid().is_empty() {
                self.repairs.insert(Repair::InvalidUtf8);
                out.push(char::REPLACEMENT_CHARACTER);
            }
        }
        self.at += length;
    }

    /// Whether the quote that is next can be the end.
    fn ends_text(&self, place: Place) -> bool {
        let at = self.past_blanks(self.at + 1);
        match (place, self.bytes.get(at)) {
            (Place::Key, behind) => behind == Some(&b':'),
            (_, None | Some(b'}' | b']'))
            | (Place::InArray | Place::Anywhere, Some(b','))
            | (Place::Anywhere, Some(b':')) => true,
            // `"he said "no", then left"`: in an object, a key comes behind the comma.
            (Place::InObject, Some(b',')) => matches!(
                self.bytes.get(self.past_blanks(at + 1)),
                None | Some(b'"' | b'\'' | b'}' | b',')
            ),
            _ => false,
        }
    }

    /// A quote that is part of the text, unless a record begins with it.
    fn quote_within(&mut self, out: &mut String, quote: u8) -> Result<(), Stop> {
        if quote == b'"' {
            if let Some(brace) = self.record_begins() {
                self.repairs.insert(Repair::Brackets);
                self.at = brace;
                return Err(Stop::Boundary);
            }
            self.repairs.insert(Repair::Quotes);
            out.push('\\');
        }
        out.push(char::from(quote));
        self.at += 1;
        Ok(())
    }

    /// Where the record begins whose first key this quote opens: behind `}{`, `},{`, or a brace on a line of its own.
    /// A text that was never closed would else take its neighbour with it.
    fn record_begins(&self) -> Option<usize> {
        let (brace, _) = self.before_blanks(self.at)?;
        if self.bytes.get(brace) != Some(&b'{') {
            return None;
        }
        let (mut end, newline) = self.before_blanks(brace)?;
        if self.bytes.get(end) == Some(&b',') {
            end = self.before_blanks(end)?.0;
        }
        (newline || self.bytes.get(end) == Some(&b'}')).then_some(brace)
    }

    /// The place of the last byte before `at` that is no blank, and whether there is a newline between.
    fn before_blanks(&self, at: usize) -> Option<(usize, bool)> {
        let before = self.bytes.get(..at)?;
        let place = before.iter().rposition(|byte| !is_blank(*byte))?;
        let newline = before.get(place..)?.contains(&b'\n');
        Some((place, newline))
    }

    /// An escape, or a backslash that is none.
    fn escape(&mut self, out: &mut String) -> Result<(), Stop> {
        match self.bytes.get(self.at + 1) {
            None => return Err(Stop::Cut),
            Some(b'u') => {
                self.unicode_escape(out);
                return Ok(());
            }
            Some(escaped @ (b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't')) => {
                out.push('\\');
                out.push(char::from(*escaped));
            }
            Some(b'\'') => {
                self.repairs.insert(Repair::Escapes);
                out.push('\'');
            }
            Some(_) => {
                self.repairs.insert(Repair::Escapes);
                out.push_str("\\\\");
                self.at += 1;
                return Ok(());
            }
        }
        self.at += 2;
        Ok(())
    }

    /// `\u0041`, or the two of a surrogate pair.
    fn unicode_escape(&mut self, out: &mut String) {
        let Some(first) = self.unit(self.at) else {
            self.repairs.insert(Repair::Escapes);
            out.push_str("\\\\");
            self.at += 1;
            return;
        };
        let second = self.unit(self.at + 6);
        let pair = [first, second.unwrap_or_default()];
        let units = if (0xD800..0xDC00).contains(&first) && second.is_some() {
            2
        } else {
            1
        };
        if let Some(Ok(_)) = char::decode_utf16(pair.into_iter().take(units)).next() {
            let escape = self.bytes.get(self.at..self.at + 6 * units);
            out.push_str(std::str::from_utf8(escape.unwrap_or_default()).unwrap_or_default());
            self.at += 6 * units;
        } else {
            self.repairs.insert(Repair::Escapes);
            out.push(char::REPLACEMENT_CHARACTER);
            self.at += 6;
        }
    }

    /// The four digits of `\uXXXX`, if that stands here.
    fn unit(&self, at: usize) -> Option<u16> {
        let escape = self.bytes.get(at..at + 6)?;
        let digits = escape.strip_prefix(b"\\u")?;
        if !digits.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    }
}
