//! What a piece of JSON is: a record, or something around records.

use std::borrow::Cow;
use std::fmt;
use std::sync::LazyLock;

use memchr::memchr_iter;
use memchr::memmem::Finder;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::repair::{Rewriter, is_first_key};

/// Why a text does not begin with strict JSON.
#[derive(Clone, Copy, Debug)]
pub(super) struct NotStrict {
    /// How many bytes were read to find that out.
    pub(super) read: usize,
    /// Whether it might be strict if the text went on.
    pub(super) is_unfinished: bool,
}

/// The one JSON object, array or scalar at the beginning of `text`, if it is strict.
pub(super) fn strict_value(text: &[u8]) -> Result<&str, NotStrict> {
    let mut values = serde_json::Deserializer::from_slice(text).into_iter::<&RawValue>();
    match values.next() {
        Some(Ok(value)) => Ok(value.get()),
        Some(Err(error)) => Err(not_strict(text, &error)),
        None => Ok(""),
    }
}

#[cold]
fn not_strict(text: &[u8], error: &serde_json::Error) -> NotStrict {
    let line = error.line().checked_sub(2);
    let newline = line.and_then(|line| memchr_iter(b'\n', text).nth(line));
    let read = newline.map_or(0, |newline| newline + 1) + error.column();
    NotStrict {
        read,
        // By its place: of a number that ends too early, the parser says that it is invalid.
        is_unfinished: read + 1 >= text.len(),
    }
}

/// Whether an object begins as Azure Monitor's envelopes do. It is not worth reading whole before its records are.
pub(super) fn begins_with_records(object: &[u8]) -> bool {
    let inside = object.get(1..).unwrap_or_default();
    inside.trim_ascii_start().starts_with(b"\"records\"")
}

/// What the keys of an object show it to be.
#[derive(Debug, Default)]
pub(super) struct Keys {
    has_category: bool,
    is_record: bool,
}

impl Keys {
    /// A key as it is written: with escapes in it, it is none that is known.
    pub(super) fn note(&mut self, key: &str) {
        self.has_category |= key.eq_ignore_ascii_case("category");
        self.is_record |= is_first_key(key.as_bytes()) && !is_records(key);
    }

    /// Whether a `body` is a message that was wrapped whole: a record may well have such a property, but then it has a
    /// category too.
    pub(super) fn may_have_body(&self) -> bool {
        !self.has_category
    }

    /// Whether an array of what look like records is one, whatever its name: no other key is one with which records begin.
    pub(super) fn may_have_records(&self) -> bool {
        !self.is_record
    }
}

/// Whether an object, strict JSON, is something around records rather than a record.
pub(super) fn is_wrapper(object: &str) -> bool {
    may_be_wrapper(object.as_bytes())
        && serde_json::from_str(object).is_ok_and(|members: Members| members.are_of_wrapper())
}

/// What the members of an object are. They are looked at one by one, and none is kept: there may be a million.
#[derive(Default)]
struct Members {
    keys: Keys,
    has_records: bool,
    has_body: bool,
    has_array_of_records: bool,
}

impl Members {
    fn note(&mut self, key: &str, value: &[u8]) {
        self.keys.note(key);
        self.has_records |= is_records(key);
        self.has_body |= is_body(key) && is_container(value);
    }

    fn are_of_wrapper(&self) -> bool {
        self.has_records
            || (self.keys.may_have_body() && self.has_body)
            || (self.keys.may_have_records() && self.has_array_of_records)
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

        struct MembersVisitor;
        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Members::default();
                while let Some((key, value)) = map.next_entry::<Key<'de>, &RawValue>()? {
                    let value = value.get().as_bytes();
                    if let Cow::Borrowed(key) = key.0 {
                        members.note(key, value);
                    }
                    members.has_array_of_records |= are_records(value);
                }
                Ok(members)
            }
        }
        deserializer.deserialize_map(MembersVisitor)
    }
}

/// Whether a key of a wrapper, or an array of records, stands anywhere in the text: cheap, and never wrong when it says no.
fn may_be_wrapper(text: &[u8]) -> bool {
    static ENDS_OF_KEYS: LazyLock<[Finder<'static>; 3]> = LazyLock::new(|| {
        let ends: [&[u8]; 3] = [b"ecords\"", b"ECORDS\"", b"ody\""];
        ends.map(Finder::new)
    });
    let mut arrays = memchr_iter(b'[', text).filter_map(|at| text.get(at..));
    ENDS_OF_KEYS.iter().any(|end| end.find(text).is_some()) || arrays.any(are_records)
}

fn are_records(array: &[u8]) -> bool {
    Rewriter::new(array).is_records_next()
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
