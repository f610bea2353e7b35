//! What a piece of JSON is: a record, or something around records.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use memchr::memmem::Finder;
use serde::Deserialize;
use serde_json::value::RawValue;

/// The one JSON object, array or scalar at the beginning of `text`, if it is strict.
pub(super) fn strict_value(text: &[u8]) -> Option<&str> {
    let mut values = serde_json::Deserializer::from_slice(text).into_iter::<&RawValue>();
    values.next()?.ok().map(RawValue::get)
}

/// Whether an object begins as Azure Monitor's envelopes do. It is not worth reading whole before its records are.
pub(super) fn begins_with_records(object: &[u8]) -> bool {
    let inside = object.get(1..).unwrap_or_default();
    inside.trim_ascii_start().starts_with(b"\"records\"")
}

/// Whether an object, strict JSON, is something around records rather than a record.
///
/// A record may well have a property `body`; then it has a category too.
pub(super) fn is_wrapper(object: &str) -> bool {
    /// As it is written: with escapes in it, it is neither of these keys.
    #[derive(Deserialize, PartialEq, Eq, Hash)]
    struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

    if !may_be_wrapper(object.as_bytes()) {
        return false;
    }
    let members: HashMap<Key<'_>, &RawValue> = serde_json::from_str(object).unwrap_or_default();
    let has = |is_it: &dyn Fn(&str, &RawValue) -> bool| {
        members.iter().any(|(key, value)| match key.0 {
            Cow::Borrowed(key) => is_it(key, value),
            Cow::Owned(_) => false,
        })
    };
    has(&|key, _| is_records(key))
        || has(&|key, value| is_body(key) && is_container(value.get().as_bytes()))
            && !has(&|key, _| is_category(key))
}

/// Whether a key of a wrapper stands anywhere in the text: cheap, and never wrong when it says no.
fn may_be_wrapper(text: &[u8]) -> bool {
    static ENDS_OF_KEYS: LazyLock<[Finder<'static>; 3]> = LazyLock::new(|| {
        let ends: [&[u8]; 3] = [b"ecords\"", b"ECORDS\"", b"ody\""];
        ends.map(Finder::new)
    });
    ENDS_OF_KEYS.iter().any(|end| end.find(text).is_some())
}

/// Whether a key holds the records. Spelt with escapes it does not: nobody writes it so.
pub(super) fn is_records(key: &str) -> bool {
    matches!(key, "records" | "Records" | "RECORDS")
}

/// Whether a key holds the body of a message that was wrapped whole.
pub(super) fn is_body(key: &str) -> bool {
    matches!(key, "body" | "Body")
}

/// Whether a key shows that its object is a record.
pub(super) fn is_category(key: &str) -> bool {
    key.eq_ignore_ascii_case("category")
}

/// Whether a raw value is an object, an array, or text of one, in quotes of either kind.
pub(super) fn is_container(value: &[u8]) -> bool {
    let text = value
        .strip_prefix(b"\"")
        .or_else(|| value.strip_prefix(b"'"))
        .unwrap_or(value);
    matches!(text.trim_ascii_start().first(), Some(b'{' | b'['))
}
