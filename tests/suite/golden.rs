//! Payloads and the whole scrape that they give, as files beside each other in `tests/data`.
//!
//! | payload | what it holds |
//! | --- | --- |
//! | `broken` | every breakage that is known, each in a record of its own: repaired, or it costs only itself |
//! | `documentation` | the examples on Microsoft's page about the logs, in the shape in which it prints them |
//! | `lines` | one document behind another, with a mark, newlines, text, padding, or nothing between |
//! | `log_analytics` | flat rows of Log Analytics |
//! | `neighbours` | records of other categories, and broken ones, which cost only themselves |
//! | `nested` | envelopes in arrays, in envelopes, in wrappers and in text |
//! | `no_category` | records without a category, recognised by their properties |
//! | `operations`, `summaries`, `usage` | the records of one category |
//! | `properties_as_text` | text of an object, of text of one, of one in single quotes, of none, and under another name |
//! | `times` | every spelling of a time, and of no time |
//! | `truncated` | a truncated body, which is one rejected record |
//!
//! `UPDATE_EXPECT=1 cargo test golden` accepts what the program says now; read the diff before you commit it.

use std::fs;
use std::path::Path;

use expect_test::expect_file;

use crate::decoding::Decoder;

#[test]
fn every_payload_gives_its_scrape() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let paths = || {
        fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
    };
    for payload in paths().filter(|path| path.extension().unwrap() == "json") {
        let mut decoder = Decoder::new(&[]);
        decoder.apply([fs::read(&payload).unwrap()]);
        expect_file![payload.with_extension("prom")].assert_eq(&decoder.scrape());
    }
    for scrape in paths().filter(|path| path.extension().unwrap() == "prom") {
        let payload = scrape.with_extension("json");
        assert!(payload.exists(), "no payload beside `{}`", scrape.display());
    }
}
