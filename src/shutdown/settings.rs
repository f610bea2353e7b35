//! What the service as a whole is told.

use std::time::Duration;

/// Settings of the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// How long a stop waits for the scrape that carries what was counted last; zero does not wait. Shorter than
    /// `deadline`.
    pub final_scrape: Duration,
    /// How long an orderly stop may take before the process ends regardless.
    pub deadline: Duration,
}
