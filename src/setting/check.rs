//! The checks, one for each type of value. A fault says which values would pass.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use humantime::format_duration;

use super::Value;

/// Reads a value, and says which values it accepts.
pub(crate) struct Check<T> {
    /// In one phrase, for the reference.
    pub(crate) accepts: String,
    read: Read<T>,
}

type Read<T> = Box<dyn Fn(&Value) -> Result<T, String>>;

impl<T: 'static> Check<T> {
    fn new(
        accepts: impl Into<String>,
        read: impl Fn(&Value) -> Result<T, String> + 'static,
    ) -> Self {
        let (accepts, read) = (accepts.into(), Box::new(read));
        Self { accepts, read }
    }

    pub(super) fn map<U: 'static>(self, then: impl Fn(T) -> U + 'static) -> Check<U> {
        let Self { accepts, read } = self;
        Check::new(accepts, move |value| read(value).map(&then))
    }
}

impl<T> Check<T> {
    /// The value, or what is wrong with it.
    pub(crate) fn read(&self, value: &Value) -> Result<T, String> {
        (self.read)(value)
    }
}

/// One value, read by `parse`, whose error says what would pass.
pub(crate) fn text<T: 'static, E: ToString>(
    accepts: impl Into<String>,
    parse: impl Fn(&str) -> Result<T, E> + 'static,
) -> Check<T> {
    Check::new(accepts, move |value| match value {
        Value::Text(text) if !text.trim().is_empty() => {
            parse(text.trim()).map_err(|error| error.to_string())
        }
        Value::Text(_) | Value::Nothing => {
            Err("is empty: write a value, or leave the key out".to_owned())
        }
        Value::List(_) => Err("must be one value, not a list".to_owned()),
    })
}

/// One of some words, in any case.
pub(crate) fn words<T: Copy + 'static>(words: impl Into<Vec<(&'static str, T)>>) -> Check<T> {
    let words = words.into();
    let quoted: Vec<String> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
    let accepts = quoted.join(", ");
    text(accepts.clone(), move |text| {
        let found = words
            .iter()
            .find(|(word, _)| word.eq_ignore_ascii_case(text));
        found
            .map(|(_, value)| *value)
            .ok_or_else(|| format!("must be one of {accepts}"))
    })
}

/// A whole number within a range.
pub(crate) fn number<T: TryFrom<usize> + 'static>(range: RangeInclusive<usize>) -> Check<T> {
    let (least, most) = (*range.start(), *range.end());
    text(format!("{least} to {most}"), move |text| {
        let number = text.parse().ok().filter(|number| range.contains(number));
        let number = number.and_then(|number| T::try_from(number).ok());
        number.ok_or_else(|| format!("must be a whole number between {least} and {most}"))
    })
}

/// A duration with its unit, within a range.
pub(crate) fn duration(range: RangeInclusive<Duration>) -> Check<Duration> {
    let (least, most) = (
        format_duration(*range.start()),
        format_duration(*range.end()),
    );
    text(format!("`{least}` to `{most}`"), move |text| {
        let duration = humantime::parse_duration(text).map_err(|_| {
            if text.parse::<f64>().is_ok() {
                format!("needs a unit, for example `{text}s`")
            } else {
                "needs a number and a unit, for example `5s` or `1m 30s`".to_owned()
            }
        })?;
        let outside = || format!("must be between `{least}` and `{most}`");
        range
            .contains(&duration)
            .then_some(duration)
            .ok_or_else(outside)
    })
}

/// A number of bytes with its unit, within a range, whose ends are written in the same way.
pub(crate) fn bytes(range: RangeInclusive<&'static str>) -> Check<u64> {
    let (least, most) = range.into_inner();
    text(format!("`{least}` to `{most}`"), move |text| {
        if text.parse::<f64>().is_ok() {
            return Err(format!(
                "needs a unit: `{text}B`, `{text}KiB` or `{text}MiB`"
            ));
        }
        let parse = |text: &str| text.parse::<ByteSize>().map_err(|_| NO_BYTES);
        let bytes = parse(text)?;
        let outside = || format!("must be between `{least}` and `{most}`");
        let is_inside = (parse(least)?..=parse(most)?).contains(&bytes);
        is_inside.then_some(bytes.as_u64()).ok_or_else(outside)
    })
}

const NO_BYTES: &str = "needs a number and a unit, for example `100MiB`; the units are B, KiB, MiB, GiB, TiB, kB, MB, GB and TB";

/// A path, whether or not anything is there.
pub(crate) fn path() -> Check<PathBuf> {
    text("a path", |text| Ok::<_, &str>(PathBuf::from(text)))
}

/// An address and a port to listen on.
pub(crate) fn address() -> Check<SocketAddr> {
    text("an IP address and a port", |text| {
        let everywhere = text.strip_prefix(':').map(|port| format!("0.0.0.0:{port}"));
        everywhere.as_deref().unwrap_or(text).parse().map_err(
            |_| "must be an IP address and a port, for example `0.0.0.0:9464` or `[::]:9464`",
        )
    })
}

