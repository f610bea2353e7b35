//! The value of `properties`: the part of a record that its category defines.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::value::{Key, Value};
use super::view::{FIELDS, Fields, field};
use crate::repair;

/// How well a record's `properties` could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Legibility {
    /// All of them, or there are none.
    Whole,
    /// Something had to be put right; a property in which that failed is missing.
    Repaired,
    /// Not at all: there are some, but they are no object, nor text that can be made one. What stands at the top level
    /// is all there is; the record counts for that.
    Lost,
}

/// The value of `properties`: an object, text of an object, or nothing of use.
pub(super) struct Properties<'a>(pub(super) Fields<'a>, pub(super) Legibility);

/// How often `properties` may be text of text of an object. Twice was seen.
const ENCODED_MAX: usize = 3;

const NO_PROPERTIES: Properties<'static> = Properties(Vec::new(), Legibility::Whole);
const LOST_PROPERTIES: Properties<'static> = Properties(Vec::new(), Legibility::Lost);

impl Properties<'_> {
    /// Reads text that was meant to be an object. Most text of JSON is full of escapes, so it is no slice of the record:
    /// what it holds is owned.
    fn from_text(text: &str) -> Properties<'static> {
        let mut text = Cow::Borrowed(text.trim());
        for _ in 0..ENCODED_MAX {
            if text.is_empty() || text.eq_ignore_ascii_case("null") {
                return NO_PROPERTIES;
            }
            match serde_json::from_str::<Key<'_>>(&text) {
                Ok(Key(decoded)) => text = Cow::Owned(decoded.trim().to_owned()),
                Err(_) => break,
            }
        }
        if !text.starts_with('{') {
            return LOST_PROPERTIES;
        }
        if let Ok(Properties(fields, legibility)) = serde_json::from_str(&text) {
            return Properties(owned(fields), legibility);
        }
        let Some(repaired) = repair::object(&text) else {
            return LOST_PROPERTIES;
        };
        match serde_json::from_str(&repaired) {
            Ok(Properties(fields, _))
                if fields.iter().any(|(_, value)| *value != Value::Missing) =>
            {
                Properties(owned(fields), Legibility::Repaired)
            }
            _ => LOST_PROPERTIES,
        }
    }
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
        while let Some(key) = map.next_key()? {
            fields.push(field(key, &mut map)?);
        }
        Ok(Properties(fields, Legibility::Whole))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Properties::from_text(text))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(NO_PROPERTIES)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut legibility = Legibility::Whole;
        while seq.next_element::<IgnoredAny>()?.is_some() {
            legibility = Legibility::Lost;
        }
        Ok(Properties(Vec::new(), legibility))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(LOST_PROPERTIES)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(LOST_PROPERTIES)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(LOST_PROPERTIES)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(LOST_PROPERTIES)
    }
}

/// The fields, freed from the text that they were read from.
pub(super) fn owned(fields: Fields<'_>) -> Fields<'static> {
    fields
        .into_iter()
        .map(|(key, value)| (Cow::Owned(key.into_owned()), value.into_owned()))
        .collect()
}
