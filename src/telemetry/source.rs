//! What happens between us and the event hubs.

use std::collections::HashMap;
use std::error::Error;
use std::sync::{Mutex, PoisonError};

use time::OffsetDateTime;

use super::{Telemetry, chain};
use crate::event::PartitionId;

/// How far a partition is behind what its hub holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lag {
    /// Events that the hub holds and that were not received yet.
    pub events: u64,
    /// Since when the oldest of them is known to wait; none if there are none.
    pub since: Option<OffsetDateTime>,
}

/// A position that the hub could not go on after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LostPosition {
    /// What became of what follows it; the value of the label `reason`.
    pub reason: &'static str,
    /// Of the last event that was received.
    pub sequence_number: i64,
    /// Events that were never received, where they can be counted.
    pub missed: u64,
    /// The partition is read no more until a person decides.
    pub is_final: bool,
}

/// Since when each partition is behind; only those that are.
pub(super) type Behind = Mutex<HashMap<PartitionId, OffsetDateTime>>;

impl Telemetry {
    /// An event hub told which partitions it has.
    pub fn event_hub_answered(&self, event_hub: &str) {
        self.families.up.with_label_values(&[event_hub]).set(1.0);
    }

    /// An event hub did not tell which partitions it has; it is asked again.
    pub fn event_hub_failed(
        &self,
        event_hub: &str,
        cause: &'static str,
        error: &dyn Error,
        retry_ms: u128,
    ) {
        self.families.up.with_label_values(&[event_hub]).set(0.0);
        tracing::warn!(
            event_hub,
            cause,
            error = chain(error),
            retry_ms,
            "event hub does not answer"
        );
    }

    /// An event hub does not answer, or not to us; the failure that showed it is logged by whoever met it.
    pub fn event_hub_is_away(&self, event_hub: &str) {
        self.families.up.with_label_values(&[event_hub]).set(0.0);
    }

    /// A partition is ours to read: its series exist from now on. Its restarts and losses are told apart by these
    /// labels.
    pub fn partition_found(
        &self,
        partition: &PartitionId,
        causes: impl IntoIterator<Item = &'static str>,
        reasons: impl IntoIterator<Item = &'static str>,
    ) {
        let labels = [partition.event_hub(), partition.partition()];
        let families = &self.families;
        for counter in [
            &families.events_total,
            &families.event_bytes_total,
            &families.sequence_gaps_total,
            &families.refused_events_total,
            &families.poison_events_total,
            &families.recounted_events_total,
        ] {
            let _at_zero = counter.with_label_values(&labels);
        }
        families.partition_owned.with_label_values(&labels).set(0.0);
        families.held_events.with_label_values(&labels).set(0.0);
        for cause in causes {
            let _at_zero = families
                .receiver_restarts_total
                .with_label_values(&[labels[0], labels[1], cause]);
        }
        for reason in reasons {
            let _at_zero = families
                .positions_lost_total
                .with_label_values(&[labels[0], labels[1], reason]);
        }
        tracing::info!(
            event_hub = labels[0],
            partition = labels[1],
            "partition found"
        );
    }

    /// A partition is being read, after the event of this sequence number.
    pub fn receiver_opened(&self, partition: &PartitionId, after: Option<i64>, prefetch: u32) {
        let labels = [partition.event_hub(), partition.partition()];
        self.families
            .partition_owned
            .with_label_values(&labels)
            .set(1.0);
        self.families.up.with_label_values(&[labels[0]]).set(1.0);
        tracing::info!(
            event_hub = labels[0],
            partition = labels[1],
            after,
            prefetch,
            "reading partition"
        );
    }

    /// Another process reads a partition from now on: what we knew of it grows old, and is told no more.
    pub fn partition_left(&self, partition: &PartitionId) {
        let labels = [partition.event_hub(), partition.partition()];
        let families = &self.families;
        families.partition_owned.with_label_values(&labels).set(0.0);
        self.behind
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(partition);
        for gauge in [
            &families.partition_last_sequence_number,
            &families.partition_last_proof_timestamp_seconds,
            &families.partition_lag_events,
            &families.partition_lag_seconds,
            &families.held_events,
            &families.unacknowledged_events,
            &families.checkpoint_sequence_number,
        ] {
            // It may not exist yet.
            let _gone = gauge.remove_label_values(&labels);
        }
        tracing::info!(
            event_hub = labels[0],
            partition = labels[1],
            "partition left to others"
        );
    }

    /// A link was replaced by another though nothing is wrong with it.
    pub fn receiver_replaced(&self, partition: &PartitionId, cause: &'static str) {
        let labels = [partition.event_hub(), partition.partition()];
        self.families
            .receiver_restarts_total
            .with_label_values(&[labels[0], labels[1], cause])
            .inc();
        tracing::debug!(
            event_hub = labels[0],
            partition = labels[1],
            cause,
            "receiver replaced"
        );
    }

