//! Events that an exporter could not read are kept, privately, and can be read back.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use event_hub_emulator::{Emulator, EventHub};

use super::{domain, replay, text};
use crate::world::{Exporter, eventually};

const GOOD: &str =
    r#"{"category":"Usage","properties":{"usageType":"chat","unitType":"messages","quantity":2}}"#;

async fn exporter(hub: &Emulator, directory: &str) -> Exporter {
    let exporter = Exporter::reading(
        hub.connection_string(),
        &[
            ("ACS_RECORDING_EXPORTER__EVENT_HUB__START", "earliest"),
            ("ACS_RECORDING_EXPORTER__DEAD_LETTERS__DIRECTORY", directory),
        ],
    )
    .await;
    exporter.ready().await;
    exporter
}

async fn letters(exporter: &Exporter, result: &str, expected: f64) {
    let label = format!(r#"result="{result}""#);
    eventually(&format!("{expected} letters {result}"), || async {
        let scrape = exporter.scrape().await?;
        let letters = scrape.sum("acs_recording_exporter_dead_letters_total", &[&label]);
        if letters == expected {
            Ok(())
        } else {
            Err(letters.to_string())
        }
    })
    .await;
}

#[tokio::test]
async fn events_with_rejected_records_are_kept_privately_and_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("letters");
    let hub = Emulator::start([EventHub::new("logs", 1)]).await.unwrap();
    let exporter = exporter(&hub, text(&directory)).await;
    let bodies: [&[u8]; 4] = [
        GOOD.as_bytes(),
        &format!(r#"{{"records":["secret-caller",{GOOD}]}}"#).into_bytes(),
        b"\xff\xfe secret-caller",
        b"",
    ];
    for body in bodies {
        hub.publish("logs", 0, body).unwrap();
    }
    letters(&exporter, "written", 3.0).await;

    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&directory), 0o700);
    let files: Vec<_> = fs::read_dir(&directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(files.len(), 1, "{files:?}");
    assert_eq!(mode(&files[0]), 0o600);
    assert!(
        !exporter.process.written().contains("secret-caller"),
        "{}",
        exporter.process.written()
    );

    let replayed = replay(&[text(&directory)]);
    let accounted = "records: 4 received = 1 observed + 0 ignored + 3 rejected";
    assert!(replayed.summary.contains(accounted), "{}", replayed.summary);
    let readable = domain(&replayed.metrics);
    assert_eq!(
        readable[r#"acs_usage_quantity_total{resource="unknown",unit_type="messages",usage_type="chat"}"#],
        2.0
    );
    // A hub enqueued them, and they have that time; the record has no time, so there is no delay.
    let lines = fs::read_to_string(&files[0]).unwrap();
    assert_eq!(lines.matches(r#""enqueued_at":"2"#).count(), 3, "{lines}");
}

#[tokio::test]
async fn a_directory_that_cannot_be_written_to_costs_the_letters_and_nothing_else() {
    let hub = Emulator::start([EventHub::new("logs", 1)]).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("letters");
    let exporter = exporter(&hub, text(&directory)).await;
    // What is not there at the start may still be unusable when the first letter comes.
    fs::write(directory, "a file").unwrap();
    for _ in 0..5 {
        hub.publish("logs", 0, b"nonsense").unwrap();
    }
    hub.publish("logs", 0, GOOD.as_bytes()).unwrap();
    letters(&exporter, "failed", 5.0).await;
    let scrape = exporter.scrape().await.unwrap();
    assert_eq!(scrape.sum("acs_usage_quantity_total", &[]), 2.0);
    exporter.ready().await;
    let told = exporter
        .process
        .written()
        .matches("dead letter could not be written")
        .count();
    assert_eq!(told, 1, "{}", exporter.process.written());
}
