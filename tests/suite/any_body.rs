//! What holds for every body that anyone could send: the decoder never panics, loses nothing, and takes no longer than
//! the body is long.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use acs_recording_exporter::inside::acs;
use acs_recording_exporter::inside::envelope::{self, Behind, RecordText, Walk};
use acs_recording_exporter::inside::repair::Repair;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde::de::IgnoredAny;

use crate::decoding::Decoder;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_bytes_are_decoded(body in vec(any::<u8>(), 0..200)) {
        check(&body);
    }

    #[test]
    fn any_row_of_pieces_of_json_is_decoded(body in pieces()) {
        check(&body);
    }

    #[test]
    fn any_payload_mutated_is_decoded(body in mutated()) {
        check(&body);
    }
}

/// Received is observed, ignored or rejected, for one batch of everything.
#[test]
fn the_accounting_balances_whatever_comes() {
    let mut runner = TestRunner::deterministic();
    let bodies = vec(prop_oneof![pieces(), mutated()], 400)
        .new_tree(&mut runner)
        .unwrap()
        .current();
    let records: usize = bodies
        .iter()
        .map(|body| envelope::open(body).records.len())
        .sum();
    let mut decoder = Decoder::new(&[]);
    decoder.apply(bodies);
    let scrape = decoder.scrape();
    let sum = |family: &str| -> usize {
        let name = format!("acs_recording_exporter_{family}");
        let values = scrape.lines().filter(|line| line.starts_with(&name));
        values
            .map(|line| line.rsplit(' ').next().unwrap().parse::<usize>().unwrap())
            .sum()
    };
    assert_eq!(sum("records_received_total"), records);
    assert_eq!(sum("records_total"), records);
    let rejected = sum("rejects_total");
    println!("{records} records, {rejected} rejected");
    assert!((1..records).contains(&rejected));
}

#[test]
fn decoding_an_envelope_is_decoding_its_records_one_by_one() {
    for (name, body) in payloads() {
        let mut whole = Decoder::new(&[]);
        whole.apply([body.clone()]);
        let texts = envelope::open(&body).records;
        // Fewer values of a record that was repaired like this are shown, so that it has to be one again.
        let records = texts
            .iter()
            .flatten()
            .map(|text| match text.strip_suffix('}') {
                Some(open) if text.is_repaired => format!("{open},\"x\":?}}").into_bytes(),
                _ => text.as_bytes().to_vec(),
            });
        let mut one_by_one = Decoder::new(&[]);
        one_by_one.apply(records);
        let about_acs = |decoder: &Decoder| -> String {
            let scrape = decoder.scrape();
            let lines = scrape
                .lines()
                .filter(|line| !line.contains("acs_recording_exporter_"));
            lines.fold(String::new(), |text, line| text + line + "\n")
        };
        assert_eq!(about_acs(&whole), about_acs(&one_by_one), "{name}");
    }
}

/// Bodies that would be slow if anything looked twice at what it has passed: a quadratic scan of one of these would take
/// a minute. How long a byte of the slowest takes is printed, not judged: the machine may have other work.
#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the time that a computation really takes"
)]
fn time_is_linear_in_the_body() {
    const BYTES: usize = 1 << 17;
    const HEADS: [&str; 6] = [
        "",
        "{\"records\":[",
        "{\"a\":\"",
        "{\"records\":\"",
        "\"",
        "[",
    ];
    let mut slowest = (Duration::ZERO, String::new());
    for piece in [
        "[",
        "{",
        "\"",
        "'",
        "{\"",
        "{'",
        "\\",
        "\\\"",
        "}",
        "},{\"",
        "\n{\"",
        "{\"a\":",
        "{\"a\":\"x},",
        "{\"a\":\"x\n",
        "{'a':'x',",
        "\"{\"",
        "\"[{\"",
        "\"records\":[",
        "{\"records\":[",
        "{\"records\":\"",
        "{\"body\":{",
        "[{\"a\":1},{\"b\":\"c},",
        "[{\"time\":",
        "{\"time\":\n",
        "{\"a\":[{\"time\":[",
        ",{\"category\":\"x",
        "{\"a\":1}",
        "{\"a\":1},{\"b\":x}\n",
        "1,",
        "1 ",
        "x\n",
        "\" ",
        "\"      \n",
        "{\"a\":[ 227 B ],",
        "\u{1f600}",
        "\0",
        "\"\\ud800\"",
    ] {
        for head in HEADS {
            let body = format!("{head}{}", piece.repeat(BYTES / piece.len()));
            let start = Instant::now();
            let records = envelope::open(body.as_bytes()).records.len();
            let took = start.elapsed();
            assert!(records > 0 || body.contains('}'), "{head}{piece}");
            slowest = slowest.max((took, format!("{head}{piece}...")));
        }
    }
    let (took, body) = slowest;
    println!("{} ns per byte of {body}", took.as_nanos() >> 17);
}

/// A body in windows, each larger by `size` than what the one before has left.
fn in_windows(body: &[u8], size: usize) -> (Vec<Result<String, String>>, Vec<Repair>) {
    let mut walk = Walk::default();
    let mut records = Vec::new();
    let (mut from, mut to) = (0, 0);
    loop {
        to = body.len().min(to + size);
        let behind = if to == body.len() {
            Behind::Nothing
        } else {
            Behind::More
        };
        from += walk.window(body.get(from..to).unwrap(), behind, |_, record| {
            records.push(shown(&record));
        });
        if to == body.len() {
            return (records, walk.take_repairs());
        }
    }
}

