//! A record as names and values, whatever its shape.
//!
//! ACS writes a property at the top level or inside `properties`, in `camelCase` or `PascalCase`, as a number or as
//! text of a number; `properties` itself may be text that contains an object. A [`View`] hides these differences, so that
//! the files of the categories read like the tables of Microsoft's documentation. The only properties that it knows by
//! name are `properties` and those with personal data, whose values it does not read.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::properties::{Properties, owned};
use super::schema::{Fault, Schema};
use super::value::{Key, Value};
use super::values::Values;
use crate::repair::{self, Repairs};

/// The properties of one record.
#[derive(Debug)]
pub(super) struct View<'a> {
    pub(super) envelope: Fields<'a>,
    pub(super) properties: Fields<'a>,
    /// What was repaired to read them.
    pub(super) repairs: Repairs,
}

/// What is wrong with the properties of a record.
#[derive(Debug, Default)]
pub(super) struct Faults<'a> {
    /// The first [`UNFAMILIAR_MAX`] names of properties that are not in the schema.
    pub(super) unfamiliar: Vec<Cow<'a, str>>,
    /// The names of the properties with a value that cannot be read.
    pub(super) unreadable: Vec<&'static str>,
}

/// Names and values, in the order in which they came.
pub(super) type Fields<'a> = Vec<(Cow<'a, str>, Value<'a>)>;

/// How many names of unfamiliar properties are reported for one record. A record with an entirely different schema has
/// dozens, and the first few are enough to notice it.
const UNFAMILIAR_MAX: usize = 8;

/// As many as a record of Call Recording has at its top level, or in `properties`, so that the list does not grow.
pub(super) const FIELDS: usize = 16;

impl<'a> View<'a> {
    /// Reads the text of a record: one JSON object. JSON that the parser refuses, such as half a surrogate pair or a number
    /// of a thousand digits, is repaired.
    ///
    /// # Errors
    ///
    /// The text is not a JSON object.
    pub(super) fn read(record: &'a str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(record).or_else(|error| {
            let (repaired, repairs) = repair::object(record)
                .filter(|_| error.classify() != serde_json::error::Category::Eof)
                .ok_or(error)?;
            let view: View<'_> = serde_json::from_str(&repaired)?;
            Ok(View {
                envelope: owned(view.envelope),
                properties: owned(view.properties),
                repairs: &view.repairs | &repairs,
            })
        })
    }

    /// A property that the category defines: those in `properties` first, then those at the top level.
    pub(super) fn property<'v>(&'v self, name: &'v str) -> Values<'v, 'a> {
        Values::of([&self.properties, &self.envelope], name)
    }

    /// A field of Azure Monitor's common schema: those at the top level first, then those in `properties`.
    pub(super) fn common<'v>(&'v self, name: &'v str) -> Values<'v, 'a> {
        Values::of([&self.envelope, &self.properties], name)
    }

    /// What is wrong with the properties, according to a schema.
    pub(super) fn faults(&self, schema: &Schema) -> Faults<'a> {
        let mut faults = Faults::default();
        for (name, value) in self.envelope.iter().chain(&self.properties) {
            match schema.check(name, value) {
                Ok(()) => {}
                Err(Fault::Unreadable(name)) => faults.unreadable.push(name),
                Err(Fault::Unfamiliar) => {
                    let unfamiliar = &mut faults.unfamiliar;
                    if unfamiliar.len() < UNFAMILIAR_MAX && !unfamiliar.contains(name) {
                        unfamiliar.push(name.clone());
                    }
                }
            }
        }
        faults
    }
}

/// Properties with personal data that neither a metric nor the log needs. A view contains their names, since the schemas
/// have them; it never contains their values.
const UNREAD: [&str; 4] = ["callerIpAddress", "participantId", "userIdA", "userIdB"];

