//! What happens between us and who scrapes, and to what is remembered of that.

use std::error::Error;
use std::sync::PoisonError;
use std::time::Duration;

use time::OffsetDateTime;

use super::{Telemetry, chain};
use crate::event::PartitionId;

/// Every value of the label `result`.
const WRITE_RESULTS: [&str; 2] = ["ok", "failed"];

impl Telemetry {
    pub(super) fn nothing_delivered_yet(&self) {
        for result in WRITE_RESULTS {
            let _at_zero = self
                .families
                .checkpoint_writes_total
                .with_label_values(&[result]);
        }
        let unwritten = &self.families.checkpoint_unwritten_seconds;
        let _at_zero = unwritten.with_label_values::<&str>(&[]);
    }

    /// Something is delivered since then and not written down; or all that is delivered is.
    pub fn unwritten_since(&self, since: Option<OffsetDateTime>) {
        let mut unwritten_since = self
            .unwritten_since
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *unwritten_since = since;
    }

    /// What is not written down grows older while nothing else moves.
    pub(super) fn tell_unwritten(&self, now: OffsetDateTime) {
        let since = *self
            .unwritten_since
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let seconds = since.map_or(0.0, |since| (now - since).as_seconds_f64().max(0.0));
        self.families
            .checkpoint_unwritten_seconds
            .with_label_values::<&str>(&[])
            .set(seconds);
    }

    /// Positions are kept in memory: a restart begins anew.
    pub fn positions_are_not_kept(&self) {
        tracing::warn!(
            "positions are kept in memory: what arrives while the exporter is down is not counted; set `checkpoint.store` to `file`"
        );
    }

    /// Reading waits for the scrapers, for so long at most.
    pub fn waiting_for_scrapers(&self, at_most: Duration) {
        tracing::info!(
            at_most_s = at_most.as_secs(),
            "waiting for a scrape to show the failure series at 0 before reading begins"
        );
    }

    /// Reading begins; the failure series were shown, or not.
    pub fn reading_begins(&self, were_shown: bool) {
        if were_shown {
            tracing::info!("a scrape has shown the failure series at 0: reading begins");
        } else {
            tracing::warn!(
                "nobody that counts has scraped: reading begins all the same, and first failures may not show in `increase()`"
            );
        }
    }

    /// The checkpoint was written, up to these sequence numbers.
    pub fn checkpoint_written<'a>(&self, positions: impl Iterator<Item = (&'a PartitionId, i64)>) {
        self.checkpoints_are(positions);
        self.families
            .checkpoint_writes_total
            .with_label_values(&[WRITE_RESULTS[0]])
            .inc();
    }

    pub(super) fn checkpoints_are<'a>(
        &self,
        positions: impl IntoIterator<Item = (&'a PartitionId, i64)>,
    ) {
        for (partition, sequence_number) in positions {
            #[expect(
                clippy::cast_precision_loss,
                clippy::as_conversions,
                reason = "a gauge is a float"
            )]
            self.families
                .checkpoint_sequence_number
                .with_label_values(&[partition.event_hub(), partition.partition()])
                .set(sequence_number as f64);
        }
    }

    /// The checkpoint could not be written; it is tried again.
    pub fn checkpoint_failed(&self, error: &dyn Error) {
        self.families
            .checkpoint_writes_total
            .with_label_values(&[WRITE_RESULTS[1]])
            .inc();
        tracing::error!(
            error = chain(error),
            "checkpoint not written: after a crash events since the last one are counted again"
        );
    }

    /// So many events of a partition were counted and are not acknowledged.
    pub fn events_unacknowledged(&self, partition: &PartitionId, events: i64) {
        #[expect(
            clippy::cast_precision_loss,
            clippy::as_conversions,
            reason = "a gauge is a float"
        )]
        self.families
            .unacknowledged_events
            .with_label_values(&[partition.event_hub(), partition.partition()])
            .set(events.max(0) as f64);
    }
}
