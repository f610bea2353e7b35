//! Text that was meant to be JSON -> JSON.
//!
//! For what a strict parser has refused, and only for that: a blind replacement of quotes, say, breaks every apostrophe.
//! What cannot be understood becomes `null` and costs only its own property. Nothing here knows what a record is, and
//! nothing is ever made up: a property is as it was sent, or it is gone.

mod rewriter;
mod text;

use std::fmt;

use serde::de::IgnoredAny;

pub(crate) use rewriter::{Member, Rewriter, Stop};

/// What had to be put right. Each is something that was seen on a real event hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Repair {
    /// The body was compressed with gzip: users do that to payloads of their own.
    Gzip,
    /// `'text'` for `"text"`: Azure Functions on Linux
    /// (<https://github.com/Azure/azure-functions-host/issues/7864>).
    SingleQuotes,
    /// A newline or another control character inside a text: App Service and Application Gateway
    /// (<https://github.com/elastic/beats/issues/34092>, <https://github.com/elastic/beats/issues/35515>). A newline, a
    /// carriage return and a tab are kept, any other is a blank.
    ControlCharacters,
    /// Bytes inside a text that are not UTF-8: each run of them is U+FFFD.
    InvalidUtf8,
    /// An escape that JSON does not have, or half a surrogate pair: kept as its characters, or as U+FFFD.
    Escapes,
    /// A comma too many: the examples on ACS's own pages have them.
    Commas,
    /// Quotes inside a text that nobody escaped
    /// (<https://github.com/microsoft/AzureFunctionforSplunkVS/issues/26>).
    Quotes,
    /// A bracket too many, or one too few before the next record.
    Brackets,
    /// A value that is none, as `[ 227 B blob data ]` of `PostgreSQL`
    /// (<https://github.com/elastic/beats/issues/40641>), a number beyond all numbers, or one nested too deep.
    UnreadableValue,
    /// The end is missing: activity logs above 20 KB
    /// (<https://github.com/Azure/azure-sdk-for-python/issues/9990>).
    Truncated,
}

impl Repair {
    /// Every repair there is.
    pub const ALL: [Self; 10] = [
        Self::Gzip,
        Self::SingleQuotes,
        Self::ControlCharacters,
        Self::InvalidUtf8,
        Self::Escapes,
        Self::Commas,
        Self::Quotes,
        Self::Brackets,
        Self::UnreadableValue,
        Self::Truncated,
    ];

    /// Its name, fit for a label.
    pub fn label(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::SingleQuotes => "single_quotes",
            Self::ControlCharacters => "control_characters",
            Self::InvalidUtf8 => "invalid_utf8",
            Self::Escapes => "escapes",
            Self::Commas => "commas",
            Self::Quotes => "quotes",
            Self::Brackets => "brackets",
            Self::UnreadableValue => "unreadable_value",
            Self::Truncated => "truncated",
        }
    }

    fn bit(self) -> u16 {
        let place = Self::ALL.iter().position(|repair| *repair == self);
        place.map_or(0, |place| 1 << place)
    }
}

/// A set of repairs.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Repairs(u16);

impl Repairs {
    /// Whether nothing was put right.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether this was put right.
    pub fn contains(self, repair: Repair) -> bool {
        self.0 & repair.bit() != 0
    }

    /// What was put right, in the order of [`Repair::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Repair> {
        Repair::ALL
            .into_iter()
            .filter(move |repair| self.contains(*repair))
    }

    pub(crate) fn insert(&mut self, repair: Repair) {
        self.0 |= repair.bit();
    }

    pub(crate) fn extend(&mut self, others: Self) {
        self.0 |= others.0;
    }
}

impl fmt::Debug for Repairs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// The one object that `text` was meant to be, as strict JSON, and what had to be put right. Of one whose end is
/// missing, the properties that are whole. `None` when it is no object.
pub(crate) fn object(text: &str) -> Option<(String, Repairs)> {
    let mut rewriter = Rewriter::new(text.as_bytes());
    rewriter.skip_blanks();
    if rewriter.peek() != Some(b'{') {
        return None;
    }
    let mut rewritten = String::with_capacity(text.len());
    if let Err(Stop::Cut) = rewriter.value(&mut rewritten) {
        rewriter.repairs.insert(Repair::Truncated);
    }
    is_json(&rewritten).then_some((rewritten, rewriter.repairs))
}

/// Whether a text is one strict JSON value: what has been rewritten is not trusted, but looked at.
pub(crate) fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

#[cfg(test)]
mod tests;
