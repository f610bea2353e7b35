//! Text -> documents: where one JSON document ends and the next begins, in a stream of any length.
//!
//! Azure's archives are JSON lines; people also keep arrays, envelopes over many lines, and documents end to end. All
//! are objects with something between them, so brackets around objects, commas and white space between them are
//! skipped, and an array gives its items one by one. What an object says is none of this file's business: it counts
//! braces, and it looks for the places where broken text must have ended, so that one broken line costs that line.
//!
//! Memory: one document, cut at [`DOCUMENT_BYTES_MAX`].

use std::collections::VecDeque;
use std::io::{self, BufRead};

use super::within::{Verdict, Within};

/// An event of a hub has 1 MB at most (20 MB in a dedicated cluster, which Azure Monitor does not fill). What is longer
/// is cut there and handed on, for the decoder to reject or to make of it what it can.
pub(super) const DOCUMENT_BYTES_MAX: usize = 16 << 20;

/// A document, or a broken piece of one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Document {
    pub(super) text: Vec<u8>,
    /// Where it begins, from 1.
    pub(super) line: u64,
    /// Whether it was longer than [`DOCUMENT_BYTES_MAX`].
    pub(super) is_cut: bool,
}

/// Reads documents one by one.
#[derive(Debug)]
pub(super) struct Splitter<R> {
    reader: R,
    line: u64,
    state: State,
    /// How many arrays stand around the documents.
    arrays: usize,
    done: VecDeque<Document>,
}

#[derive(Debug)]
enum State {
    /// Between documents.
    Between,
    /// In an object, or in something that is neither object nor array.
    Within(Within),
}

impl<R: BufRead> Splitter<R> {
    pub(super) fn new(reader: R) -> Self {
        Self {
            reader,
            line: 1,
            state: State::Between,
            arrays: 0,
            done: VecDeque::new(),
        }
    }

    /// The next document; `None` at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<Document>> {
        while self.done.is_empty() {
            let chunk = self.reader.fill_buf()?;
            if chunk.is_empty() {
                if let State::Within(within) = std::mem::replace(&mut self.state, State::Between) {
                    within.end_broken(&mut self.done);
                }
                break;
            }
            let mut used = 0;
            for &byte in chunk {
                used += 1;
                step(
                    &mut self.state,
                    &mut self.arrays,
                    self.line,
                    byte,
                    &mut self.done,
                );
                if byte == b'\n' {
                    self.line += 1;
                }
                if !self.done.is_empty() {
                    break;
                }
            }
            self.reader.consume(used);
        }
        Ok(self.done.pop_front())
    }
}

fn step(state: &mut State, arrays: &mut usize, line: u64, byte: u8, done: &mut VecDeque<Document>) {
    if let State::Within(within) = state {
        match within.take(byte, *arrays) {
            Verdict::Within => return,
            Verdict::Ended => return end(state, done, Within::end_whole),
            Verdict::Broken => return end(state, done, Within::end_broken),
            Verdict::EndedBefore => end(state, done, Within::end_whole),
            Verdict::BrokenBefore => end(state, done, Within::end_broken),
        }
    }
    match byte {
        b'[' => *arrays += 1,
        b']' => *arrays = arrays.saturating_sub(1),
        // A byte order mark (0xEF 0xBB 0xBF) and padding are nothing.
        b',' | 0 | 0xEF | 0xBB | 0xBF => {}
        byte if byte.is_ascii_whitespace() => {}
        byte => *state = State::Within(Within::begin(byte, line)),
    }
}

