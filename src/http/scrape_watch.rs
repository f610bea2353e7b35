//! Notices that no qualifying scrape comes, and logs it from time to time; that the scrapers are not those that are
//! expected, and logs each change; and that connections had to be closed, and logs how many.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::Content;
use super::scraper_check::ScraperCheck;
use crate::delivery::FORGOTTEN_AFTER;
use crate::metrics::Exposition;
use crate::telemetry::Telemetry;

/// Some intervals of the slowest scraper, and time to deploy one.
const SILENT_AFTER: Duration = Duration::from_mins(5);

/// Often enough to be found in the log of a day, and not to fill it.
const LOG_AGAIN_AFTER: Duration = Duration::from_hours(1);

/// How late the log may be.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Since when there was no qualifying scrape, and what is wrong with the scrapers.
#[derive(Debug)]
pub(super) struct ScrapeWatch {
    exposition: Arc<Exposition>,
    silence: Mutex<Silence>,
    pub(super) check: ScraperCheck,
}

/// Since when there was no qualifying scrape.
#[derive(Debug)]
struct Silence {
    since: Instant,
    /// Scrapes that were answered meanwhile and do not count.
    not_counted: u64,
    logged: Option<Instant>,
}

impl Silence {
    fn new(since: Instant) -> Self {
        Self {
            since,
            not_counted: 0,
            logged: None,
        }
    }
}

impl ScrapeWatch {
    /// No scrape has come yet.
    pub(super) fn new(content: &Content, now: Instant) -> Self {
        Self {
            exposition: Arc::clone(&content.exposition),
            silence: Mutex::new(Silence::new(now)),
            check: ScraperCheck::new(&content.delivery, now),
        }
    }

    /// A qualifying scrape was delivered.
    pub(super) fn counted(&self, now: Instant) {
        *self.silence.lock() = Silence::new(now);
    }

    /// A scrape was answered that does not count.
    pub(super) fn not_counted(&self) {
        self.silence.lock().not_counted += 1;
    }

    /// What is to be logged now: how long there was no qualifying scrape, and how many others were answered.
    fn overdue(&self, now: Instant) -> Option<(Duration, u64)> {
        let mut state = self.silence.lock();
        let silence = now - state.since;
        let is_logged = state.logged.is_some_and(|at| now - at < LOG_AGAIN_AFTER);
        if silence < SILENT_AFTER || is_logged {
            return None;
        }
        state.logged = Some(now);
        Some((silence, state.not_counted))
    }

    /// How many distinct scrapers are known now, for the metrics and for the check.
    pub(super) fn count(&self, now: Instant) -> usize {
        let scrapers = self.exposition.scrapers_within(now, FORGOTTEN_AFTER);
        self.exposition.telemetry().scrapers_are(scrapers);
        scrapers
    }

    /// Logs what is overdue or new, for as long as this is polled.
    pub(super) async fn watch(&self) -> Infallible {
        let mut looks = tokio::time::interval(LOOK_EVERY);
        let mut closed = 0;
        loop {
            let now = looks.tick().await;
            if let Some((silence, not_counted)) = self.overdue(now) {
                Telemetry::nobody_scrapes(silence, not_counted);
            }
            closed = self.exposition.telemetry().connections_closed_since(closed);
            let slowest = self.exposition.slowest_interval();
            for warning in self.check.look(self.count(now), slowest, now) {
                Telemetry::scrapers_differ(&warning);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::tests::Metrics;

    #[test]
    fn silence_is_logged_after_five_minutes_then_hourly_and_ends_with_a_qualifying_scrape() {
        let start = Instant::now();
        let watch = ScrapeWatch::new(&Metrics::new(1, 0).content(), start);
        let logged = |minutes: u64| {
            let overdue = watch.overdue(start + Duration::from_mins(minutes));
            overdue.map(|(silence, not_counted)| (silence.as_secs() / 60, not_counted))
        };
        assert_eq!(logged(4), None);
        watch.not_counted();
        watch.not_counted();
        assert_eq!(logged(5), Some((5, 2)));
        assert_eq!([logged(6), logged(64)], [None, None], "once");
        watch.not_counted();
        assert_eq!(logged(65), Some((65, 3)));
        assert_eq!(logged(66), None);
        watch.counted(start + Duration::from_mins(70));
        assert_eq!(logged(74), None);
        assert_eq!(logged(75), Some((5, 0)));
        assert_eq!(logged(76), None);
    }
}
