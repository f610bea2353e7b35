//! Text -> documents: where one JSON document ends and the next begins, in a stream of any length.
//!
//! Azure's archives are JSON lines; people also keep arrays, envelopes over many lines, and documents end to end. All
//! are objects with something between them, so brackets around objects, commas and white space between them are
//! skipped, and an array gives its items one by one. The splitter does not read objects: it counts braces, and it looks for
//! the places where broken text must have ended, so that one broken line costs that line.
//!
//! Memory: one document, truncated at [`DOCUMENT_BYTES_MAX`].

use std::collections::VecDeque;
use std::io::{self, BufRead};

use super::within::{Verdict, Within};

/// An event of an event hub has 1 MB at most (20 MB in a dedicated cluster, which Azure Monitor does not fill). A longer
/// document is truncated and passed on, and the decoder reads of it what it can.
pub(super) const DOCUMENT_BYTES_MAX: usize = 16 << 20;

/// A document, or a broken piece of one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Document {
    pub(super) text: Vec<u8>,
    /// Where it begins, from 1.
    pub(super) line: u64,
    /// Whether it was longer than [`DOCUMENT_BYTES_MAX`].
    pub(super) is_truncated: bool,
}

/// Reads documents one by one.
#[derive(Debug)]
pub(super) struct Splitter<R> {
    reader: R,
    line: u64,
    /// The document that is being read; none between documents.
    within: Option<Within>,
    /// How many arrays stand around the documents.
    arrays: usize,
    done: VecDeque<Document>,
}

impl<R: BufRead> Splitter<R> {
    pub(super) fn new(reader: R) -> Self {
        Self {
            reader,
            line: 1,
            within: None,
            arrays: 0,
            done: VecDeque::new(),
        }
    }

    /// The next document; `None` at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<Document>> {
        let Self {
            reader,
            line,
            within,
            arrays,
            done,
        } = self;
        while done.is_empty() {
            let chunk = reader.fill_buf()?;
            if chunk.is_empty() {
                done.extend(within.take().into_iter().flat_map(Within::end_broken));
                break;
            }
            let mut used = 0;
            for &byte in chunk {
                used += 1;
                step(within, arrays, *line, byte, done);
                *line += u64::from(byte == b'\n');
                if !done.is_empty() {
                    break;
                }
            }
            reader.consume(used);
        }
        Ok(done.pop_front())
    }
}

fn step(
    state: &mut Option<Within>,
    arrays: &mut usize,
    line: u64,
    byte: u8,
    done: &mut VecDeque<Document>,
) {
    if let Some(mut within) = state.take() {
        let verdict = within.take(byte, *arrays);
        match verdict {
            Verdict::Within => *state = Some(within),
            Verdict::Ended | Verdict::EndedBefore => done.push_back(within.document),
            Verdict::Broken | Verdict::BrokenBefore => done.extend(within.end_broken()),
        }
        if !matches!(verdict, Verdict::EndedBefore | Verdict::BrokenBefore) {
            return;
        }
    }
    match byte {
        b'[' => *arrays += 1,
        b']' => *arrays = arrays.saturating_sub(1),
        // A byte order mark (0xEF 0xBB 0xBF) and padding are nothing.
        b',' | 0 | 0xEF | 0xBB | 0xBF => {}
        byte if byte.is_ascii_whitespace() => {}
        byte => *state = Some(Within::begin(byte, line)),
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
                assert!(!document.is_truncated);
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
    fn a_broken_last_line_is_passed_on() {
        check("{\"a\":1}\n{\"b\":", &[(1, r#"{"a":1}"#), (2, r#"{"b":"#)]);
    }

    #[test]
    fn what_is_not_an_object_is_passed_on_item_by_item() {
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
    fn a_document_that_is_too_long_is_truncated_and_the_next_one_is_not() {
        let text = format!(
            "{{\"a\":\"{}\"}}\n{{\"b\":1}}\n",
            "x".repeat(DOCUMENT_BYTES_MAX)
        );
        let mut splitter = Splitter::new(text.as_bytes());
        let first = splitter.next().unwrap().unwrap();
        assert_eq!(
            (first.text.len(), first.is_truncated),
            (DOCUMENT_BYTES_MAX, true)
        );
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