/// Items that are all different, upper and lower case being the same, each read by `parse`.
pub(crate) fn list<E: ToString>(
    range: RangeInclusive<usize>,
    parse: impl Fn(&str) -> Result<String, E> + 'static,
) -> Check<Vec<String>> {
    let accepts = format!("{} to {} items", range.start(), range.end());
    items(accepts.clone(), move |items| {
        if !range.contains(&items.len()) {
            return Err(format!("must have {accepts}, not {}", items.len()));
        }
        all((1..).zip(items).map(|(number, item)| {
            // The item's number and not the item: it may be half of a secret that a comma has split in two.
            let parsed =
                parse(item).map_err(|error| format!("item {number} {}", error.to_string()))?;
            let mut before = (1..number).zip(items);
            match before.find(|(_, other)| other.eq_ignore_ascii_case(item)) {
                Some((first, _)) => Err(format!(
                    "item {number} repeats item {first}: keep one of the two"
                )),
                None => Ok(parsed),
            }
        }))
    })
}

/// All items, or what is wrong with each that is.
pub(crate) fn all<T>(items: impl Iterator<Item = Result<T, String>>) -> Result<Vec<T>, String> {
    let (mut right, mut problems) = (Vec::new(), Vec::new());
    for item in items {
        match item {
            Ok(item) => right.push(item),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() {
        Ok(right)
    } else {
        Err(problems.join("; "))
    }
}

/// A list, read as a whole by `parse`.
pub(crate) fn items<T: 'static, E: ToString>(
    accepts: impl Into<String>,
    parse: impl Fn(&[&str]) -> Result<T, E> + 'static,
) -> Check<T> {
    Check::new(accepts, move |value| match value {
        Value::Nothing => {
            Err("is empty: write a list, `[]` for none, or leave the key out".to_owned())
        }
        Value::Text(_) | Value::List(_) => parse(&value.items()).map_err(|error| error.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads texts, and shows values and faults.
    fn cases<T: std::fmt::Debug>(check: &Check<T>, cases: &[(&str, &str)]) {
        for (text, expected) in cases {
            let shown = match check.read(&Value::Text((*text).to_owned())) {
                Ok(value) => format!("{value:?}"),
                Err(problem) => problem,
            };
            assert_eq!(shown, *expected, "{text}");
        }
    }

    #[test]
    fn a_duration_needs_a_unit_and_has_a_range() {
        let range = Duration::from_secs(1)..=Duration::from_mins(10);
        cases(
            &duration(range),
            &[
                ("90s", "90s"),
                ("1m 30s", "90s"),
                ("5", "needs a unit, for example `5s`"),
                ("0", "must be between `1s` and `10m`"),
                ("0s", "must be between `1s` and `10m`"),
                ("11m", "must be between `1s` and `10m`"),
                (
                    "soon",
                    "needs a number and a unit, for example `5s` or `1m 30s`",
                ),
                (
                    "-5s",
                    "needs a number and a unit, for example `5s` or `1m 30s`",
                ),
                (" ", "is empty: write a value, or leave the key out"),
            ],
        );
    }

    #[test]
    fn bytes_need_a_unit_and_have_a_range() {
        cases(
            &bytes("1MiB"..="1GiB"),
            &[
                ("1MiB", "1048576"),
                ("1.5 MiB", "1572864"),
                ("1GiB", "1073741824"),
                ("2MB", "2000000"),
                ("100", "needs a unit: `100B`, `100KiB` or `100MiB`"),
                ("512KiB", "must be between `1MiB` and `1GiB`"),
                ("2GiB", "must be between `1MiB` and `1GiB`"),
                (
                    "much",
                    "needs a number and a unit, for example `100MiB`; the units are B, KiB, MiB, GiB, TiB, kB, MB, GB and TB",
                ),
            ],
        );
    }

    #[test]
    fn a_number_is_whole_and_has_a_range() {
        let fault = "must be a whole number between 1 and 10000";
        cases(
            &number::<usize>(1..=10_000),
            &[
                ("1", "1"),
                ("10000", "10000"),
                ("0", fault),
                ("10001", fault),
                ("-1", fault),
                ("1.5", fault),
                ("many", fault),
            ],
        );
    }

    #[test]
    fn an_address_is_an_ip_address_and_a_port() {
        let fault = "must be an IP address and a port, for example `0.0.0.0:9464` or `[::]:9464`";
        cases(
            &address(),
            &[
                ("127.0.0.1:0", "127.0.0.1:0"),
                ("[::]:9464", "[::]:9464"),
                (":9464", "0.0.0.0:9464"),
                ("localhost:9464", fault),
                ("9464", fault),
            ],
        );
    }

    #[test]
    fn a_list_holds_different_items_and_not_too_many() {
        let item = |text: &str| {
            if text.is_empty() {
                Err("is empty")
            } else {
                Ok(text.to_owned())
            }
        };
        cases(
            &list(0..=3, item),
            &[
                ("", "[]"),
                ("a, b", r#"["a", "b"]"#),
                ("a,,b", "item 2 is empty"),
                ("a,b,A", "item 3 repeats item 1: keep one of the two"),
                ("a,b,c,d", "must have 0 to 3 items, not 4"),
            ],
        );
    }

    #[test]
    fn words_are_known_in_any_case_and_listed_when_they_are_not() {
        cases(
            &words([("auto", 0), ("human", 1), ("json", 2)]),
            &[
                ("json", "2"),
                ("JSON", "2"),
                ("xml", "must be one of `auto`, `human`, `json`"),
            ],
        );
    }
}
