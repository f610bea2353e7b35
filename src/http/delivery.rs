//! One scrape on its way to whoever asked for it, and what follows from how that ends.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::audience::Audience;
use super::scraper::Scraper;
use crate::metrics::Exposition;

/// A GET of `/metrics` that is being answered. Whatever becomes of it is counted, once.
#[derive(Debug)]
pub(super) struct Delivery {
    exposition: Arc<Exposition>,
    audience: Arc<Audience>,
    carries: Option<Carries>,
    is_counted: bool,
    /// Why it does not count, unless it will.
    cause: &'static str,
}

/// What a scraper that counts has when the answer is taken whole.
#[derive(Debug)]
struct Carries {
    /// Of a scrape.
    cut: u64,
    scraper: Scraper,
}

impl Delivery {
    /// Asked for, and not answered yet.
    pub(super) fn new(exposition: Arc<Exposition>, audience: Arc<Audience>) -> Self {
        Self {
            exposition,
            audience,
            carries: None,
            is_counted: false,
            cause: "refused",
        }
    }

    /// A cut is on its way, to a scraper that counts or to somebody else.
    pub(super) fn sends(&mut self, cut: u64, scraper: Option<Scraper>) {
        self.cause = if scraper.is_some() {
            "not taken whole"
        } else {
            "announces no time-out"
        };
        self.carries = scraper.map(|scraper| Carries { cut, scraper });
    }

    /// The last byte is out, so long after it was asked for.
    pub(super) fn completed(mut self, took: Duration, now: Instant) {
        let Some(Carries { cut, scraper }) = self.carries.take() else {
            return;
        };
        if took > scraper.timeout {
            self.cause = "taken after the announced time-out";
            return;
        }
        self.exposition.carried(cut, &scraper.key, now);
        self.exposition.telemetry().scrape_counted();
        self.audience.counted(now);
        self.is_counted = true;
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        if !self.is_counted {
            self.exposition.telemetry().scrape_not_counted(self.cause);
            self.audience.not_counted();
        }
    }
}
