//! Writes down what was delivered: right after it was acknowledged, at most every `checkpoint.interval`.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use time::OffsetDateTime;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::checkpoint::blobs::{BlobPositions, BlobSeries, PositionError, SeriesError, Wrote};
use crate::checkpoint::{Saved, State, Store};
use crate::delivery::{CheckpointAfter, Positions};
use crate::event::PartitionId;
use crate::metrics::Exposition;
use crate::telemetry::Telemetry;

/// Who has the store.
#[derive(Debug)]
pub(super) struct Keeper {
    pub(super) place: Place,
    pub(super) after: CheckpointAfter,
    pub(super) interval: Duration,
    pub(super) exposition: Arc<Exposition>,
    pub(super) telemetry: Arc<Telemetry>,
    /// Since when something is delivered and not written.
    pub(super) unwritten_since: Option<OffsetDateTime>,
}

/// Where it is written.
#[derive(Debug)]
pub(super) enum Place {
    /// All of it in one store of our own.
    Own { store: Store, state: State },
    /// What is ours of it in blobs that we share with other replicas.
    Shared {
        /// Of each event hub.
        positions: Vec<Arc<BlobPositions>>,
        series: BlobSeries,
        /// The series that others have seen were made here too.
        is_restored: bool,
    },
}

/// Writes under way at a time.
const WRITES_MAX: usize = 16;

impl Keeper {
    /// Writes until told to stop, and gives itself back for the last words.
    pub(super) async fn run(mut self, stop: CancellationToken) -> Self {
        let mut acknowledged = self.exposition.acknowledged();
        stop.run_until_cancelled(self.restore()).await;
        loop {
            let again_at = Instant::now() + self.interval;
            let waiting = async {
                if self.after == CheckpointAfter::Scrape {
                    // The sender lives in the exposition, which we hold.
                    let _changed = acknowledged.changed().await;
                }
            };
            if stop.run_until_cancelled(waiting).await.is_none() {
                return self;
            }
            self.save().await;
            if stop
                .run_until_cancelled(sleep_until(again_at))
                .await
                .is_none()
            {
                return self;
            }
        }
    }

    /// Lets the failure series that other replicas have seen exist here too, as soon as the store tells.
    async fn restore(&mut self) {
        let Place::Shared {
            series,
            is_restored,
            ..
        } = &mut self.place
        else {
            return;
        };
        if *is_restored {
            return;
        }
        match series.load().await {
            Ok(state) => {
                *is_restored = true;
                let remembered = state.series();
                self.exposition
                    .restore(remembered.map(|(series, last_seen)| (series.clone(), last_seen)));
            }
            // Those that replicas meet say so every cycle.
            Err(SeriesError::Store(_)) => {}
            Err(error) => {
                *is_restored = true;
                self.telemetry.checkpoint_failed(&error);
            }
        }
    }

    /// Writes what was delivered by now. What cannot be written is told, and tried again the next time.
    pub(super) async fn save(&mut self) {
        let now = OffsetDateTime::now_utc();
        let since = *self.unwritten_since.get_or_insert(now);
        self.telemetry.unwritten_since(Some(since));
        self.restore().await;
        let is_written = match &mut self.place {
            Place::Own { store, state } => {
                let delivered = delivered(&self.exposition, self.after);
                for (partition, reached) in delivered.iter() {
                    state.deliver(partition, reached.clone());
                }
                for (series, last_seen) in self.exposition.remembered(now) {
                    state.remember(series, last_seen);
                }
                state.forget_unseen(now);
                match store.save(state).await {
                    Ok(Saved::NotKept | Saved::Unchanged) => true,
                    Ok(Saved::Written) => {
                        let positions = delivered.iter().map(|(partition, reached)| {
                            (partition, reached.position.sequence_number)
                        });
                        self.telemetry.checkpoint_written(positions);
                        true
                    }
                    Err(error) => {
                        self.telemetry.checkpoint_failed(&error);
                        false
                    }
                }
            }
            Place::Shared {
                positions, series, ..
            } => {
                let mut is_written = true;
                for positions in positions {
                    let saved = save(positions, &self.exposition, self.after).await;
                    is_written &= saved.failed.is_none();
                    tell(&self.telemetry, &saved);
                }
                let mut seen = State::default();
                for (series, last_seen) in self.exposition.remembered(now) {
                    seen.remember(series, last_seen);
                }
                if let Err(error) = series.save(&seen, now).await {
                    self.telemetry.checkpoint_failed(&error);
                }
                is_written
            }
        };
        if is_written {
            self.unwritten_since = None;
            self.telemetry.unwritten_since(None);
        }
    }

    /// Lets another process have the store.
    pub(super) async fn close(self) {
        let Place::Own { store, .. } = self.place else {
            return;
        };
        if let Err(error) = store.close().await {
            self.telemetry.checkpoint_failed(&error);
        }
    }
}

fn delivered(exposition: &Exposition, after: CheckpointAfter) -> Arc<Positions> {
    match after {
        CheckpointAfter::Scrape => exposition.acknowledged_positions(),
        CheckpointAfter::Processing => exposition.applied_positions(),
    }
}

/// What became of the positions of an event hub.
#[derive(Debug, Default)]
struct SavedPositions {
    written: Vec<(PartitionId, i64)>,
    refused: Vec<PartitionId>,
    /// The last error, if there was any.
    failed: Option<PositionError>,
}

/// Writes the positions of the partitions that are ours.
async fn save(
    positions: &Arc<BlobPositions>,
    exposition: &Exposition,
    after: CheckpointAfter,
) -> SavedPositions {
    // Asked for before what is delivered: a partition that comes back to us between the two is another of these.
    let held = positions.held();
    let delivered = delivered(exposition, after);
    let writes = held.into_iter().filter_map(|held| {
        let reached = delivered.get(&held.partition)?.clone();
        let positions = Arc::clone(positions);
        Some(async move {
            let wrote = positions.save(&held, &reached).await;
            (held.partition.clone(), reached, wrote)
        })
    });
    let writes: Vec<_> = writes.collect();
    let mut writes = stream::iter(writes).buffer_unordered(WRITES_MAX);
    let mut saved = SavedPositions::default();
    while let Some((partition, reached, wrote)) = writes.next().await {
        match wrote {
            Ok(Wrote::Written) => {
                let sequence_number = reached.position.sequence_number;
                saved.written.push((partition, sequence_number));
            }
            Ok(Wrote::Unchanged) => {}
            Ok(Wrote::NotOurs) => saved.refused.push(partition),
            Err(error) => saved.failed = Some(error),
        }
    }
    saved
}

fn tell(telemetry: &Telemetry, saved: &SavedPositions) {
    if !saved.written.is_empty() {
        let written = saved.written.iter();
        telemetry.checkpoint_written(written.map(|(partition, number)| (partition, *number)));
    }
    for partition in &saved.refused {
        telemetry.checkpoint_refused(partition);
    }
    if let Some(error) = &saved.failed {
        telemetry.checkpoint_failed(error);
    }
}
