//! One value of a record, as far as a metric can use it: whatever type it was sent as.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use time::OffsetDateTime;

use super::category::UNKNOWN;
use super::instant::instant;
use super::resource::lower_case;

/// A value. Lists and objects are [`Value::Nested`]: no property that is read has one.
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
    /// A list, or an object that is not `{"value": "text", ...}`, which activity logs write for a text.
    Nested,
}

/// No amount is greater: 31 million years in seconds, or a million gigabytes in bytes. A sum that took one up would never
/// again notice an amount of the usual kind.
const AMOUNT_MAX: f64 = 1e15;

impl<'a> Value<'a> {
    /// The value that a text stands for.
    pub(super) fn from_text(text: Cow<'a, str>) -> Self {
        let trimmed = match text {
            Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
            Cow::Owned(text) if text.trim().len() == text.len() => Cow::Owned(text),
            Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
        };
        if let Some(decoded) = decode_twice(&trimmed) {
            return Self::from_text(Cow::Owned(decoded));
        }
        let is_missing = trimmed.is_empty()
            || trimmed.eq_ignore_ascii_case("null")
            || trimmed.eq_ignore_ascii_case("none");
        if is_missing {
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

    /// The value of a label: as sent, or `unknown`.
    pub(super) fn label(&self) -> Cow<'a, str> {
        self.text().unwrap_or(Cow::Borrowed(UNKNOWN))
    }

    /// The same in lower case.
    pub(super) fn label_in_lower_case(&self) -> Cow<'a, str> {
        lower_case(self.label())
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

    /// The value as an amount: a [`number`](Self::number) that is neither negative, since ACS writes -1 for "not known",
    /// nor absurd.
    pub(super) fn amount(&self) -> Option<f64> {
        self.number()
            .filter(|number| (0.0..=AMOUNT_MAX).contains(number))
    }

    /// The value as a point in time, in any of the spellings of [`instant`].
    pub(super) fn instant(&self) -> Option<OffsetDateTime> {
        match self {
            Self::Text(text) => instant(text),
            _ => None,
        }
    }

    /// The value, freed from the text that it was read from.
    pub(super) fn into_owned(self) -> Value<'static> {
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

/// The text inside a text that was encoded twice: `"\"Succeeded\""`.
fn decode_twice(text: &str) -> Option<String> {
    (text.len() > 2 && text.starts_with('"') && text.ends_with('"'))
        .then(|| serde_json::from_str::<String>(text).ok())?
        .filter(|decoded| decoded.len() < text.len())
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
        let mut value = Value::Nested;
        while let Some(Key(key)) = map.next_key()? {
            if key == "value" {
                let inner: &RawValue = map.next_value()?;
                if inner.get().starts_with('"')
                    && let Ok(Key(text)) = serde_json::from_str(inner.get())
                {
                    value = Value::from_text(text);
                }
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(value)
    }
}

/// A key: a slice of the record, unless escapes force a copy.
#[derive(Deserialize)]
pub(super) struct Key<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);
