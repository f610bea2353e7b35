//! Texts: where one ends when its quotes are not escaped, and which characters stand between.

use super::rewriter::{Context, Rewriter, Stop, is_blank};

impl Rewriter<'_> {
    /// Rewrites the text that is next, in quotes of either kind.
    ///
    /// A quote ends it where what comes behind may come behind a text; any other is part of it.
    pub(super) fn text(&mut self, context: Context, out: &mut String) -> Result<(), Stop> {
        let quote = self.peek().unwrap_or(b'"');
        self.at += 1;
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
                    self.quote_within(out, quote)?;
                }
                Some(b'"') => {
                    out.push_str("\\\"");
                    self.at += 1;
                }
                Some(b'\\') => self.escape(out)?,
                Some(control) => {
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
                out.push(char::REPLACEMENT_CHARACTER);
            }
        }
        self.at += length;
    }

    /// Whether the quote that is next can be the end.
    fn ends_text(&self, context: Context) -> bool {
        let at = self.past_blanks(self.at + 1);
        match (context, self.bytes.get(at)) {
            (Context::Key, behind) => behind == Some(&b':'),
            (_, None | Some(b'}' | b']'))
            | (Context::Array | Context::Unknown, Some(b','))
            | (Context::Unknown, Some(b':')) => true,
            // `"he said "no", then left"`: in an object, a key comes behind the comma.
            (Context::Object, Some(b',')) => matches!(
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
                self.at = brace;
                return Err(Stop::NextRecord);
            }
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

    /// Where the last byte before `at` stands that is not a blank, and whether there is a newline between.
    fn before_blanks(&self, at: usize) -> Option<(usize, bool)> {
        let before = self.bytes.get(..at)?;
        let last = before.iter().rposition(|byte| !is_blank(*byte))?;
        let newline = before.get(last..)?.contains(&b'\n');
        Some((last, newline))
    }

    /// An escape, or a backslash that is not part of one.
    fn escape(&mut self, out: &mut String) -> Result<(), Stop> {
        match self.bytes.get(self.at + 1) {
            None => return Err(Stop::Truncated),
            Some(b'u') => {
                self.unicode_escape(out);
                return Ok(());
            }
            Some(escaped @ (b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't')) => {
                out.push('\\');
                out.push(char::from(*escaped));
                self.at += 2;
            }
            Some(b'\'') => {
                out.push('\'');
                self.at += 2;
            }
            Some(_) => {
                out.push_str("\\\\");
                self.at += 1;
            }
        }
        Ok(())
    }

    /// `\u0041`, or the two of a surrogate pair.
    fn unicode_escape(&mut self, out: &mut String) {
        for length in [6, 12] {
            let escape = self.bytes.get(self.at..self.at + length);
            let escape = std::str::from_utf8(escape.unwrap_or_default()).unwrap_or_default();
            let is_whole = serde_json::from_str::<String>(&format!("\"{escape}\"")).is_ok();
            if is_whole && !escape.is_empty() {
                out.push_str(escape);
                self.at += length;
                return;
            }
        }
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
