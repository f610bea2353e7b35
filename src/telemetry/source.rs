//! What happens between the exporter and the event hubs.

use std::collections::HashMap;
use std::error::Error;
use std::time::Duration;

use parking_lot::Mutex;
use prometheus::IntCounter;
use time::OffsetDateTime;
use tokio::time::Instant;

use super::families::{DiscoveryFailures, LostPositions, OfHub, Restarts};
use super::{ExporterFamilies, Telemetry, chain, float, log_partition};
use crate::event::PartitionId;

/// How far a partition is behind what its event hub has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lag {
    /// Events in the event hub that were not received yet.
    pub events: u64,
    /// When the oldest of them was enqueued, as far as is known; `None` if there are none.
    pub since: Option<OffsetDateTime>,
}

/// A position after which the event hub could not continue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LostPosition {
    /// Why the events after the position are gone; the value of the label `reason`.
    pub reason: &'static str,
    /// Of the last event that was received.
    pub sequence_number: i64,
    /// Events that were never received, where they can be counted.
    pub missed: u64,
    /// The partition is not read until a person decides.
    pub is_final: bool,
    /// What was found, in words.
    pub found: &'static str,
    /// How often something was found.
    pub times: u32,
    /// For how long the position was doubted.
    pub doubted_for: Duration,
    /// Where reading continues, in words.
    pub goes_on: &'static str,
}

/// Since when each partition is behind; only those that are.
pub(super) type Behind = Mutex<HashMap<PartitionId, OffsetDateTime>>;

impl Telemetry {
    /// An event hub is to be read: its series exist from now on, with these causes of failures. It has not answered yet.
    pub(crate) fn event_hub_configured(
        &self,
        event_hub: &str,
        causes: impl IntoIterator<Item = &'static str>,
    ) {
        self.event_hub_is_away(event_hub);
        for cause in causes {
            let _at_zero = self.discovery_failures(event_hub, cause);
        }
    }

    /// An event hub listed its partitions.
    pub(crate) fn event_hub_answered(&self, event_hub: &str) {
        self.families.up(OfHub { event_hub }).set(1.0);
    }

    /// An event hub did not list its partitions; the exporter asks again.
    pub(crate) fn event_hub_failed(
        &self,
        event_hub: &str,
        cause: &'static str,
        error: &dyn Error,
        retry_ms: u128,
    ) {
        self.event_hub_is_away(event_hub);
        self.discovery_failures(event_hub, cause).inc();
        if !self.repeated.is_logged(event_hub, cause, Instant::now()) {
            return;
        }
        tracing::warn!(
            event_hub,
            cause,
            error = chain(error),
            retry_ms,
            "event hub does not answer"
        );
    }

    fn discovery_failures(&self, event_hub: &str, cause: &str) -> IntCounter {
        let failures = DiscoveryFailures { event_hub, cause };
        self.families.discovery_failures_total(failures)
    }

    /// An event hub does not answer, or refuses to; the failure that showed it is logged where it is handled.
    pub(crate) fn event_hub_is_away(&self, event_hub: &str) {
        self.families.up(OfHub { event_hub }).set(0.0);
    }

    /// The limits of the process do not allow as many connections as configured: partitions share them.
    pub(crate) fn connections_shared(
        event_hub: &str,
        partitions: usize,
        connections: usize,
        partitions_per_connection: usize,
    ) {
        tracing::warn!(
            event_hub,
            partitions,
            connections,
            partitions_per_connection,
            "the limits on open files and threads allow too few connections, so more partitions share one: raise the limits, or `event_hub.partitions_per_connection`"
        );
    }

    /// A partition is to be read: its series exist from now on, with these causes of restarts and reasons of losses.
    pub(crate) fn partition_found(
        &self,
        partition: &PartitionId,
        causes: impl IntoIterator<Item = &'static str>,
        reasons: impl IntoIterator<Item = &'static str>,
    ) {
        let families = &self.families;
        for counter in [
            ExporterFamilies::events_total,
            ExporterFamilies::event_bytes_total,
            ExporterFamilies::sequence_gaps_total,
            ExporterFamilies::refused_events_total,
            ExporterFamilies::poison_events_total,
            ExporterFamilies::recounted_events_total,
        ] {
            let _at_zero = counter(families, partition.into());
        }
        families.partition_owned(partition.into()).set(0.0);
        families.held_events(partition.into()).set(0.0);
        for cause in causes {
            let _at_zero = self.receiver_restarts(partition, cause);
        }
        for reason in reasons {
            let _at_zero = self.positions_lost(partition, reason);
        }
        log_partition!(info, partition, "partition found");
    }

    /// A partition is being read, after the event of this sequence number.
    pub(crate) fn receiver_opened(
        &self,
        partition: &PartitionId,
        after: Option<i64>,
        prefetch: u32,
    ) {
        self.families.partition_owned(partition.into()).set(1.0);
        self.event_hub_answered(partition.event_hub());
        log_partition!(info, partition, after, prefetch, "reading partition");
    }

    /// This process no longer reads a partition.
    pub(crate) fn partition_left(&self, partition: &PartitionId) {
        self.families.partition_owned(partition.into()).set(0.0);
        self.behind.lock().remove(partition);
        self.families.remove_gauges(partition.into());
        log_partition!(info, partition, "partition released");
    }

