//! Body -> records, still unread.
//!
//! Azure Monitor sends `{"records": [ ... ]}`
//! (<https://learn.microsoft.com/azure/azure-monitor/platform/resource-logs>); a bare array of records and one bare
//! record are taken too, since archives and forwarders write them. What stands inside a record is none of this
//! module's business.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::disposition::Reject;

/// One place where a record should be: its text, or why there is none.
pub type Slot<'a> = Result<&'a str, Reject>;

/// Splits the body of an event into its records.
///
/// Each slot is one record received: it is to be observed, ignored or rejected. A body that is not JSON is one
/// rejected slot, an envelope with no records has none.
pub fn open(body: &[u8]) -> Vec<Slot<'_>> {
    let body = body.trim_ascii();
    if body.is_empty() {
        return vec![Err(Reject::EmptyBody)];
    }
    match serde_json::from_slice::<Shape<'_>>(body) {
        Ok(Shape::Array(items)) => items.into_iter().map(slot).collect(),
        Ok(Shape::Envelope(records)) => open_records(records),
        Ok(Shape::Record) => vec![std::str::from_utf8(body).map_err(|_| Reject::BodyNotJson)],
        Ok(Shape::Other) => vec![Err(Reject::NotAnObject)],
        Err(_) => vec![Err(Reject::BodyNotJson)],
    }
}

fn open_records(records: &RawValue) -> Vec<Slot<'_>> {
    match serde_json::from_str::<Vec<&RawValue>>(records.get()) {
        Ok(items) => items.into_iter().map(slot).collect(),
        Err(_) => vec![slot(records)],
    }
}

fn slot(item: &RawValue) -> Slot<'_> {
    let text = item.get();
    if text.starts_with('{') {
        Ok(text)
    } else {
        Err(Reject::NotAnObject)
    }
}

/// What a body is at first sight.
enum Shape<'a> {
    /// `{"records": ...}`, wherever among the keys it stands and in whatever case.
    Envelope(&'a RawValue),
    /// `[ ... ]`
    Array(Vec<&'a RawValue>),
    /// An object without `records`: the record itself.
    Record,
    /// A lone number, text, boolean or null.
    Other,
}

impl<'de: 'a, 'a> Deserialize<'de> for Shape<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ShapeVisitor)
    }
}

struct ShapeVisitor;

impl<'de> Visitor<'de> for ShapeVisitor {
    type Value = Shape<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an envelope, an array of records, or a record")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut records = None;
        while let Some(IsRecords(is_records)) = map.next_key()? {
            if is_records && records.is_none() {
                records = Some(map.next_value::<&RawValue>()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(records.map_or(Shape::Record, Shape::Envelope))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Shape::Array(items))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Shape::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Shape::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Shape::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Shape::Other)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(Shape::Other)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Shape::Other)
    }
}

/// Whether a key is `records`, told without keeping it.
struct IsRecords(bool);

impl<'de> Deserialize<'de> for IsRecords {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl Visitor<'_> for KeyVisitor {
            type Value = IsRecords;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
                Ok(IsRecords(key.eq_ignore_ascii_case("records")))
            }
        }
        deserializer.deserialize_str(KeyVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(body: &str, expected: &[Slot<'_>]) {
        assert_eq!(open(body.as_bytes()), expected, "body: {body}");
    }

    #[test]
    fn an_envelope_gives_its_records() {
        check(
            r#"{"records":[{"a":1},{"b":2}]}"#,
            &[Ok(r#"{"a":1}"#), Ok(r#"{"b":2}"#)],
        );
        check(r#"{"records":[]}"#, &[]);
    }

    #[test]
    fn records_may_stand_anywhere_among_the_keys_and_in_any_case() {
        check(
            r#"{"x":{"records":[1]},"Records":[{"a":1}],"y":2}"#,
            &[Ok(r#"{"a":1}"#)],
        );
    }

    #[test]
    fn bare_arrays_and_bare_records_are_taken() {
        check(r#"[{"a":1}]"#, &[Ok(r#"{"a":1}"#)]);
        check(" {\"a\":1}\r\n", &[Ok(r#"{"a":1}"#)]);
    }

    #[test]
    fn records_that_is_one_object_is_one_record() {
        check(r#"{"records":{"a":1}}"#, &[Ok(r#"{"a":1}"#)]);
    }

    #[test]
    fn what_is_no_object_costs_only_itself() {
        check(
            r#"{"records":[1,{"a":1},"x",null]}"#,
            &[
                Err(Reject::NotAnObject),
                Ok(r#"{"a":1}"#),
                Err(Reject::NotAnObject),
                Err(Reject::NotAnObject),
            ],
        );
        check(r#"{"records":"x"}"#, &[Err(Reject::NotAnObject)]);
        check("7", &[Err(Reject::NotAnObject)]);
    }

    #[test]
    fn a_body_that_is_not_json_is_one_rejected_record() {
        check("hello", &[Err(Reject::BodyNotJson)]);
        check(r#"{"records":[{"a":1}"#, &[Err(Reject::BodyNotJson)]);
        check("", &[Err(Reject::EmptyBody)]);
        assert_eq!(open(b"{\"a\":\"\xff\"}"), [Err(Reject::BodyNotJson)]);
    }
}
