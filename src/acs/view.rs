//! A record as names and values, whichever of its shapes it has.
//!
//! ACS writes a property at the top level or inside `properties`, in `camelCase` or `PascalCase`, as a number or as
//! text of a number; `properties` itself may be text of an object. A [`View`] levels all of that, so that the files
//! of the categories read as the tables of Microsoft's documentation. It knows no property by name but
//! `properties`.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, PrimitiveDateTime, macros::format_description};

/// The properties of one record.
#[derive(Debug, Default)]
pub(super) struct View<'a> {
    envelope: Vec<(Cow<'a, str>, Value<'a>)>,
    properties: Vec<(Cow<'a, str>, Value<'a>)>,
}

/// A value as far as a metric can use one. Lists and objects are [`Value::Nested`]: no property that we read is one.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value<'a> {
    /// Absent, JSON null, or text that says so (`""`, `"null"`, `"None"`).
    Missing,
    /// JSON true or false.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// Any other number.
    Float(f64),
    /// Text, with blanks trimmed off its ends.
    Text(Cow<'a, str>),
    /// A list or an object.
    Nested,
}

impl<'a> View<'a> {
    /// Reads the text of a record: one JSON object.
    ///
    /// # Errors
    ///
    /// When it is not a JSON object, or one nested deeper than `serde_json` goes (128 levels).
    pub(super) fn read(record: &'a str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(record)
    }

    /// A property that the category defines: looked up in `properties` first, then at the top level.
    pub(super) fn property(&self, name: &str) -> &Value<'a> {
        find(&self.properties, name)
            .or_else(|| find(&self.envelope, name))
            .unwrap_or(&Value::Missing)
    }

    /// A field of Azure Monitor's common schema: looked up at the top level first, then in `properties`.
    pub(super) fn common(&self, name: &str) -> &Value<'a> {
        find(&self.envelope, name)
            .or_else(|| find(&self.properties, name))
            .unwrap_or(&Value::Missing)
    }
}

fn find<'v, 'a>(fields: &'v [(Cow<'a, str>, Value<'a>)], name: &str) -> Option<&'v Value<'a>> {
    fields
        .iter()
        .find(|(key, value)| *value != Value::Missing && key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}

impl<'a> Value<'a> {
    fn from_text(text: Cow<'a, str>) -> Self {
        let trimmed = match text {
            Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
            Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
        };
        if trimmed.is_empty()
            || ["null", "none"]
                .iter()
                .any(|absent| trimmed.eq_ignore_ascii_case(absent))
        {
            Self::Missing
        } else {
            Self::Text(trimmed)
        }
    }

    /// The value as text; numbers as JSON writes them. `None` when there is none.
    pub(super) fn text(&self) -> Option<Cow<'a, str>> {
        match self {
            Self::Text(text) => Some(text.clone()),
            Self::Integer(number) => Some(Cow::Owned(number.to_string())),
            Self::Float(number) => Some(Cow::Owned(number.to_string())),
            Self::Bool(value) => Some(Cow::Borrowed(if *value { "true" } else { "false" })),
            Self::Missing | Self::Nested => None,
        }
    }

    /// The value as a finite number, whether it came as one or as text of one (`"73.3857"`, `"3.1E-05"`).
    pub(super) fn number(&self) -> Option<f64> {
        let number = match self {
            #[expect(
                clippy::cast_precision_loss,
                clippy::as_conversions,
                reason = "no count here nears 2^53"
            )]
            Self::Integer(number) => *number as f64,
            Self::Float(number) => *number,
            Self::Text(text) => text.parse().ok()?,
            _ => return None,
        };
        number.is_finite().then_some(number)
    }

    /// The value as an amount: a [`number`](Self::number) that is not negative. ACS writes -1 for "not known".
    pub(super) fn amount(&self) -> Option<f64> {
        self.number().filter(|number| *number >= 0.0)
    }

    /// The value as a point in time: RFC 3339 with any number of fractional digits; UTC where no zone is given.
    pub(super) fn instant(&self) -> Option<OffsetDateTime> {
        let Self::Text(text) = self else { return None };
        let zoneless = format_description!(
            version = 2,
            "[year]-[month]-[day]T[hour]:[minute]:[second][optional [.[subsecond digits:1+]]]"
        );
        OffsetDateTime::parse(text, &Rfc3339).ok().or_else(|| {
            PrimitiveDateTime::parse(text, zoneless)
                .ok()
                .map(PrimitiveDateTime::assume_utc)
        })
    }
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
                let mut view = View::default();
                while let Some(Text(key)) = map.next_key()? {
                    if key.eq_ignore_ascii_case("properties") {
                        view.properties = map.next_value::<Properties<'_>>()?.0;
                    } else {
                        view.envelope.push((key, map.next_value()?));
                    }
                }
                Ok(view)
            }
        }
        deserializer.deserialize_map(ViewVisitor)
    }
}

/// The value of `properties`: an object, text of an object, or nothing of use.
struct Properties<'a>(Vec<(Cow<'a, str>, Value<'a>)>);

impl<'de: 'a, 'a> Deserialize<'de> for Properties<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PropertiesVisitor)
    }
}

struct PropertiesVisitor;