    /// A partition is not read any more; it is opened again after its last event.
    pub fn receiver_failed(
        &self,
        partition: &PartitionId,
        cause: &'static str,
        error: &dyn Error,
        retry_ms: u128,
    ) {
        let labels = [partition.event_hub(), partition.partition()];
        self.families
            .partition_owned
            .with_label_values(&labels)
            .set(0.0);
        self.families
            .receiver_restarts_total
            .with_label_values(&[labels[0], labels[1], cause])
            .inc();
        tracing::warn!(
            event_hub = labels[0],
            partition = labels[1],
            cause,
            error = chain(error),
            retry_ms,
            "receiver failed"
        );
    }

    /// A partition proved that it lives.
    pub fn partition_proved(&self, partition: &PartitionId, at: OffsetDateTime) {
        self.families
            .partition_last_proof_timestamp_seconds
            .with_label_values(&[partition.event_hub(), partition.partition()])
            .set(seconds(at));
    }

    /// How far a partition is behind, as far as we know.
    pub fn partition_lags(&self, partition: &PartitionId, lag: Lag) {
        #[expect(
            clippy::cast_precision_loss,
            clippy::as_conversions,
            reason = "a gauge is a float"
        )]
        self.families
            .partition_lag_events
            .with_label_values(&[partition.event_hub(), partition.partition()])
            .set(lag.events as f64);
        let mut behind = self.behind.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(since) = lag.since {
            // Each scrape computes it anew.
            behind.insert(partition.clone(), since);
        } else {
            behind.remove(partition);
            self.families
                .partition_lag_seconds
                .with_label_values(&[partition.event_hub(), partition.partition()])
                .set(0.0);
        }
    }

    /// A scrape is about to be taken: what depends on the time is computed.
    pub fn scraped(&self, now: OffsetDateTime) {
        self.tell_unwritten(now);
        let behind = self.behind.lock().unwrap_or_else(PoisonError::into_inner);
        for (partition, since) in behind.iter() {
            self.families
                .partition_lag_seconds
                .with_label_values(&[partition.event_hub(), partition.partition()])
                .set((now - *since).as_seconds_f64().max(0.0));
        }
    }

    /// So many events of a partition wait for a scrape to show their failure series at 0.
    pub fn events_wait(&self, partition: &PartitionId, events: usize) {
        #[expect(
            clippy::cast_precision_loss,
            clippy::as_conversions,
            reason = "a gauge is a float"
        )]
        self.families
            .held_events
            .with_label_values(&[partition.event_hub(), partition.partition()])
            .set(events as f64);
    }

    /// Sequence numbers skipped so many after this one.
    pub fn sequence_has_gap(&self, partition: &PartitionId, after: i64, missed: u64) {
        let labels = [partition.event_hub(), partition.partition()];
        self.families
            .sequence_gaps_total
            .with_label_values(&labels)
            .inc();
        tracing::error!(
            event_hub = labels[0],
            partition = labels[1],
            after,
            missed,
            "events were never received: the hub has them no more"
        );
    }

    /// Events came that had come before.
    pub fn events_refused(&self, partition: &PartitionId, events: u64) {
        self.families
            .refused_events_total
            .with_label_values(&[partition.event_hub(), partition.partition()])
            .inc_by(events);
    }

    /// An event that cannot be decoded was stepped over.
    pub fn event_stepped_over(&self, partition: &PartitionId, sequence_number: i64) {
        let labels = [partition.event_hub(), partition.partition()];
        self.families
            .poison_events_total
            .with_label_values(&labels)
            .inc();
        tracing::error!(
            event_hub = labels[0],
            partition = labels[1],
            sequence_number,
            "event cannot be decoded and is stepped over: its records are not counted"
        );
    }

    /// The hub cannot go on after the position that was reached.
    pub fn position_lost(&self, partition: &PartitionId, lost: LostPosition) {
        let labels = [partition.event_hub(), partition.partition()];
        self.families
            .positions_lost_total
            .with_label_values(&[labels[0], labels[1], lost.reason])
            .inc();
        tracing::error!(
            event_hub = labels[0],
            partition = labels[1],
            reason = lost.reason,
            sequence_number = lost.sequence_number,
            missed = lost.missed,
            goes_on = !lost.is_final,
            "position lost: the hub has not what follows it"
        );
        if lost.missed > 0 {
            self.sequence_has_gap(partition, lost.sequence_number, lost.missed);
        }
    }

    /// How many tasks there are in the runtime that reads and counts.
    pub fn tasks_are(&self, tasks: usize) {
        #[expect(
            clippy::cast_precision_loss,
            clippy::as_conversions,
            reason = "a gauge is a float"
        )]
        self.families
            .runtime_tasks
            .with_label_values::<&str>(&[])
            .set(tasks as f64);
    }
}

pub(super) fn seconds(at: OffsetDateTime) -> f64 {
    #[expect(
        clippy::cast_precision_loss,
        clippy::as_conversions,
        reason = "a gauge is a float, and a millisecond is exact in it"
    )]
    let milliseconds = (at.unix_timestamp_nanos() / 1_000_000) as f64;
    milliseconds / 1000.0
}
