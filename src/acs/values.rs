//! All values of one property, wherever the record has it: a value that cannot be read never hides one that can.

use std::borrow::Cow;

use time::OffsetDateTime;

use super::category::UNKNOWN;
use super::grammar::is_name;
use super::letters::find;
use super::value::Value;
use super::view::Fields;

/// The values of one property. Each method returns the first value that it can read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Values<'v, 'a> {
    places: [&'v Fields<'a>; 2],
    name: &'v str,
}

impl<'v, 'a> Values<'v, 'a> {
    /// The values of the fields with this name, in any case.
    pub(super) fn of(places: [&'v Fields<'a>; 2], name: &'v str) -> Self {
        Self { places, name }
    }

    /// All values that are not missing.
    pub(super) fn iter(self) -> impl Iterator<Item = &'v Value<'a>> {
        let places = self.places.into_iter();
        places.flat_map(move |fields| named(fields, self.name))
    }

    /// As [`Value::text`].
    pub(super) fn text(self) -> Option<Cow<'a, str>> {
        self.iter().find_map(Value::text)
    }

    /// The value of a label: as sent, or `unknown`.
    pub(super) fn label(self) -> Cow<'a, str> {
        self.text().unwrap_or(Cow::Borrowed(UNKNOWN))
    }

    /// The value of a label, in lower case. What is no name stays as it is: in lower case, an id might look like one.
    pub(super) fn label_in_lower_case(self) -> Cow<'a, str> {
        let sent = self.label();
        if is_name(sent.trim_start_matches('.')) {
            lower_case(sent)
        } else {
            sent
        }
    }

    /// The value of a label: the known value with the same letters and digits, or else as sent, in lower case.
    pub(super) fn label_of<const N: usize>(self, known: [&'static str; N]) -> Cow<'a, str> {
        let sent = self.label_in_lower_case();
        find(known, &sent).map_or(sent, Cow::Borrowed)
    }

    /// Reads each text and returns the worst: the first that has failed, or else the first that has not (`Some(false)`), or
    /// else the first. If there is no text, it reads `unknown`.
    pub(super) fn worst<T>(
        self,
        read: impl Fn(Cow<'a, str>) -> T,
        has_failed: impl Fn(&T) -> Option<bool>,
    ) -> T {
        let worse = |one, other| {
            if has_failed(&other) > has_failed(&one) {
                other
            } else {
                one
            }
        };
        let texts = self.iter().filter_map(Value::text);
        let said = texts.map(&read).reduce(worse);
        said.unwrap_or_else(|| read(Cow::Borrowed(UNKNOWN)))
    }

    /// As [`Value::amount`].
    pub(super) fn amount(self) -> Option<f64> {
        self.iter().find_map(Value::amount)
    }

    /// As [`Value::length`].
    pub(super) fn length(self) -> Option<f64> {
        self.iter().find_map(Value::length)
    }

    /// As [`Value::instant`].
    pub(super) fn instant(self) -> Option<OffsetDateTime> {
        self.iter().find_map(Value::instant)
    }
}

/// The values of the fields with this name, in any case, that are not missing.
pub(super) fn named<'v, 'a>(
    fields: &'v Fields<'a>,
    name: &'v str,
) -> impl Iterator<Item = &'v Value<'a>> {
    let of_name = fields
        .iter()
        .filter(move |(key, value)| key.eq_ignore_ascii_case(name) && *value != Value::Missing);
    of_name.map(|(_, value)| value)
}

/// `text` in lower case, borrowed if it is in lower case already.
fn lower_case(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        text
    }
}
