//! Whether as many scrapers come as are expected, and often enough for what waits for them.

use std::cmp::Ordering;
use std::fmt;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::delivery::{self, FORGOTTEN_AFTER};

/// What is expected of the scrapers, and what is wrong with them.
#[derive(Debug)]
pub(super) struct ScraperCheck {
    expected: usize,
    hold_max: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// How the number of scrapers compares with the expected one, and since when.
    compares: (Ordering, Instant),
    warnings: Vec<Warning>,
}

/// What is wrong with the scrapers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Warning {
    Fewer {
        seen: usize,
        expected: usize,
    },
    More {
        seen: usize,
        expected: usize,
    },
    Slow {
        interval: Duration,
        hold_max: Duration,
    },
}

/// A scraper that is missing is noticed only once it is forgotten. Time for all of them to come after a start.
const FEWER_SETTLES: Duration = Duration::from_mins(5);

/// One that has moved counts twice until its old address is forgotten, and two may move one after the other.
const MORE_SETTLES: Duration = Duration::from_mins(15);

impl ScraperCheck {
    pub(super) fn new(settings: &delivery::Settings, now: Instant) -> Self {
        Self {
            expected: settings.scrapers.get(),
            hold_max: settings.hold_max,
            state: Mutex::new(State {
                compares: (Ordering::Equal, now),
                warnings: Vec::new(),
            }),
        }
    }

    /// So many distinct scrapers are known, and the slowest comes at this interval. What is wrong now and was not before.
    pub(super) fn look(
        &self,
        seen: usize,
        slowest: Option<Duration>,
        now: Instant,
    ) -> Vec<Warning> {
        let (expected, hold_max) = (self.expected, self.hold_max);
        let mut state = self.state.lock();
        let compares = seen.cmp(&expected);
        if compares != state.compares.0 {
            state.compares = (compares, now);
        }
        let lasted = now - state.compares.1;
        let count = match compares {
            Ordering::Less if lasted >= FEWER_SETTLES => Some(Warning::Fewer { seen, expected }),
            Ordering::Greater if lasted >= MORE_SETTLES => Some(Warning::More { seen, expected }),
            _ => None,
        };
        // In whole seconds: an interval of exactly half is right, and none is exact.
        let slow = slowest
            .filter(|slowest| !hold_max.is_zero() && slowest.as_secs() > (hold_max / 2).as_secs())
            .map(|interval| Warning::Slow { interval, hold_max });
        let before = std::mem::take(&mut state.warnings);
        state.warnings.extend(count.into_iter().chain(slow));
        let is_new = |warning: &&Warning| !before.iter().any(|old| old.is_like(**warning));
        state.warnings.iter().filter(is_new).copied().collect()
    }

    /// What is wrong now.
    pub(super) fn warnings(&self) -> Vec<Warning> {
        self.state.lock().warnings.clone()
    }
}

impl Warning {
    /// Whether both are of one kind, whatever their numbers.
    fn is_like(self, other: Self) -> bool {
        std::mem::discriminant(&self) == std::mem::discriminant(&other)
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fewer { seen, expected } => write!(
                f,
                "{seen} of {expected} expected scrapers received a scrape within {} minutes, so nothing is acknowledged: \
                 is one down, do two use the same `?scraper=` name, or does a proxy or service mesh give them one \
                 address? Otherwise correct `delivery.scrapers`",
                FORGOTTEN_AFTER.as_secs() / 60
            ),
            Self::More { seen, expected } => write!(
                f,
                "{seen} scrapers received a scrape within {} minutes, and {expected} are expected: what {expected} of \
                 them have received counts as delivered to all; set `delivery.scrapers` to their number",
                FORGOTTEN_AFTER.as_secs() / 60
            ),
            Self::Slow { interval, hold_max } => write!(
                f,
                "a scraper comes every {} s, which is more than half of `delivery.hold_max` ({} s): first failures may be \
                 counted before it has seen them at 0; scrape more often, or raise `delivery.hold_max`",
                interval.as_secs(),
                hold_max.as_secs()
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is new, as a text, after each look: at this minute, with so many scrapers and this interval in seconds.
    fn check(expected: usize, looks: &[(u64, usize, u64, &str)]) {
        let start = Instant::now();
        let settings = delivery::Settings {
            scrapers: expected.try_into().unwrap(),
            ..delivery::Settings::default()
        };
        let check = ScraperCheck::new(&settings, start);
        for (minute, seen, interval, new) in looks {
            let interval = Some(Duration::from_millis(interval * 1000 + 400));
            let now = start + Duration::from_mins(*minute);
            let texts = check.look(*seen, interval, now);
            let texts: Vec<_> = texts.iter().map(ToString::to_string).collect();
            assert_eq!(
                texts.len(),
                usize::from(!new.is_empty()),
                "{minute}: {texts:?}"
            );
            assert!(texts.concat().starts_with(new), "{minute}: {texts:?}");
        }
    }

    #[test]
    fn fewer_and_more_than_expected_are_reported_once_when_they_have_lasted() {
        let fewer = "1 of 2 expected scrapers";
        let more = "3 scrapers received";
        check(
            2,
            &[
                (0, 0, 15, ""),
                (1, 1, 15, ""),
                (4, 1, 15, ""),
                (5, 1, 15, fewer),
                (6, 0, 15, ""),
                (7, 2, 15, ""),
                (8, 1, 15, ""),
                (13, 1, 15, fewer),
                (14, 2, 15, ""),
                // A scraper that moves is two until its old address is forgotten.
                (20, 3, 15, ""),
                (34, 3, 15, ""),
                (35, 2, 15, ""),
                (40, 3, 15, ""),
                (55, 3, 15, more),
                (56, 4, 15, ""),
            ],
        );
    }

    #[test]
    fn an_interval_of_more_than_half_of_the_longest_hold_is_reported() {
        let slow = "a scraper comes every 61 s";
        check(
            1,
            &[
                (0, 1, 60, ""),
                (1, 1, 61, slow),
                (2, 1, 61, ""),
                (3, 1, 15, ""),
                (4, 1, 61, slow),
            ],
        );
    }
}
