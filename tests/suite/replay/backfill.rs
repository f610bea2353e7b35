//! History in a real Prometheus: what it answers is what was simulated.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::process::{Command, Stdio};
use std::time::Duration;

use acs_log_simulator::{Body, Record, Settings, Traffic};
use acs_recording_exporter::inside::config::KEYS;
use time::OffsetDateTime;
use time::macros::datetime;

use super::prometheus::make_blocks;
use super::{archive, replay, text};
use crate::prometheus::Prometheus;

const START: OffsetDateTime = datetime!(2026-01-31 00:00 UTC);

/// Two hours: one block of Prometheus and the incident of an hour.
#[tokio::test]
async fn two_hours_of_history_are_answered_as_they_were() {
    println!(
        "{}",
        history_is_answered(Duration::from_hours(2), 0.5).await
    );
}

/// `tests/full` runs it, for its time.
#[tokio::test]
#[ignore = "takes minutes: tests/full runs it, and two hours are tested above"]
async fn a_day_of_history_is_answered_as_it_was() {
    println!(
        "{}",
        history_is_answered(Duration::from_hours(24), 0.25).await
    );
}

/// Replays, asks and compares; returns what there is to print.
async fn history_is_answered(duration: Duration, calls_per_second: f64) -> String {
    let settings = Settings {
        calls_per_second,
        ..Settings::default()
    };
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let archive = archive::write(&at("archive"), &settings, START, duration);
    let simulated = Simulated::new(&settings, duration);

    let history = at("history");
    let replayed = Command::new(env!("CARGO_BIN_EXE_acs-recording-exporter"))
        .args(["replay", "--strict", "--openmetrics", text(&at("archive"))])
        .stdout(File::create(&history).unwrap())
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    let summary = String::from_utf8(replayed.stderr).unwrap();
    assert!(replayed.status.success(), "{summary}");
    let blocks = make_blocks(&history, &at("tsdb"));
    // It scrapes nothing.
    let prometheus = Prometheus::start(folder.path(), "").await;

    // The step that has seen the last record.
    let end = (simulated.last.unix_timestamp() + 60) / 60 * 60;
    let range = duration.as_secs() + 3600;
    let ask = async |query: &str, label: &str| {
        let query = query.replace("RANGE", &format!("{range}s"));
        prometheus.ask(&query, Some(end), label).await
    };

    let failures = ask(
        "sum by (operation) (increase(acs_recording_operation_failures_total[RANGE]))",
        "operation",
    )
    .await;
    assert_near(&failures, &simulated.failures, "failures by operation");
    let p95 = ask(
        "histogram_quantile(0.95, sum by (le, operation) (rate(acs_recording_operation_duration_seconds_bucket[RANGE])))",
        "operation",
    )
    .await;
    assert_near(&p95, &simulated.p95(), "p95 of latency");
    let recordings = ask(
        "sum by (end_reason) (increase(acs_recordings_total[RANGE]))",
        "end_reason",
    )
    .await;
    assert_near(
        &recordings,
        &simulated.recordings,
        "recordings by end reason",
    );

    format!(
        "archive: {archive:?}\n{}\nhistory: {} bytes\n{blocks}\nfailures: {failures:?}\np95: {p95:?}\nrecordings: {recordings:?}",
        summary.trim_end(),
        fs::metadata(&history).unwrap().len(),
    )
}

/// The traffic's own figures, before any of it became text.
struct Simulated {
    last: OffsetDateTime,
    failures: BTreeMap<String, f64>,
    latencies: BTreeMap<String, Vec<f64>>,
    recordings: BTreeMap<String, f64>,
}

impl Simulated {
    fn new(settings: &Settings, duration: Duration) -> Self {
        let mut simulated = Self {
            last: START,
            failures: BTreeMap::new(),
            latencies: BTreeMap::new(),
            recordings: BTreeMap::new(),
        };
        for record in Traffic::new(settings, START)
            .unwrap()
            .take_while(|record| record.time < START + duration)
        {
            simulated.add(&record);
        }
        simulated
    }