fn shown(record: &RecordText<'_>) -> Result<String, String> {
    let text = record.as_ref();
    text.map(|text| text.json.to_string())
        .map_err(|reject| reject.label().to_owned())
}

/// What holds for each body by itself.
fn check(body: &[u8]) {
    let whole = envelope::open(body);
    let whole = (whole.records.iter().map(shown).collect(), whole.repairs);
    if !body.starts_with(&[0x1F, 0x8B]) && !body.starts_with(&[0xFF]) && !body.starts_with(&[0xFE])
    {
        for size in [7, 61] {
            assert_eq!(in_windows(body, size), whole, "in windows of {size}");
        }
    }
    let texts = envelope::open(body).records;
    for text in texts.iter().flatten() {
        let alone = envelope::open(text.as_bytes()).records;
        let alone: Vec<_> = alone.iter().map(|record| record.as_deref()).collect();
        assert_eq!(alone, [Ok(&**text)], "a record is a body of one record");
        assert!(is_json(text.as_bytes()), "a record is strict JSON");
        assert!(
            text.len() <= 3 * body.len() + 2,
            "nothing grows without end"
        );
        let record =
            acs::read(text, None, &acs::FailureRules::default()).expect("a record can be read");
        assert!(record.unfamiliar.len() <= 8);
    }
    if is_json(body) {
        // Nothing was made up either.
        let total: usize = texts.iter().flatten().map(|text| text.len()).sum();
        assert!(total <= body.len());
    }
}

fn is_json(text: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(text).is_ok()
}

/// JSON in pieces, in any order.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    const PIECES: [&str; 50] = [
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "'",
        "\\",
        " ",
        "\n",
        "\0",
        "{\"",
        "\"}",
        "[{\"time\":",
        "{\"time\":\n",
        "{\"a\":[{\"time\":[",
        ",{\"category\":\"x",
        "{\"a\":1}",
        "\"records\":",
        "\"RECORDS\":[",
        "{\"records\":[",
        "]}",
        "\"body\":",
        "{\"body\":{",
        "\"category\":\"Usage\"",
        "\"properties\":",
        "\"properties\":\"{",
        "{'a':'b'}",
        "'c':",
        "\"d\":",
        "\"time\":\"2026-01-31T12:00:00Z\"",
        "null",
        "true",
        "1e999",
        "-1",
        "\\\"",
        "\\\\\"",
        "\\u",
        "\\ud83d",
        "\\ude00",
        "},{",
        "},{\"",
        "\"{\"",
        "[ 227 B blob data ]",
        "text",
        "\u{1f600}",
        "\u{feff}",
        "\u{1f}",
        "\u{1e}",
    ];
    vec(select(&PIECES[..]), 0..40).prop_map(|pieces| pieces.concat().into_bytes())
}

/// A payload of ours with a few bytes changed.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let edit = prop_oneof![
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Edit::Set(at, byte)),
        (any::<Index>(), select(&b"{}[]\"':,\\\n\0 "[..]))
            .prop_map(|(at, byte)| Edit::Insert(at, byte)),
        any::<Index>().prop_map(Edit::Remove),
        (any::<Index>(), any::<Index>()).prop_map(|(from, to)| Edit::Drop(from, to)),
        (any::<Index>(), any::<Index>()).prop_map(|(from, to)| Edit::Repeat(from, to)),
        any::<Index>().prop_map(Edit::Truncate),
    ];
    let payloads: Vec<_> = payloads().into_iter().map(|(_, body)| body).collect();
    (select(payloads), vec(edit, 0..6)).prop_map(|(mut body, edits)| {
        for edit in edits {
            edit.make(&mut body);
        }
        body
    })
}

#[derive(Clone, Debug)]
enum Edit {
    Set(Index, u8),
    Insert(Index, u8),
    Remove(Index),
    Drop(Index, Index),
    Repeat(Index, Index),
    Truncate(Index),
}

impl Edit {
    fn make(self, body: &mut Vec<u8>) {
        if body.is_empty() {
            return;
        }
        let range = |from: Index, to: Index| {
            let (from, to) = (from.index(body.len()), to.index(body.len()));
            from.min(to)..from.max(to)
        };
        match self {
            Self::Set(at, byte) => *at.get_mut(body) = byte,
            Self::Insert(at, byte) => body.insert(at.index(body.len()), byte),
            Self::Remove(at) => {
                body.remove(at.index(body.len()));
            }
            Self::Drop(from, to) => {
                let range = range(from, to);
                body.drain(range);
            }
            Self::Repeat(from, to) => {
                let range = range(from, to);
                let again: Vec<_> = body.drain(range.clone()).collect();
                body.splice(range.start..range.start, again.repeat(2));
            }
            Self::Truncate(at) => body.truncate(at.index(body.len())),
        }
    }
}

/// The golden payloads.
pub(crate) fn payloads() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let mut payloads: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension != "prom")
        })
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, fs::read(path).unwrap())
        })
        .collect();
    payloads.sort();
    payloads
}
