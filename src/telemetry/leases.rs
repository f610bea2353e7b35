//! What happens between this replica and the others.

use std::error::Error;
use std::time::Duration;

use prometheus::IntCounter;
use time::OffsetDateTime;

use super::families::{LeaseMoves, OfHolder, OfHub};
use super::source::seconds;
use super::{Telemetry, chain, float, log_partition};
use crate::event::PartitionId;
use crate::family::label_values;

/// How many leases of an event hub are whose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Leases {
    /// Of this replica.
    pub own: usize,
    /// Of other replicas of the exporter.
    pub peer: usize,
    /// Of another program.
    pub foreign: usize,
    /// Without an owner, or expired.
    pub nobody: usize,
}

label_values! {
    /// How this replica acquired, released or lost a lease.
    pub(crate) LeaseMove {
        /// Acquired: it had no owner.
        Claimed = "claimed",
        /// Acquired: its owner did not renew it.
        Expired = "expired",
        /// Released to a replica that has fewer.
        HandedOver = "handed_over",
        /// Released, since this replica stops.
        Stopped = "stopped",
        /// Lost to another process.
        Stolen = "stolen",
    }
}

impl Telemetry {
    /// The partitions of an event hub are shared with other replicas: its series exist from now on.
    pub(crate) fn leases_are_shared(&self, event_hub: &str) {
        for reason in LeaseMove::ALL {
            let _at_zero = self.lease_moves(event_hub, reason);
        }
    }

    /// The leases were listed, and those of this replica renewed.
    pub(crate) fn lease_cycle_ended(
        &self,
        event_hub: &str,
        leases: Leases,
        replicas: usize,
        at: OffsetDateTime,
    ) {
        let families = &self.families;
        for (held_by, count) in [
            ("self", leases.own),
            ("peer", leases.peer),
            ("foreign", leases.foreign),
            ("nobody", leases.nobody),
        ] {
            families
                .leases(OfHolder { event_hub, held_by })
                .set(float(count));
        }
        families.replicas(OfHub { event_hub }).set(float(replicas));
        families
            .last_lease_cycle_timestamp_seconds(OfHub { event_hub })
            .set(seconds(at));
    }

    /// The leases could not be listed or renewed; `again` if the cycle before failed too, which is not logged again.
    pub fn lease_cycle_failed(&self, event_hub: &str, error: &dyn Error, again: bool) {
        if again {
            return;
        }
        tracing::error!(
            event_hub,
            error = chain(error),
            "cannot list or renew leases: owned partitions are still read, takeovers are suspended"
        );
    }

    /// The leases can be listed and renewed again.
    pub fn lease_cycles_go_on(&self, event_hub: &str) {
        tracing::info!(event_hub, "leases are listed and renewed again");
    }

    /// This replica acquired, released or lost a lease.
    pub(crate) fn lease_moved(&self, partition: &PartitionId, reason: LeaseMove) {
        self.lease_moves(partition.event_hub(), reason).inc();
        log_partition!(info, partition, reason = reason.label(), "lease moved");
    }

    fn lease_moves(&self, event_hub: &str, reason: LeaseMove) -> IntCounter {
        let reason = reason.label();
        self.families
            .lease_moves_total(LeaseMoves { event_hub, reason })
    }

    /// Another process owns a partition, and counts so many events of it again that were counted here.
    pub(crate) fn events_are_recounted(&self, partition: &PartitionId, events: u64) {
        self.families
            .recounted_events_total(partition.into())
            .inc_by(events);
        if events > 0 {
            log_partition!(
                error,
                partition,
                events,
                "partition lost before these events were checkpointed: the new owner counts them again"
            );
        }
    }

    /// A partition was to be handed over, and no scrape has delivered what was counted of it.
    pub fn partition_kept(&self, partition: &PartitionId, waited: Duration) {
        log_partition!(
            warn,
            partition,
            waited_s = waited.as_secs(),
            "partition kept: no scrape has delivered its counts within `ownership.hand_over_max`; set it to twice the scrape interval"
        );
    }

    /// A checkpoint was refused: another process owns the partition.
    pub fn checkpoint_refused(&self, partition: &PartitionId) {
        log_partition!(
            warn,
            partition,
            "checkpoint refused: another process has acquired the partition"
        );
    }

    /// A partition was acquired and cannot be started; the replica tries again.
    pub fn partition_not_begun(&self, partition: &PartitionId, error: &dyn Error) {
        log_partition!(
            error,
            partition,
            error = chain(error),
            "lease acquired, but the partition cannot be started: reading or writing its checkpoint failed"
        );
    }

    /// Blobs of dead replicas and the like could not be deleted.
    pub fn tidying_failed(&self, event_hub: &str, error: &dyn Error) {
        tracing::debug!(
            event_hub,
            error = chain(error),
            "blobs of dead replicas not deleted"
        );
    }
}