fn end(state: &mut State, done: &mut VecDeque<Document>, how: fn(Within, &mut VecDeque<Document>)) {
    if let State::Within(within) = std::mem::replace(state, State::Between) {
        how(within, done);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Documents as `line: text`, one a line, read in chunks of several sizes.
    #[track_caller]
    fn check(text: &str, expected: &[(u64, &str)]) {
        for chunk in [1, 7, 65536] {
            let mut splitter = Splitter::new(io::BufReader::with_capacity(chunk, text.as_bytes()));
            let mut found = Vec::new();
            while let Some(document) = splitter.next().unwrap() {
                assert!(!document.is_cut);
                found.push((
                    document.line,
                    String::from_utf8(document.text)
                        .unwrap()
                        .trim_end()
                        .to_owned(),
                ));
            }
            let expected: Vec<_> = expected
                .iter()
                .map(|(line, text)| (*line, (*text).to_owned()))
                .collect();
            assert_eq!(found, expected, "in chunks of {chunk}: {text}");
        }
    }

    #[test]
    fn lines_arrays_and_documents_end_to_end_give_the_same() {
        let expected = |lines: [u64; 2]| {
            [
                (lines[0], r#"{"a":"}{"}"#),
                (lines[1], r#"{"b":[{"c":1}]}"#),
            ]
        };
        check("{\"a\":\"}{\"}\n{\"b\":[{\"c\":1}]}\n", &expected([1, 2]));
        check(
            "{\"a\":\"}{\"}\r\n\r\n{\"b\":[{\"c\":1}]}",
            &expected([1, 3]),
        );
        check("[{\"a\":\"}{\"},{\"b\":[{\"c\":1}]}]", &expected([1, 1]));
        check(
            "[\n  {\"a\":\"}{\"},\n  {\"b\":[{\"c\":1}]}\n]\n",
            &expected([2, 3]),
        );
        check(
            "\u{feff}{\"a\":\"}{\"}{\"b\":[{\"c\":1}]}\0",
            &expected([1, 1]),
        );
    }

    #[test]
    fn nothing_gives_nothing() {
        for text in ["", "\n \r\n", "[]", "[\n]\n"] {
            check(text, &[]);
        }
    }

    #[test]
    fn a_document_may_go_over_lines() {
        let text =
            "{\"records\": [\n  {\n    \"a\": \"\\\"{\"\n  },\n  {\"b\":\n    {\"c\": 2}\n  }\n]}";
        check(text, &[(1, text)]);
        check(&format!("{text}\n{text}"), &[(1, text), (9, text)]);
    }

    #[test]
    fn a_broken_line_costs_only_itself() {
        let whole = r#"{"w":{"x":1}}"#;
        for broken in [
            r#"{"a":"cut within te"#,
            r#"{"a":1,"cut":"after this","#,
            r#"{"a":1,"cut":"#,
            r#"{"a":{"cut":[1"#,
            r#"{"a":[{"cut":1}"#,
            r#"{"a":["#,
            "not JSON at all",
            "7",
        ] {
            let text = format!("{whole}\n{broken}\n{whole}\n{whole}\n{whole}\n");
            check(
                &text,
                &[(1, whole), (2, broken), (3, whole), (4, whole), (5, whole)],
            );
        }
    }

    #[test]
    fn a_broken_last_line_is_handed_on() {
        check("{\"a\":1}\n{\"b\":", &[(1, r#"{"a":1}"#), (2, r#"{"b":"#)]);
    }

    #[test]
    fn what_is_no_object_is_handed_on_item_by_item() {
        check(
            r#"[1,{"a":1},"x, y",null]"#,
            &[(1, "1"), (1, r#"{"a":1}"#), (1, r#""x, y""#), (1, "null")],
        );
        check(
            "hello, world\n{\"a\":1}",
            &[(1, "hello, world"), (2, r#"{"a":1}"#)],
        );
    }

    #[test]
    fn a_document_that_is_too_long_is_cut_and_the_next_one_is_not() {
        let text = format!(
            "{{\"a\":\"{}\"}}\n{{\"b\":1}}\n",
            "x".repeat(DOCUMENT_BYTES_MAX)
        );
        let mut splitter = Splitter::new(text.as_bytes());
        let cut = splitter.next().unwrap().unwrap();
        assert_eq!((cut.text.len(), cut.is_cut), (DOCUMENT_BYTES_MAX, true));
        let next = splitter.next().unwrap().unwrap();
        assert_eq!(
            (next.text.as_slice(), next.line),
            (br#"{"b":1}"#.as_slice(), 2)
        );
        assert_eq!(splitter.next().unwrap(), None);
    }

    #[test]
    fn depth_has_no_end_and_takes_no_memory() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        check(
            &format!("{deep}\n{{\"b\":1}}"),
            &[(1, &deep), (2, r#"{"b":1}"#)],
        );
    }
}
