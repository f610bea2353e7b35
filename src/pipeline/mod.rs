//! The loop: take a batch, decode it, apply it.
//!
//! One writer takes the batches of all partitions out of the queue. `decode` is pure and happens before the lock is
//! taken; what events move and the position that they reach become visible to scrapes together. `writer` holds events
//! that would be a first failure which no scrape has announced. `failures` logs what failed, if asked for.

mod decode;
mod failures;
#[cfg(test)]
mod tests;
mod writer;

use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

pub(crate) use decode::{Ended, OpenedEvent, decode_opened};
pub(crate) use writer::{Writer, apply_opened};

use crate::delivery::Snapshot;
use crate::event::Batch;
use crate::liveness::Liveness;
use crate::metrics::{Exposition, Hold};
use crate::queue::Queued;

/// Applies batches until `stop` is cancelled or every sender is gone. A batch that is not applied by then never is: it is
/// not acknowledged, so it is read again.
pub(crate) async fn run(
    mut batches: mpsc::Receiver<Queued>,
    mut writer: Writer,
    mut acknowledged: watch::Receiver<Snapshot>,
    liveness: Arc<Liveness>,
    stop: CancellationToken,
) {
    loop {
        let next_end = writer.next_end();
        let queued = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            changed = acknowledged.changed() => {
                if changed.is_err() {
                    break;
                }
                None
            }
            () = async { sleep_until(next_end.unwrap_or_else(Instant::now)).await }, if next_end.is_some() => None,
            queued = batches.recv() => match queued {
                Some(queued) => Some(queued),
                None => break,
            },
        };
        let _work = liveness.at_work("the writer".to_owned(), Instant::now());
        match queued {
            Some(queued) => writer.take(queued, Instant::now()),
            None => writer.go_on(Instant::now()),
        }
    }
}

/// Decodes a batch and applies it whole, whether its failure series were shown or not.
pub fn apply(batch: &Batch, exposition: &Exposition) -> Ended {
    writer::apply(batch, exposition, Hold::Never, false).unwrap_or_default()
}
