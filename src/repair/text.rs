//! Texts: where one ends when its quotes are not escaped, and which characters stand between.

use super::cursor::Rewriter;
use super::kinds::Repair;
use super::rewriter::{Context, Stop};

impl Rewriter<'_> {
    /// Rewrites the text that is next, in quotes of either kind.
    ///
    /// A quote ends it where what comes behind may come behind a text; any other is part of it.
    pub(super) fn text(&mut self, context: Context, out: &mut String) -> Result<(), Stop> {
        let quote = self.peek().unwrap_or(b'"');
        self.at += 1;
        if quote == b'\'' {
            self.repaired(Repair::SingleQuotes);
        }
        out.push('"');
        loop {
            self.plain_characters(out, quote);
            match self.peek() {
                None => return Err(Stop::Truncated),
                Some(byte) if byte == quote => {
                    if self.ends_text(context) {
                        self.at += 1;
                        out.push('"');
                        return Ok(());
                    }
                    if quote == b'"' {
                        self.repaired(Repair::UnescapedQuotes);
                    }
                    self.quote_within(out, quote)?;
                }
                Some(quote @ b'"') => self.quote_within(out, quote)?,
                Some(b'\\') => self.escape(out)?,
                Some(control) => {
                    self.repaired(Repair::ControlCharacters);
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
    fn ends_text(&self, context: Context) -> bool {
        let at = self.past_blanks(self.at + 1);
        match (context, self.byte(at)) {
            (Context::Key, behind) => behind == Some(b':'),
            (_, None | Some(b'}' | b']'))
            | (Context::Array | Context::Unknown, Some(b','))
            | (Context::Unknown, Some(b':')) => true,
            // `"he said "no", then left"`: in an object, a key comes behind the comma.
            (Context::Object, Some(b',')) => matches!(
                self.byte(self.past_blanks(at + 1)),
                None | Some(b'"' | b'\'' | b'}' | b',')
            ),
            _ => false,
        }
    }

    /// A quote that is part of the text, unless a record begins with it.
    fn quote_within(&mut self, out: &mut String, quote: u8) -> Result<(), Stop> {
        if let Some(brace) = self.record_begins() {
            self.at = brace;
            return Err(Stop::NextRecord);
        }
        if quote == b'"' {
            out.push('\\');
        }
        out.push(char::from(quote));
        self.at += 1;
        Ok(())
    }

    /// An escape, or a backslash that is not part of one.
    fn escape(&mut self, out: &mut String) -> Result<(), Stop> {
        match self.byte(self.at + 1) {
            None => return Err(Stop::Truncated),
            Some(b'u') => {
                self.unicode_escape(out);
                return Ok(());
            }
            Some(escaped @ (b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't')) => {
                out.push('\\');
                out.push(char::from(escaped));
                self.at += 2;
            }
            Some(b'\'') => {
                self.repaired(Repair::InvalidEscapes);
                out.push('\'');
                self.at += 2;
            }
            Some(_) => {
                self.repaired(Repair::InvalidEscapes);
                out.push_str("\\\\");
                self.at += 1;
            }
        }
        Ok(())
    }

    /// `\u0041`, or the two of a surrogate pair.
    fn unicode_escape(&mut self, out: &mut String) {
        for length in [6, 12] {
            // Looks at the last one, so that meeting the end is noted.
            let escape = self
                .byte(self.at + length - 1)
                .and(self.bytes.get(self.at..self.at + length));
            let escape = std::str::from_utf8(escape.unwrap_or_default()).unwrap_or_default();
            let is_whole = serde_json::from_str::<String>(&format!("\"{escape}\"")).is_ok();
            if is_whole && !escape.is_empty() {
                out.push_str(escape);
                self.at += length;
                return;
            }
        }
        self.repaired(Repair::InvalidEscapes);
        let digits = self.bytes.get(self.at + 2..self.at + 6);
        if digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)) {
            out.push(char::REPLACEMENT_CHARACTER); // half a pair
            self.at += 6;
        } else {
            out.push_str("\\\\");
            self.at += 1;
        }
    }
}