/// Reads the value of a key, and removes what some senders add to the key. The documentation prints `Record ID` where the
/// schemas have `recordId`, and a copy from Log Analytics has `TimeGenerated [UTC]`.
pub(super) fn field<'de, A: MapAccess<'de>>(
    Key(key): Key<'de>,
    map: &mut A,
) -> Result<(Cow<'de, str>, Value<'de>), A::Error> {
    let name = if key.contains(' ') {
        let key = key.strip_suffix(" [UTC]").unwrap_or(&key);
        Cow::Owned(key.replace(' ', ""))
    } else {
        key
    };
    if UNREAD
        .iter()
        .any(|unread| unread.eq_ignore_ascii_case(&name))
    {
        map.next_value::<IgnoredAny>()?;
        return Ok((name, Value::Missing));
    }
    Ok((name, map.next_value()?))
}

impl<'de: 'a, 'a> Deserialize<'de> for View<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ViewVisitor;
        impl<'de> Visitor<'de> for ViewVisitor {
            type Value = View<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a record")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut view = View {
                    envelope: Vec::with_capacity(FIELDS),
                    properties: Vec::new(),
                    repairs: Repairs::new(),
                };
                while let Some(key) = map.next_key::<Key<'de>>()? {
                    if holds_properties(&key.0) {
                        let Properties { fields, repairs } = map.next_value()?;
                        view.repairs.extend(repairs);
                        match fields {
                            Some(fields) => view.properties.extend(fields),
                            None => view.envelope.push(UNREADABLE_PROPERTIES),
                        }
                    } else {
                        view.envelope.push(field(key, &mut map)?);
                    }
                }
                Ok(view)
            }
        }
        deserializer.deserialize_map(ViewVisitor)
    }
}

/// The field that a view contains if `properties` cannot be read.
pub(super) const UNREADABLE_PROPERTIES: (Cow<'_, str>, Value<'_>) =
    (Cow::Borrowed("properties"), Value::Nested);

