//! The getters, one for each type of value. A getter never fails: it notes the fault and returns the default, or
//! nothing where there is none, so that the next key is still looked at.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use humantime::format_duration;

use super::bytes;
use super::layers::Value;
use super::reader::Reader;
use crate::metrics::Buckets;

impl Reader {
    /// One value, read by `parse`, whose error says what would do.
    pub(super) fn text<T, E: ToString>(
        &mut self,
        key: &'static str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<T> {
        self.take(key, |value| match value {
            Value::Text(text) if !text.trim().is_empty() => {
                parse(text.trim()).map_err(|error| error.to_string())
            }
            Value::Text(_) | Value::Nothing => {
                Err("is empty: write a value, or leave the key out".to_owned())
            }
            Value::List(_) => Err("must be one value, not a list".to_owned()),
        })
    }

    /// One of some words.
    pub(super) fn one_of<T: Copy>(&mut self, key: &'static str, words: &[(&str, T)]) -> Option<T> {
        self.text(key, |text| {
            let found = words
                .iter()
                .find(|(word, _)| word.eq_ignore_ascii_case(text));
            found.map(|(_, value)| *value).ok_or_else(|| {
                let words: Vec<String> =
                    words.iter().map(|(word, _)| format!("`{word}`")).collect();
                format!("must be one of {}", words.join(", "))
            })
        })
    }

    /// A whole number within a range.
    pub(super) fn number(
        &mut self,
        key: &'static str,
        range: RangeInclusive<usize>,
    ) -> Option<usize> {
        self.text(key, |text| {
            let number = text.parse().ok().filter(|number| range.contains(number));
            number.ok_or_else(|| {
                format!(
                    "must be a whole number between {} and {}",
                    range.start(),
                    range.end()
                )
            })
        })
    }

    /// A duration with its unit, within a range.
    pub(super) fn duration(
        &mut self,
        key: &'static str,
        range: RangeInclusive<Duration>,
    ) -> Option<Duration> {
        let (least, most) = (
            format_duration(*range.start()),
            format_duration(*range.end()),
        );
        self.text(key, |text| {
            let duration = humantime::parse_duration(text).map_err(|_| {
                let is_number = text.parse::<f64>().is_ok();
                let example = if is_number {
                    format!("`{text}s`")
                } else {
                    "`5s` or `1m 30s`".to_owned()
                };
                format!(
                    "needs a {}, for example {example}",
                    if is_number {
                        "unit"
                    } else {
                        "number and a unit"
                    }
                )
            })?;
            let outside = || format!("must be between `{least}` and `{most}`");
            if range.contains(&duration) {
                Ok(duration)
            } else {
                Err(outside())
            }
        })
    }

    /// A number of bytes with its unit, within a range.
    pub(super) fn bytes(&mut self, key: &'static str, range: RangeInclusive<u64>) -> Option<u64> {
        self.text(key, |text| {
            let number = bytes::parse(text)?;
            if range.contains(&number) {
                return Ok(number);
            }
            let (least, most) = (bytes::shown(*range.start()), bytes::shown(*range.end()));
            Err(format!("must be between `{least}` and `{most}`"))
        })
    }

    /// A path, whether or not anything is there.
    pub(super) fn path(&mut self, key: &'static str) -> Option<PathBuf> {
        self.text(key, |text| Ok::<_, &str>(PathBuf::from(text)))
    }

    /// An address and a port to listen on.
    pub(super) fn address(&mut self, key: &'static str) -> Option<SocketAddr> {
        self.text(key, |text| {
            text.parse().map_err(
                |_| "must be an IP address and a port, for example `0.0.0.0:9464` or `[::]:9464`",
            )
        })
    }

    /// Items that are all different, upper and lower case being the same, each read by `parse`.
    pub(super) fn list<E: ToString>(
        &mut self,
        key: &'static str,
        items_max: usize,
        parse: impl Fn(&str) -> Result<String, E>,
    ) -> Option<Vec<String>> {
        self.items(key, |items| {
            if items.len() > items_max {
                return Err(format!(
                    "must hold {items_max} items at most, not {}",
                    items.len()
                ));
            }
            let mut list: Vec<String> = Vec::new();
            for (index, item) in items.iter().enumerate() {
                // The item's number and not the item: it may be half of a secret that a comma has cut in two.
                let number = index + 1;
                let item =
                    parse(item).map_err(|error| format!("item {number} {}", error.to_string()))?;
                if let Some(same) = list
                    .iter()
                    .position(|other| other.eq_ignore_ascii_case(&item))
                {
                    return Err(format!(
                        "item {number} is item {} again: keep one of the two",
                        same + 1
                    ));
                }
                list.push(item);
            }
            Ok(list)
        })
    }

