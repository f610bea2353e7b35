//! The value of `properties`: the part of a record that its category defines.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::value::{Key, Value};
use super::view::{FIELDS, Fields, field};
use crate::repair::{self, Repairs};

/// The value of `properties`: an object, text of an object, or nothing of use, in which case the record counts for what
/// its top level says.
#[derive(Default)]
pub(super) struct Properties<'a> {
    pub(super) fields: Fields<'a>,
    pub(super) repairs: Repairs,
}

/// How often `properties` may be encoded as text. Azure is known to do it twice.
const ENCODED_MAX: usize = 3;

/// Reads text that was meant to be an object. Most text of JSON is full of escapes, so it is not a slice of the record:
/// its fields are owned.
fn from_text(text: &str) -> Properties<'static> {
    let mut text = Cow::Borrowed(text.trim());
    for _ in 0..ENCODED_MAX {
        match serde_json::from_str::<Key<'_>>(&text) {
            Ok(Key(decoded)) => text = Cow::Owned(decoded.trim().to_owned()),
            Err(_) => break,
        }
    }
    if !text.starts_with('{') {
        return Properties::default();
    }
    if let Ok(Properties { fields, repairs }) = serde_json::from_str(&text) {
        let fields = owned(fields);
        return Properties { fields, repairs };
    }
    let (repaired, repairs) = repair::object(&text).unwrap_or_default();
    match serde_json::from_str(&repaired) {
        Ok(Properties { fields, .. })
            if fields.iter().any(|(_, value)| *value != Value::Missing) =>
        {
            let fields = owned(fields);
            Properties { fields, repairs }
        }
        _ => Properties::default(),
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
        Ok(Properties {
            fields,
            repairs: Repairs::new(),
        })
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(from_text(text))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Properties::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Properties::default())
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Properties::default())
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Properties::default())
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Properties::default())
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Properties::default())
    }
}

/// The fields, freed from the text that they were read from.
pub(super) fn owned(fields: Fields<'_>) -> Fields<'static> {
    fields
        .into_iter()
        .map(|(key, value)| (Cow::Owned(key.into_owned()), value.into_owned()))
        .collect()
}
