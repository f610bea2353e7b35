//! Files of every kind give what the pipeline gives.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::time::Duration;

use acs_log_simulator::Settings;
use apache_avro::types::{Record, Value as Avro};
use apache_avro::{Codec, DeflateSettings, Schema, Writer};
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use time::macros::datetime;

use super::{archive, assert_same, domain, replay, replay_with, text};
use crate::decoding::Decoder;
use crate::end_to_end::publish;
use crate::world::{Exporter, Process, Samples, eventually};

const SAMPLES: &str = include_str!("../../data/documentation.json");

/// As the overview of Event Hubs Capture prints it.
const CAPTURE_SCHEMA: &str = r#"{
    "type": "record",
    "name": "EventData",
    "namespace": "Microsoft.ServiceBus.Messaging",
    "fields": [
        {"name": "SequenceNumber", "type": "long"},
        {"name": "Offset", "type": "string"},
        {"name": "EnqueuedTimeUtc", "type": "string"},
        {"name": "SystemProperties", "type": {"type": "map", "values": ["long", "double", "string", "bytes"]}},
        {"name": "Properties", "type": {"type": "map", "values": ["long", "double", "string", "bytes", "null"]}},
        {"name": "Body", "type": ["null", "bytes"]}
    ]
}"#;

#[test]
fn the_same_records_in_every_kind_of_file_give_the_same_metrics() {
    let mut decoder = Decoder::new(&[]);
    decoder.apply([SAMPLES.as_bytes().to_vec()]);
    let expected = domain(&decoder.scrape());
    assert!(expected.len() > 100, "{expected:?}");

    let folder = tempfile::tempdir().unwrap();
    for (name, content) in kinds() {
        let path = folder.path().join(name);
        fs::write(&path, &content).unwrap();
        let replayed = replay(&["--strict", text(&path)]);
        assert_eq!(replayed.code, Some(0), "{name}: {}", replayed.summary);
        let accounted = "records: 5 received = 5 observed + 0 ignored + 0 rejected";
        assert!(
            replayed.summary.contains(accounted),
            "{name}: {}",
            replayed.summary
        );
        assert_same(&domain(&replayed.metrics), &expected);

        // Delay is what passed until a hub took the event in: only Capture knows of a hub.
        let delays = Samples(replayed.metrics).sum("acs_log_record_delay_seconds_count", &[]);
        assert_eq!(delays > 0.0, name.starts_with("capture"), "{name}");

        let replayed = replay_with(&["-"], &content);
        assert_same(&domain(&replayed.metrics), &expected);
    }
}

fn kinds() -> Vec<(&'static str, Vec<u8>)> {
    let samples: Value = serde_json::from_str(SAMPLES).unwrap();
    let records = samples.pointer("/records").unwrap().as_array().unwrap();
    let lines = records.iter().fold(String::new(), |all, record| {
        all + &record.to_string() + "\n"
    });
    let (first, rest) = lines.as_bytes().split_at(100);
    let end_to_end: String = records
        .iter()
        .map(|record| json!({"records": [record]}).to_string())
        .collect();
    vec![
        ("envelope", SAMPLES.into()),
        ("lines", lines.clone().into()),
        (
            "lines.with.a.byte.order.mark",
            format!("\u{feff}{}", lines.replace('\n', "\r\n\r\n")).into(),
        ),
        ("array", serde_json::to_vec_pretty(records).unwrap()),
        ("end.to.end", end_to_end.clone().into()),
        ("lines.compressed", gzip(lines.as_bytes())),
        ("parts.compressed", [gzip(first), gzip(rest)].concat()),
        (
            "capture",
            capture(records, Codec::Deflate(DeflateSettings::default())),
        ),
        ("capture.plain", capture(records, Codec::Null)),
        ("capture.compressed", gzip(&capture(records, Codec::Null))),
    ]
}

pub(super) fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// As much as can be inflated.
fn inflated(content: &[u8]) -> Vec<u8> {
    let mut inflated = Vec::new();
    let _is_truncated = GzDecoder::new(content).read_to_end(&mut inflated);
    inflated
}

fn capture(records: &[Value], codec: Codec) -> Vec<u8> {
    let schema = Schema::parse_str(CAPTURE_SCHEMA).unwrap();
    let mut writer = Writer::with_codec(&schema, Vec::new(), codec).unwrap();
    for (number, record) in (0_i64..).zip(records) {
        let mut event = Record::new(&schema).unwrap();
        let body = json!({"records": [record]}).to_string().into_bytes();
        event.put("SequenceNumber", number);
        event.put("Offset", (number * 1024).to_string());
        event.put("EnqueuedTimeUtc", "1/31/2026 12:00:00 PM");
        event.put(
            "SystemProperties",
            Avro::Map(std::collections::HashMap::new()),
        );
        event.put("Properties", Avro::Map(std::collections::HashMap::new()));
        event.put("Body", Avro::Union(1, Box::new(Avro::Bytes(body))));
        writer.append_value(event).unwrap();
    }
    writer.into_inner().unwrap()
}

