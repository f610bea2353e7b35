//! How often replicas list each other's leases, and how long they wait for each other.

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
        /// The scrape delivers what this replica counted of the partition; meanwhile it counts nothing more of it. Without a
        /// scrape in this time, the replica keeps the partition, and tries again after ten times as long. A hand-over only
        /// begins if every expected scraper has scraped within this time. At least twice the scrape interval.
        hand_over_max: Duration = duration(INTERVAL_LEAST..=LEASE_MOST).default("2m"),
    }
}

impl Settings {
    /// The minimum number of intervals in the duration of a lease: two renewals may fail.
    pub(crate) const INTERVALS: u32 = INTERVALS;

    /// How long a lease must be unchanged before others acquire it: half a cycle less than it lasts. So its partition is read
    /// again within the duration of a lease and a cycle, including the time to open a link. Two renewals may fail in any case.
    pub fn taken_after(&self) -> Duration {
        self.lease.saturating_sub(self.interval / 2)
    }
}

const INTERVALS: u32 = 3;

/// Each cycle renews every lease. Shorter cycles would cost load on the storage account, and money.
const INTERVAL_LEAST: Duration = Duration::from_secs(1);

/// Partitions move only in a cycle. With longer cycles, operators would take the wait for a fault.
const INTERVAL_MOST: Duration = Duration::from_mins(5);

/// For as long as a lease lasts, the partitions of a replica that crashed are not read.
const LEASE_MOST: Duration = Duration::from_mins(30);
