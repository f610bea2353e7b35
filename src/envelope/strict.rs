//! The way of nearly every body: JSON as it should be, split in one pass without a copy.
//!
//! Takes an envelope, an array of records, or one record. Whatever else there is, if only a second `records` somewhere
//! inside, is left to [`walk`](super::walk).

use std::borrow::Cow;
use std::fmt;

use memchr::memmem;
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::value::RawValue;

use super::{RECORDS_MAX, Slots};
use crate::disposition::Reject;

/// Splits the document at the beginning of `text` into `slots`, and tells how long it is. `None`, and `slots` as they
/// were, where it is anything but plain.
pub(super) fn split<'a>(text: &'a [u8], slots: &mut Slots<'a>) -> Option<usize> {
    let before = slots.len();
    let length = try_split(text, slots);
    if length.is_none() {
        slots.truncate(before);
    }
    length
}

fn try_split<'a>(text: &'a [u8], slots: &mut Slots<'a>) -> Option<usize> {
    let mut json = serde_json::Deserializer::from_slice(text);
    let document = Document(slots).deserialize(&mut json).ok()?;
    let length = json.into_iter::<IgnoredAny>().byte_offset();
    let text = text.get(..length)?;
    let envelopes = match document {
        Shape::Array => 0,
        Shape::Envelope => 1,
        Shape::Record if slots.len() == RECORDS_MAX => return None,
        Shape::Record => {
            slots.push(Ok(Cow::Borrowed(std::str::from_utf8(text).ok()?)));
            0
        }
    };
    (!holds_more(text, envelopes)).then_some(length)
}

/// The one JSON object, array or scalar at the beginning of `text`, if it is strict.
pub(super) fn value(text: &[u8]) -> Option<&str> {
    let mut values = serde_json::Deserializer::from_slice(text).into_iter::<&RawValue>();
    values.next()?.ok().map(RawValue::get)
}

/// Whether an object, strict JSON, is something around records rather than a record.
pub(super) fn is_wrapper(object: &str) -> bool {
    holds_more(object.as_bytes(), 0)
        && serde_json::from_str::<Keys>(object).is_ok_and(|keys| keys.is_wrapper())
}

/// Whether a key holds the records. Spelt with escapes it does not: nobody writes it so.
pub(super) fn is_records(key: &str) -> bool {
    matches!(key, "records" | "Records" | "RECORDS")
}

/// Whether a key holds the body of a message that was wrapped whole.
pub(super) fn is_body(key: &str) -> bool {
    matches!(key, "body" | "Body")
}

/// Whether a raw value is an object, an array, or text of one, in quotes of either kind.
pub(super) fn is_container(value: &[u8]) -> bool {
    let text = value
        .strip_prefix(b"\"")
        .or_else(|| value.strip_prefix(b"'"))
        .unwrap_or(value);
    matches!(text.trim_ascii_start().first(), Some(b'{' | b'['))
}

/// Whether some key is [`is_records`] or [`is_body`] beyond the known number of `records`: cheap, and never wrong when
/// it says no.
fn holds_more(text: &[u8], known: usize) -> bool {
    memmem::find_iter(text, b"ecords\"").nth(known).is_some()
        || memmem::find(text, b"ECORDS\"").is_some()
        || memmem::find(text, b"ody\"").is_some()
}

enum Shape {
    Envelope,
    Array,
    Record,
}

/// The document; its records go to the slots.
struct Document<'s, 'a>(&'s mut Slots<'a>);

impl<'de> DeserializeSeed<'de> for Document<'_, 'de> {
    type Value = Shape;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Shape, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Document<'_, 'de> {
    type Value = Shape;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an envelope, an array of records, or a record")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Shape, A::Error> {
        let mut shape = Shape::Record;
        while let Some(Key(key)) = map.next_key()? {
            if key.is_some_and(is_records) {
                map.next_value_seed(Items(&mut *self.0))?;
                shape = Shape::Envelope;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(shape)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Shape, A::Error> {
        Items(self.0).visit_seq(seq)?;
        Ok(Shape::Array)
    }
}

/// An array of records.
struct Items<'s, 'a>(&'s mut Slots<'a>);

impl<'de> DeserializeSeed<'de> for Items<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Items<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of records")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(item) = seq.next_element::<&RawValue>()? {
            if self.0.len() == RECORDS_MAX {
                return Err(A::Error::custom("too many records"));
            }
            let text = item.get();
            self.0.push(match text.as_bytes().first() {
                Some(b'{') => Ok(Cow::Borrowed(text)),
                Some(b'[' | b'"') => return Err(A::Error::custom("not a plain record")),
                _ => Err(Reject::NotAnObject),
            });
        }
        Ok(())
    }
}

/// What the keys of an object say of it.
#[derive(Default)]
struct Keys {
    records: bool,
    body: bool,
    category: bool,
}

impl Keys {
    /// A record may well have a property `body`; then it has a category too.
    fn is_wrapper(&self) -> bool {
        self.records || (self.body && !self.category)
    }
}

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeysVisitor;
        impl<'de> Visitor<'de> for KeysVisitor {
            type Value = Keys;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Keys, A::Error> {
                let mut keys = Keys::default();
                while let Some(Key(key)) = map.next_key()? {
                    let value: &RawValue = map.next_value()?;
                    let key = key.unwrap_or_default();
                    keys.records |= is_records(key);
                    keys.body |= is_body(key) && is_container(value.get().as_bytes());
                    keys.category |= is_category(key);
                }
                Ok(keys)
            }
        }
        deserializer.deserialize_map(KeysVisitor)
    }
}

/// Whether a key says that what it stands in is a record.
pub(super) fn is_category(key: &str) -> bool {
    key.eq_ignore_ascii_case("category")
}

/// A key, unless it is written with escapes.
struct Key<'a>(Option<&'a str>);

impl<'de: 'a, 'a> Deserialize<'de> for Key<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl<'de> Visitor<'de> for KeyVisitor {
            type Value = Key<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_borrowed_str<E>(self, key: &'de str) -> Result<Self::Value, E> {
                Ok(Key(Some(key)))
            }

            fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
                Ok(Key(None))
            }
        }
        deserializer.deserialize_str(KeyVisitor)
    }
}
