//! The kinds of repair: a closed set, since it is a label.

use std::collections::BTreeSet;

/// What was wrong with a text, and was repaired.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Repair {
    /// Single quotes around texts.
    SingleQuotes,
    /// A quote inside a text that was not escaped.
    UnescapedQuotes,
    /// An object or an array between quotes whose own quotes were not escaped.
    ObjectInQuotes,
    /// A newline or another control character inside a text.
    ControlCharacters,
    /// Bytes inside a text that were not UTF-8.
    InvalidUtf8,
    /// An escape that JSON does not have, or half of a surrogate pair.
    InvalidEscapes,
    /// A comma with nothing behind it.
    ExtraCommas,
    /// A bracket too many or too few.
    Brackets,
    /// A value that was not JSON, or nested too deep: it is `null` now.
    InvalidValues,
    /// An object whose end was missing: its whole properties were kept.
    MissingEnd,
    /// A record whose end was missing, so that the record behind it seemed to be a part of it.
    MergedRecords,
    /// A byte order mark that was encoded twice.
    ByteOrderMark,
}

/// The kinds of repair that one text has needed, each once.
pub(crate) type Repairs = BTreeSet<Repair>;

impl Repair {
    /// Every kind there is.
    pub const ALL: [Self; 12] = [
        Self::SingleQuotes,
        Self::UnescapedQuotes,
        Self::ObjectInQuotes,
        Self::ControlCharacters,
        Self::InvalidUtf8,
        Self::InvalidEscapes,
        Self::ExtraCommas,
        Self::Brackets,
        Self::InvalidValues,
        Self::MissingEnd,
        Self::MergedRecords,
        Self::ByteOrderMark,
    ];

    /// The value of the label `kind`.
    pub fn label(self) -> &'static str {
        match self {
            Self::SingleQuotes => "single_quotes",
            Self::UnescapedQuotes => "unescaped_quotes",
            Self::ObjectInQuotes => "object_in_quotes",
            Self::ControlCharacters => "control_characters",
            Self::InvalidUtf8 => "invalid_utf8",
            Self::InvalidEscapes => "invalid_escapes",
            Self::ExtraCommas => "extra_commas",
            Self::Brackets => "brackets",
            Self::InvalidValues => "invalid_values",
            Self::MissingEnd => "missing_end",
            Self::MergedRecords => "merged_records",
            Self::ByteOrderMark => "byte_order_mark",
        }
    }
}
