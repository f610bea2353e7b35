//! Writes down what was delivered: right after it was acknowledged, at most every `checkpoint.interval`.

use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::checkpoint::{Saved, State, Store};
use crate::delivery::CheckpointAfter;
use crate::metrics::Exposition;
use crate::telemetry::Telemetry;

/// Who has the store.
#[derive(Debug)]
pub(super) struct Keeper {
    pub(super) store: Store,
    pub(super) state: State,
    pub(super) after: CheckpointAfter,
    pub(super) interval: Duration,
    pub(super) exposition: Arc<Exposition>,
    pub(super) telemetry: Arc<Telemetry>,
}

impl Keeper {
    /// Writes until told to stop, and gives itself back for the last words.
    pub(super) async fn run(mut self, stop: CancellationToken) -> Self {
        let mut acknowledged = self.exposition.acknowledged();
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

    /// Writes what was delivered by now. What cannot be written is told, and tried again the next time.
    pub(super) async fn save(&mut self) {
        let now = OffsetDateTime::now_utc();
        let delivered = match self.after {
            CheckpointAfter::Scrape => self.exposition.acknowledged_positions(),
            CheckpointAfter::Processing => self.exposition.applied_positions(),
        };
        for (partition, reached) in delivered.iter() {
            self.state.deliver(partition, reached.clone());
        }
        for (series, last_seen) in self.exposition.remembered(now) {
            self.state.remember(series, last_seen);
        }
        self.state.forget_unseen(now);
        match self.store.save(&self.state).await {
            Ok(Saved::NotKept | Saved::Unchanged) => {}
            Ok(Saved::Written) => {
                let positions = delivered
                    .iter()
                    .map(|(partition, reached)| (partition, reached.position.sequence_number));
                self.telemetry.checkpoint_written(positions);
            }
            Err(error) => self.telemetry.checkpoint_failed(&error),
        }
    }

    /// Lets another process have the store.
    pub(super) async fn close(self) {
        if let Err(error) = self.store.close().await {
            self.telemetry.checkpoint_failed(&error);
        }
    }
}