impl<'de> Visitor<'de> for PropertiesVisitor {
    type Value = Properties<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object, or text of one")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Vec::new();
        while let Some(Text(key)) = map.next_key()? {
            fields.push((key, map.next_value()?));
        }
        Ok(Properties(fields))
    }

    fn visit_borrowed_str<E: serde::de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
        if text.trim_start().starts_with('{') {
            serde_json::from_str(text).map_err(E::custom)
        } else {
            Ok(Properties(Vec::new()))
        }
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
        // Text of JSON is full of escapes, so it never is a slice of the body: what it holds must be owned.
        if !text.trim_start().starts_with('{') {
            return Ok(Properties(Vec::new()));
        }
        let Properties(fields) = serde_json::from_str(text).map_err(E::custom)?;
        let owned = fields
            .into_iter()
            .map(|(key, value)| (Cow::Owned(key.into_owned()), value.into_owned()));
        Ok(Properties(owned.collect()))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Properties(Vec::new()))
    }
}

impl Value<'_> {
    fn into_owned(self) -> Value<'static> {
        match self {
            Self::Missing => Value::Missing,
            Self::Bool(value) => Value::Bool(value),
            Self::Integer(number) => Value::Integer(number),
            Self::Float(number) => Value::Float(number),
            Self::Text(text) => Value::Text(Cow::Owned(text.into_owned())),
            Self::Nested => Value::Nested,
        }
    }
}

/// A key: a slice of the record, unless escapes force a copy.
struct Text<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Text(text) => Ok(Self(text)),
            Value::Missing => Ok(Self(Cow::Borrowed(""))),
            _ => Err(D::Error::custom("a key that is not text")),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Value<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Value::Integer(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        #[expect(
            clippy::cast_precision_loss,
            clippy::as_conversions,
            reason = "beyond i64, to the nearest float"
        )]
        Ok(i64::try_from(number).map_or(Value::Float(number as f64), Value::Integer))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Value::Float(number))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Value::from_text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Value::from_text(Cow::Owned(text.to_owned())))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Value::Missing)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Nested)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Value::Nested)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn properties_win_for_properties_and_the_top_level_for_common_fields() {
        let view = View::read(r#"{"level":"Error","properties":{"Level":"Informational","x":1}}"#)
            .unwrap();
        assert_eq!(view.common("Level").text().as_deref(), Some("Error"));
        assert_eq!(
            view.property("level").text().as_deref(),
            Some("Informational")
        );
        assert_eq!(view.property("X").number(), Some(1.0));
        assert_eq!(*view.property("y"), Value::Missing);
    }

    #[test]
    fn properties_may_be_text_of_an_object() {
        let view =
            View::read(r#"{"properties":"{\"quantity\":\"1.5\",\"unitType\":\"min\\u0075tes\"}"}"#)
                .unwrap();
        assert_eq!(view.property("quantity").number(), Some(1.5));
        assert_eq!(view.property("unitType").text().as_deref(), Some("minutes"));
    }

    #[test]
    fn properties_that_are_nothing_of_use_leave_the_top_level() {
        for properties in ["null", "\"\"", "\"hello\""] {
            let record = format!(r#"{{"properties":{properties},"level":"Error"}}"#);
            assert_eq!(
                View::read(&record)
                    .unwrap()
                    .common("level")
                    .text()
                    .as_deref(),
                Some("Error")
            );
        }
    }

    #[test]
    fn a_missing_value_does_not_hide_one_further_down() {
        let view =
            View::read(r#"{"resultType":"null","properties":{"ResultType":"Failed"}}"#).unwrap();
        assert_eq!(view.common("resultType").text().as_deref(), Some("Failed"));
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
        check("\"NaN\"", None);
        check("\"inf\"", None);
        check("\"\"", None);
        check("null", None);
        check("{}", None);
        check("18446744073709551615", Some(18_446_744_073_709_551_615.0));
    }

    #[test]
    fn times_have_any_number_of_fractional_digits_and_may_lack_a_zone() {
        #[track_caller]
        fn check(text: &str, expected: Option<OffsetDateTime>) {
            let value = Value::from_text(Cow::Borrowed(text));
            assert_eq!(value.instant(), expected, "{text}");
        }
        check(
            "2022-08-17T23:18:26.4332392Z",
            Some(datetime!(2022-08-17 23:18:26.433_239_2 UTC)),
        );
        check(
            "2023-05-09T15:58:30.100Z",
            Some(datetime!(2023-05-09 15:58:30.1 UTC)),
        );
        check(
            "2023-05-09T15:58:30Z",
            Some(datetime!(2023-05-09 15:58:30 UTC)),
        );
        check(
            "2023-05-09T17:58:30+02:00",
            Some(datetime!(2023-05-09 15:58:30 UTC)),
        );
        check(
            "2023-05-09T15:58:30.123456789Z",
            Some(datetime!(2023-05-09 15:58:30.123_456_789 UTC)),
        );
        check(
            "2023-05-09T15:58:30.5",
            Some(datetime!(2023-05-09 15:58:30.5 UTC)),
        );
        check(
            "2023-05-09T15:58:30",
            Some(datetime!(2023-05-09 15:58:30 UTC)),
        );
        check("yesterday", None);
    }
}
