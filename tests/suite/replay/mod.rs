//! The command `replay`, as a process.

mod archive;
mod backfill;
mod bodies;
mod dead_letters;
mod kinds;
mod live;
mod prometheus;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// What a replay has printed.
#[derive(Debug)]
pub(crate) struct Replayed {
    pub(crate) code: Option<i32>,
    pub(crate) metrics: String,
    pub(crate) summary: String,
}

/// Runs `replay` to its end.
pub(crate) fn replay(arguments: &[&str]) -> Replayed {
    replay_with(arguments, b"")
}

pub(crate) fn replay_with(arguments: &[&str], stdin: &[u8]) -> Replayed {
    let mut child = Command::new(env!("CARGO_BIN_EXE_acs-recording-exporter"))
        .arg("replay")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may not want to read all, or anything.
    let _written = child.stdin.take().unwrap().write_all(stdin);
    let output = child.wait_with_output().unwrap();
    Replayed {
        code: output.status.code(),
        metrics: String::from_utf8(output.stdout).unwrap(),
        summary: String::from_utf8(output.stderr).unwrap(),
    }
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The series about ACS in a scrape, but for the delays, which depend on when a hub took the events in.
pub(crate) fn domain(scrape: &str) -> BTreeMap<String, f64> {
    scrape
        .lines()
        .filter(|line| {
            line.starts_with("acs_")
                && !line.starts_with("acs_recording_exporter_")
                && !line.starts_with("acs_log_record_delay_seconds")
        })
        .map(|line| {
            let (series, value) = line.rsplit_once(' ').unwrap();
            (series.to_owned(), value.parse().unwrap())
        })
        .collect()
}

/// The same series, and values that differ by no more than rounding does.
#[track_caller]
pub(crate) fn assert_same(seen: &BTreeMap<String, f64>, expected: &BTreeMap<String, f64>) {
    let names = |series: &BTreeMap<String, f64>| series.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(seen), names(expected));
    for (series, expected) in expected {
        let seen = seen[series];
        assert!(
            (seen - expected).abs() <= 1e-9 * expected.abs(),
            "{series}: {seen}, not {expected}"
        );
    }
}
