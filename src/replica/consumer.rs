//! How a partition starts to be read, and how it stops: handed over in order, or lost.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::checkpoint::blobs::{BlobPositions, Found, Wrote};
use crate::delivery::CheckpointAfter;
use crate::event::{PartitionId, Reached};
use crate::liveness::Liveness;
use crate::metrics::Exposition;
use crate::queue::Queue;
use crate::source::event_hub::{Assigner, Discovered, Reading, Start};
use crate::telemetry::{LeaseMove, Telemetry};

/// What reads, counts and delivers the partitions of one event hub.
#[derive(Debug)]
pub(super) struct Consumer {
    pub(super) assigner: Assigner,
    pub(super) queue: Queue,
    pub(super) exposition: Arc<Exposition>,
    pub(super) positions: Arc<BlobPositions>,
    pub(super) checkpoint_after: CheckpointAfter,
    pub(super) telemetry: Arc<Telemetry>,
    pub(super) liveness: Arc<Liveness>,
}

/// What became of a partition that was to be handed over.
#[derive(Debug)]
pub(super) enum HandOver {
    /// Its checkpoint is written: the next owner continues after all that was counted here.
    Checkpointed,
    /// The store does not answer: this replica keeps the partition, which was counted up to here.
    Kept(Option<Reached>),
    /// Another process has acquired it.
    Lost,
    /// This process is stopping, and releases it with all others.
    Stopping,
}

impl Consumer {
    /// Has a partition read whose lease is acquired, once its checkpoint is this replica's too. None if that fails.
    pub(super) async fn start(&self, found: Discovered) -> Option<Reading> {
        let Discovered { partition, start } = found;
        let from_beginning = start == Start::Earliest;
        let (after, start) = match self.positions.acquire(&partition, from_beginning).await {
            Ok(Found::Position(reached)) => {
                let sequence_number = reached.position.sequence_number;
                self.telemetry.checkpoint_taken(&partition, sequence_number);
                (Some(reached), start)
            }
            Ok(Found::Beginning) => (None, Start::Earliest),
            Ok(Found::Nothing) => (None, start),
            Err(error) => {
                self.telemetry.partition_not_begun(&partition, &error);
                return None;
            }
        };
        Some(self.assigner.assign(partition, after, start).await)
    }

    /// Hands a partition over: reads no more of it, waits for the scrape that delivers what was counted, and checkpoints
    /// that. After `at_most` what was counted is taken for delivered: this process continues, and a later scrape shows it.
    pub(super) async fn hand_over(
        &self,
        partition: &PartitionId,
        reading: &Reading,
        at_most: Duration,
        stop: &CancellationToken,
    ) -> HandOver {
        let ending = async {
            self.stop(partition, Some(reading)).await;
            if self.checkpoint_after == CheckpointAfter::Scrape {
                let delivered = self.delivered(partition);
                let _in_time_or_later = tokio::time::timeout(at_most, delivered).await;
            }
        };
        if stop.run_until_cancelled(ending).await.is_none() {
            // Nothing will scrape this process again, so the next owner must read again what was not delivered.
            return HandOver::Stopping;
        }
        let applied = self.exposition.applied_positions().get(partition).cloned();
        match self.positions.release(partition, applied.as_ref()).await {
            Ok(Wrote::Refused) => HandOver::Lost,
            Ok(Wrote::Written | Wrote::Unchanged) => {
                let _delivered_by_now_or_later = self.exposition.release(partition);
                HandOver::Checkpointed
            }
            Err(error) => {
                self.telemetry.checkpoint_failed(&error);
                HandOver::Kept(applied)
            }
        }
    }

    /// Stops a partition that another process has acquired, which counts again what was not checkpointed.
    pub(super) async fn lose(&self, partition: &PartitionId, reading: Option<&Reading>) {
        self.stop(partition, reading).await;
        let counted = self.exposition.release(partition);
        let written = self.positions.forget(partition).await;
        let recounted = counted.map_or(0, |counted| {
            let written = written.map(|reached| reached.position.sequence_number);
            counted.sequence_number - written.unwrap_or(counted.began_after)
        });
        let recounted = u64::try_from(recounted).unwrap_or(0);
        self.telemetry.events_are_recounted(partition, recounted);
        self.released(partition, LeaseMove::Stolen);
    }

    /// Another process answers for the partition.
    pub(super) fn released(&self, partition: &PartitionId, reason: LeaseMove) {
        self.telemetry.lease_moved(partition, reason);
        self.telemetry.partition_left(partition);
        self.liveness.partition_stands_by(partition);
    }

    /// Nothing of the partition is read, and what was read of it is not counted any more.
    async fn stop(&self, partition: &PartitionId, reading: Option<&Reading>) {
        if let Some(reading) = reading {
            reading.end().await;
        }
        self.queue.release(partition.clone()).await;
    }

    /// Waits until all that was counted of the partition is delivered.
    async fn delivered(&self, partition: &PartitionId) {
        let mut acknowledged = self.exposition.acknowledged();
        while !self.exposition.is_partition_delivered(partition) {
            if acknowledged.changed().await.is_err() {
                return;
            }
        }
    }
}
