//! A file is a body: what the live decoder makes of one, `replay` does.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use super::{Replayed, replay, replay_with, text};
use crate::world::Samples;

const RESOURCE: &str = "/SUBSCRIPTIONS/11111111-2222-3333-4444-555555555555/RESOURCEGROUPS/RG/PROVIDERS/MICROSOFT.COMMUNICATION/COMMUNICATIONSERVICES/ACS-ONE";

/// A record of an operation: the beginning of one, to go on with.
fn operation(name: &str, status: u16) -> String {
    format!(
        r#""time":"2026-02-03T04:05:06Z","resourceId":"{RESOURCE}","category":"CallRecordingOperational","operationName":"{name}","resultSignature":"{status}""#
    )
}

#[track_caller]
fn sum(replayed: &Replayed, name: &str, labels: &[&str]) -> f64 {
    Samples(replayed.metrics.clone()).sum(name, labels)
}

#[test]
fn a_record_cut_inside_a_text_costs_no_other() {
    let cut = operation("StopRecording", 202);
    let next = format!(
        r#""category":"CallRecordingOperational","resourceId":"{RESOURCE}","operationName":"StartRecording","resultSignature":"503""#
    );
    let body = format!(r#"{{"records":[{{{cut},"uri":"https://x/call,{{{next}}}]}}"#);
    let replayed = replay_with(&["-"], body.as_bytes());
    let failed = [r#"operation="StartRecording""#];
    assert_eq!(
        sum(&replayed, "acs_recording_operation_failures_total", &failed),
        1.0
    );
    let merged = [r#"kind="merged_records""#];
    assert_eq!(
        sum(&replayed, "acs_recording_exporter_repairs_total", &merged),
        1.0
    );
    assert!(
        replayed
            .summary
            .contains("repaired, merged_records: 1 record\n")
    );
}

#[test]
fn a_byte_order_mark_may_be_encoded_twice() {
    let body = format!(
        "\u{ef}\u{bb}\u{bf}{{\"records\":[{{{}}}]}}",
        operation("StartRecording", 202)
    );
    let replayed = replay_with(&["--strict", "-"], body.as_bytes());
    assert_eq!(replayed.code, Some(0), "{}", replayed.summary);
    assert_eq!(sum(&replayed, "acs_recording_operations_total", &[]), 1.0);
    assert_eq!(
        sum(&replayed, "acs_recording_exporter_rejects_total", &[]),
        0.0
    );
}

#[test]
fn newlines_may_stand_between_all_things_and_inside_a_text() {
    let records = format!(
        "{{\"records\"\n:\n[\n{{{},\n\"note\":\"a\nb\"\n}}\n,\n{{\n{}}}\n]\n}}",
        operation("StartRecording", 503),
        operation("StopRecording", 202).replace(',', ",\n")
    );
    let replayed = replay_with(&["--strict", "-"], records.as_bytes());
    assert_eq!(replayed.code, Some(0), "{}", replayed.summary);
    assert_eq!(sum(&replayed, "acs_recording_operations_total", &[]), 2.0);
    assert_eq!(
        sum(&replayed, "acs_recording_exporter_rejects_total", &[]),
        0.0
    );
    let repaired = [r#"kind="control_characters""#];
    assert_eq!(
        sum(&replayed, "acs_recording_exporter_repairs_total", &repaired),
        1.0
    );
}

#[test]
fn an_empty_file_is_a_rejected_record_and_fails_a_strict_replay() {
    for empty in ["", "\n\n", "\u{feff}"] {
        let replayed = replay_with(&["-"], empty.as_bytes());
        assert_eq!(replayed.code, Some(0), "{}", replayed.summary);
        assert!(replayed.summary.contains("-:1: empty_body") || empty == "\n\n");
        let strict = replay_with(&["--strict", "-"], empty.as_bytes());
        assert_eq!(strict.code, Some(1), "{}", strict.summary);
    }
    let none = replay_with(&["--strict", "-"], br#"{"records":[]}"#);
    assert_eq!(none.code, Some(0), "{}", none.summary);
}

#[test]
fn a_file_that_ends_inside_a_record_fails_the_replay_and_what_was_read_counts() {
    let body = format!(
        r#"{{"records":[{{{}}},{{"time":"2026"#,
        operation("StartRecording", 503)
    );
    let replayed = replay_with(&["-"], body.as_bytes());
    assert_eq!(replayed.code, Some(1), "{}", replayed.summary);
    assert!(
        replayed.summary.contains("truncated records: 1"),
        "{}",
        replayed.summary
    );
    assert_eq!(sum(&replayed, "acs_recording_operations_total", &[]), 1.0);
}

#[test]
fn what_is_odd_about_the_records_is_listed() {
    let good = operation("StartRecording", 202) + r#","correlationId":"c""#;
    let foreign = r#""category":"CallSummary","time":"2026-02-03T04:05:06Z""#;
    let bodies = format!(
        "[{{{good}}},{{{good}}},{{{good},\"news\":1,'level':'Error'}},{{{foreign}}},{{{foreign}}},{{\"x\":1}}]"
    );
    let replayed = replay_with(&["-"], bodies.as_bytes());
    assert_eq!(replayed.code, Some(0), "{}", replayed.summary);
    for line in [
        "records: 6 received = 3 observed + 3 ignored + 0 rejected\n",
        "ignored, CallSummary: 2\n",
        "ignored, without a category: 1\n",
        "repaired, single_quotes: 1 record\n",
        "not in Microsoft's documentation, field: 1 time\n",
        "duplicates: ",
    ] {
        assert!(
            replayed.summary.contains(line),
            "`{line}` in {}",
            replayed.summary
        );
    }
    for (series, value) in [
        ("acs_recording_exporter_drift_total{kind=\"field\"}", 1),
        (
            "acs_recording_exporter_repairs_total{kind=\"single_quotes\"}",
            1,
        ),
        ("acs_recording_exporter_repairs_total{kind=\"brackets\"}", 0),
    ] {
        let line = format!("\n{series} {value}\n");
        assert!(
            replayed.metrics.contains(&line),
            "`{line}` in {}",
            replayed.metrics
        );
    }
}

#[test]
fn a_record_that_is_too_long_costs_only_itself() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long");
    let long = "x".repeat(17 << 20);
    let [first, second, third] =
        ["StartRecording", "StopRecording", "PauseRecording"].map(|name| operation(name, 202));
    fs::write(
        &path,
        format!(r#"{{"records":[{{{first}}},{{{second},"note":"{long}","a":{{"b":[1]}}}},{{{third}}}]}}"#),
    )
    .unwrap();
    let replayed = replay(&[text(&path)]);
    assert_eq!(replayed.code, Some(1), "{}", replayed.summary);
    let accounted = "records: 3 received = 2 observed + 0 ignored + 1 rejected";
    assert!(replayed.summary.contains(accounted), "{}", replayed.summary);
    assert_eq!(
        sum(
            &replayed,
            "acs_recording_operations_total",
            &[r#"operation="PauseRecording""#]
        ),
        1.0
    );
}

#[test]
fn memory_does_not_grow_with_an_envelope() {
    let (memory_mib, summary) = replay_an_envelope_of(20 << 20);
    println!("an envelope of 20 MiB: {memory_mib} MiB of memory; {summary}");
    assert!(memory_mib < 100, "{memory_mib} MiB");
}

/// Pipes one envelope of that many bytes through `replay`; returns the most memory that it took, in MiB, and its report.
fn replay_an_envelope_of(bytes: usize) -> (u64, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_acs-recording-exporter"))
        .args(["replay", "--strict", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"{\"records\":[").unwrap();
    let mut written = 0;
    while written < bytes {
        let between = if written == 0 { "" } else { ",\n" };
        let record = format!(
            r#"{between}{{{},"correlationId":"{written}"}}"#,
            operation("StartRecording", 202)
        );
        stdin.write_all(record.as_bytes()).unwrap();
        written += record.len();
    }
    stdin.write_all(b"]}").unwrap();
    // All but what is left in the pipe has been read.
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let summary = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{summary}");
    assert!(summary.contains("+ 0 ignored + 0 rejected"), "{summary}");
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib: u64 = most
        .unwrap()
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .unwrap();
    (kib / 1024, summary)
}

/// `tests/full` runs it.
#[test]
#[ignore = "takes a minute in a debug build: tests/full runs it, and 20 MiB are tested above"]
fn memory_does_not_grow_with_an_envelope_of_64_mib() {
    let (memory_mib, summary) = replay_an_envelope_of(64 << 20);
    println!("an envelope of 64 MiB: {memory_mib} MiB of memory; {summary}");
    assert!(memory_mib < 100, "{memory_mib} MiB");
}
