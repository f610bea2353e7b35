//! The queue between the partitions and the writer: one for all, with a lane for each partition.
//!
//! A lane has few places, which are free again when what was sent has been applied, not when it was taken out of the
//! queue. So a partition whose events wait for a scrape stands still by itself, and takes no place from the others.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use crate::event::{Batch, PartitionId, Reached};

/// Batches of one partition that may be under way: one that is applied or waits, and one behind it.
const LANE_BATCHES: usize = 2;

/// Batches of all partitions that may wait for the writer. It is faster than any source, so a full queue means that
/// something is wrong, and then the sources wait: at 4 MiB a batch at most, this is also a bound on memory.
const QUEUE_BATCHES: usize = 16;

/// A batch under way; its place in the lane is free again when this is dropped.
#[derive(Debug)]
pub struct Queued {
    /// What is under way.
    pub batch: Batch,
    /// The partition, whose batch is empty then, goes on after this and not after its last event: it begins there, or
    /// what lies between cannot be had.
    pub moved_to: Option<Reached>,
    /// The partition, whose batch is empty then, is let go: what waits of it is dropped, and this is dropped after it.
    pub let_go: Option<Dropped>,
    _place: OwnedSemaphorePermit,
}

/// Tells by its end that the writer has nothing of a partition any more.
pub(crate) type Dropped = oneshot::Sender<()>;

/// Where partitions put their batches.
#[derive(Clone, Debug)]
pub struct Queue {
    sender: mpsc::Sender<Queued>,
}

/// The way of one partition into the queue.
#[derive(Clone, Debug)]
pub struct Lane {
    sender: mpsc::Sender<Queued>,
    places: Arc<Semaphore>,
}

/// A place for one batch.
#[derive(Debug)]
pub struct Place {
    permit: mpsc::OwnedPermit<Queued>,
    place: OwnedSemaphorePermit,
}

/// Nobody takes batches any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the writer is gone")]
pub struct Closed;

/// A queue, and where the writer takes batches out of it.
pub fn queue() -> (Queue, mpsc::Receiver<Queued>) {
    let (sender, receiver) = mpsc::channel(QUEUE_BATCHES);
    (Queue { sender }, receiver)
}

impl Queue {
    /// A lane for a partition.
    pub fn lane(&self) -> Lane {
        Lane {
            sender: self.sender.clone(),
            places: Arc::new(Semaphore::new(LANE_BATCHES)),
        }
    }

    /// Lets the writer drop whatever it has of a partition that nobody sends any more of, and waits for that: what is
    /// not applied by then never will be. Where the writer is gone, so is all that it had.
    pub async fn let_go(&self, partition: PartitionId) {
        // A lane of its own: that of the partition may be full of events that wait for a scrape.
        let Ok(place) = self.lane().place().await else {
            return;
        };
        let (dropping, dropped) = oneshot::channel();
        place.let_go(partition, dropping);
        let _told_or_gone = dropped.await;
    }
}

impl Lane {
    /// Waits for a place. It may be given up at any time: nothing is lost.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the writer is gone.
    pub async fn place(&self) -> Result<Place, Closed> {
        let place = Arc::clone(&self.places).acquire_owned().await;
        let permit = self.sender.clone().reserve_owned().await;
        Ok(Place {
            place: place.map_err(|_| Closed)?,
            permit: permit.map_err(|_| Closed)?,
        })
    }
}

impl Place {
    /// Sends the batch on its way, at once.
    pub fn send(self, batch: Batch) {
        self.permit.send(Queued {
            batch,
            moved_to: None,
            let_go: None,
            _place: self.place,
        });
    }

    /// Sends word that the partition goes on after a position which is not that of its last event.
    pub fn move_to(self, partition: PartitionId, reached: Reached) {
        let events = Vec::new();
        self.permit.send(Queued {
            batch: Batch { partition, events },
            moved_to: Some(reached),
            let_go: None,
            _place: self.place,
        });
    }

    fn let_go(self, partition: PartitionId, dropped: Dropped) {
        let events = Vec::new();
        self.permit.send(Queued {
            batch: Batch { partition, events },
            moved_to: None,
            let_go: Some(dropped),
            _place: self.place,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    fn batch(partition: &str) -> Batch {
        Batch {
            partition: PartitionId::new("hub", partition),
            events: Vec::new(),
        }
    }

    #[tokio::test]
    async fn a_lane_whose_batches_were_taken_but_not_applied_stands_still_and_no_other_does() {
        let (queue, mut receiver) = queue();
        let (slow, other) = (queue.lane(), queue.lane());
        for _ in 0..LANE_BATCHES {
            slow.place().await.unwrap().send(batch("0"));
        }
        let waiting = [receiver.recv().await, receiver.recv().await];
        assert!(slow.place().now_or_never().is_none());
        other.place().await.unwrap().send(batch("1"));
        let applied = receiver.recv().await.unwrap();
        assert_eq!(applied.batch.partition.partition(), "1");
        drop(waiting);
        slow.place().await.unwrap().send(batch("0"));
        drop(receiver);
        assert_eq!(other.place().await.unwrap_err(), Closed);
    }
}
