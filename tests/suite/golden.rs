//! Payloads and the whole scrape that they give, as files beside each other in `tests/data`.
//!
//! `UPDATE_EXPECT=1 cargo test golden` accepts what the program says now; read the diff before you commit it.

use std::fs;
use std::path::{Path, PathBuf};

use expect_test::expect_file;

use crate::decoding::Decoder;

#[test]
fn operations() {
    check("operations");
}

/// The examples on Microsoft's page about the logs, in the shape in which it prints them.
#[test]
fn documentation() {
    check("documentation");
}

#[test]
fn summaries() {
    check("summaries");
}

#[test]
fn usage() {
    check("usage");
}

#[test]
fn neighbours_of_other_categories_and_broken_records_cost_only_themselves() {
    check("neighbours");
}

#[test]
fn a_truncated_body_is_one_rejected_record() {
    check("truncated");
}

#[test]
fn flat_rows_of_log_analytics() {
    check("log_analytics");
}

/// As text of an object, of text of one, of one in single quotes, of none, and under another name.
#[test]
fn properties_as_text() {
    check("properties_as_text");
}

/// One document behind another, with a mark, newlines, text, padding, or nothing between.
#[test]
fn lines() {
    check("lines");
}

/// Envelopes in arrays, in envelopes, in wrappers and in text.
#[test]
fn nested() {
    check("nested");
}

/// Every breakage that is known, each in a record of its own.
#[test]
fn broken_records_are_repaired_or_cost_only_themselves() {
    check("broken");
}

/// Every spelling of a time, and of no time.
#[test]
fn times() {
    check("times");
}

#[test]
fn records_without_a_category_are_told_by_what_they_hold() {
    check("no_category");
}

/// Every payload has a test, and every scrape its payload.
#[test]
fn no_file_is_forgotten() {
    let source = include_str!("golden.rs");
    for entry in fs::read_dir(data("")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        assert!(
            source.contains(&format!("check({name:?})")),
            "no test checks `{}`",
            path.display()
        );
        assert!(
            data(&format!("{name}.json")).exists(),
            "no payload beside `{}`",
            path.display()
        );
    }
}

#[track_caller]
fn check(name: &str) {
    let mut decoder = Decoder::new(&[]);
    decoder.apply([fs::read(data(&format!("{name}.json"))).unwrap()]);
    expect_file![data(&format!("{name}.prom"))].assert_eq(&decoder.scrape());
}

fn data(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(file)
}
