//! End to end: Microsoft's Python client publishes over AMQP to the hub's process, the exporter's process reads through
//! the SDK, and Prometheus' own tool reads the metrics.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use event_hub_emulator::{Emulator, EventHub};
use serde_json::{Value, json};

use crate::prometheus::Prometheus;
use crate::world::{Exporter, Process, Signal, eventually, interop, python};

/// How often each sample is published.
const TIMES: u32 = 100;

#[tokio::test]
async fn what_is_published_is_counted_exactly() {
    let hub = Process::exporter(
        &[
            "hub",
            "--listen",
            "127.0.0.1:0",
            "--event-hub",
            "acs-logs",
            "--partitions",
            "4",
        ],
        &[],
    );
    let connection_string = hub.says("connection string: ").await;
    let mut exporter = Exporter::reading(&connection_string, &[]).await;
    exporter.ready().await;

    let samples: Value = serde_json::from_str(include_str!("../data/documentation.json")).unwrap();
    let envelopes: Vec<_> = samples["records"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| json!({"records": [r]}))
        .collect();
    publish(&connection_string, &envelopes, TIMES).await;
    // The mark comes last in each partition: when all of them are seen, nothing else is to come.
    let mark = json!({"category": "Usage", "properties": {"usageType": "mark", "unitType": "marks", "quantity": 1}});
    publish_to_each_partition(&connection_string, &mark).await;
    let scrape = eventually("the marks of all partitions", || async {
        let scrape = exporter.scrape().await?;
        let marks = scrape.sum("acs_usage_records_total", &[r#"usage_type="mark""#]);
        if marks >= 4.0 {
            Ok(scrape)
        } else {
            Err(format!("{marks} of 4"))
        }
    })
    .await;

    for (name, labels, expected) in counted_of_the_samples() {
        let (seen, expected) = (scrape.sum(name, labels), expected * f64::from(TIMES));
        let difference = (seen - expected).abs();
        assert!(
            difference <= 1e-9 * expected,
            "{name}{labels:?}: {seen}, not {expected}\n{}",
            scrape.0
        );
    }
    scrape.event_hubs_are_of("127.0.0.1");
    let events = scrape.sum("acs_recording_exporter_events_total", &[]);
    let records = scrape.sum(
        "acs_recording_exporter_records_total",
        &[r#"disposition="observed""#],
    );
    assert_eq!(
        (events, records),
        (5.0 * f64::from(TIMES) + 4.0, 5.0 * f64::from(TIMES) + 4.0)
    );
    println!(
        "published {TIMES} times each, counted {TIMES} times each: 5 samples of the documentation"
    );

    exporter.process.signal(Signal::TERM);
    assert!(
        exporter.process.ended().await.success(),
        "{}",
        exporter.process.written()
    );
}

/// What each round of the samples adds: a family, labels of it, and by how much the sum over the rest rises.
fn counted_of_the_samples() -> Vec<(&'static str, &'static [&'static str], f64)> {
    const OF_THE_RESOURCE: &str = r#"resource="acsresource""#;
    vec![
        (
            "acs_recording_operations_total",
            &[
                OF_THE_RESOURCE,
                r#"operation="ResumeRecording""#,
                r#"result_signature="202""#,
                r#"result_type="Succeeded""#,
            ],
            1.0,
        ),
        ("acs_recording_operations_total", &[], 1.0),
        ("acs_recording_operation_failures_total", &[], 0.0),
        (
            "acs_recording_operation_duration_seconds_count",
            &[OF_THE_RESOURCE],
            1.0,
        ),
        (
            "acs_recording_operation_duration_seconds_sum",
            &[OF_THE_RESOURCE],
            0.13,
        ),
        (
            "acs_recording_sdk_operations_total",
            &[OF_THE_RESOURCE, r#"sdk_type="dotnet""#],
            1.0,
        ),
        (
            "acs_recording_operation_versions_total",
            &[r#"operation_version="2023-03-06""#],
            1.0,
        ),
        (
            "acs_recordings_total",
            &[
                OF_THE_RESOURCE,
                r#"end_reason="CallEnded""#,
                r#"content_type="audio_video""#,
                r#"channel_type="mixed""#,
                r#"format_type="mp4""#,
            ],
            3.0,
        ),
        ("acs_recordings_total", &[], 3.0),
        ("acs_recording_failures_total", &[], 0.0),
        (
            "acs_recording_length_seconds_sum",
            &[OF_THE_RESOURCE],
            73872.94 + 3.34 + 2.7,
        ),
        (
            "acs_recording_length_seconds_count",
            &[OF_THE_RESOURCE],
            3.0,
        ),
        ("acs_recording_chunks_total", &[OF_THE_RESOURCE], 8.0),
        ("acs_recording_audio_channels_sum", &[OF_THE_RESOURCE], 3.0),
        (
            "acs_recording_report_delay_seconds_count",
            &[OF_THE_RESOURCE],
            3.0,
        ),
        (
            "acs_usage_quantity_total",
            &[r#"usage_type="pstn""#, r#"unit_type="minutes""#],
            2.5,
        ),
        ("acs_usage_records_total", &[OF_THE_RESOURCE], 1.0),
        ("acs_log_records_total", &[OF_THE_RESOURCE], 5.0),
    ]
}

#[tokio::test]
async fn the_demo_shows_every_family_within_seconds_and_promtool_finds_nothing() {
    let mut demo = Process::exporter(&["demo", "--listen", "127.0.0.1:0"], &[]);
    let port = demo
        .says("http://localhost:")
        .await
        .split('/')
        .next()
        .unwrap()
        .to_owned();
    let address = format!("127.0.0.1:{port}");
    let text = eventually("all families above zero", || async {
        let (_, text) = crate::world::get(&address, "/metrics").await?;
        let scrape = crate::world::Samples(text);
        let missing: Vec<_> = [
            "acs_recording_operations_total",
            "acs_recording_operation_failures_total",
            "acs_recording_operation_duration_seconds_bucket",
            "acs_recordings_total",
            "acs_recording_failures_total",
            "acs_recording_length_seconds_bucket",
            "acs_usage_quantity_total",
        ]
        .into_iter()
        .filter(|name| scrape.sum(name, &[]) <= 0.0)
        .collect();
        if missing.is_empty() {
            Ok(scrape.0)
        } else {
            Err(format!("still zero: {missing:?}"))
        }
    })
    .await;
    promtool_finds_nothing(&text);
    demo.signal(Signal::TERM);
    assert!(demo.ended().await.success(), "{}", demo.written());
}

#[tokio::test]
async fn a_real_prometheus_scrapes_and_its_scrapes_count() {
    let hub = Emulator::start([EventHub::new("logs", 1)]).await.unwrap();
    let exporter = Exporter::reading(hub.connection_string(), &[]).await;
    let folder = tempfile::tempdir().unwrap();
    let scraping = format!(
        "scrape_configs: [{{job_name: exporter, scrape_interval: 1s, scrape_timeout: 1s, \
         params: {{scraper: [prometheus-0]}}, static_configs: [{{targets: ['{}']}}]}}]",
        exporter.address
    );
    let prometheus = Prometheus::start(folder.path(), &scraping).await;
    eventually("it is up and its scrapes count", || async {
        let up = prometheus.ask("up", None, "job").await;
        let query = "acs_recording_exporter_scrapes_total";
        let scrapes = prometheus.ask(query, None, "counted").await;
        let is_right = up.get("exporter") == Some(&1.0)
            && scrapes.get("true") >= Some(&3.0)
            && !scrapes.contains_key("false");
        is_right
            .then(|| println!("{up:?} {scrapes:?}"))
            .ok_or_else(|| format!("{up:?} {scrapes:?}"))
    })
    .await;
}

fn promtool_finds_nothing(scrape: &str) {
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool is installed by `tests/run` (Debian's package prometheus)");
    promtool
        .stdin
        .take()
        .unwrap()
        .write_all(scrape.as_bytes())
        .unwrap();
    let answer = promtool.wait_with_output().unwrap();
    let found = String::from_utf8_lossy(&answer.stdout).into_owned()
        + &String::from_utf8_lossy(&answer.stderr);
    assert!(
        answer.status.success() && found.trim().is_empty(),
        "promtool: {found}"
    );
}

/// Publishes bodies in one batch, so of 1 MB at most, that many times.
pub(crate) async fn publish(connection_string: &str, bodies: &[Value], times: u32) {
    run_publisher(connection_string, bodies, &["--times", &times.to_string()]).await;
}

async fn publish_to_each_partition(connection_string: &str, body: &Value) {
    run_publisher(
        connection_string,
        std::slice::from_ref(body),
        &["--each-partition"],
    )
    .await;
}

async fn run_publisher(connection_string: &str, bodies: &[Value], arguments: &[&str]) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    for body in bodies {
        writeln!(file, "{body}").unwrap();
    }
    let path = file.path().to_str().unwrap().to_owned();
    let script = interop("python/publish.py");
    let mut all = vec![script.as_str(), "--bodies", &path];
    all.extend(arguments);
    let mut publisher = Process::start(
        Path::new(&python()),
        &all,
        &[("EVENT_HUB_CONNECTION_STRING", connection_string)],
    );
    assert!(publisher.ended().await.success(), "{}", publisher.written());
}
