//! How often replicas look at each other, and how long each waits for another.

use std::time::Duration;

/// Settings of the leases, by which replicas share the partitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// How often leases are renewed, and the others' looked at.
    pub interval: Duration,
    /// A lease that was not renewed for so long is free for all; at least three intervals.
    pub lease: Duration,
    /// How long a partition that goes to another replica waits for the scrape that carries what was counted of it.
    pub hand_over_max: Duration,
}

impl Settings {
    /// After how long without a change others take a lease: half a cycle before its time is over, so that its partition is
    /// read again within that time and a cycle, claim and link included. Two renewals may fail in any case.
    pub fn taken_after(&self) -> Duration {
        self.lease.saturating_sub(self.interval / 2)
    }
}
