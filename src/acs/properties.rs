//! The value of `properties`: the part of a record that its category defines.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::value::{Key, Value};
use super::view::{FIELDS, Fields, UNREADABLE_PROPERTIES, field, holds_properties};
use crate::repair;

/// The value of `properties`: an object, or text of one, or nothing. `None` if it cannot be read: then the record counts for
/// what its top level says.
pub(super) struct Properties<'a>(pub(super) Option<Fields<'a>>);

/// How often `properties` may be encoded as text. Azure is known to do it twice.
const ENCODED_MAX: usize = 3;

const BYTE_ORDER_MARK: char = '\u{feff}';

/// Reads text that was meant to be an object. Most text of JSON is full of escapes, so it is not a slice of the record:
/// its fields are owned.
fn from_text(text: &str) -> Option<Fields<'static>> {
    let is_around = |c: char| c.is_whitespace() || c == BYTE_ORDER_MARK;
    let mut text = Cow::Borrowed(text.trim_matches(is_around));
    for _ in 0..ENCODED_MAX {
        match serde_json::from_str::<Key<'_>>(&text) {
            Ok(Key(decoded)) => text = Cow::Owned(decoded.trim_matches(is_around).to_owned()),
            Err(_) => break,
        }
    }
    if Value::from_text(Cow::Borrowed(&text)) == Value::Missing {
        return Some(Vec::new());
    }
    if !text.starts_with('{') {
        return None;
    }
    if let Ok(Properties(fields)) = serde_json::from_str(&text) {
        return fields.map(owned);
    }
    let repaired = repair::object(&text)?;
    let Properties(fields) = serde_json::from_str(&repaired).ok()?;
    let fields = fields.filter(|fields| fields.iter().any(|(_, value)| *value != Value::Missing));
    fields.map(owned)
}

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
        let mut fields = Vec::with_capacity(FIELDS);
        while let Some(key) = map.next_key::<Key<'de>>()? {
            if holds_properties(&key.0) {
                match map.next_value()? {
                    Properties(Some(inner)) => fields.extend(inner),
                    Properties(None) => fields.push(UNREADABLE_PROPERTIES),
                }
            } else {
                fields.push(field(key, &mut map)?);
            }
        }
        Ok(Properties(Some(fields)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Properties(from_text(text)))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Properties(Some(Vec::new())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut fields = Some(Vec::new());
        while seq.next_element::<IgnoredAny>()?.is_some() {
            fields = None;
        }
        Ok(Properties(fields))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Properties(None))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Properties(None))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Properties(None))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Properties(None))
    }
}

/// The fields, freed from the text that they were read from.
pub(super) fn owned(fields: Fields<'_>) -> Fields<'static> {
    fields
        .into_iter()
        .map(|(key, value)| (Cow::Owned(key.into_owned()), value.into_owned()))
        .collect()
}
