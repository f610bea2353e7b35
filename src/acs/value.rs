//! One value of a record, as far as a metric can use it, whatever JSON type it was sent as.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use time::OffsetDateTime;

use super::instant::{instant, seconds_since_1970, since_1970};

/// A value. Lists and objects are [`Value::Nested`]: no property that is read should be one.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value<'a> {
    /// Absent, JSON null, text that means the same (`""`, `"null"`, `"None"`), or an empty list or object.
    Missing,
    /// JSON true or false.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// Any other number.
    Float(f64),
    /// Text, with blanks trimmed off its ends.
    Text(Cow<'a, str>),
    /// A list or an object. An object `{"value": "text", ...}` counts as its text or number instead: the activity log writes it.
    Nested,
}

/// No real amount is greater: this is 31 million years in seconds, or a million gigabytes in bytes. A sum that contains a
/// greater amount would lose usual amounts to rounding.
const AMOUNT_MAX: f64 = 1e15;

impl<'a> Value<'a> {
    /// The value of a text.
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

    /// The value as a finite number, whether it was sent as a number or as text (`"73.3857"`, `"3.1E-05"`). Text with a plus
    /// or a zero before many digits is a telephone number.
    pub(super) fn number(&self) -> Option<f64> {
        let number = match self {
            #[expect(
                clippy::cast_precision_loss,
                clippy::as_conversions,
                reason = "no count here nears 2^53"
            )]
            Self::Integer(number) => *number as f64,
            Self::Float(number) => *number,
            Self::Text(text) if !is_telephone_number(text) => text.parse().ok()?,
            _ => return None,
        };
        number.is_finite().then_some(number)
    }

    /// The value as an amount: a [`number`](Self::number) that is not negative, since ACS writes -1 to mean "not known", and
    /// not above the limit.
    pub(super) fn amount(&self) -> Option<f64> {
        self.number()
            .filter(|number| (0.0..=AMOUNT_MAX).contains(number))
    }

    /// Whether it is the -1 that ACS writes to mean "not known".
    pub(super) fn is_minus_one(&self) -> bool {
        self.number() == Some(-1.0)
    }

    /// The value as a length in seconds: an [`amount`](Self::amount), or hours, minutes and seconds (`00:01:02`).
    pub(super) fn length(&self) -> Option<f64> {
        match self {
            Self::Text(text) if text.contains(':') => clock(text),
            _ => self.amount(),
        }
    }

    /// The value as a point in time, in any of the spellings of [`instant`].
    pub(super) fn instant(&self) -> Option<OffsetDateTime> {
        match self {
            Self::Text(text) => instant(text),
            Self::Integer(number) => since_1970(*number),
            Self::Float(number) => seconds_since_1970(*number),
            _ => None,
        }
    }

    /// The value, copied so that it does not borrow from the text.
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

/// Reads hours, minutes and seconds. As in .NET's `TimeSpan`, days may come before them (`1.00:01:02`), and a fraction after
/// them.
fn clock(text: &str) -> Option<f64> {
    let (rest, seconds) = text.rsplit_once(':')?;
    let (hours, minutes) = rest.rsplit_once(':')?;
    let (days, hours) = hours.split_once('.').unwrap_or(("0", hours));
    let whole = |part: &str, most: f64| {
        let number = f64::from(part.parse::<u16>().ok()?);
        (number <= most).then_some(number)
    };
    let seconds: f64 = Some(seconds)
        .filter(|seconds| seconds.starts_with(|c: char| c.is_ascii_digit()))
        .and_then(|seconds| seconds.parse().ok())
        .filter(|seconds| (0.0..60.0).contains(seconds))?;
    let hours = whole(days, f64::MAX)? * 24.0 + whole(hours, f64::MAX)?;
    Some((hours * 60.0 + whole(minutes, 59.0)?) * 60.0 + seconds)
}

/// Whether a number is written as telephone numbers are.
fn is_telephone_number(number: &str) -> bool {
    const DIGITS_LEAST: usize = 7;
    let digits = number.strip_prefix(['+', '0']).unwrap_or_default();
    digits.len() >= DIGITS_LEAST && digits.bytes().all(|byte| byte.is_ascii_digit())
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
        let mut value = Value::Missing;
        while seq.next_element::<IgnoredAny>()?.is_some() {
            value = Value::Nested;
        }
        Ok(value)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut value, mut is_empty) = (None, true);
        while let Some(Key(key)) = map.next_key()? {
            is_empty = false;
            if key == "value" {
                let inner: &RawValue = map.next_value()?;
                if !inner.get().starts_with(['{', '[']) {
                    value = serde_json::from_str(inner.get()).ok();
                }
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        let without = if is_empty {
            Value::Missing
        } else {
            Value::Nested
        };
        Ok(value.unwrap_or(without))
    }
}

/// A key: a slice of the record, unless escapes force a copy.
#[derive(Deserialize)]
pub(super) struct Key<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_may_be_what_a_clock_shows() {
        #[track_caller]
        fn check(text: &str, expected: Option<f64>) {
            let length = Value::from_text(text.into()).length();
            assert_eq!(length, expected, "{text}");
        }
        check("00:01:02", Some(62.0));
        check("1:00:00", Some(3600.0));
        check("00:00:03.3400000", Some(3.34));
        check("1.02:03:04.5", Some(93784.5));
        check("20:31:12.94", Some(73872.94));
        check("62", Some(62.0));
        for no_length in [
            "01:02",
            "00:60:00",
            "00:00:60",
            "-00:01:02",
            "00:01:-2",
            "00:01:",
            "::",
            "00:01:02Z",
            "0:00:01:02",
            "00:1.5:02",
            "00:00:nan",
            "00:00:1e1000",
        ] {
            check(no_length, None);
        }
    }
}
