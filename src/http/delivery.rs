//! One scrape on its way to its scraper, and what follows from how that ends.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::scrape_watch::ScrapeWatch;
use super::scraper::Scraper;
use crate::metrics::Exposition;

/// A GET of `/metrics` that is being answered. Whatever becomes of it is counted, once.
#[derive(Debug)]
pub(super) struct Delivery {
    exposition: Arc<Exposition>,
    watch: Arc<ScrapeWatch>,
    /// The snapshot of a scrape, and the counted scraper to which it is on its way.
    acknowledges: Option<(u64, Scraper)>,
    /// Why the scrape does not count; none once it does.
    cause: Option<&'static str>,
}

impl Delivery {
    /// Asked for, and not answered yet.
    pub(super) fn new(exposition: Arc<Exposition>, watch: Arc<ScrapeWatch>) -> Self {
        Self {
            exposition,
            watch,
            acknowledges: None,
            cause: Some("refused"),
        }
    }

    /// A snapshot is on its way, to a counted scraper or to another client.
    pub(super) fn sends(&mut self, snapshot: u64, scraper: Option<Scraper>) {
        self.cause = Some(match scraper {
            Some(_) => "not delivered whole",
            None => "announces no timeout",
        });
        self.acknowledges = scraper.map(|scraper| (snapshot, scraper));
    }

    /// The last byte was sent, so long after the scrape was asked for.
    pub(super) fn completed(mut self, took: Duration, now: Instant) {
        let Some((snapshot, scraper)) = self.acknowledges.take() else {
            return;
        };
        if took > scraper.timeout {
            self.cause = Some("delivered after the announced timeout");
            return;
        }
        self.cause = None;
        self.exposition.delivered(snapshot, &scraper.key, now);
        self.exposition.telemetry().scrape_counted();
        self.watch.counted(now);
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        if let Some(cause) = self.cause {
            self.exposition.telemetry().scrape_not_counted(cause);
            self.watch.not_counted();
        }
    }
}
