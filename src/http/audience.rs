//! Whether anybody who counts scrapes at all, and when to say that nobody does.

use std::convert::Infallible;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::telemetry::Telemetry;

/// Some intervals of the slowest scraper, and time to deploy one.
const SILENT_AFTER: Duration = Duration::from_mins(5);

/// Often enough to be found in the log of a day, and not to fill it.
const TELL_AGAIN_AFTER: Duration = Duration::from_hours(1);

/// How late the silence may be told.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Who scrapes.
#[derive(Debug)]
pub(super) struct Audience(Mutex<Silence>);

#[derive(Debug)]
struct Silence {
    since: Instant,
    not_counted: u64,
    told: Option<Instant>,
}

/// Nobody who counts has scraped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unheard {
    /// For so long.
    pub(super) silence: Duration,
    /// So many scrapes were answered meanwhile that do not count.
    pub(super) not_counted: u64,
}

impl Audience {
    /// Nobody has scraped yet.
    pub(super) fn new(now: Instant) -> Self {
        Self(Mutex::new(Silence {
            since: now,
            not_counted: 0,
            told: None,
        }))
    }

    /// A scraper that counts has completed a scrape.
    pub(super) fn counted(&self, now: Instant) {
        *self.lock() = Silence {
            since: now,
            not_counted: 0,
            told: None,
        };
    }

    /// A scrape was answered that does not count.
    pub(super) fn not_counted(&self) {
        self.lock().not_counted += 1;
    }

    /// What is to be told now: a silence once it is long, and again from time to time.
    pub(super) fn unheard(&self, now: Instant) -> Option<Unheard> {
        let mut state = self.lock();
        let silence = now - state.since;
        let is_told = state.told.is_some_and(|at| now - at < TELL_AGAIN_AFTER);
        if silence < SILENT_AFTER || is_told {
            return None;
        }
        state.told = Some(now);
        Some(Unheard {
            silence,
            not_counted: state.not_counted,
        })
    }

    /// Tells it for as long as this is polled.
    pub(super) async fn watch(&self) -> Infallible {
        let mut looks = tokio::time::interval(LOOK_EVERY);
        loop {
            let now = looks.tick().await;
            if let Some(unheard) = self.unheard(now) {
                Telemetry::nobody_scrapes(unheard.silence, unheard.not_counted);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Silence> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_told_after_five_minutes_then_hourly_and_ends_with_a_scrape_that_counts() {
        let start = Instant::now();
        let audience = Audience::new(start);
        let told = |minutes: u64| {
            let unheard = audience.unheard(start + Duration::from_mins(minutes))?;
            Some((unheard.silence.as_secs() / 60, unheard.not_counted))
        };
        assert_eq!(told(4), None);
        audience.not_counted();
        audience.not_counted();
        assert_eq!(told(5), Some((5, 2)));
        assert_eq!([told(6), told(64)], [None, None], "once");
        audience.not_counted();
        assert_eq!(told(65), Some((65, 3)));
        assert_eq!(told(66), None);
        audience.counted(start + Duration::from_mins(70));
        assert_eq!(told(74), None);
        assert_eq!(told(75), Some((5, 0)));
        assert_eq!(told(76), None);
    }
}
