//! The kinds of repair: a closed set, since it is a label.

use std::collections::BTreeSet;

use crate::family::label_values;

label_values! {
    /// What was wrong with a text, and was repaired.
    #[derive(PartialOrd, Ord)]
    pub Repair {
        /// Single quotes around texts.
        SingleQuotes = "single_quotes",
        /// A quote inside a text that was not escaped.
        UnescapedQuotes = "unescaped_quotes",
        /// An object or an array between quotes whose own quotes were not escaped.
        ObjectInQuotes = "object_in_quotes",
        /// A newline or another control character inside a text.
        ControlCharacters = "control_characters",
        /// Bytes inside a text that were not UTF-8.
        InvalidUtf8 = "invalid_utf8",
        /// An escape that JSON does not have, or half of a surrogate pair.
        InvalidEscapes = "invalid_escapes",
        /// A comma with nothing behind it.
        ExtraCommas = "extra_commas",
        /// A bracket too many or too few.
        Brackets = "brackets",
        /// A value that was not JSON, or nested too deep: it is `null` now.
        InvalidValues = "invalid_values",
        /// An object whose end was missing: its whole properties were kept.
        MissingEnd = "missing_end",
        /// A record whose end was missing, so that the record behind it seemed to be a part of it.
        MergedRecords = "merged_records",
        /// A byte order mark that was encoded twice.
        ByteOrderMark = "byte_order_mark",
    }
}

impl Repair {
    /// Whether it was not clear where a text ends, so that it may contain what stood behind it.
    pub(crate) fn hides_an_end(self) -> bool {
        match self {
            Self::UnescapedQuotes
            | Self::ObjectInQuotes
            | Self::Brackets
            | Self::InvalidValues
            | Self::MissingEnd
            | Self::MergedRecords => true,
            Self::SingleQuotes
            | Self::ControlCharacters
            | Self::InvalidUtf8
            | Self::InvalidEscapes
            | Self::ExtraCommas
            | Self::ByteOrderMark => false,
        }
    }
}

/// The kinds of repair that one text has needed, each once.
pub(crate) type Repairs = BTreeSet<Repair>;
