//! How a partition is let go.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::checkpoint::blobs::{BlobPositions, Wrote};
use crate::delivery::CheckpointAfter;
use crate::event::{PartitionId, Reached};
use crate::liveness::Liveness;
use crate::metrics::{Exposition, LetGo};
use crate::queue::Queue;
use crate::source::event_hub::Orders;
use crate::telemetry::{LeaseMove, Telemetry};

/// What reads, counts and delivers the partitions of one event hub.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) orders: Orders,
    pub(crate) queue: Queue,
    pub(crate) exposition: Arc<Exposition>,
    pub(crate) positions: Arc<BlobPositions>,
    pub(crate) after: CheckpointAfter,
    pub(crate) telemetry: Arc<Telemetry>,
    pub(crate) liveness: Arc<Liveness>,
}

/// What became of a partition that was to be let go.
#[derive(Debug)]
pub(super) enum Left {
    /// Its position is written: whoever comes next goes on after all that was counted here.
    Written,
    /// The store does not answer: it is ours still, and was read to here.
    Kept(Option<Reached>),
    /// Somebody else has taken it.
    Lost,
    /// We stop, and it is given up with all others.
    Stopping,
}

impl Parts {
    /// Nothing of a partition is read, and nothing is counted any more of what was.
    async fn quiesce(&self, partition: &PartitionId) {
        self.orders.stop(partition.clone()).await;
        self.queue.let_go(partition.clone()).await;
    }

    /// Lets a partition go that somebody else has taken.
    pub(super) async fn lose(&self, partition: &PartitionId) {
        self.quiesce(partition).await;
        let let_go = self.exposition.let_go(partition);
        let written = self.positions.let_go(partition).await;
        self.telemetry
            .events_are_recounted(partition, recounted(&let_go, written.as_ref()));
        self.telemetry.lease_moved(partition, LeaseMove::Stolen);
        self.leave(partition);
    }

    /// It is somebody else's to read, and not ours to answer for.
    pub(super) fn leave(&self, partition: &PartitionId) {
        self.telemetry.partition_left(partition);
        self.liveness.partition_stands_by(partition);
    }
}

/// Lets a partition go in order: reads no more of it, waits for the scrape that delivers what was counted, and writes
/// that down. After `at_most` what was counted counts as delivered: this process lives on, and shows it to a later scrape.
pub(super) async fn hand_over(
    parts: Arc<Parts>,
    partition: PartitionId,
    at_most: Duration,
    stop: CancellationToken,
) -> Left {
    let quiet = stop.run_until_cancelled(parts.quiesce(&partition)).await;
    if quiet.is_none() {
        return Left::Stopping;
    }
    if parts.after == CheckpointAfter::Scrape {
        let delivered = delivered(&parts.exposition, &partition);
        let waited = tokio::time::timeout(at_most, delivered);
        // Who stops does not live on: what was not delivered is read again.
        if stop.run_until_cancelled(waited).await.is_none() {
            return Left::Stopping;
        }
    }
    let let_go = parts.exposition.let_go(&partition);
    match parts
        .positions
        .give_up(&partition, let_go.applied.as_ref())
        .await
    {
        Ok(Wrote::Written | Wrote::Unchanged) => Left::Written,
        Ok(Wrote::NotOurs) => {
            let written = parts.positions.let_go(&partition).await;
            parts
                .telemetry
                .events_are_recounted(&partition, recounted(&let_go, written.as_ref()));
            Left::Lost
        }
        Err(error) => {
            parts.telemetry.checkpoint_failed(&error);
            if let Some(reached) = let_go.applied.clone() {
                parts.exposition.moved_to(&partition, reached);
            }
            Left::Kept(let_go.applied)
        }
    }
}

/// How many events whoever comes next counts again: those that were applied and not written down.
fn recounted(let_go: &LetGo, written: Option<&Reached>) -> u64 {
    let number = |reached: &Reached| reached.position.sequence_number;
    match (let_go.applied.as_ref().map(number), written.map(number)) {
        (Some(applied), Some(written)) => u64::try_from(applied - written).unwrap_or(0),
        (Some(_), None) => let_go.unacknowledged,
        (None, _) => 0,
    }
}

/// Waits until a scrape has carried all that was counted of a partition.
async fn delivered(exposition: &Exposition, partition: &PartitionId) {
    let mut acknowledged = exposition.acknowledged();
    while !exposition.is_partition_delivered(partition) {
        if acknowledged.changed().await.is_err() {
            return;
        }
    }
}
