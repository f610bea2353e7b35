//! How long a stop may take.

use std::time::Duration;

/// Settings of a stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// How long a stop waits for the scrape that delivers what was counted last; zero does not wait. Shorter than
    /// `deadline`.
    pub final_scrape: Duration,
    /// How long an orderly stop may take before the process ends regardless.
    pub deadline: Duration,
}