    /// A link was replaced by another though nothing is wrong with it.
    pub(crate) fn receiver_replaced(&self, partition: &PartitionId, cause: &'static str) {
        self.receiver_restarts(partition, cause).inc();
        log_partition!(debug, partition, cause, "receiver replaced");
    }

    /// A partition is not read any more; its receiver is opened again after its last event.
    pub(crate) fn receiver_failed(
        &self,
        partition: &PartitionId,
        cause: &'static str,
        error: &dyn Error,
        retry_ms: u128,
    ) {
        self.families.partition_owned(partition.into()).set(0.0);
        self.receiver_restarts(partition, cause).inc();
        let event_hub = partition.event_hub();
        if !self.repeated.is_logged(event_hub, cause, Instant::now()) {
            return;
        }
        log_partition!(
            warn,
            partition,
            cause,
            error = chain(error),
            retry_ms,
            "receiver failed"
        );
    }

    fn receiver_restarts(&self, partition: &PartitionId, cause: &str) -> IntCounter {
        self.families.receiver_restarts_total(Restarts {
            event_hub: partition.event_hub(),
            partition: partition.partition(),
            cause,
        })
    }

    /// A partition was verified: an event came, or the event hub answered a liveness check.
    pub(crate) fn partition_proved(&self, partition: &PartitionId, at: OffsetDateTime) {
        self.families
            .partition_last_proof_timestamp_seconds(partition.into())
            .set(seconds(at));
    }

    /// How far a partition is behind, as far as is known.
    pub(crate) fn partition_lags(&self, partition: &PartitionId, lag: Lag) {
        self.families
            .partition_lag_events(partition.into())
            .set(float(lag.events));
        let mut behind = self.behind.lock();
        if let Some(since) = lag.since {
            // Each scrape computes it anew.
            behind.insert(partition.clone(), since);
        } else {
            behind.remove(partition);
            self.families
                .partition_lag_seconds(partition.into())
                .set(0.0);
        }
    }

    /// A scrape is about to be taken: what depends on the time is computed.
    pub(crate) fn scraped(&self, now: OffsetDateTime) {
        let age = |since: OffsetDateTime| (now - since).as_seconds_f64().max(0.0);
        self.families
            .checkpoint_unwritten_seconds()
            .set(self.unwritten_since.lock().map_or(0.0, age));
        for (partition, since) in self.behind.lock().iter() {
            self.families
                .partition_lag_seconds(partition.into())
                .set(age(*since));
        }
    }

    /// So many events of a partition are held until a scrape has shown their failure series at 0.
    pub(crate) fn events_wait(&self, partition: &PartitionId, events: usize) {
        self.families
            .held_events(partition.into())
            .set(float(events));
    }

    /// So many sequence numbers are missing after this one.
    pub(crate) fn sequence_has_gap(&self, partition: &PartitionId, after: i64, missed: u64) {
        self.families.sequence_gaps_total(partition.into()).inc();
        log_partition!(
            error,
            partition,
            after,
            missed,
            "sequence gap: events expired from the event hub before they were read"
        );
    }

    /// Events came that had been received before.
    pub(crate) fn events_refused(&self, partition: &PartitionId, events: u64) {
        self.families
            .refused_events_total(partition.into())
            .inc_by(events);
    }

    /// An event that cannot be decoded was skipped.
    pub(crate) fn event_stepped_over(&self, partition: &PartitionId, sequence_number: i64) {
        self.families.poison_events_total(partition.into()).inc();
        let now = Instant::now();
        if !self.repeated.is_logged_of(partition, "event skipped", now) {
            return;
        }
        log_partition!(
            error,
            partition,
            sequence_number,
            "event cannot be decoded and is skipped: its records are not counted"
        );
    }

    /// The event hub cannot continue after the position.
    pub(crate) fn position_lost(&self, partition: &PartitionId, lost: LostPosition) {
        self.positions_lost(partition, lost.reason).inc();
        log_partition!(
            error,
            partition,
            reason = lost.reason,
            sequence_number = lost.sequence_number,
            missed = lost.missed,
            found = lost.found,
            times = lost.times,
            doubted_s = lost.doubted_for.as_secs(),
            goes_on = lost.goes_on,
            "checkpoint position lost: the event hub cannot continue after it"
        );
        if lost.missed > 0 {
            self.sequence_has_gap(partition, lost.sequence_number, lost.missed);
        }
    }

    fn positions_lost(&self, partition: &PartitionId, reason: &str) -> IntCounter {
        self.families.positions_lost_total(LostPositions {
            event_hub: partition.event_hub(),
            partition: partition.partition(),
            reason,
        })
    }

    /// How many tasks there are in the runtime that reads and counts.
    pub(crate) fn tasks_are(&self, tasks: usize) {
        self.families.runtime_tasks().set(float(tasks));
    }
}

pub(super) fn seconds(at: OffsetDateTime) -> f64 {
    // A millisecond is exact in a float.
    float(at.unix_timestamp_nanos() / 1_000_000) / 1000.0
}
