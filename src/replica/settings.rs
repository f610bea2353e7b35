//! How often replicas renew their leases, and how long each waits for another.

use std::time::Duration;

/// Settings of the leases, by which replicas share the partitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// How often a replica renews its leases and lists those of the others.
    pub interval: Duration,
    /// A lease that was not renewed for so long expires; at least three intervals.
    pub lease: Duration,
    /// How long a partition that is handed over waits for a scrape that delivers what was counted of it.
    pub hand_over_max: Duration,
}

impl Settings {
    /// After how long without a change others acquire a lease: half a cycle before it expires, so that its partition is
    /// read again within that time and a cycle, including the time to open a link. Two renewals may fail in any case.
    pub(crate) fn taken_after(&self) -> Duration {
        self.lease.saturating_sub(self.interval / 2)
    }
}
