//! How long a record takes on the way of nearly every body: an envelope as Azure Monitor sends it.
//!
//! `cargo bench --bench decode` prints nanoseconds per record; a second line is the same with one record broken.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a program of its own: it measures and prints"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use acs_recording_exporter::inside::{acs, envelope};
use time::OffsetDateTime;

/// As many as fill an event of a standard event hub half.
const RECORDS: usize = 500;

/// Long enough that the clock and the caches do not matter.
const FOR: Duration = Duration::from_millis(500);

fn main() {
    let whole = body(|record| record);
    let one_broken = body(|record| match record {
        Some(record) => Some(record),
        None => Some(r#"{"category":"Usage","properties":{'quantity':'1'}}"#.to_owned()),
    });
    let enqueued_at = Some(OffsetDateTime::UNIX_EPOCH);
    let rules = acs::FailureRules::default();
    println!("{RECORDS} records, {} bytes", whole.len());
    for (name, body) in [
        ("as Azure sends them", &whole),
        ("one of them broken", &one_broken),
    ] {
        let split = measure(|| envelope::open(black_box(body)).records.len());
        let decoded = measure(|| {
            let slots = envelope::open(black_box(body)).records;
            let read = |text| acs::read(text, enqueued_at, &rules).ok();
            let records = slots.iter().flatten().filter_map(|text| read(text));
            records
                .filter_map(|record| record.observation)
                .map(black_box)
                .count()
        });
        println!("{name}: {split} ns per record to split, {decoded} ns to split, read and observe");
    }
}

/// An envelope of operations and summaries. The one in the middle is made by `make` out of nothing.
fn body(make: impl Fn(Option<String>) -> Option<String>) -> Vec<u8> {
    let records: Vec<_> = (0..RECORDS)
        .filter_map(|n| make((n != RECORDS / 2).then(|| record(n))))
        .collect();
    format!(r#"{{"records":[{}]}}"#, records.join(",")).into_bytes()
}

fn record(n: usize) -> String {
    const RESOURCE: &str = "/SUBSCRIPTIONS/00000000-1111-2222-3333-444444444444/RESOURCEGROUPS/RG-CALLS/PROVIDERS/MICROSOFT.COMMUNICATION/COMMUNICATIONSERVICES/CONTOSO";
    if n.is_multiple_of(2) {
        format!(
            r#"{{"time":"2026-01-31T11:59:30.1000000Z","resourceId":"{RESOURCE}","category":"CallRecordingOperational","operationName":"ResumeCallRecording","operationVersion":"2023-03-06","correlationId":"aaaa0000-bb11-2222-33cc-44444{n:07}","level":"Informational","resultType":"Succeeded","resultSignature":"202","durationMs":"130","callerIpAddress":"192.0.2.1","uri":"https://contoso.communication.azure.com/calling/recordings/eyJQbGF0Zm9ybUVuZHBvaW50SWQiOiI0MjFmIn0:resume?api-version=2023-03-06","properties":{{"callConnectionId":"d5596715-ab0b-4bbb-8eee-575c250e4234","serverCallId":"aHR0cHM6Ly9hcGkuZmxpZ2h0cHJveHkuc2t5cGUuY29t","sdkType":"dotnet","sdkVersion":"1.0.0-alpha.20220829.1"}}}}"#
        )
    } else {
        format!(
            r#"{{"time":"2026-01-30T23:18:26.4332392Z","resourceId":"{RESOURCE}","operationName":"Call Recording Summary","operationVersion":"1.0","category":"CallRecordingSummary","correlationId":"00000000-cf78-4156-aaaa-00000{n:07}","level":"Informational","resultType":"Succeeded","properties":{{"recordingId":"eyJQbGF0Zm9ybUVuZHBvaW50SWQiOiI4NDFmNjkwMCJ9","recordingEndReason":"CallEnded","recordingStartTime":"2026-01-29T09:07:54.0000000Z","recordingLength":"73872.94","chunkCount":6,"contentType":"Audio - Video","channelType":"mixed","formatType":"mp4","audioChannelsCount":1}}}}"#
        )
    }
}

/// Nanoseconds per record, the best of several rounds: what disturbs only ever makes it slower.
fn measure(work: impl Fn() -> usize) -> u128 {
    let started = Instant::now();
    let mut best = Duration::MAX;
    while started.elapsed() < FOR {
        let round = Instant::now();
        black_box(work());
        best = best.min(round.elapsed());
    }
    best.as_nanos() / u128::try_from(RECORDS).unwrap_or(1)
}
