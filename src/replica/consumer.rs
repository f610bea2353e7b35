//! Starts and stops the reading of a partition. A partition stops when it is handed over or lost.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::checkpoint::blobs::{BlobPositions, Found, Wrote};
use crate::delivery::CheckpointAfter;
use crate::event::{PartitionId, Reached};
use crate::metrics::Exposition;
use crate::source::event_hub::{Assigner, Discovered, EventHubSource, Reading, Start};
use crate::telemetry::LeaseMove;

/// What reads, counts and delivers the partitions of one event hub.
#[derive(Debug)]
pub(super) struct Consumer {
    pub(super) assigner: Arc<Assigner>,
    pub(super) source: EventHubSource,
    pub(super) exposition: Arc<Exposition>,
    pub(super) positions: Arc<BlobPositions>,
    pub(super) checkpoint_after: CheckpointAfter,
}

/// The outcome of a hand-over.
#[derive(Debug)]
pub(super) enum HandOver {
    /// The checkpoint is written: the next owner continues after all events that were counted here.
    Checkpointed,
    /// The store does not answer: this replica keeps the partition. It has counted events up to this position.
    Kept(Option<Reached>),
    /// The partition was not handed over. Either this process is stopping, and releases all its partitions, or another
    /// process has acquired the partition, which the next cycle notices.
    Nothing,
}

impl Consumer {
    /// Starts to read a partition whose lease is acquired, once this replica has also acquired the checkpoint. None if that
    /// fails.
    pub(super) async fn start(&self, mut found: Discovered) -> Option<Reading> {
        let partition = &found.partition;
        let from_beginning = found.start == Start::Earliest;
        let after = match self.positions.acquire(partition, from_beginning).await {
            Ok(Found::Position(reached)) => {
                let sequence_number = reached.position.sequence_number;
                self.source
                    .telemetry
                    .checkpoint_taken(partition, sequence_number);
                Some(reached)
            }
            Ok(Found::Beginning) => {
                found.start = Start::Earliest;
                None
            }
            Ok(Found::Nothing) => None,
            Err(error) => {
                self.source.telemetry.partition_not_begun(partition, &error);
                return None;
            }
        };
        Some(self.assigner.assign(found, after).await)
    }

    /// Hands a partition over: stops reading it, waits for the scrape that delivers what was counted, and writes the
    /// checkpoint. After `at_most`, what was counted is treated as delivered: this process continues, and a later scrape
    /// delivers it.
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
            // This process is stopping, so a later scrape may never come: the next owner must re-read what was not delivered.
            return HandOver::Nothing;
        }
        let applied = self.exposition.applied_positions().get(partition).cloned();
        match self.positions.release(partition, applied.as_ref()).await {
            Ok(Wrote::Refused) => HandOver::Nothing,
            Ok(Wrote::Written | Wrote::Unchanged) => {
                let _delivered_by_now_or_later = self.exposition.release(partition);
                HandOver::Checkpointed
            }
            Err(error) => {
                self.source.telemetry.checkpoint_failed(&error);
                HandOver::Kept(applied)
            }
        }
    }

    /// Stops reading a partition that another process has acquired. That process counts again what was not checkpointed.
    pub(super) async fn lose(&self, partition: &PartitionId, reading: Option<&Reading>) {
        self.stop(partition, reading).await;
        let counted = self.exposition.release(partition);
        let written = self.positions.forget(partition).await;
        let recounted = counted.map_or(0, |counted| {
            let written = written.map(|reached| reached.position.sequence_number);
            counted.sequence_number - written.unwrap_or(counted.began_after)
        });
        let recounted = u64::try_from(recounted).unwrap_or(0);
        self.source
            .telemetry
            .events_are_recounted(partition, recounted);
        self.released(partition, LeaseMove::Stolen);
    }

    /// This process no longer owns the partition.
    pub(super) fn released(&self, partition: &PartitionId, reason: LeaseMove) {
        self.source.telemetry.lease_moved(partition, reason);
        self.source.telemetry.partition_left(partition);
        self.source.liveness.partition_stands_by(partition);
    }

    /// Stops reading the partition. Events that were read and not counted yet are dropped.
    async fn stop(&self, partition: &PartitionId, reading: Option<&Reading>) {
        if let Some(reading) = reading {
            reading.end().await;
        }
        self.source.queue.release(partition.clone()).await;
    }

    /// Waits until everything that was counted of the partition is delivered.
    async fn delivered(&self, partition: &PartitionId) {
        let mut acknowledged = self.exposition.acknowledged();
        while !self.exposition.is_partition_delivered(partition) {
            if acknowledged.changed().await.is_err() {
                return;
            }
        }
    }
}
