//! The loop: take a batch, and decode and apply its events one by one.
//!
//! One writer takes the batches of all partitions out of the queue. `decode` is pure and happens before the lock is
//! taken; what an event moves and the position that it reaches become visible to scrapes together (`apply`). `writer` holds
//! events that would be a first failure which no scrape has announced, for as long as `waits` allows. `failures` logs what
//! failed, if asked for.

mod apply;
mod decode;
mod failures;
#[cfg(test)]
mod tests;
mod waits;
mod writer;

use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

pub use apply::apply;
pub(crate) use apply::apply_opened;
pub(crate) use decode::{Ended, OpenedEvent, decode};
pub(crate) use writer::Writer;

use crate::delivery::Snapshot;
use crate::liveness::Liveness;
use crate::queue::Queued;

/// Applies batches until `stop` is cancelled or every sender is gone. An event that is not applied by then never is: it is
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
