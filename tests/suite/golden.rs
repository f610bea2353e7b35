//! Payloads and the whole scrape that they give, as files beside each other in `tests/data`.
//!
//! `UPDATE_EXPECT=1 cargo test golden` accepts what the program says now; read the diff before you commit it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use acs_recording_exporter::config::{self, File, Flag, Sources};
use acs_recording_exporter::event::{Batch, Event, PartitionId, Position};
use acs_recording_exporter::metrics::Exposition;
use acs_recording_exporter::pipeline;
use acs_recording_exporter::telemetry::Telemetry;
use expect_test::expect_file;
use prometheus::Registry;
use time::macros::datetime;

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
    let body = fs::read(data(&format!("{name}.json"))).unwrap();
    let scrape = scrape(body);
    expect_file![data(&format!("{name}.prom"))].assert_eq(&scrape);
}

/// The scrape after one event with this body, but for what tells of the process and its build.
fn scrape(body: Vec<u8>) -> String {
    let flag = |key, value: &str| Flag {
        key,
        value: value.to_owned(),
        flag: "test",
    };
    let config = config::load(Sources {
        file: None::<File>,
        environment: Vec::new(),
        flags: vec![
            flag("event_hub.namespace", "contoso"),
            flag("event_hub.names", "logs"),
            flag("event_hub.consumer_group", "exporter"),
        ],
    })
    .unwrap();
    let registry = Registry::new();
    let telemetry = Arc::new(Telemetry::new(&registry));
    let exposition = Exposition::new(&config.metrics, registry, telemetry);
    let event = Event {
        position: Position {
            sequence_number: 7,
            offset: Some("1024".to_owned()),
        },
        enqueued_at: datetime!(2026-01-31 12:00:00 UTC),
        body,
    };
    pipeline::apply(
        &Batch {
            partition: PartitionId::new("logs", "0"),
            events: vec![event],
        },
        &exposition,
    );
    let text = String::from_utf8(exposition.scrape().unwrap().body).unwrap();
    let of_the_process = |line: &str| {
        line.contains(" process_") || line.starts_with("process_") || line.contains("build_info")
    };
    text.lines()
        .filter(|line| !of_the_process(line))
        .fold(String::new(), |text, line| text + line + "\n")
}

fn data(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(file)
}
