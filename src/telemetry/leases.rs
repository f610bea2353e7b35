//! What happens between us and the other replicas.

use std::error::Error;

use time::OffsetDateTime;

use super::source::seconds;
use super::{Telemetry, chain};
use crate::event::PartitionId;

/// How many leases of an event hub are held by whom.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Leases {
    /// By this replica.
    pub own: usize,
    /// By other replicas of ours.
    pub peer: usize,
    /// By a program that is none of ours.
    pub foreign: usize,
    /// By nobody, or by somebody who does not renew them.
    pub nobody: usize,
}

/// How a lease came or went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaseMove {
    /// It was free, and is ours.
    Claimed,
    /// Its owner did not renew it, and it is ours.
    Expired,
    /// A replica that has fewer may have it.
    HandedOver,
    /// We stop, and whoever likes may have it.
    Stopped,
    /// It is somebody else's.
    Stolen,
}

impl LeaseMove {
    const ALL: [Self; 5] = [
        Self::Claimed,
        Self::Expired,
        Self::HandedOver,
        Self::Stopped,
        Self::Stolen,
    ];

    /// The value of the label `reason`.
    fn label(self) -> &'static str {
        match self {
            Self::Claimed => "claimed",
            Self::Expired => "expired",
            Self::HandedOver => "handed_over",
            Self::Stopped => "stopped",
            Self::Stolen => "stolen",
        }
    }
}

impl Telemetry {
    /// The partitions of an event hub are shared with other replicas: its series exist from now on.
    pub fn leases_are_shared(&self, event_hub: &str) {
        for reason in LeaseMove::ALL {
            let _at_zero = self
                .families
                .lease_moves_total
                .with_label_values(&[event_hub, reason.label()]);
        }
    }

    /// The leases were seen, and ours renewed.
    pub fn lease_cycle_ended(
        &self,
        event_hub: &str,
        leases: Leases,
        replicas: usize,
        at: OffsetDateTime,
    ) {
        let families = &self.families;
        for (held_by, held) in [
            ("self", leases.own),
            ("peer", leases.peer),
            ("foreign", leases.foreign),
            ("nobody", leases.nobody),
        ] {
            families
                .leases
                .with_label_values(&[event_hub, held_by])
                .set(float(held));
        }
        families
            .replicas
            .with_label_values(&[event_hub])
            .set(float(replicas));
        families
            .last_lease_cycle_timestamp_seconds
            .with_label_values(&[event_hub])
            .set(seconds(at));
    }

    /// The leases could not be seen; `again` if it was so the last time too, which is not logged again.
    pub fn lease_cycle_failed(&self, event_hub: &str, error: &dyn Error, again: bool) {
        if again {
            return;
        }
        tracing::error!(
            event_hub,
            error = chain(error),
            "leases cannot be seen or renewed: what is ours is read on, and nothing can be taken over"
        );
    }

    /// The leases can be seen again.
    pub fn lease_cycles_go_on(&self, event_hub: &str) {
        tracing::info!(event_hub, "leases are seen and renewed again");
    }

    /// A lease came or went.
    pub fn lease_moved(&self, partition: &PartitionId, reason: LeaseMove) {
        self.families
            .lease_moves_total
            .with_label_values(&[partition.event_hub(), reason.label()])
            .inc();
        tracing::info!(
            event_hub = partition.event_hub(),
            partition = partition.partition(),
            reason = reason.label(),
            "lease moved"
        );
    }

    /// A partition is another's, and so many events of it were counted here that its new owner will count again.
    pub fn events_are_recounted(&self, partition: &PartitionId, events: u64) {
        let labels = [partition.event_hub(), partition.partition()];
        self.families
            .recounted_events_total
            .with_label_values(&labels)
            .inc_by(events);
        if events > 0 {
            tracing::error!(
                event_hub = labels[0],
                partition = labels[1],
                events,
                "another process took the partition before a checkpoint had passed these events: both count them"
            );
        }
    }

    /// A partition is ours, and its checkpoint has this sequence number.
    pub fn checkpoint_taken(&self, partition: &PartitionId, sequence_number: i64) {
        self.checkpoints_are([(partition, sequence_number)]);
    }

    /// The checkpoint of a partition is another's: ours was refused.
    pub fn checkpoint_refused(&self, partition: &PartitionId) {
        tracing::warn!(
            event_hub = partition.event_hub(),
            partition = partition.partition(),
            "checkpoint refused: another process has taken the partition"
        );
    }

    /// A partition cannot be begun; it is tried again.
    pub fn partition_not_begun(&self, partition: &PartitionId, error: &dyn Error) {
        tracing::error!(
            event_hub = partition.event_hub(),
            partition = partition.partition(),
            error = chain(error),
            "partition is ours and cannot be begun: its checkpoint cannot be read or rewritten"
        );
    }

    /// Blobs of dead replicas and the like could not be tidied away.
    pub fn tidying_failed(&self, event_hub: &str, error: &dyn Error) {
        tracing::debug!(event_hub, error = chain(error), "not tidied away");
    }
}

#[expect(
    clippy::cast_precision_loss,
    clippy::as_conversions,
    reason = "a gauge is a float"
)]
fn float(count: usize) -> f64 {
    count as f64
}
