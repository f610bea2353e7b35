//! What happens between us and those who scrape.

use std::error::Error;
use std::time::Duration;

use super::{Telemetry, chain};

/// The values of the label `counted` of scrapes.
pub(super) const COUNTED: [&str; 2] = ["true", "false"];

impl Telemetry {
    /// A scraper that counts has taken a scrape whole and in time.
    pub(crate) fn scrape_counted(&self) {
        self.scrape_ended(COUNTED[0]);
    }

    /// A scrape was answered and does not count.
    pub(crate) fn scrape_not_counted(&self, cause: &'static str) {
        self.scrape_ended(COUNTED[1]);
        tracing::debug!(cause, "scrape does not count");
    }

    /// Nobody who counts has completed a scrape for so long; so many were answered that do not count.
    pub(crate) fn nobody_scrapes(silence: Duration, not_counted: u64) {
        tracing::warn!(
            silence_s = silence.as_secs(),
            not_counted,
            "no scrape counts: none was taken whole, in time, by a scraper that sends \
             `X-Prometheus-Scrape-Timeout-Seconds`, as Prometheus does"
        );
    }

    /// The system has no connection for somebody who asks for one; it is asked again.
    pub(crate) fn connection_not_accepted(error: &dyn Error, retry_ms: u128) {
        tracing::warn!(
            error = chain(error),
            retry_ms,
            "HTTP connection not accepted"
        );
    }

    fn scrape_ended(&self, counted: &'static str) {
        self.families
            .scrapes_total
            .with_label_values(&[counted])
            .inc();
    }
}
