//! Checkpoints what was delivered: right after it was acknowledged, at most every `checkpoint.interval`.

use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::checkpoint::blobs::{BlobPositions, BlobSeries, Wrote, concurrently};
use crate::checkpoint::{FileSeries, Saved, State, Store};
use crate::delivery::{CheckpointAfter, Positions};
use crate::event::{PartitionId, Reached};
use crate::metrics::Exposition;
use crate::telemetry::Telemetry;

/// The task that writes checkpoints.
#[derive(Debug)]
pub(super) struct Keeper {
    pub(super) target: Target,
    /// Cancelled when what earlier processes remembered stands at 0.
    pub(super) restored: CancellationToken,
    pub(super) checkpoint_after: CheckpointAfter,
    pub(super) interval: Duration,
    pub(super) exposition: Arc<Exposition>,
    pub(super) telemetry: Arc<Telemetry>,
}

/// Where checkpoints are written.
#[derive(Debug)]
pub(super) enum Target {
    /// All of them in one file, with the failure series.
    File {
        store: Store,
        state: State,
        /// In a file of its own, since it may be larger and is written rarely.
        label_sets: FileSeries,
    },
    /// Those of owned partitions, in blobs that this process shares with other replicas.
    Blobs {
        /// Of each event hub.
        positions: Vec<Arc<BlobPositions>>,
        failures: BlobSeries,
        label_sets: BlobSeries,
    },
}

impl Keeper {
    /// Writes until `last` is cancelled, and then once more. The caller stops waiting for a store that is away, and what it
    /// did not write is read again.
    pub(super) async fn run(mut self, last: CancellationToken) {
        let mut acknowledged = self.exposition.acknowledged();
        let saving = async {
            self.restore().await;
            loop {
                let again_at = Instant::now() + self.interval;
                if self.checkpoint_after == CheckpointAfter::Scrape {
                    // The sender lives as long as the exposition.
                    let _changed = acknowledged.changed().await;
                }
                self.save().await;
                sleep_until(again_at).await;
            }
        };
        // A write that is interrupted is done again.
        last.run_until_cancelled(saving).await;
        self.save().await;
        if let Target::File {
            store, label_sets, ..
        } = self.target
        {
            for closed in [store.close().await, label_sets.close().await] {
                if let Err(error) = closed {
                    self.telemetry.checkpoint_failed(&error);
                }
            }
        }
    }

    /// Has the label sets that other replicas have seen exist here too, as soon as the store answers.
    async fn restore(&mut self) {
        let Target::Blobs {
            failures,
            label_sets,
            ..
        } = &mut self.target
        else {
            return;
        };
        if self.restored.is_cancelled() {
            return;
        }
        for series in [failures, label_sets] {
            // The replicas log every cycle that the store does not answer.
            let Ok((state, lost)) = series.load().await else {
                return;
            };
            self.exposition.restore(state.series().clone());
            if let Some(error) = lost {
                self.telemetry.label_sets_lost(&error);
            }
        }
        self.restored.cancel();
    }

    /// Writes what was delivered by now. A failure is logged, and tried again the next time.
    async fn save(&mut self) {
        let now = OffsetDateTime::now_utc();
        self.telemetry.checkpoint_is_due(now);
        self.restore().await;
        let (exposition, telemetry) = (&self.exposition, &self.telemetry);
        let is_written = match &mut self.target {
            Target::File {
                store,
                state,
                label_sets,
            } => {
                // Asked for first: what moved a label set is not checkpointed before the label set is remembered.
                let delivered = exposition.positions(self.checkpoint_after);
                let seen = exposition.remembered(now);
                if let Err(error) = label_sets.save(seen.others, now).await {
                    telemetry.label_sets_not_written(&error);
                }
                for (partition, reached) in delivered.iter() {
                    state.deliver(partition, reached.clone());
                }
                state.learn(seen.of_failures, now);
                save_file(store, state, &delivered, telemetry).await
            }
            Target::Blobs {
                positions,
                failures,
                label_sets,
            } => {
                let seen = exposition.remembered(now);
                for (series, seen) in [(failures, seen.of_failures), (label_sets, seen.others)] {
                    if let Err(error) = series.save(seen, now).await {
                        telemetry.label_sets_not_written(&error);
                    }
                }
                // Asked for under the lock of the position, so that it does not go back. A label set that has moved for the
                // first time meanwhile is remembered the next time, and until then the position stays.
                let delivered = |partition: &PartitionId| {
                    exposition.remembered_position(partition, self.checkpoint_after)
                };
                let mut is_written = true;
                for positions in positions {
                    is_written &= save_positions(positions, delivered, telemetry).await;
                }
                is_written
            }
        };
        if is_written {
            self.telemetry.checkpoint_is_done();
        }
    }
}

/// Writes a state, which has these positions. False if that failed.
async fn save_file(
    store: &mut Store,
    state: &State,
    positions: &Positions,
    telemetry: &Telemetry,
) -> bool {
    match store.save(state).await {
        Ok(Saved::Unchanged) => true,
        Ok(Saved::Written) => {
            let positions = positions.iter();
            telemetry.checkpoint_written(
                positions.map(|(partition, reached)| (partition, reached.position.sequence_number)),
            );
            true
        }
        Err(error) => {
            telemetry.checkpoint_failed(&error);
            false
        }
    }
}

/// Writes the delivered positions of the owned partitions of an event hub. False if the store failed.
async fn save_positions(
    positions: &BlobPositions,
    delivered: impl Fn(&PartitionId) -> Option<Reached>,
    telemetry: &Telemetry,
) -> bool {
    let writes = positions.owned().into_iter().map(|owned| {
        let delivered = &delivered;
        async move {
            let mut sequence_number = None;
            let reached = || {
                let reached = delivered(&owned.partition)?;
                sequence_number = Some(reached.position.sequence_number);
                Some(reached)
            };
            let wrote = positions.save(&owned, reached).await;
            (owned, sequence_number, wrote)
        }
    });
    let (mut written, mut failed) = (Vec::new(), None);
    for (owned, sequence_number, wrote) in concurrently(writes).await {
        match wrote {
            Ok(Wrote::Written) => written.extend(sequence_number.map(|number| (owned, number))),
            Ok(Wrote::Unchanged) => {}
            Ok(Wrote::Refused) => telemetry.checkpoint_refused(&owned.partition),
            Err(error) => failed = Some(error),
        }
    }
    if !written.is_empty() {
        let written = written.iter();
        telemetry.checkpoint_written(written.map(|(owned, number)| (&owned.partition, *number)));
    }
    if let Some(error) = &failed {
        telemetry.checkpoint_failed(error);
    }
    failed.is_none()
}
