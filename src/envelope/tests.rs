use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::gzip::INFLATED_MAX;
use super::*;
use Reject::{BodyNotJson, EmptyBody, Malformed, NotAnObject, TooDeep, Truncated};

const A: Slot<'_> = Ok(r#"{"a":1}"#);
const B: Slot<'_> = Ok(r#"{"b":2}"#);

/// A body that is whole, in whatever shape: its records.
#[track_caller]
fn check(body: &str, expected: &[Slot<'_>]) {
    check_repaired(body.as_bytes(), expected, &[]);
}

/// A body that is broken: its records, and what was put right.
#[track_caller]
fn check_repaired(body: &[u8], expected: &[Slot<'_>], repairs: &[Repair]) {
    let envelope = open(body);
    let shown = String::from_utf8_lossy(body);
    let slots: Vec<_> = envelope.slots().collect();
    assert_eq!(slots, expected, "body: {shown}");
    let made: Vec<_> = envelope.repairs().iter().collect();
    assert_eq!(made, repairs, "body: {shown}");
}

#[track_caller]
fn check_borrowed(body: &str) {
    let envelope = open(body.as_bytes());
    let is_borrowed = |slot: &Result<Cow<'_, str>, Reject>| !matches!(slot, Ok(Cow::Owned(_)));
    assert!(envelope.slots.iter().all(is_borrowed), "body: {body}");
}

#[test]
fn an_envelope_gives_its_records() {
    check(r#"{"records":[{"a":1},{"b":2}]}"#, &[A, B]);
    check(
        "{ \"records\" : [ {\"a\":1} ,\r\n {\"b\":2} ] }\r\n",
        &[A, B],
    );
    check(r#"{"records":[]}"#, &[]);
    check_borrowed(r#"{"records":[{"a":1},{"b":2}]}"#);
}

#[test]
fn records_may_stand_anywhere_among_the_keys_and_in_any_case() {
    check(r#"{"x":{"y":[1]},"Records":[{"a":1}],"y":2}"#, &[A]);
    check(r#"{"RECORDS":[{"a":1}],"EventProcessedUtcTime":"x"}"#, &[A]);
    check(r#"{"records":[{"a":1}],"Records":[{"b":2}]}"#, &[A, B]);
    // What has no such key itself is a record, whatever is inside.
    let record = r#"{"x":{"records":[{"a":1}]}}"#;
    check(record, &[Ok(record)]);
}

#[test]
fn bare_arrays_and_bare_records_are_taken() {
    check(r#"[{"a":1},{"b":2}]"#, &[A, B]);
    check(" {\"a\":1}\r\n", &[A]);
    check("[]", &[]);
    check("{}", &[Ok("{}")]);
}

#[test]
fn envelopes_may_stand_in_arrays_and_in_envelopes() {
    check(r#"[{"records":[{"a":1}]},{"records":[{"b":2}]}]"#, &[A, B]);
    check(r#"{"records":[{"records":[{"a":1}]},{"b":2}]}"#, &[A, B]);
    check(r#"[[{"a":1}],[[{"b":2}]]]"#, &[A, B]);
    check(r#"{"records":{"a":1}}"#, &[A]);
    check(r#"{"records":{"records":[{"a":1}]}}"#, &[A]);
}

#[test]
fn a_message_may_be_wrapped_whole() {
    check(r#"{"body":{"records":[{"a":1},{"b":2}]},"id":7}"#, &[A, B]);
    check(r#"[{"Body":{"a":1}},{"b":2}]"#, &[A, B]);
    check(r#"{"body":"{\"records\":[{\"a\":1}]}"}"#, &[A]);
    check_repaired(
        br"{'body':'{'a':1}'}",
        &[Ok(r#"{"a":1}"#)],
        &[Repair::SingleQuotes],
    );
    // A property of that name makes no wrapper.
    for record in [r#"{"body":"hello"}"#, r#"{"category":"x","body":{"a":1}}"#] {
        check(record, &[Ok(record)]);
    }
}

#[test]
fn documents_may_stand_behind_one_another() {
    for between in [
        "\n", "\r\n", "", ",", ",\n", " \n\n ", "\u{1e}", "\u{feff}", "\0",
    ] {
        check(&format!("{{\"a\":1}}{between}{{\"b\":2}}"), &[A, B]);
        check(
            &format!("{{\"records\":[{{\"a\":1}}]}}{between}[{{\"b\":2}}]{between}"),
            &[A, B],
        );
    }
    check_borrowed("{\"a\":1}\n{\"b\":2}\n{\"records\":[{\"c\":3}]}");
}

#[test]
fn records_may_be_text_of_records() {
    check(r#"{"records":"[{\"a\":1},{\"b\":2}]"}"#, &[A, B]);
    check(r#"{"records":["{\"a\":1}",{"b":2}]}"#, &[A, B]);
    check(r#""{\"records\":[{\"a\":1}]}""#, &[A]);
    check(r#"["\"{\\\"a\\\":1}\""]"#, &[A]);
    check_repaired(br#"{"records":"[{'a':1}]"}"#, &[A], &[Repair::SingleQuotes]);
}

#[test]
fn padding_around_a_body_is_nothing() {
    check("\u{feff}{\"a\":1}\n", &[A]);
    check("\0\0{\"a\":1}\0\0\r\n\0", &[A]);
}

#[test]
fn what_is_no_object_costs_only_itself() {
    check(
        r#"{"records":[1,{"a":1},"x",null,true]}"#,
        &[
            Err(NotAnObject),
            A,
            Err(NotAnObject),
            Err(NotAnObject),
            Err(NotAnObject),
        ],
    );
    check(r#"{"records":"I am no JSON"}"#, &[Err(NotAnObject)]);
    check(r#"{"records":null}"#, &[Err(NotAnObject)]);
    check("7", &[Err(NotAnObject)]);
    check(
        "\"x\"\n{\"a\":1}\n7",
        &[Err(NotAnObject), A, Err(NotAnObject)],
    );
}

#[test]
fn a_body_that_is_no_json_is_one_rejected_record() {
    check("", &[Err(EmptyBody)]);
    check(" \n\0", &[Err(EmptyBody)]);
    check("\u{feff}", &[Err(EmptyBody)]);
    check("hello", &[Err(BodyNotJson)]);
    check("hello\nworld\n", &[Err(BodyNotJson)]);
    check("\"properties\": {\n \"a\": 1\n}\n", &[Err(BodyNotJson)]);
    check_repaired(b"\xC3\xBFabc\xFF", &[Err(BodyNotJson)], &[]);
}

#[test]
fn text_between_documents_costs_none_of_them() {
    check(
        "starting\n{\"a\":1}\nerror: {x}\n{\"b\":2} and so on",
        &[Err(BodyNotJson), A, Err(BodyNotJson), B, Err(BodyNotJson)],
    );
    check("at 12:00 {\"a\":1}", &[Err(BodyNotJson), A]);
}

#[test]
fn a_body_cut_off_gives_the_records_that_are_whole() {
    for rest in ["", ",", ",{", r#",{"c":"x"#, r#",{"c":{"d":1},"#, "]"] {
        check_repaired(
            format!(r#"{{"records":[{{"a":1}},{{"b":2}}{rest}"#).as_bytes(),
            &[A, B, Err(Truncated)],
            &[Repair::Truncated],
        );
    }
    check_repaired(br#"[{"a":1},{"#, &[A, Err(Truncated)], &[Repair::Truncated]);
    check_repaired(
        b"{\"a\":1}\n{\"b\":",
        &[A, Err(Truncated)],
        &[Repair::Truncated],
    );
    check_repaired(br#"{"time": "xy"#, &[Err(Truncated)], &[Repair::Truncated]);
    check_repaired(b"{", &[Err(Truncated)], &[Repair::Truncated]);
    check_repaired(b"[", &[Err(Truncated)], &[Repair::Truncated]);
}

#[test]
fn a_record_that_is_broken_is_repaired_and_its_neighbours_are_left_alone() {
    let body = br#"{"records":[{"a":1},{"x":{'y':'it's'}},{"b":2}]}"#;
    let repaired = Ok(r#"{"x":{"y":"it's"}}"#);
    check_repaired(body, &[A, repaired, B], &[Repair::SingleQuotes]);
    let envelope = open(body);
    assert!(matches!(envelope.slots.first(), Some(Ok(Cow::Borrowed(_)))));
    check_repaired(
        b"[{\"a\":1},{\"x\":\"1\n2\x1c3\"},{\"b\":2},]",
        &[A, Ok(r#"{"x":"1\n2 3"}"#), B],
        &[Repair::ControlCharacters],
    );
    check_repaired(
        br#"{"records":[{"a":1,},{"b":2},]}"#,
        &[A, B],
        &[Repair::Commas],
    );
    check_repaired(
        br#"{"records":[{"a":1},{"x":1,"properties": [ 227 B blob data ]},{"b":2}]}"#,
        &[A, Ok(r#"{"x":1,"properties":[null]}"#), B],
        &[Repair::UnreadableValue],
    );
    check_repaired(
        br#"{"records":[{"a":1},{"properties":"{"x":{"y":1}}"},{"b":2}]}"#,
        &[A, Ok(r#"{"properties":{"x":{"y":1}}}"#), B],
        &[Repair::Quotes],
    );
}

#[test]
fn bytes_that_are_not_utf8_cost_only_their_characters() {
    check_repaired(
        b"{\"records\":[{\"a\":1},{\"x\":\"\xFFy\xC3\"},{\"b\":2}]}",
        &[A, Ok("{\"x\":\"\u{FFFD}y\u{FFFD}\"}"), B],
        &[Repair::InvalidUtf8],
    );
    check_repaired(
        b"{\"x\":\xFF,\"a\":1}",
        &[Ok(r#"{"x":null,"a":1}"#)],
        &[Repair::UnreadableValue],
    );
}

#[test]
fn a_record_that_never_ends_does_not_take_its_neighbour_with_it() {
    for broken in [r#"{"x":"y"#, r#"{"x":1,"y"#, r#"{"x":{"y":"z"#] {
        check_repaired(
            format!(r#"{{"records":[{{"a":1}},{broken}}},{{"b":2}}]}}"#).as_bytes(),
            &[A, Err(Malformed), B],
            &[Repair::Brackets],
        );
    }
    check_repaired(
        b"{\"a\":1}\n{\"x\":\"y\n{\"b\":2}",
        &[A, Err(Malformed), B],
        &[Repair::ControlCharacters, Repair::Brackets],
    );
    check_repaired(
        br#"[{"a":1},{"x":1,{"b":2}]"#,
        &[A, Err(Malformed), B],
        &[Repair::Brackets],
    );
}

#[test]
fn brackets_may_be_too_many() {
    check_repaired(
        br#"{"a":1}}"}}"#,
        &[A, Err(BodyNotJson)],
        &[Repair::Brackets],
    );
    check_repaired(br#"[{"a":1}}},{"b":2}]]"#, &[A, B], &[Repair::Brackets]);
}

#[test]
fn an_object_of_which_nothing_is_left_is_no_record() {
    check_repaired(b"{hello}", &[Err(Malformed)], &[Repair::UnreadableValue]);
}

#[test]
fn envelopes_nest_to_a_limit() {
    let nested = |levels: usize| {
        let mut body = r#"{"a":1}"#.to_owned();
        for _ in 0..levels {
            body = format!(r#"{{"records":[{body}]}}"#);
        }
        body
    };
    check(&nested(4), &[A]);
    check(&nested(5), &[Err(TooDeep)]);
    check(&nested(500), &[Err(TooDeep)]);
    let brackets = "[".repeat(1 << 20);
    check_repaired(
        brackets.as_bytes(),
        &[Err(TooDeep), Err(Truncated)],
        &[Repair::Truncated],
    );
    let objects = r#"{"a":"#.repeat(1 << 18);
    check_repaired(
        objects.as_bytes(),
        &[Err(Truncated)],
        &[Repair::UnreadableValue, Repair::Truncated],
    );
}

#[test]
fn records_are_counted_to_a_limit() {
    for body in [
        format!("[{}{{}}]", "{},".repeat(RECORDS_MAX)),
        format!("[{}{{'x':1}}]", "{},".repeat(RECORDS_MAX)),
        "{}\n".repeat(RECORDS_MAX + 9),
        format!("[{}]", "1,".repeat(RECORDS_MAX + 1)),
    ] {
        let envelope = open(body.as_bytes());
        assert_eq!(envelope.slots().len(), RECORDS_MAX + 1);
        assert_eq!(envelope.slots().last(), Some(Err(Reject::TooManyRecords)));
    }
    let body = format!("[{}{{}}]", "{},".repeat(RECORDS_MAX - 1));
    assert_eq!(open(body.as_bytes()).slots().last(), Some(Ok("{}")));
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_compressed_body_is_inflated() {
    let mut body = gzip(br#"{"records":[{"a":1}]}"#);
    check_repaired(&body, &[A], &[Repair::Gzip]);
    body.extend(gzip(br#"{"b":2}"#));
    body.extend([0, 0, 0]);
    check_repaired(&body, &[A, B], &[Repair::Gzip]);
    check_repaired(&gzip(b""), &[Err(EmptyBody)], &[Repair::Gzip]);
    check_repaired(&gzip(b"hello"), &[Err(BodyNotJson)], &[Repair::Gzip]);
}

#[test]
fn a_compressed_body_that_is_damaged_gives_what_can_be_inflated() {
    let whole = gzip(br#"{"records":[{"a":1}]}"#);
    let without_checksum = &whole[..whole.len() - 5];
    let repairs = &[Repair::Gzip, Repair::Truncated];
    check_repaired(without_checksum, &[A, Err(Truncated)], repairs);
    check_repaired(&whole[..12], &[Err(Truncated)], repairs);
    check_repaired(&whole[..9], &[Err(BodyNotJson)], &[Repair::Gzip]);
    check_repaired(&whole[..3], &[Err(BodyNotJson)], &[Repair::Gzip]);
}

#[test]
fn a_body_that_inflates_without_end_is_rejected() {
    let bomb = gzip(&vec![b' '; INFLATED_MAX + 1]);
    check_repaired(&bomb, &[Err(Reject::InflatesTooFar)], &[Repair::Gzip]);
    let most = gzip(&vec![b' '; INFLATED_MAX]);
    check_repaired(&most, &[Err(EmptyBody)], &[Repair::Gzip]);
    // Each is small, all together are not.
    let half = gzip(&vec![b' '; INFLATED_MAX / 2 + 1]);
    check_repaired(
        &[half.clone(), half].concat(),
        &[Err(Reject::InflatesTooFar)],
        &[Repair::Gzip],
    );
}
