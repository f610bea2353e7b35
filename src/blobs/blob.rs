//! The blobs of a container, and the conditions of a write. Plain values: no I/O.

use std::collections::BTreeMap;
use std::fmt;

use super::BlobError;

/// The metadata of a blob: names in lower case, and values of printable ASCII.
pub type Metadata = BTreeMap<String, String>;

/// A blob without its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// The whole name. In a list, a blob of another program may have a name that no operation here accepts.
    pub name: String,
    /// Its version.
    pub etag: ETag,
    /// Its metadata.
    pub metadata: Metadata,
}

/// The version of a blob: each write changes it, whatever is written.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ETag(String);

impl ETag {
    /// From a header, which has quotes around it, or from a list, which has none.
    pub fn new(text: &str) -> Self {
        Self(text.trim_matches('"').to_owned())
    }

    /// In quotes, as a condition needs it.
    pub(super) fn quoted(&self) -> String {
        format!("\"{}\"", self.0)
    }
}

impl fmt::Display for ETag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What must hold for a blob to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// There is none of that name.
    Missing,
    /// It is still this version.
    Unchanged(ETag),
    /// No condition.
    None,
}

/// The outcome of a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The blob is written, and has this version.
    Done(ETag),
    /// The condition did not hold, and nothing was written.
    Refused,
}

/// A name may be this long, and have so many parts, by "Naming and referencing containers, blobs, and metadata".
const NAME_BYTES_MAX: usize = 1024;
const NAME_PARTS_MAX: usize = 254;

/// Metadata of a blob may have this many bytes, names and values together.
const METADATA_BYTES_MAX: usize = 8 * 1024;

/// Checks a name. The service accepts more than this, but does not return all of it as it was sent; and no other characters
/// are needed than those of a host, an event hub or a consumer group.
pub(super) fn check_name(name: &str) -> Result<(), BlobError> {
    let is_part = |part: &str| !part.is_empty() && !part.ends_with('.') && is_of_a_name(part);
    let is_name = name.len() <= NAME_BYTES_MAX
        && name.split('/').count() <= NAME_PARTS_MAX
        && name.split('/').all(is_part);
    if is_name {
        Ok(())
    } else {
        Err(BlobError::Name(name.to_owned()))
    }
}

/// Checks a prefix of names: whole parts, each with its `/`, or nothing.
pub(super) fn check_prefix(prefix: &str) -> Result<(), BlobError> {
    match prefix.strip_suffix('/') {
        Some(name) => check_name(name).map_err(|_| BlobError::Name(prefix.to_owned())),
        None if prefix.is_empty() => Ok(()),
        None => Err(BlobError::Name(prefix.to_owned())),
    }
}

/// Checks metadata. A line feed in a value would end its header, and what is not ASCII cannot be signed.
pub(super) fn check_metadata(metadata: &Metadata) -> Result<(), BlobError> {
    let is_key = |key: &str| {
        key.starts_with(|first: char| first.is_ascii_lowercase())
            && key
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    };
    let is_value = |value: &str| {
        value.trim().len() == value.len() && value.bytes().all(|byte| (b' '..=b'~').contains(&byte))
    };
    let mut bytes = 0;
    for (key, value) in metadata {
        bytes += key.len() + value.len();
        if !is_key(key) || !is_value(value) || bytes > METADATA_BYTES_MAX {
            return Err(BlobError::Metadata(key.clone()));
        }
    }
    Ok(())
}

fn is_of_a_name(part: &str) -> bool {
    part.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-._~$:".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_etag_is_the_same_with_quotes_and_without() {
        assert_eq!(ETag::new("\"0x8D\""), ETag::new("0x8D"));
        assert_eq!(ETag::new("0x8D").quoted(), "\"0x8D\"");
        assert_eq!(ETag::new("\"0x8D\"").to_string(), "0x8D");
    }

    #[test]
    fn names_are_parts_of_plain_characters() {
        for name in [
            "a",
            "contoso.servicebus.windows.net/logs/$default/ownership/0",
            "localhost:5672/.acs-recording-exporter/exporter/series",
            &"x".repeat(1024),
        ] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        for name in [
            "", "/", "a//b", "a/", "/a", "a/./b", "../a", "a.", "a b", "a\\b", "a%2fb", "a?b",
            "a#b", "ü", "a\nb",
        ] {
            let error = check_name(name).unwrap_err();
            assert!(matches!(error, BlobError::Name(_)), "{name}");
        }
        assert!(check_name(&"x".repeat(1025)).is_err());
        assert!(check_name(&["x"; 255].join("/")).is_err());
    }

    #[test]
    fn a_prefix_ends_where_a_part_does() {
        for prefix in ["", "a/", "a/b/"] {
            assert!(check_prefix(prefix).is_ok(), "{prefix}");
        }
        for prefix in ["/", "a", "a//", "a b/"] {
            assert!(check_prefix(prefix).is_err(), "{prefix}");
        }
    }

    #[test]
    fn metadata_is_what_a_header_can_contain() {
        let check = |key: &str, value: &str| {
            check_metadata(&Metadata::from([(key.to_owned(), value.to_owned())])).is_ok()
        };
        assert!(check("ownerid", ""));
        assert!(check("enqueuedat", "2026-03-01T12:00:00.5Z"));
        assert!(check("a_1", "any \"text\" ~"));
        for (key, value) in [
            ("", "x"),
            ("OwnerId", "x"),
            ("1a", "x"),
            ("owner-id", "x"),
            ("owner id", "x"),
            ("a", "line\nfeed"),
            ("a", "tab\t"),
            ("a", " blank before"),
            ("a", "hüb"),
            ("a", "\u{7f}"),
        ] {
            assert!(!check(key, value), "{key} = {value:?}");
        }
        assert!(!check("a", &"x".repeat(METADATA_BYTES_MAX)));
    }
}