    fn add(&mut self, record: &Record) {
        self.last = record.time;
        match &record.body {
            Body::Operation(operation) => {
                let name = format!("{}Recording", operation.verb.name());
                if operation.is_failure() {
                    *self.failures.entry(name.clone()).or_default() += 1.0;
                }
                // The log has whole milliseconds.
                let milliseconds = u32::try_from(operation.duration.whole_milliseconds()).unwrap();
                self.latencies
                    .entry(name)
                    .or_default()
                    .push(f64::from(milliseconds) / 1000.0);
            }
            Body::Summary(summary) => {
                *self
                    .recordings
                    .entry(summary.end_reason.name().to_owned())
                    .or_default() += 1.0;
            }
            Body::Usage(_) => {}
        }
    }

    /// What `histogram_quantile` makes of the true latencies: it interpolates within the bucket of the true quantile.
    fn p95(&self) -> BTreeMap<String, f64> {
        let key = KEYS
            .iter()
            .find(|key| key.name == "metrics.buckets.operation_duration")
            .unwrap();
        let bounds: Vec<f64> = key
            .default
            .unwrap()
            .split(", ")
            .map(|bound| bound.parse().unwrap())
            .collect();
        self.latencies
            .iter()
            .map(|(operation, latencies)| (operation.clone(), p95(latencies, &bounds)))
            .collect()
    }
}

fn p95(latencies: &[f64], bounds: &[f64]) -> f64 {
    let count = |bound: f64| {
        f64::from(
            u32::try_from(
                latencies
                    .iter()
                    .filter(|seconds| **seconds <= bound)
                    .count(),
            )
            .unwrap(),
        )
    };
    let rank = 0.95 * count(f64::INFINITY);
    let mut lower = (0.0, 0.0);
    for bound in bounds {
        let upper = (*bound, count(*bound));
        if upper.1 >= rank {
            return lower.0 + (upper.0 - lower.0) * (rank - lower.1) / (upper.1 - lower.1);
        }
        lower = upper;
    }
    lower.0
}

#[track_caller]
fn assert_near(answer: &BTreeMap<String, f64>, simulated: &BTreeMap<String, f64>, what: &str) {
    assert!(
        simulated.len() > 1,
        "{what}: the simulation has too little of it: {simulated:?}"
    );
    let names = |answer: &BTreeMap<String, f64>| answer.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(answer), names(simulated), "{what}");
    for (name, expected) in simulated {
        let seen = answer[name];
        // Prometheus computes rates, and multiplies them out again.
        assert!(
            (seen - expected).abs() <= 1e-9 * expected,
            "{what} of {name}: {seen}, not {expected}"
        );
    }
}

/// A record without a time has that of the one before it; one that has none before it is reported.
#[test]
fn records_without_a_time_have_the_one_before_or_are_reported() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lines");
    let record = |time: &str| {
        format!(
            r#"{{{time}"category":"Usage","properties":{{"usageType":"chat","unitType":"messages","quantity":1}}}}"#
        )
    };
    let dated = |time: &str| record(&format!(r#""time":"{time}","#));
    let lines = [
        record(""),
        dated("2026-01-31T12:03:00Z"),
        record(""),
        dated("2026-01-31T12:01:00Z"),
    ];
    fs::write(&path, lines.join("\n")).unwrap();
    let replayed = replay(&["--openmetrics", text(&path)]);
    assert_eq!(replayed.code, Some(0), "{}", replayed.summary);
    assert!(
        replayed
            .summary
            .contains("without a time, and so not in the history: 1 record\n"),
        "{}",
        replayed.summary
    );
    let samples: Vec<_> = replayed
        .metrics
        .lines()
        .filter_map(|line| line.strip_prefix(r#"acs_usage_records_total{resource="unknown",unit_type="messages",usage_type="chat"} "#))
        .collect();
    assert_eq!(
        samples,
        [
            "0 1769860800",
            "1 1769860860",
            "1 1769860920",
            "3 1769860980"
        ]
    );
    assert!(replayed.metrics.ends_with("# EOF\n"));
}
