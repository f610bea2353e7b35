//! Starts and stops the reading of a partition. A partition stops when it is handed over or lost.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::checkpoint::blobs::{BlobPositions, Found, Wrote};
use crate::delivery::CheckpointAfter;
use crate::event::PartitionId;
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
    /// No scrape has delivered what was counted, or the store does not answer: this replica keeps the partition.
    Kept,
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
            Ok(Found::Offset(offset)) => {
                found.start = Start::AfterOffset(offset.into());
                None
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

    /// Whether a scrape can be expected within this time, which delivers what was counted.
    pub(super) fn can_deliver(&self, within: Duration) -> bool {
        self.checkpoint_after == CheckpointAfter::Processing
            || self.exposition.are_all_scraped(Instant::now(), within)
    }

    /// Whether everything that was counted of the partition is delivered: no scrape is needed to hand it over.
    pub(super) fn is_delivered(&self, partition: &PartitionId) -> bool {
        self.exposition.is_partition_delivered(partition)
    }

    /// Hands a partition over: applies nothing more of it, waits for the scrape that delivers what was counted, writes the
    /// checkpoint, and stops reading. If no scrape comes within `at_most`, or the checkpoint cannot be written, it goes on
    /// where it paused: nothing has to be read again.
    pub(super) async fn hand_over(
        &self,
        partition: &PartitionId,
        reading: &Reading,
        at_most: Duration,
        stop: &CancellationToken,
    ) -> HandOver {
        let EventHubSource {
            queue, telemetry, ..
        } = &self.source;
        let delivering = async {
            queue.pause(partition.clone()).await;
            match self.checkpoint_after {
                CheckpointAfter::Scrape => {
                    timeout(at_most, self.delivered(partition)).await.is_ok()
                }
                CheckpointAfter::Processing => true,
            }
        };
        let Some(is_delivered) = stop.run_until_cancelled(delivering).await else {
            return HandOver::Nothing; // the stop releases all partitions
        };
        if is_delivered {
            let delivered = || {
                let positions = self.exposition.positions(self.checkpoint_after);
                positions.get(partition).cloned()
            };
            match self.positions.release(partition, delivered).await {
                Ok(Wrote::Refused) => return HandOver::Nothing,
                Ok(Wrote::Written | Wrote::Unchanged) => {
                    self.stop(partition, Some(reading)).await;
                    self.exposition.release(partition);
                    return HandOver::Checkpointed;
                }
                Err(error) => telemetry.checkpoint_failed(&error),
            }
        } else {
            telemetry.partition_kept(partition, at_most);
        }
        self.keep(partition).await
    }

    /// Goes on with a partition that was paused.
    pub(super) async fn keep(&self, partition: &PartitionId) -> HandOver {
        self.source.queue.resume(partition.clone()).await;
        HandOver::Kept
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
