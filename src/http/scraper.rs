//! Which scraper sent a request, and whether the scrape counts.

use std::net::IpAddr;
use std::time::Duration;

use axum::http::HeaderMap;

use crate::delivery;

/// Prometheus sends it, and so do programs that embed its scraper. A client that does not may be a person or a probe, and
/// what those receive is recorded nowhere.
const TIMEOUT: &str = "X-Prometheus-Scrape-Timeout-Seconds";

/// The query parameter that names the scraper.
const NAME: &str = "scraper";

const NAME_LENGTH_MAX: usize = 64;

/// A counted scraper.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Scraper {
    /// Its name, or its address.
    pub(super) key: String,
    /// How long it waits for a scrape.
    pub(super) timeout: Duration,
}

/// Why a scrape cannot acknowledge anything, though it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotCounted {
    NoTimeout,
    Elsewhere,
}

/// The name in the query is not a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`scraper` must be one name of 1 to {NAME_LENGTH_MAX} characters, each a letter, a digit, `.`, `_` or `-`"
)]
pub(super) struct InvalidName;

impl Scraper {
    /// The scraper that sent this request, or why it is not a counted one.
    ///
    /// # Errors
    ///
    /// When its name is not valid, whether it is counted or not.
    pub(super) fn of(
        query: &[(String, String)],
        headers: &HeaderMap,
        peer: IpAddr,
        settings: &delivery::Settings,
    ) -> Result<Result<Self, NotCounted>, InvalidName> {
        // No name has an `@`, so that none can be the address of another.
        let key = name(query)?.map_or_else(|| format!("@{}", peer.to_canonical()), str::to_owned);
        Ok(match announced_timeout(headers) {
            None => Err(NotCounted::NoTimeout),
            Some(_) if !settings.may_acknowledge(peer) => Err(NotCounted::Elsewhere),
            Some(timeout) => Ok(Self { key, timeout }),
        })
    }
}

fn name(query: &[(String, String)]) -> Result<Option<&str>, InvalidName> {
    let mut names = query.iter().filter(|(key, _)| key == NAME);
    let is_of_a_name = |c: char| c.is_ascii_alphanumeric() || ['.', '_', '-'].contains(&c);
    match (names.next(), names.next()) {
        (None, _) => Ok(None),
        (Some((_, name)), None)
            if (1..=NAME_LENGTH_MAX).contains(&name.len()) && name.chars().all(is_of_a_name) =>
        {
            Ok(Some(name))
        }
        _ => Err(InvalidName),
    }
}

fn announced_timeout(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(TIMEOUT)?.to_str().ok()?;
    // Rust would also read `inf`, `1e9` and a sign.
    if !text.chars().all(|c| c.is_ascii_digit() || c == '.') {
        return None;
    }
    let timeout = Duration::try_from_secs_f64(text.parse().ok()?).ok()?;
    (!timeout.is_zero()).then_some(timeout)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Sent = Result<Result<Scraper, NotCounted>, InvalidName>;

    fn scraper(query: &[(&str, &str)], timeout: &str) -> Sent {
        scraper_of(query, timeout, &delivery::Settings::default())
    }

    fn scraper_of(query: &[(&str, &str)], timeout: &str, settings: &delivery::Settings) -> Sent {
        let query: Vec<_> = query
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        let mut headers = HeaderMap::new();
        headers.insert(TIMEOUT, timeout.parse().unwrap());
        let peer = "::ffff:10.0.0.1".parse().unwrap();
        Scraper::of(&query, &headers, peer, settings)
    }

    #[test]
    fn a_scraper_is_known_by_its_name_else_by_its_address() {
        fn key(query: &[(&str, &str)]) -> Result<String, InvalidName> {
            scraper(query, "10").map(|scraper| scraper.unwrap().key)
        }
        assert_eq!(key(&[]).unwrap(), "@10.0.0.1");
        assert_eq!(key(&[("other", "a b")]).unwrap(), "@10.0.0.1");
        assert_eq!(key(&[("scraper", "a.B_c-1")]).unwrap(), "a.B_c-1");
        assert_eq!(key(&[("scraper", &"a".repeat(64))]).unwrap().len(), 64);
        for bad in ["", "a b", "a@b", "ä", "a/b", &"a".repeat(65)] {
            assert_eq!(key(&[("scraper", bad)]), Err(InvalidName), "{bad}");
        }
        assert_eq!(key(&[("scraper", "a"), ("scraper", "b")]), Err(InvalidName));
    }

    #[test]
    fn it_counts_when_it_announces_a_timeout_that_is_a_positive_decimal_number() {
        let timeout = |text| {
            scraper(&[], text)
                .unwrap()
                .map(|scraper| scraper.timeout.as_millis())
                .ok()
        };
        for (text, expected) in [
            ("10", 10_000),
            ("0.5", 500),
            ("14.999", 14_999),
            (".5", 500),
        ] {
            assert_eq!(timeout(text), Some(expected), "{text}");
        }
        for text in [
            "",
            "0",
            "0.0",
            "-1",
            "+1",
            "1e3",
            "inf",
            "NaN",
            "1.2.3",
            ".",
            "10s",
            "1 ",
            "99999999999999999999999",
        ] {
            assert_eq!(timeout(text), None, "{text}");
        }
        let settings = delivery::Settings::default();
        let nothing = Scraper::of(&[], &HeaderMap::new(), "::1".parse().unwrap(), &settings);
        assert_eq!(nothing, Ok(Err(NotCounted::NoTimeout)));
    }

    #[test]
    fn it_counts_from_where_scrapers_may_be_whatever_its_name() {
        let check = |network: &str, expected| {
            let settings = delivery::Settings {
                scrapers_from: vec![network.parse().unwrap()],
                ..delivery::Settings::default()
            };
            for query in [&[][..], &[("scraper", "a")]] {
                let sent = scraper_of(query, "10", &settings).unwrap();
                assert_eq!(sent.map(|_| ()), expected, "{network}");
            }
            let quiet = scraper_of(&[], "", &settings).unwrap();
            assert_eq!(quiet, Err(NotCounted::NoTimeout));
        };
        check("10.0.0.0/8", Ok(()));
        check("10.0.0.2/32", Err(NotCounted::Elsewhere));
    }
}
