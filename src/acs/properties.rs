//! The value of `properties`: the part of a record that its category defines.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::value::{Key, Value};
use super::view::{FIELDS, Fields, UNREADABLE_PROPERTIES, field, holds_properties};
use crate::repair::{self, Repairs};

/// The value of `properties`: an object, text that contains one, or nothing. `None` if it cannot be read: then only the top
/// level of the record is used.
pub(super) struct Properties<'a> {
    pub(super) fields: Option<Fields<'a>>,
    pub(super) repairs: Repairs,
}

impl<'a> From<Option<Fields<'a>>> for Properties<'a> {
    fn from(fields: Option<Fields<'a>>) -> Self {
        let repairs = Repairs::new();
        Self { fields, repairs }
    }
}

/// How often `properties` may be encoded as text. Azure is known to do it twice.
const ENCODED_MAX: usize = 3;

const BYTE_ORDER_MARK: char = '\u{feff}';

/// Reads text that was meant to be an object. Such text mostly contains escapes and cannot borrow from the record, so its
/// fields are owned.
fn from_text(text: &str, repairs: &mut Repairs) -> Option<Fields<'static>> {
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
    if let Ok(inner) = serde_json::from_str::<Properties<'_>>(&text) {
        *repairs = inner.repairs;
        return inner.fields.map(owned);
    }
    let (repaired, of_text) = repair::object(&text)?;
    let Properties {
        fields,
        repairs: inner,
    } = serde_json::from_str(&repaired).ok()?;
    *repairs = &of_text | &inner;
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
        f.write_str("an object, or text that contains one")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Vec::with_capacity(FIELDS);
        let mut repairs = Repairs::new();
        while let Some(key) = map.next_key::<Key<'de>>()? {
            if holds_properties(&key.0) {
                let inner: Properties<'de> = map.next_value()?;
                repairs.extend(inner.repairs);
                match inner.fields {
                    Some(inner) => fields.extend(inner),
                    None => fields.push(UNREADABLE_PROPERTIES),
                }
            } else {
                fields.push(field(key, &mut map)?);
            }
        }
        let fields = Some(fields);
        Ok(Properties { fields, repairs })
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        let mut repairs = Repairs::new();
        let fields = from_text(text, &mut repairs);
        Ok(Properties { fields, repairs })
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Some(Vec::new()).into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut fields = Some(Vec::new());
        while seq.next_element::<IgnoredAny>()?.is_some() {
            fields = None;
        }
        Ok(fields.into())
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None.into())
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None.into())
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None.into())
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None.into())
    }
}

/// The fields, copied so that they do not borrow from the text.
pub(super) fn owned(fields: Fields<'_>) -> Fields<'static> {
    fields
        .into_iter()
        .map(|(key, value)| (Cow::Owned(key.into_owned()), value.into_owned()))
        .collect()
}
