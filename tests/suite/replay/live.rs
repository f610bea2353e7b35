//! The same bodies through `replay` and through an event hub give the same series.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use event_hub_emulator::{Emulator, EventHub};

use super::kinds::gzip;
use super::{assert_same, replay, text};
use crate::any_body::payloads;
use crate::mutants::mutants;
use crate::world::{Exporter, eventually};

#[tokio::test]
async fn every_golden_payload_and_mutants_of_them() {
    println!("{}", agree(golden_and_mutants(300)).await);
}

#[tokio::test]
#[ignore = "takes minutes: tests/full runs it, and some mutants are tested above"]
async fn every_golden_payload_and_ten_thousand_mutants_of_them() {
    println!("{}", agree(golden_and_mutants(10_000)).await);
}

/// No event holds 64 MiB: the hub gets its records in many envelopes.
#[tokio::test]
#[ignore = "takes minutes: tests/full runs it"]
async fn an_envelope_of_64_mib() {
    const RECORDS: usize = 1000;
    let records: Vec<String> = (0..64 * 1024 * 1024 / 400).map(record).collect();
    let envelope =
        |records: &[String]| format!(r#"{{"records":[{}]}}"#, records.join(",\n")).into_bytes();
    let whole = envelope(&records);
    assert!(whole.len() > 64 << 20, "{}", whole.len());
    let parts = records.chunks(RECORDS).map(envelope).collect();
    println!("{}", agree_on(vec![whole], parts).await);
}

fn record(number: usize) -> String {
    const RESOURCE: &str = "/SUBSCRIPTIONS/11111111-2222-3333-4444-555555555555/RESOURCEGROUPS/RG/PROVIDERS/MICROSOFT.COMMUNICATION/COMMUNICATIONSERVICES/ACS-ONE";
    let (operation, status) = match number % 5 {
        0 => ("StartRecording", 503),
        1 => ("StopRecording", 204),
        2 => ("GetRecording", 404),
        _ => ("PauseRecording", 202),
    };
    format!(
        r#"{{"time":"2026-02-03T04:05:06Z","resourceId":"{RESOURCE}","category":"CallRecordingOperational","operationName":"{operation}","operationVersion":"2023-03-06","correlationId":"aaaa0000-bb11-2222-33cc-{number:012}","level":"Informational","resultSignature":"{status}","durationMs":"{}","properties":{{"sdkType":"dotnet"}}}}"#,
        number % 700
    )
}

fn golden_and_mutants(count: usize) -> Vec<Vec<u8>> {
    let golden = payloads().into_iter().map(|(_, body)| body);
    let golden: Vec<_> = golden.collect();
    let encoded = golden
        .iter()
        .flat_map(|body| encoded(body))
        .collect::<Vec<_>>();
    golden
        .into_iter()
        .chain(encoded)
        .chain(mutants(count).into_iter().map(|mutant| mutant.body))
        .collect()
}

/// A body as users encode it, whole and truncated.
fn encoded(body: &[u8]) -> Vec<Vec<u8>> {
    let text = format!("\u{feff}{}", String::from_utf8_lossy(body));
    let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let compressed = gzip(body);
    let truncated = [3, 9, 14, 40, compressed.len() / 2, compressed.len() - 1];
    let mut encoded: Vec<_> = truncated
        .map(|end| compressed.iter().copied().take(end).collect())
        .into();
    encoded.extend([compressed, [gzip(&utf16), b"\0{}".to_vec()].concat(), utf16]);
    encoded
}

async fn agree(bodies: Vec<Vec<u8>>) -> String {
    agree_on(bodies.clone(), bodies).await
}

/// Reads these files, and receives these events; returns what there is to print.
async fn agree_on(files: Vec<Vec<u8>>, events: Vec<Vec<u8>>) -> String {
    let folder = tempfile::tempdir().unwrap();
    for (number, file) in files.iter().enumerate() {
        fs::write(folder.path().join(format!("{number:06}")), file).unwrap();
    }
    let hub = Emulator::start([EventHub::new("logs", 1)]).await.unwrap();
    for event in &events {
        hub.publish("logs", 0, event.as_slice()).unwrap();
    }
    let received = received(&hub, events.len()).await;
    let replayed = replay(&[text(folder.path())]);
    let replayed = series(&replayed.metrics);
    let families: BTreeSet<_> = replayed.keys().map(|series| family(series)).collect();
    let mut received = series(&received);
    received.retain(|series, _| families.contains(family(series)));
    assert_same(&replayed, &received);
    let records = replayed
        .get("acs_recording_exporter_records_received_total")
        .unwrap();
    format!(
        "{} files, {} events, {records} records: {} series are the same through replay and through a hub",
        files.len(),
        events.len(),
        replayed.len()
    )
}

/// The scrape of an exporter that has received so many events.
async fn received(hub: &Emulator, events: usize) -> String {
    let exporter = Exporter::reading(
        hub.connection_string(),
        &[("ACS_RECORDING_EXPORTER__EVENT_HUB__START", "earliest")],
    )
    .await;
    let scrape = eventually("all events", || async {
        let scrape = exporter.scrape().await?;
        let received = scrape.sum("acs_recording_exporter_events_total", &[]);
        if received < f64::from(u32::try_from(events).unwrap()) {
            return Err(format!("{received} of {events}"));
        }
        Ok(scrape)
    })
    .await;
    scrape.0
}

/// Every series of a scrape, but those that depend on when a hub took the events in.
fn series(scrape: &str) -> BTreeMap<String, f64> {
    let lines = scrape.lines().filter(|line| {
        line.starts_with("acs_")
            && !line.starts_with("acs_log_record_delay_seconds")
            && !line.starts_with("acs_log_last_record_timestamp_seconds")
    });
    lines
        .map(|line| {
            let (series, value) = line.rsplit_once(' ').unwrap();
            (series.to_owned(), value.parse().unwrap())
        })
        .collect()
}

fn family(series: &str) -> &str {
    series.split('{').next().unwrap()
}
