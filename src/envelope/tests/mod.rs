mod encoded;

use super::*;
use Reject::{BodyNotJson, EmptyBody, Malformed, NotAnObject, TooDeep, Truncated};

/// A record, whether its text is a slice of the body or not.
type Expected<'a> = Result<&'a str, Reject>;

const A: Expected<'_> = Ok(r#"{"a":1}"#);
const B: Expected<'_> = Ok(r#"{"b":2}"#);

/// The records of a body.
#[track_caller]
fn check(body: impl AsRef<[u8]>, expected: &[Expected<'_>]) {
    let body = body.as_ref();
    let opened = open(body);
    let records: Vec<_> = opened
        .records
        .iter()
        .map(|record| record.as_deref().map_err(|reject| *reject))
        .collect();
    assert_eq!(records, expected, "body: {}", String::from_utf8_lossy(body));
    if !encoding::is_encoded(body) && body.len() < 1 << 10 {
        for size in 1..40 {
            check_in_windows(body, size, &opened);
        }
    }
}

/// A body in windows, each larger by `size` than what the one before has left, gives what it gives whole.
#[track_caller]
fn check_in_windows(body: &[u8], size: usize, whole: &Opened<'_>) {
    let mut walk = Walk::default();
    let mut records = Vec::new();
    let (mut from, mut to) = (0, 0);
    loop {
        to = body.len().min(to + size);
        let is_last = to == body.len();
        let behind = if is_last {
            Behind::Nothing
        } else {
            Behind::More
        };
        let window = &body[from..to];
        from += walk.window(window, behind, |at, record| {
            assert!(at <= window.len());
            records.push(owned(record));
        });
        if is_last {
            break;
        }
    }
    let body = String::from_utf8_lossy(body);
    assert_eq!(records, whole.records, "in windows of {size}: {body}");
    assert_eq!(
        walk.take_repairs(),
        whole.repairs,
        "in windows of {size}: {body}"
    );
}

/// What was repaired in a body.
#[track_caller]
fn check_repairs(body: &[u8], expected: &[Repair]) {
    let body_shown = String::from_utf8_lossy(body);
    assert_eq!(open(body).repairs, expected, "body: {body_shown}");
}

/// The records of a body that is whole: slices of it.
#[track_caller]
fn check_borrowed(body: &str) {
    let is_borrowed = |text: &Text<'_>| matches!(text.json, Cow::Borrowed(_)) && !text.is_repaired;
    let records = open(body.as_bytes()).records;
    assert!(records.iter().flatten().all(is_borrowed), "{body}");
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
    let text = r#"{"x":{"records":[{"a":1}]}}"#;
    check(text, &[Ok(text)]);
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
fn records_may_stand_under_any_key_of_an_object_that_is_not_a_record() {
    let record = r#"{"time":"x","a":1}"#;
    for key in ["value", "record:s", "logs", "r\"ecords"] {
        let body = format!(r#"{{"id":7,"{key}":[{record},{{"b":2}}],"next":null}}"#);
        check(&body, &[Ok(record), B]);
    }
    for key in ["records:", "records\"\u{feff}:"] {
        check(
            format!(r#"{{"{key}[{record},{{"b":2}}]}}"#),
            &[Err(Malformed), Ok(record), B],
        );
    }
    // A record may have a list of such things.
    let body = format!(r#"{{"a":[{record}],"category":"x"}}"#);
    check(&body, &[Ok(&body)]);
}

#[test]
fn a_message_may_be_wrapped_whole() {
    check(r#"{"body":{"records":[{"a":1},{"b":2}]},"id":7}"#, &[A, B]);
    check(r#"[{"Body":{"a":1}},{"b":2}]"#, &[A, B]);
    check(r#"{"body":"{\"records\":[{\"a\":1}]}"}"#, &[A]);
    check(br"{'body':'{'a':1}'}", &[Ok(r#"{"a":1}"#)]);
    // A property of that name does not make a wrapper.
    for text in [r#"{"body":"hello"}"#, r#"{"category":"x","body":{"a":1}}"#] {
        check(text, &[Ok(text)]);
    }
}

#[test]
fn documents_may_stand_behind_one_another() {
    for between in [
        "\n", "\r\n", "", ",", ",\n", " \n\n ", "\u{1e}", "\u{feff}", "\0",
    ] {
        check(format!("{{\"a\":1}}{between}{{\"b\":2}}"), &[A, B]);
        check(
            format!("{{\"records\":[{{\"a\":1}}]}}{between}[{{\"b\":2}}]{between}"),
            &[A, B],
        );
    }
    check_borrowed("{\"a\":1}\n{\"b\":2}\n{\"records\":[{\"c\":3}]}");
}

#[test]
fn records_may_be_text_of_records() {
    check(r#""{\"a\":1"#, &[Err(Truncated)]);
    check(r#"{"records":"[{\"a\":1},{\"b\":2}]"}"#, &[A, B]);
    check(r#"{"records":["{\"a\":1}",{"b":2}]}"#, &[A, B]);
    check(r#""{\"records\":[{\"a\":1}]}""#, &[A]);
    check(r#"["\"{\\\"a\\\":1}\""]"#, &[A]);
    check(br#"{"records":"[{'a':1}]"}"#, &[A]);
}

#[test]
fn padding_around_a_body_is_nothing() {
    check("\u{feff}{\"a\":1}\n", &[A]);
    check("\0\0{\"a\":1}\0\0\r\n\0", &[A]);
}

#[test]
fn what_is_not_an_object_costs_only_itself() {
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
    for number in ["7", "-1", "1.5", "1e-9", "true"] {
        check(number, &[Err(NotAnObject)]);
        check(
            format!("x\n{{\"a\":1}}{number}"),
            &[Err(BodyNotJson), A, Err(NotAnObject)],
        );
    }
    check(
        "\"x\"\n{\"a\":1}\n7",
        &[Err(NotAnObject), A, Err(NotAnObject)],
    );
}

#[test]
fn a_body_that_is_not_json_is_one_rejected_record() {
    check("", &[Err(EmptyBody)]);
    check(" \n\0", &[Err(EmptyBody)]);
    check("\u{feff}", &[Err(EmptyBody)]);
    check("hello", &[Err(BodyNotJson)]);
    check("hello\nworld\n", &[Err(BodyNotJson)]);
    check("\"properties\": {\n \"a\": 1\n}\n", &[Err(BodyNotJson)]);
    check(b"\xC3\xBFabc\xFF", &[Err(BodyNotJson)]);
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
fn a_truncated_body_gives_the_records_that_are_whole() {
    for rest in ["", ",", ",{", r#",{"c":"x"#, r#",{"c":{"d":1},"#, "]"] {
        check(
            format!(r#"{{"records":[{{"a":1}},{{"b":2}}{rest}"#).as_bytes(),
            &[A, B, Err(Truncated)],
        );
    }
    check(br#"[{"a":1},{"#, &[A, Err(Truncated)]);
    check(b"{\"a\":1}\n{\"b\":", &[A, Err(Truncated)]);
    check(br#"{"time": "xy"#, &[Err(Truncated)]);
    check(b"{", &[Err(Truncated)]);
    check(b"[", &[Err(Truncated)]);
}

#[test]
fn a_record_that_is_broken_is_repaired_and_its_neighbours_are_left_alone() {
    let body = br#"{"records":[{"a":1},{"x":{'y':'it's'}},{"b":2}]}"#;
    let repaired = Ok(r#"{"x":{"y":"it's"}}"#);
    check(body, &[A, repaired, B]);
    check(
        b"[{\"a\":1},{\"x\":\"1\n2\x1c3\"},{\"b\":2},]",
        &[A, Ok(r#"{"x":"1\n2 3"}"#), B],
    );
    check(br#"{"records":[{"a":1,},{"b":2},]}"#, &[A, B]);
    check(
        br#"{"records":[{"a":1},{"x":1,"properties": [ 227 B blob data ]},{"b":2}]}"#,
        &[A, Ok(r#"{"x":1,"properties":[null]}"#), B],
    );
    check(
        br#"{"records":[{"a":1},{"properties":"{"x":{"y":1}}"},{"b":2}]}"#,
        &[A, Ok(r#"{"properties":{"x":{"y":1}}}"#), B],
    );
}

#[test]
fn a_record_is_marked_if_its_texts_or_one_around_it_may_end_elsewhere() {
    #[track_caller]
    fn check(body: &str, expected: &[bool]) {
        let records = open(body.as_bytes()).records;
        let repaired = records.iter().flatten().map(|text| text.is_repaired);
        assert_eq!(repaired.collect::<Vec<_>>(), expected, "{body}");
    }
    check(
        r#"{"records":[{"a":1},{'b':2},{"c":3,}],}"#,
        &[false, false, false],
    );
    check(r#"[{"a":"x"y"},{"b":2}]"#, &[true, false]);
    check(r#"{"a":1}{"b":x}"#, &[false, true]);
    check(r#"{"x":'y',"body":{"a":1}}"#, &[false]);
    check(r#""{\"a\":\"b\"}""#, &[false]);
    check(r#"["{\"a\":\"b\"} "x" "]"#, &[true]);
}

#[test]
fn bytes_that_are_not_utf8_cost_only_their_characters() {
    check(
        b"{\"records\":[{\"a\":1},{\"x\":\"\xFFy\xC3\"},{\"b\":2}]}",
        &[A, Ok("{\"x\":\"\u{FFFD}y\u{FFFD}\"}"), B],
    );
    check(b"{\"x\":\xFF,\"a\":1}", &[Ok(r#"{"x":null,"a":1}"#)]);
}

#[test]
fn a_record_that_never_ends_does_not_take_its_neighbour_with_it() {
    for broken in [r#"{"x":"y"#, r#"{"x":1,"y"#, r#"{"x":{"y":"z"#] {
        check(
            format!(r#"{{"records":[{{"a":1}},{broken}}},{{"b":2}}]}}"#).as_bytes(),
            &[A, Err(Malformed), B],
        );
    }
    check(b"{\"a\":1}\n{\"x\":\"y\n{\"b\":2}", &[A, Err(Malformed), B]);
    check(br#"[{"a":1},{"x":1,{"b":2}]"#, &[A, Err(Malformed), B]);
}

#[test]
fn a_record_cut_inside_a_text_does_not_swallow_its_neighbour() {
    let next = r#"{"category":"Usage","b":2}"#;
    for broken in [
        r#"{"time":"x","uri":"https://x/call"#,
        r#"{"time":"x","ur"#,
        r#"{"time":"x","uri":"#,
        r"{'time':'x','uri':'https",
        r#"{"time":"x","properties":{"a":"b"#,
        r#"{"time":"x","list":["a","b"#,
    ] {
        for between in [",", ", ", "\n", ",\r\n  "] {
            let body = format!(r#"{{"records":[{{"a":1}},{broken}{between}{next},{{"b":2}}]}}"#);
            check(&body, &[A, Err(Malformed), Ok(next), B]);
            check_repairs(body.as_bytes(), &[Repair::MergedRecords]);
        }
    }
    // What only looks like it: a text of its own, and a property of that name inside another record.
    let text = r#"{"a":"[1,{\"time\":2}]"}"#;
    check(text, &[Ok(text)]);
    let strict = r#"{"a":[1,{"time":2}]}"#;
    check(strict, &[Ok(strict)]);
}

#[test]
fn repairs_are_counted_once_for_each_record_and_not_for_what_is_json() {
    check_repairs(br#"{"records":[{"a":"'"},{"b":[1,2]}],"x":{"y":"z"}}"#, &[]);
    check_repairs(
        b"[{'a':'b','c':'d'},{\"a\":\"\n\",\"b\":\"\xFF\"},{\"b\":2,}]",
        &[
            Repair::SingleQuotes,
            Repair::ControlCharacters,
            Repair::InvalidUtf8,
            Repair::ExtraCommas,
        ],
    );
    check_repairs(
        br#"[{"a":"b"}},,{"c":1}]"#,
        &[Repair::Brackets, Repair::ExtraCommas],
    );
    check_repairs(b"{hello}", &[]);
    check_repairs(br#"{"records":"[{\"a\":'b'}]"}"#, &[Repair::SingleQuotes]);
}

#[test]
fn a_byte_order_mark_may_be_encoded_twice() {
    let body = "\u{ef}\u{bb}\u{bf}{\"a\":1}";
    check(body, &[A]);
    check_repairs(body.as_bytes(), &[Repair::ByteOrderMark]);
}

#[test]
fn brackets_may_be_too_many() {
    check(br#"{"a":1}}"}}"#, &[A, Err(BodyNotJson)]);
    check(br#"[{"a":1}}},{"b":2}]]"#, &[A, B]);
}

#[test]
fn an_object_of_which_nothing_is_left_is_not_a_record() {
    check(b"{hello}", &[Err(Malformed)]);
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
    check(nested(4), &[A]);
    check(nested(5), &[Err(TooDeep)]);
    check(nested(500), &[Err(TooDeep)]);
    let brackets = "[".repeat(1 << 20);
    check(brackets.as_bytes(), &[Err(TooDeep), Err(Truncated)]);
    let objects = r#"{"a":"#.repeat(1 << 18);
    check(objects.as_bytes(), &[Err(Truncated)]);
}

/// The strict parser reads each of the objects to the end of the body, the walk only to the next one.
#[test]
fn objects_that_never_end_do_not_make_reading_slow_and_cost_no_other() {
    const OBJECTS: usize = 10_000;
    let record = r#"{"time":"x","a":1}"#;
    for never_ends in ["[{\"time\":", "{\"time\":\n", "{\"time\":[[1],"] {
        let body = format!("{}\n{record}\n[{record}]", never_ends.repeat(OBJECTS));
        let opened = open(body.as_bytes());
        let found = opened
            .records
            .iter()
            .filter(|text| text.as_deref() == Ok(record));
        assert_eq!(found.count(), 2, "{never_ends}");
        check_in_windows(body.as_bytes(), 30_000, &opened);
    }
}

#[test]
fn a_list_of_objects_in_a_record_is_no_more_records() {
    let whole = r#"{"time":"x","history":[{"level":1},{"level":2}]}"#;
    check(whole, &[Ok(whole)]);
    let broken = r#"{"time":"x","history":[{"level":1},{"level":2}],}"#;
    check(broken, &[Ok(whole)]);
    check(
        format!(r#"{{"records":[{broken},{whole}"#),
        &[Ok(whole), Ok(whole), Err(Truncated)],
    );
    let cut = r#"{"time":"x","history":[{"level":1},{"level""#;
    check(cut, &[Err(Truncated)]);
}

/// The strict parser reads such a body in vain, up to where it is cut.
#[test]
fn a_long_envelope_may_be_cut_and_begin_with_another_key() {
    let record = r#"{"time":"x","properties":{"history":[{"level":1}]}}"#;
    let records = format!("{record},").repeat(10_000);
    let body = format!(r#"{{"x":1,"records":[{records}{{}},{record}"#);
    let opened = open(body.as_bytes());
    let found = opened
        .records
        .iter()
        .filter(|text| text.as_deref() == Ok(record));
    assert_eq!(found.count(), 10_001);
    assert_eq!(opened.records.len(), 10_003);
    assert_eq!(opened.records.last(), Some(&Err(Truncated)));
    check_in_windows(body.as_bytes(), 30_000, &opened);
}

#[test]
fn records_are_counted_to_a_limit() {
    for body in [
        format!("[{}{{}}]", "{},".repeat(RECORDS_MAX)),
        format!("[{}{{'x':1}}]", "{},".repeat(RECORDS_MAX)),
        "{}\n".repeat(RECORDS_MAX + 9),
        format!("[{}]", "1,".repeat(RECORDS_MAX + 1)),
    ] {
        let envelope = open(body.as_bytes()).records;
        assert_eq!(envelope.len(), RECORDS_MAX + 1);
        assert_eq!(envelope.last(), Some(&Err(Reject::TooManyRecords)));
    }
    let body = format!("[{}{{}}]", "{},".repeat(RECORDS_MAX - 1));
    let records = open(body.as_bytes()).records;
    assert_eq!(records.last().unwrap().as_deref(), Ok("{}"));
}
