//! What happens between the exporter and its scrapers' requests.

use std::error::Error;
use std::fmt::Display;
use std::time::Duration;

use super::{Telemetry, chain, counted, float};

impl Telemetry {
    /// A counted scraper received a scrape whole, within its timeout.
    pub(crate) fn scrape_counted(&self) {
        self.families.scrapes_total(counted(true)).inc();
    }

    /// A scrape was answered and cannot acknowledge anything.
    pub(crate) fn scrape_not_counted(&self, cause: &'static str) {
        self.families.scrapes_total(counted(false)).inc();
        tracing::debug!(cause, "scrape does not count");
    }

    /// So many distinct scrapers are expected; none has come yet.
    pub(crate) fn scrapers_are_expected(&self, scrapers: usize) {
        self.families.scrapers_expected().set(float(scrapers));
        self.scrapers_are(0);
    }

    /// So many distinct scrapers are known.
    pub(crate) fn scrapers_are(&self, scrapers: usize) {
        self.families.scrapers().set(float(scrapers));
    }

    /// Something is wrong with the scrapers, and was not before.
    pub(crate) fn scrapers_differ(warning: &dyn Display) {
        tracing::warn!("{warning}");
    }

    /// For so long there was no qualifying scrape; so many were answered that do not count.
    pub(crate) fn nobody_scrapes(silence: Duration, not_counted: u64) {
        tracing::warn!(
            silence_s = silence.as_secs(),
            not_counted,
            "no qualifying scrape: none was fully delivered, within its timeout, to a scraper that sends \
             `X-Prometheus-Scrape-Timeout-Seconds`, as Prometheus does"
        );
    }

    /// The system has no connection for a client that asks for one; the exporter tries again.
    pub(crate) fn connection_not_accepted(error: &dyn Error, retry_ms: u128) {
        tracing::warn!(
            error = chain(error),
            retry_ms,
            "HTTP connection not accepted"
        );
    }
}