/// The logs of Event Hubs and Service Bus have `EventProperties`
/// (<https://github.com/open-telemetry/opentelemetry-collector-contrib/issues/46162>).
pub(super) fn holds_properties(key: &str) -> bool {
    key.eq_ignore_ascii_case("properties") || key.eq_ignore_ascii_case("EventProperties")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn text(record: &str, name: &str) -> Option<String> {
        let view = View::read(record).unwrap();
        view.property(name).text().map(Cow::into_owned)
    }

    #[test]
    fn properties_win_for_properties_and_the_top_level_for_common_fields() {
        let view = View::read(r#"{"level":"Error","properties":{"Level":"Informational","x":1}}"#)
            .unwrap();
        assert_eq!(view.common("Level").text().as_deref(), Some("Error"));
        assert_eq!(
            view.property("level").text().as_deref(),
            Some("Informational")
        );
        assert_eq!(view.property("X").amount(), Some(1.0));
        assert_eq!(view.property("y").iter().next(), None);
    }

    #[test]
    fn properties_may_be_text_of_an_object_however_often_encoded() {
        let view =
            View::read(r#"{"properties":"{\"quantity\":\"1.5\",\"unitType\":\"min\\u0075tes\"}"}"#)
                .unwrap();
        assert_eq!(view.property("quantity").amount(), Some(1.5));
        assert_eq!(view.property("unitType").text().as_deref(), Some("minutes"));
        let mut properties = r#"{"x":"y"}"#.to_owned();
        for _ in 0..3 {
            properties = serde_json::to_string(&properties).unwrap();
            let record = format!(r#"{{"properties":{properties}}}"#);
            assert_eq!(text(&record, "x").as_deref(), Some("y"), "{record}");
        }
    }

    #[test]
    fn event_properties_are_properties() {
        let record = r#"{"EventProperties":{"x":"y"},"properties":{"z":"0"}}"#;
        assert_eq!(text(record, "x").as_deref(), Some("y"));
        assert_eq!(text(record, "z").as_deref(), Some("0"));
    }

    #[test]
    fn properties_may_be_in_properties_and_have_a_byte_order_mark() {
        for properties in [
            r#"{"properties":{"x":"y"}}"#,
            r#"{"properties":"{\"x\":\"y\"}"}"#,
            "\"\u{feff}{\\\"x\\\":\\\"y\\\"}\"",
        ] {
            let record = format!(r#"{{"properties":{properties}}}"#);
            assert_eq!(text(&record, "x").as_deref(), Some("y"), "{record}");
        }
    }

    #[test]
    fn properties_that_are_nothing_of_use_leave_the_top_level() {
        for properties in [
            "null",
            r#""""#,
            r#""null""#,
            "[]",
            r#""hello""#,
            "7",
            "-7",
            "0.5",
            "true",
            "[null]",
            r#""{""#,
            r#""{\"x\":""#,
            r#""{\"x\":1,\"y""#,
            r#""{'x':'it's'}""#,
        ] {
            let record = format!(r#"{{"properties":{properties},"level":"Error"}}"#);
            let view = View::read(&record).unwrap();
            let level = view.common("level").text();
            assert_eq!(level.as_deref(), Some("Error"), "{properties}");
        }
    }

    #[test]
    fn properties_in_single_quotes_are_read() {
        let record = r#"{"properties":"{'a':'it's','b':'say \"x\"','c':2,'d':''}"}"#;
        assert_eq!(text(record, "a").as_deref(), Some("it's"));
        assert_eq!(text(record, "b").as_deref(), Some("say \"x\""));
        assert_eq!(text(record, "c").as_deref(), Some("2"));
        assert_eq!(text(record, "d"), None);
    }

    #[test]
    fn what_only_a_reader_refuses_costs_only_its_property() {
        let record = r#"{"a":1e999,"b":"\ud800x","properties":{"c":-1e999,"d":"y"}}"#;
        assert_eq!(text(record, "a"), None);
        assert_eq!(text(record, "b").as_deref(), Some("\u{FFFD}x"));
        assert_eq!(text(record, "c"), None);
        assert_eq!(text(record, "d").as_deref(), Some("y"));
    }

    #[test]
    fn what_is_no_object_is_an_error() {
        for text in ["", "7", "[]", "null", "\"{}\"", "{", "{\"a\":1"] {
            assert!(View::read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn names_may_have_blanks_and_a_zone() {
        let record = r#"{"Record ID":"r","TimeGenerated [UTC]":"5/25/2023, 5:43:25.746 PM"}"#;
        assert_eq!(text(record, "recordId").as_deref(), Some("r"));
        let view = View::read(record).unwrap();
        assert!(view.common("TimeGenerated").instant().is_some());
    }

    #[test]
    fn a_missing_value_does_not_hide_one_further_down() {
        let view =
            View::read(r#"{"resultType":"null","properties":{"ResultType":"Failed"}}"#).unwrap();
        assert_eq!(view.common("resultType").text().as_deref(), Some("Failed"));
    }

    #[test]
    fn an_object_may_stand_for_its_value_and_a_text_be_encoded_twice() {
        let record = r#"{"a":{"value":"Usage","localizedValue":"x"},"b":"\"Usage\"","c":{"value":{}},"d":[1],"e":{"value":503}}"#;
        assert_eq!(text(record, "a").as_deref(), Some("Usage"));
        assert_eq!(text(record, "b").as_deref(), Some("Usage"));
        assert_eq!(text(record, "c"), None);
        assert_eq!(text(record, "d"), None);
        assert_eq!(text(record, "e").as_deref(), Some("503"));
    }

    #[test]
    fn numbers_come_as_numbers_and_as_text() {
        #[track_caller]
        fn check(json: &str, expected: Option<f64>) {
            let record = format!(r#"{{"x":{json}}}"#);
            assert_eq!(
                View::read(&record).unwrap().property("x").amount(),
                expected,
                "{json}"
            );
        }
        check("130", Some(130.0));
        check("3.34", Some(3.34));
        check("\"73872.94\"", Some(73872.94));
        check("\" 82 \"", Some(82.0));
        check("\"3.146336E-05\"", Some(3.146_336E-05));
        check("\"-1\"", None);
        check("-1", None);
        check("-0.0", Some(0.0));
        for no_number in [
            "NaN",
            "inf",
            "-Infinity",
            "",
            "null",
            "None",
            "1,5",
            "1e999",
        ] {
            check(&format!("\"{no_number}\""), None);
        }
        check("null", None);
        check("true", None);
        check("{}", None);
        check("1e999", None);
        check("1e300", None);
        check("18446744073709551615", None);
    }
}
