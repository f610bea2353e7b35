//! One scrape on its way to its scraper, and what follows from how that ends.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::scrape_watch::ScrapeWatch;
use super::scraper::{NotCounted, Scraper};
use super::scrapes::Shared;
use crate::metrics::Exposition;

/// A GET of `/metrics` that is being answered. Whatever becomes of it is counted, once.
#[derive(Debug)]
pub(super) struct Delivery {
    exposition: Arc<Exposition>,
    watch: Arc<ScrapeWatch>,
    /// What is on its way.
    sent: Option<Shared>,
    /// The counted scraper to which it is.
    scraper: Option<Scraper>,
    /// Why the scrape does not count; none once it does.
    cause: Option<&'static str>,
}

impl Delivery {
    /// Asked for, and not answered yet.
    pub(super) fn new(exposition: Arc<Exposition>, watch: Arc<ScrapeWatch>) -> Self {
        Self {
            exposition,
            watch,
            sent: None,
            scraper: None,
            cause: Some("not answered"),
        }
    }

    /// A snapshot is on its way, to a counted scraper or to another client.
    pub(super) fn sends(&mut self, sent: Shared, scraper: Result<Scraper, NotCounted>) {
        self.cause = Some(match scraper {
            Ok(_) => "not delivered whole",
            Err(NotCounted::NoTimeout) => "announces no timeout",
            Err(NotCounted::Elsewhere) => "does not come from `delivery.scrapers_from`",
        });
        self.sent = Some(sent);
        self.scraper = scraper.ok();
    }

    /// What is on its way.
    pub(super) fn sent(&self) -> Option<&Shared> {
        self.sent.as_ref()
    }

    /// The last byte was sent, so long after the scrape was asked for.
    pub(super) fn completed(mut self, took: Duration, now: Instant) {
        let (Some(sent), Some(scraper)) = (self.sent.take(), self.scraper.take()) else {
            return;
        };
        if took > scraper.timeout {
            self.cause = Some("delivered after the announced timeout");
            return;
        }
        self.cause = None;
        self.exposition.delivered(sent.snapshot, &scraper.key, now);
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
