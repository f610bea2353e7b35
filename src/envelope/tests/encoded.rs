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
    let bomb = gzip(&vec![b' '; INFLATED_MAX + 1]);
    check(&bomb, &[Err(Reject::InflatesTooFar)]);
    let most = gzip(&vec![b' '; INFLATED_MAX]);
    check(&most, &[Err(EmptyBody)]);
    // Each is small, all together are not.
    let half = gzip(&vec![b' '; INFLATED_MAX / 2 + 1]);
    check(
        [half.clone(), half].concat(),
        &[Err(Reject::InflatesTooFar)],
    );
}
