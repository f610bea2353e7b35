//! Bodies that are compressed, or in UTF-16.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;

#[test]
fn utf_16_is_read_if_it_has_a_byte_order_mark() {
    let text = "\u{feff}{\"a\":1}\r\n{\"x\":\"\u{1f600}\"}";
    let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let expected = [A, Ok("{\"x\":\"\u{1f600}\"}")];
    check(&little, &expected);
    check(&big, &expected);
    check(gzip(&big), &expected);
    check(&little[..little.len() - 3], &[A, Err(Truncated)]);
    let long = format!("\u{feff}[{}{{}}]", "{\"x\":\"\u{1f600}\"},".repeat(10_000));
    let little: Vec<u8> = long.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(open(&little).records.len(), 10_001);
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_compressed_body_is_inflated() {
    let mut body = gzip(br#"{"records":[{"a":1}]}"#);
    check(&body, &[A]);
    body.extend(gzip(br#"{"b":2}"#));
    body.extend([0, 0, 0]);
    check(&body, &[A, B]);
    body.extend(br#"{"a":1}"#);
    check(&body, &[A, B, A]);
    check(gzip(b""), &[Err(EmptyBody)]);
    check(gzip(b"hello"), &[Err(BodyNotJson)]);
}

#[test]
fn a_compressed_body_that_is_damaged_gives_what_can_be_inflated() {
    let whole = gzip(br#"{"records":[{"a":1}]}"#);
    let without_checksum = &whole[..whole.len() - 5];
    check(without_checksum, &[A, Err(Truncated)]);
    check(&whole[..12], &[Err(Truncated)]);
    check(&whole[..9], &[Err(Truncated)]);
    check(&whole[..3], &[Err(Truncated)]);
}

#[test]
fn a_body_that_inflates_without_end_is_rejected() {
    // As much as an event may have that is not compressed, whatever it was compressed to.
    let most = gzip(&vec![b' '; EVENT_BYTES_MAX]);
    check(&most, &[Err(EmptyBody)]);
    let bomb = gzip(&vec![b' '; EVENT_BYTES_MAX + 1]);
    check(&bomb, &[Err(Reject::InflatesTooFar)]);
    // Each is small, all together are not.
    let half = gzip(&vec![b' '; EVENT_BYTES_MAX / 2 + 1]);
    check(
        [half.clone(), half].concat(),
        &[Err(Reject::InflatesTooFar)],
    );
}

/// Records that differ in what records differ in: their ids and times.
fn records(count: usize) -> String {
    let records = (0..count).map(|n| {
        let random = n.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        format!(
            r#"{{"time":"2026-01-31T11:{:02}:{:02}.{:07}Z","resourceId":"/SUBSCRIPTIONS/00000000-1111-2222-3333-444444444444/RESOURCEGROUPS/RG/PROVIDERS/MICROSOFT.COMMUNICATION/COMMUNICATIONSERVICES/CONTOSO","category":"CallRecordingOperational","operationName":"StartRecording","operationVersion":"2023-03-06","correlationId":"{random:016x}","level":"Informational","resultType":"Succeeded","resultSignature":"202","durationMs":"{}","callerIpAddress":"192.0.2.1","uri":"https://contoso.communication.azure.com/calling/recordings:start?api-version=2023-03-06","properties":{{"sdkType":"dotnet","sdkVersion":"1.0.0"}}}}"#,
            n / 60 % 60,
            n % 60,
            random % 10_000_000,
            random % 1000,
        )
    });
    format!("[{}]", records.collect::<Vec<_>>().join(","))
}

#[test]
fn logs_are_compressed_less_than_what_is_rejected_and_are_read_up_to_a_limit() {
    const COUNT: usize = 6000;
    let text = records(COUNT);
    let body = gzip(text.as_bytes());
    println!("logs are compressed {} times", text.len() / body.len());
    assert!(text.len() < INFLATED_MAX);
    let opened = open(&body).records;
    assert_eq!(opened.iter().flatten().count(), COUNT);
    let more = gzip(records(COUNT * 3 / 2).as_bytes());
    check(&more, &[Err(Reject::InflatesTooFar)]);
}

#[test]
fn what_repeats_itself_too_often_is_rejected_long_before_the_limit() {
    let text = format!("[{}{{}}]", "{},".repeat(1 << 20));
    let body = gzip(text.as_bytes());
    assert!(text.len() < INFLATED_MAX && body.len() * 100 < text.len());
    check(&body, &[Err(Reject::InflatesTooFar)]);
}

#[test]
fn records_are_no_longer_than_an_event() {
    let record = |bytes: usize| format!(r#"{{"a":"{}"}}"#, "x".repeat(bytes - 8));
    let (longest, longer) = (record(EVENT_BYTES_MAX), record(EVENT_BYTES_MAX + 1));
    check(&longest, &[Ok(&longest)]);
    check(format!("{longer}\n{{\"a\":1}}"), &[Err(Malformed), A]);
    let text = |bytes: usize| format!(r#""[{}{{\"a\":1}}]""#, " ".repeat(bytes - 9));
    check(text(EVENT_BYTES_MAX), &[A]);
    check(text(EVENT_BYTES_MAX + 1), &[Err(NotAnObject)]);
}
