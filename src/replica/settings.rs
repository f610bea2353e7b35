//! How often replicas look at each other, and how long each waits for another.

use std::time::Duration;

use crate::setting::{duration, settings};

settings! {
    /// Replicas
    ///
    /// How replicas share the partitions. Only with `checkpoint.store: blob`: each partition has a lease in the container.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Settings in "ownership" {
        /// How often a replica renews its leases and reads those of the others.
        ///
        /// An expired lease is acquired within this time.
        interval: Duration = duration(INTERVAL_LEAST..=INTERVAL_MOST).default("10s"),
        /// How long a lease lasts without a renewal.
        ///
        /// After a crash, a replica's partitions are not read for this long. At least three times `interval`.
        lease: Duration = duration(INTERVAL_LEAST * INTERVALS..=LEASE_MOST).default("30s"),
        /// How long a replica waits for a last scrape before it hands a partition over to another replica.
        ///
        /// The scrape delivers what this replica counted of the partition. Without a scrape, the partition moves after this
        /// time, and a later scrape of this replica delivers these counts. `0s` does not wait.
        hand_over_max: Duration = duration(Duration::ZERO..=LEASE_MOST).default("30s"),
    }
}

impl Settings {
    /// How many renewals a lease outlives: two may fail.
    pub(crate) const INTERVALS: u32 = INTERVALS;

    /// After how long without a change others acquire a lease: half a cycle before it expires, so that its partition is
    /// read again within that time and a cycle, including the time to open a link. Two renewals may fail in any case.
    pub fn taken_after(&self) -> Duration {
        self.lease.saturating_sub(self.interval / 2)
    }
}

const INTERVALS: u32 = 3;

/// Each cycle renews every lease: more often is load on the storage account, and money.
const INTERVAL_LEAST: Duration = Duration::from_secs(1);

/// Partitions move in cycles: a slower one would be taken for a fault.
const INTERVAL_MOST: Duration = Duration::from_mins(5);

/// The partitions of a replica that crashed are not read for so long.
const LEASE_MOST: Duration = Duration::from_mins(30);
