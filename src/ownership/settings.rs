//! How leases are kept.

use std::time::Duration;

/// Settings of the leases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How often the leases are looked at, and ours renewed.
    pub interval: Duration,
    /// After how long without being renewed a lease is anybody's.
    pub lease: Duration,
    /// How long a partition that is handed over waits for the scrape that delivers what was counted of it.
    pub hand_over_max: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(10),
            lease: Duration::from_secs(30),
            hand_over_max: Duration::from_secs(30),
        }
    }
}
