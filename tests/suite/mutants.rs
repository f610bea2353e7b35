//! A record that is broken costs no other: bodies of real-looking records are cut, swapped and added to, and every
//! record that still stands whole and apart is found.

use std::borrow::Cow;
use std::fs;
use std::path::Path;

use acs_recording_exporter::inside::envelope::{self, RecordText};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

#[test]
fn no_mutant_loses_a_record_that_stands_whole_and_apart() {
    const BODIES: usize = 10_000;
    let (mut standing, mut lost) = (0, Vec::new());
    for mutant in mutants(BODIES) {
        let expected = mutant.standing();
        standing += expected.len();
        let mut opened = envelope::open(&mutant.body);
        for record in expected {
            // Each is found as often as it stands there.
            let found = opened
                .records
                .iter()
                .position(|found| found.as_deref() == Ok(record));
            match found {
                Some(at) => drop(opened.records.swap_remove(at)),
                None if opened.records.iter().any(|found| is_part_of(record, found)) => {
                    standing -= 1;
                }
                None => lost.push(format!(
                    "{record}\nof {}",
                    String::from_utf8_lossy(&mutant.body)
                )),
            }
        }
    }
    println!(
        "{BODIES} mutated bodies: {standing} records stand whole and apart, {} are lost",
        lost.len()
    );
    for lost in lost.iter().take(5) {
        println!("lost: {lost}");
    }
    assert_eq!(lost.len(), 0);
}

/// Whether a record is the value of a property of one that is JSON as it was sent: then it does not stand apart.
fn is_part_of(record: &str, of: &RecordText<'_>) -> bool {
    matches!(of, Ok(of) if matches!(of.json, Cow::Borrowed(_)) && of.contains(record))
}

/// A body of records, changed.
#[derive(Clone, Debug)]
pub(crate) struct Mutant {
    pub(crate) body: Vec<u8>,
    records: Vec<String>,
}

/// The same mutants each time.
pub(crate) fn mutants(bodies: usize) -> Vec<Mutant> {
    let mut runner = TestRunner::deterministic();
    let strategy = mutant();
    let mutants = (0..bodies).map(|_| strategy.new_tree(&mut runner).unwrap().current());
    mutants.collect()
}

fn mutant() -> impl Strategy<Value = Mutant> {
    let records = vec(select(records()), 1..8);
    let shape = select(&SHAPES[..]);
    let changes = vec((any::<Index>(), change()), 1..4);
    (records, shape, changes).prop_map(|(records, (before, between, after), changes)| {
        let mut body = format!("{before}{}{after}", records.join(between)).into_bytes();
        for (at, change) in changes {
            change.make(at, &mut body);
        }
        Mutant { body, records }
    })
}

/// What stands before, between and behind records.
const SHAPES: [(&str, &str, &str); 7] = [
    (r#"{"records":["#, ",", "]}"),
    ("{\"records\": [\r\n  ", ",\r\n  ", "\r\n]}\r\n"),
    (
        r#"{"records":["#,
        ", ",
        r#"],"EventProcessedUtcTime":"2026-01-31T12:00:00Z"}"#,
    ),
    ("[", ",", "]"),
    ("", "\n", "\n"),
    ("", "\r\n\r\n", ""),
    (r#"[{"records":["#, "]},{\"records\":[", "]}]"),
];

#[derive(Clone, Debug)]
enum Change {
    /// Takes out so many bytes.
    Cut(usize),
    /// Exchanges so many bytes with as many others.
    Swap(usize, Index),
    Insert(&'static str),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        (1..400_usize).prop_map(Change::Cut),
        (1..3_usize).prop_map(Change::Cut),
        (1..60_usize, any::<Index>()).prop_map(|(bytes, with)| Change::Swap(bytes, with)),
        select(&INSERTED[..]).prop_map(Change::Insert),
    ]
}

const INSERTED: [&str; 20] = [
    "\"",
    "'",
    "\\",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\n",
    "\0",
    "\"}",
    "{\"",
    "\"]",
    "[\"",
    "null",
    " and so on ",
    "\",\"",
    "it's \"quoted\", ",
    "\u{feff}",
];

impl Change {
    fn make(&self, at: Index, body: &mut Vec<u8>) {
        let at = at.index(body.len().max(1)).min(body.len());
        let end = |from: usize, bytes: usize| (from + bytes).min(body.len());
        match self {
            Self::Cut(bytes) => {
                body.drain(at..end(at, *bytes));
            }
            Self::Insert(text) => {
                body.splice(at..at, text.bytes());
            }
            Self::Swap(bytes, with) => {
                let with = with.index(body.len().max(1)).min(body.len());
                let (first, second) = (at.min(with), at.max(with));
                let bytes = (*bytes).min(second - first).min(body.len() - second);
                for byte in 0..bytes {
                    body.swap(first + byte, second + byte);
                }
            }
        }
    }
}

impl Mutant {
    /// The records that stand whole in it, with before and behind them what stands between records: a bracket, a comma, a
    /// newline, an end.
    fn standing(&self) -> Vec<&str> {
        let body = String::from_utf8_lossy(&self.body);
        let mut kinds: Vec<&str> = self.records.iter().map(String::as_str).collect();
        kinds.sort_unstable();
        kinds.dedup();
        let mut standing = Vec::new();
        for record in kinds {
            for (at, _) in body.match_indices(record) {
                let blanks = [' ', '\r', '\0'];
                let before = body[..at].trim_end_matches(blanks).chars().next_back();
                let behind = body[at + record.len()..]
                    .trim_start_matches(blanks)
                    .chars()
                    .next();
                if matches!(before, None | Some(',' | '[' | '\n'))
                    && matches!(behind, None | Some(',' | ']' | '\n'))
                {
                    standing.push(record);
                }
            }
        }
        standing
    }
}

/// Every record of the golden payloads that is whole and long enough to look real.
fn records() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let paths = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut records: Vec<String> = paths
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .flat_map(|path| {
            let body = fs::read(path).unwrap();
            let opened = envelope::open(&body);
            let records = opened
                .records
                .into_iter()
                .flatten()
                .map(|text| text.json.into_owned());
            records.filter(|text| text.len() > 100).collect::<Vec<_>>()
        })
        .collect();
    records.sort_unstable();
    records.dedup();
    records
}