#[test]
fn a_file_that_is_broken_or_absent_does_not_hide_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let whole = gzip(SAMPLES.as_bytes());
    fs::write(at("1-whole"), SAMPLES).unwrap();
    fs::write(at("2-cut"), &whole[..whole.len() / 2]).unwrap();
    fs::write(at("3-avro-of-something-else"), {
        let schema = Schema::parse_str(r#"{"type": "record", "name": "R", "fields": []}"#).unwrap();
        let mut writer = Writer::new(&schema, Vec::new()).unwrap();
        writer.append_value(Record::new(&schema).unwrap()).unwrap();
        writer.into_inner().unwrap()
    })
    .unwrap();
    fs::write(at("4-whole"), SAMPLES).unwrap();
    let absent = at("absent");
    let replayed = replay(&[text(folder.path()), text(&absent)]);
    assert_eq!(replayed.code, Some(1), "{}", replayed.summary);
    for name in ["2-cut", "3-avro-of-something-else", "absent"] {
        let told = format!("cannot read `{}`", text(&at(name)));
        assert!(
            replayed.summary.contains(&told),
            "{told} in {}",
            replayed.summary
        );
    }
    assert!(
        replayed.metrics.contains("\nacs_recordings_total"),
        "{}",
        replayed.metrics
    );
    let half = inflated(&whole[..whole.len() / 2]);
    assert!(!half.is_empty());
    fs::write(at("2-cut"), half).unwrap();
    let whole = ["1-whole", "2-cut", "4-whole"].map(at);
    let readable = replay(&whole.each_ref().map(|path| text(path)));
    assert_same(&domain(&replayed.metrics), &domain(&readable.metrics));
}

#[test]
fn what_is_rejected_is_named_with_its_line_and_fails_only_a_strict_replay() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("PT1H.json");
    let good = r#"{"category":"Usage","properties":{"usageType":"chat","unitType":"messages","quantity":2}}"#;
    let foreign = r#"{"category":"Administrative"}"#;
    let many = "nonsense\n".repeat(30);
    let numbers = ["7"; 30].join(",\n");
    fs::write(
        &path,
        format!(
            "{good}\n{good}\n{{\"records\":[7,{good},8]}}\n{{\"cut\n{foreign}\n{many}[{numbers}]"
        ),
    )
    .unwrap();
    let replayed = replay(&[text(&path)]);
    assert_eq!(replayed.code, Some(0), "{}", replayed.summary);
    let summary = replayed.summary.replace(text(&path), "PT1H.json");
    for line in [
        "records: 38 received = 3 observed + 1 ignored + 34 rejected",
        "ignored, Administrative: 1",
        "  PT1H.json:3: not_an_object\n  PT1H.json:3: not_an_object\n  PT1H.json:4: malformed",
        "  PT1H.json:6: body_not_json",
        "  PT1H.json:51: not_an_object",
        "  and 14 records more",
        "repaired, merged_records: 1 time",
    ] {
        assert!(summary.contains(line), "`{line}` in {summary}");
    }
    assert!(
        replayed
            .metrics
            .contains("acs_recording_exporter_records_total{disposition=\"rejected\"} 34\n")
    );
    assert!(!replayed.metrics.contains("process_"));

    let strict = replay(&["--strict", text(&path)]);
    assert_eq!(strict.code, Some(1));
    assert_eq!(strict.metrics, replayed.metrics);
}

#[tokio::test]
async fn the_same_archive_through_replay_and_through_a_hub_gives_the_same_metrics() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings {
        calls_per_second: 0.2,
        ..Settings::default()
    };
    let written = archive::write(
        folder.path(),
        &settings,
        datetime!(2026-01-31 12:00 UTC),
        Duration::from_mins(8),
    );
    let replayed = replay(&["--strict", text(folder.path())]);
    assert_eq!(replayed.code, Some(0), "{}", replayed.summary);

    let hub = Process::exporter(
        &["hub", "--listen", "127.0.0.1:0", "--event-hub", "acs-logs"],
        &[],
    );
    let connection_string = hub.says("connection string: ").await;
    let exporter = Exporter::reading(&connection_string, &[]).await;
    exporter.ready().await;
    // One batch of the publisher holds 1 MB.
    let lines = lines(folder.path());
    for some in lines.chunks(500) {
        publish(&connection_string, some, 1).await;
    }
    let scrape = eventually("all records", || async {
        let scrape = exporter.scrape().await?;
        let records = scrape.sum("acs_recording_exporter_records_received_total", &[]);
        if records < f64::from(u32::try_from(written.records).unwrap()) {
            return Err(format!("{records} of {}", written.records));
        }
        Ok(scrape)
    })
    .await;
    let (seen, expected) = (domain(&replayed.metrics), domain(&scrape.0));
    assert_same(&seen, &expected);
    println!(
        "{} records of {} files: {} series are the same through replay and through a hub",
        written.records,
        written.files,
        seen.len()
    );
}

/// Every record of an archive.
fn lines(folder: &Path) -> Vec<Value> {
    let mut folders = vec![folder.to_owned()];
    let mut lines = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let text = fs::read_to_string(path).unwrap();
                lines.extend(
                    text.lines()
                        .map(|line| serde_json::from_str::<Value>(line).unwrap()),
                );
            }
        }
    }
    lines
}
