//! The queue between the partitions and the writer: one for all partitions, with a lane for each.
//!
//! A lane has few slots. One is free again when what was sent has been applied, not when it was taken out of the
//! queue. So a partition whose events wait for a scrape stands still by itself, and takes no slot from the others.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use crate::event::{Batch, PartitionId, Reached};

/// Batches of one partition that may be under way: one that is applied or waits, and one behind it.
const LANE_BATCHES: usize = 2;

/// Batches of all partitions that may wait for the writer. It is faster than any source, so a full queue means that
/// something is wrong, and then the sources wait: at 4 MiB a batch at most, this is also a bound on memory.
const QUEUE_BATCHES: usize = 16;

/// What the writer takes out of the queue. Its slot in the lane is free again when it is dropped.
#[derive(Debug)]
pub(crate) enum Queued {
    /// Events to apply.
    Events(Batch, OwnedSemaphorePermit),
    /// The partition continues after this position, which is not that of its last event: it begins there, or the events
    /// between are lost.
    Moved(PartitionId, Reached, OwnedSemaphorePermit),
    /// The partition is paused: what it sends from now on is kept and not applied. Dropped once that holds.
    Paused(PartitionId, oneshot::Sender<()>),
    /// The partition is not paused any more.
    Resumed(PartitionId),
    /// The partition is released. Dropped once the writer holds nothing more of it.
    Released(PartitionId, oneshot::Sender<()>),
}

/// Where partitions put their batches.
#[derive(Clone, Debug)]
pub(crate) struct Queue {
    sender: mpsc::Sender<Queued>,
}

/// One partition's way into the queue.
#[derive(Clone, Debug)]
pub(crate) struct Lane {
    sender: mpsc::Sender<Queued>,
    slots: Arc<Semaphore>,
}

/// Room for one batch.
#[derive(Debug)]
pub(crate) struct Slot {
    queue: mpsc::OwnedPermit<Queued>,
    lane: OwnedSemaphorePermit,
}

/// The writer takes no more batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the writer is gone")]
pub(crate) struct Closed;

/// A queue, and where the writer takes batches out of it.
pub(crate) fn queue() -> (Queue, mpsc::Receiver<Queued>) {
    let (sender, receiver) = mpsc::channel(QUEUE_BATCHES);
    (Queue { sender }, receiver)
}

impl Queue {
    /// A lane for a partition.
    pub(crate) fn lane(&self) -> Lane {
        Lane {
            sender: self.sender.clone(),
            slots: Arc::new(Semaphore::new(LANE_BATCHES)),
        }
    }

    /// Makes the writer apply nothing more of a partition, and waits for that. What the partition sends is kept, as much as
    /// its lane has room for.
    pub(crate) async fn pause(&self, partition: PartitionId) {
        self.until_done(|done| Queued::Paused(partition, done))
            .await;
    }

    /// Makes the writer apply what a paused partition has sent and sends.
    pub(crate) async fn resume(&self, partition: PartitionId) {
        // A writer that has ended applies nothing.
        let _sent_or_ended = self.sender.send(Queued::Resumed(partition)).await;
    }

    /// Makes the writer drop whatever it holds of a partition that sends nothing more, and waits for that: what is not
    /// applied by then never will be.
    pub(crate) async fn release(&self, partition: PartitionId) {
        self.until_done(|done| Queued::Released(partition, done))
            .await;
    }

    /// Takes no slot, since the lane may be full of events that wait for a scrape.
    async fn until_done(&self, queued: impl FnOnce(oneshot::Sender<()>) -> Queued) {
        let (doing, done) = oneshot::channel();
        // If the writer has ended, so has all that it held.
        let _sent_or_ended = self.sender.send(queued(doing)).await;
        let _done = done.await;
    }
}

impl Lane {
    /// Waits for a slot. The wait may be abandoned at any time: nothing is lost.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the writer is gone.
    pub(crate) async fn slot(&self) -> Result<Slot, Closed> {
        let lane = Arc::clone(&self.slots).acquire_owned().await;
        let queue = self.sender.clone().reserve_owned().await;
        Ok(Slot {
            lane: lane.map_err(|_| Closed)?,
            queue: queue.map_err(|_| Closed)?,
        })
    }
}

impl Slot {
    /// Sends a batch, at once.
    pub(crate) fn send(self, batch: Batch) {
        self.queue.send(Queued::Events(batch, self.lane));
    }

    /// Sends that the partition continues after a position which is not that of its last event.
    pub(crate) fn move_to(self, partition: PartitionId, reached: Reached) {
        self.queue
            .send(Queued::Moved(partition, reached, self.lane));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Event, Position};
    use futures_util::FutureExt;

    fn batch(partition: &str) -> Batch {
        let event = Event {
            position: Position {
                sequence_number: 0,
                offset: None,
            },
            enqueued_at: None,
            body: Vec::new(),
        };
        Batch::new(PartitionId::new("hub", partition), vec![event]).unwrap()
    }

    #[tokio::test]
    async fn a_lane_whose_batches_were_taken_but_not_applied_stands_still_and_no_other_does() {
        let (queue, mut receiver) = queue();
        let (slow, other) = (queue.lane(), queue.lane());
        for _ in 0..LANE_BATCHES {
            slow.slot().await.unwrap().send(batch("0"));
        }
        let waiting = [receiver.recv().await, receiver.recv().await];
        assert!(slow.slot().now_or_never().is_none());
        other.slot().await.unwrap().send(batch("1"));
        let Some(Queued::Events(applied, _)) = receiver.recv().await else {
            panic!("events were sent");
        };
        assert_eq!(applied.partition.partition(), "1");
        drop(waiting);
        slow.slot().await.unwrap().send(batch("0"));
        drop(receiver);
        assert_eq!(other.slot().await.unwrap_err(), Closed);
    }
}
