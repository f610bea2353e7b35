//! What happens between the exporter and its scrapers, and to the checkpoint that follows.

use std::error::Error;
use std::time::Duration;

use time::OffsetDateTime;

use super::{Telemetry, chain, ended, float};
use crate::event::PartitionId;

impl Telemetry {
    /// Positions are delivered that are not checkpointed: since now, if not since before.
    pub(crate) fn checkpoint_is_due(&self, now: OffsetDateTime) {
        self.unwritten_since.lock().get_or_insert(now);
    }

    /// Every delivered position is checkpointed.
    pub(crate) fn checkpoint_is_done(&self) {
        *self.unwritten_since.lock() = None;
    }

    /// Checkpoints are kept in memory: a restart begins anew.
    pub fn positions_are_not_kept(&self) {
        tracing::warn!(
            "checkpoints are kept in memory: events that arrive while the exporter is down are not counted; set `checkpoint.store` to `file`"
        );
    }

    /// Reading waits for a scrape, for so long at most.
    pub fn waiting_for_scrapers(&self, at_most: Duration) {
        tracing::info!(
            at_most_s = at_most.as_secs(),
            "waiting for a scrape to show the failure series at 0 before reading begins"
        );
    }

    /// Reading begins; a scrape has shown the failure series, or not.
    pub fn reading_begins(&self, were_shown: bool) {
        if were_shown {
            tracing::info!("a scrape has shown the failure series at 0: reading begins");
        } else {
            tracing::warn!(
                "no qualifying scrape within the start gate: consuming anyway; first failures may not show up in `increase()`"
            );
        }
    }

    /// The checkpoint was written, up to these sequence numbers.
    pub(crate) fn checkpoint_written<'a>(
        &self,
        positions: impl Iterator<Item = (&'a PartitionId, i64)>,
    ) {
        for (partition, sequence_number) in positions {
            self.checkpoint_taken(partition, sequence_number);
        }
        self.families.checkpoint_writes_total(ended(true)).inc();
    }

    /// The checkpoint of a partition, written or acquired with it, has this sequence number.
    pub(crate) fn checkpoint_taken(&self, partition: &PartitionId, sequence_number: i64) {
        self.families
            .checkpoint_sequence_number(partition.into())
            .set(float(sequence_number));
    }

    /// The checkpoint could not be written; the exporter tries again.
    pub(crate) fn checkpoint_failed(&self, error: &dyn Error) {
        self.families.checkpoint_writes_total(ended(false)).inc();
        tracing::error!(
            error = chain(error),
            "checkpoint not written: after a crash, events since the last checkpoint are counted again"
        );
    }

    /// The label sets could not be remembered; the exporter tries again.
    pub fn label_sets_not_written(&self, error: &dyn Error) {
        tracing::error!(
            error = chain(error),
            "label sets not written: after a restart, new counters other than failures can begin above 0"
        );
    }

    /// So many events of a partition are counted and not acknowledged.
    pub(crate) fn events_unacknowledged(&self, partition: &PartitionId, events: i64) {
        self.families
            .unacknowledged_events(partition.into())
            .set(float(events.max(0)));
    }
}
