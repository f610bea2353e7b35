//! When an event counts as delivered, and how long it may wait for that.

use std::num::NonZeroUsize;
use std::time::Duration;

use crate::setting::{duration, number, settings, words};

settings! {
    /// Delivery
    ///
    /// When a scrape counts as delivered, and what waits for it.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Settings in "delivery" {
        /// When a checkpoint may advance past an event.
        ///
        /// - `scrape`: once the event was counted and a scrape with that count was delivered. A crash loses nothing.
        /// - `processing`: once the event was counted. A crash loses counts that no scrape has delivered.
        checkpoint_after: CheckpointAfter = words([
            ("scrape", CheckpointAfter::Scrape),
            ("processing", CheckpointAfter::Processing),
        ]).default("scrape"),
        /// How many scrapers must have received a snapshot before it counts as delivered.
        ///
        /// Scrapers are distinguished by their address, or by `?scraper=NAME` (`params` in the scrape configuration) where you
        /// give each its own name. One that is silent for 10 minutes is forgotten.
        /// `acs_recording_exporter_scrapers` shows how many there are.
        scrapers: NonZeroUsize = number(1..=SCRAPERS_MOST).default("1"),
        /// At startup, how long to wait for a scrape (so that failure series are visible at 0) before consuming.
        ///
        /// `0s` does not wait.
        start_gate: Duration = duration(Duration::ZERO..=WAIT_MOST).default("2m"),
        /// How long a partition waits, within any ten minutes, for scrapes that show failure series at 0.
        ///
        /// An event is held if it would increase a failure series that no scrape has delivered yet. Later events of the same
        /// partition wait behind it. A partition that has waited this long within ten minutes does not wait: otherwise a
        /// sender of ever new failures could delay all others. `0s` does not wait. Above `10m`, the setting bounds each wait
        /// only.
        hold_max: Duration = duration(Duration::ZERO..=WAIT_MOST).default("2m"),
    }
}

/// When a checkpoint may advance past an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckpointAfter {
    /// Once a scrape that shows it was delivered: a crash loses nothing.
    Scrape,
    /// Once it was counted: a crash loses what no delivered scrape has shown.
    Processing,
}

/// Prometheus runs in pairs; more than this are not one exporter's scrapers but a mistake.
const SCRAPERS_MOST: usize = 10;

/// No scraper is slower, and a partition that waits longer is down.
const WAIT_MOST: Duration = Duration::from_hours(1);
