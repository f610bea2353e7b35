use super::*;
use Repair::{
    ControlCharacters, ExtraCommas, InvalidEscapes, InvalidValues, MissingEnd, ObjectInQuotes,
    SingleQuotes, UnescapedQuotes,
};

/// What a text is rewritten to, and by which repairs.
#[track_caller]
fn check<const KINDS: usize>(text: &str, expected: &str, kinds: [Repair; KINDS]) {
    let (rewritten, repairs) = object(text).unwrap_or_else(|| panic!("not an object: {text}"));
    assert_eq!(rewritten, expected, "{text}");
    assert_eq!(repairs, Repairs::from(kinds), "{text}");
}

#[test]
fn what_is_json_stays_as_it_is() {
    for text in [
        "{}",
        r#"{"a":{"b":[1,-2.5e3,true,false,null,"x"]},"c":[],"d":{}}"#,
        r#"{"quotes":"\"","backslash":"\\","slash":"\/","all":"\b\f\n\r\t\u0041"}"#,
        r#"{"pair":"\ud83d\ude00","text":"😀"}"#,
        r#"{"braces":"}]{[,:","key: ,":"'it's'"}"#,
        r#"{"brace":"{","bracket":"[{"}"#,
    ] {
        check(text, text, []);
    }
}

#[test]
fn single_quotes_are_quotes_unless_they_are_apostrophes() {
    check(
        r#"{'a':'it's','b':'say "x"','c':'d\'e'}"#,
        r#"{"a":"it's","b":"say \"x\"","c":"d'e"}"#,
        [SingleQuotes, InvalidEscapes],
    );
    check(r#"{"a":"it's"}"#, r#"{"a":"it's"}"#, []);
}

#[test]
fn control_characters_inside_a_text_are_kept_if_they_are_blanks() {
    check(
        "{\"a\":\"1\n2\r3\t4\x1c5\0\"}",
        r#"{"a":"1\n2\r3\t4 5 "}"#,
        [ControlCharacters],
    );
}

#[test]
fn escapes_that_json_does_not_have_are_characters() {
    check(
        r#"{"path":"C:\dir\x","half":"\ud800","short":"\u12"}"#,
        "{\"path\":\"C:\\\\dir\\\\x\",\"half\":\"\u{FFFD}\",\"short\":\"\\\\u12\"}",
        [InvalidEscapes],
    );
}

#[test]
fn commas_may_be_too_many() {
    check(
        r#"{,"a":[1,,2,],"b":3,}"#,
        r#"{"a":[1,2],"b":3}"#,
        [ExtraCommas],
    );
}

#[test]
fn what_is_not_a_value_is_null() {
    check(
        r#"{"properties": [ 227 B blob data ],"a":NaN,"b":1e999,"c":x y,"d":,"e":07}"#,
        r#"{"properties":[null],"a":null,"b":null,"c":null,"d":null,"e":null}"#,
        [InvalidValues],
    );
}

#[test]
fn unescaped_quotes_are_part_of_the_text() {
    check(
        r#"{"a":"he said "no", then left","b":1}"#,
        r#"{"a":"he said \"no\", then left","b":1}"#,
        [UnescapedQuotes],
    );
    check(
        r#"{"properties":"{"a":{"b":"c"}}","d":1}"#,
        r#"{"properties":{"a":{"b":"c"}},"d":1}"#,
        [ObjectInQuotes],
    );
    check(
        r#"{"list":"[{"a":1},{"b":2}]"}"#,
        r#"{"list":[{"a":1},{"b":2}]}"#,
        [ObjectInQuotes],
    );
}

#[test]
fn of_a_truncated_object_the_whole_properties_are_kept() {
    check(
        r#"{"a":1,"b":{"c":"d","e":"f"#,
        r#"{"a":1,"b":{"c":"d","e":null}}"#,
        [MissingEnd],
    );
    check(r#"{"a":1,"b"#, r#"{"a":1}"#, [MissingEnd]);
    check(r#"{"a":12"#, r#"{"a":null}"#, [MissingEnd]);
}

#[test]
fn values_nested_too_deep_are_null() {
    let deep = format!(
        "{{\"a\":{}1{},\"b\":2}}",
        "[".repeat(9999),
        "]".repeat(9999)
    );
    let (rewritten, _) = object(&deep).unwrap();
    assert!(rewritten.ends_with(",\"b\":2}"), "{rewritten}");
    assert!(rewritten.len() < 200);
}

#[test]
fn what_is_not_an_object_is_none() {
    for text in ["", "[]", "x", "7", "\"{}\""] {
        assert_eq!(object(text), None, "{text}");
    }
}