    /// The upper bounds of a histogram in seconds.
    pub(super) fn buckets(&mut self, key: &'static str) -> Option<Buckets> {
        self.items(key, |items| {
            let numbers: Result<Vec<f64>, _> = items.iter().map(|item| item.parse()).collect();
            let numbers =
                numbers.map_err(|_| "must be a list of seconds, for example `[0.5, 1, 2.5]`")?;
            Buckets::new(numbers).map_err(|error| error.to_string())
        })
    }

    fn items<T, E: ToString>(
        &mut self,
        key: &'static str,
        parse: impl Fn(&[&str]) -> Result<T, E>,
    ) -> Option<T> {
        self.take(key, |value| match value {
            Value::Nothing => {
                Err("is empty: write a list, `[]` for none, or leave the key out".to_owned())
            }
            Value::Text(_) | Value::List(_) => {
                parse(&value.items()).map_err(|error| error.to_string())
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::fault::{Fault, Origin};
    use super::super::layers::Entry;
    use super::*;

    /// Reads one key from one flag, and shows value and faults.
    fn check<T: std::fmt::Debug>(
        key: &'static str,
        get: impl Fn(&mut Reader) -> Option<T>,
        cases: &[(&str, &str)],
    ) {
        for (text, expected) in cases {
            let value = Value::Text((*text).to_owned());
            let entry = Entry {
                key: key.to_owned(),
                value,
                origin: Origin::Flag("--x"),
            };
            let mut reader = Reader::new(vec![entry], Vec::new());
            let value = get(&mut reader);
            let faults: Vec<String> = reader.finish().iter().map(Fault::to_string).collect();
            let shown = if faults.is_empty() {
                format!("{:?}", value.unwrap())
            } else {
                faults.join("\n")
            };
            let prefix = format!("{key} = `{text}` (flag --x): ");
            assert_eq!(
                shown.strip_prefix(&prefix).unwrap_or(&shown),
                *expected,
                "{text}"
            );
        }
    }

    #[test]
    fn a_duration_needs_a_unit_and_has_a_range() {
        let range = Duration::from_secs(1)..=Duration::from_mins(10);
        check(
            "shutdown.deadline",
            |reader| reader.duration("shutdown.deadline", range.clone()),
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
        check(
            "dead_letters.max_bytes",
            |reader| reader.bytes("dead_letters.max_bytes", 1 << 20..=1 << 30),
            &[
                ("1MiB", "1048576"),
                ("1.5 MiB", "1572864"),
                ("1GiB", "1073741824"),
                ("2MB", "2000000"),
                ("100", "needs a unit, for example `100MiB`"),
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
        check(
            "metrics.label_values_max",
            |reader| reader.number("metrics.label_values_max", 1..=10_000),
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
        check(
            "http.listen",
            |reader| reader.address("http.listen"),
            &[
                ("127.0.0.1:0", "127.0.0.1:0"),
                ("[::]:9464", "[::]:9464"),
                (":9464", fault),
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
        check(
            "metrics.resources",
            |reader| reader.list("metrics.resources", 3, item),
            &[
                ("", "[]"),
                ("a, b", r#"["a", "b"]"#),
                ("a,,b", "item 2 is empty"),
                ("a,b,A", "item 3 is item 1 again: keep one of the two"),
                ("a,b,c,d", "must hold 3 items at most, not 4"),
            ],
        );
    }

    #[test]
    fn words_are_known_in_any_case_and_listed_when_they_are_not() {
        check(
            "log.format",
            |reader| reader.one_of("log.format", &[("auto", 0), ("human", 1), ("json", 2)]),
            &[
                ("json", "2"),
                ("JSON", "2"),
                ("xml", "must be one of `auto`, `human`, `json`"),
            ],
        );
    }

    #[test]
    fn buckets_are_seconds() {
        check(
            "metrics.buckets.record_delay",
            |reader| reader.buckets("metrics.buckets.record_delay"),
            &[
                ("0.5, 1", "Buckets([0.5, 1.0])"),
                ("1, 1", "must increase: `1` stands before `1`"),
                (
                    "1s, 2s",
                    "must be a list of seconds, for example `[0.5, 1, 2.5]`",
                ),
                ("", "must hold 1 to 50 bounds, not 0"),
            ],
        );
    }

    #[test]
    fn a_faulty_value_yields_the_default_so_that_reading_goes_on() {
        let value = Value::List(Vec::new());
        let entry = Entry {
            key: "http.listen".to_owned(),
            value,
            origin: Origin::Flag("--x"),
        };
        let mut reader = Reader::new(vec![entry], Vec::new());
        assert_eq!(
            reader.address("http.listen").unwrap().to_string(),
            "0.0.0.0:9464"
        );
        assert_eq!(reader.finish().len(), 1);
    }
}
