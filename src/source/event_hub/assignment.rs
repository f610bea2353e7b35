//! Which partitions this process reads: all of them, or those whose leases a replica owns.
//!
//! The replica assigns partitions, ends their reading, and confirms its leases in each of its cycles. A reader checks its
//! [`Lease`] before it does what only the owner may do. This module does not know where leases are stored.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::settings::Start;
use crate::event::{PartitionId, Reached};

/// Which partitions of an event hub this process reads.
#[derive(Debug)]
pub(crate) enum Assignment {
    /// All of them, each after its position here, by [folded](PartitionId::folded) id.
    All(BTreeMap<PartitionId, Reached>),
    /// Those that the [`Assigner`] assigns.
    Leased {
        /// The orders of the assigner.
        orders: mpsc::Receiver<Order>,
        /// The assigner.
        by: Arc<Assigner>,
    },
}

/// A partition of the event hub.
#[derive(Clone, Debug)]
pub(crate) struct Discovered {
    pub(crate) partition: PartitionId,
    /// Where to start if it was never read.
    pub(crate) start: Start,
}

/// A partition to read.
#[derive(Debug)]
pub(crate) struct Order {
    pub(super) found: Discovered,
    /// The position after which to continue.
    pub(super) after: Option<Reached>,
    /// None if only this process reads the partition.
    pub(super) lease: Option<Lease>,
    /// Cancelled when the reader must stop.
    pub(super) stop: CancellationToken,
}

/// The reading of a partition that was assigned.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    stop: CancellationToken,
    ended: CancellationToken,
}

/// Assigns the partitions of an event hub to its readers, and shares with them what is known about the leases.
#[derive(Debug)]
pub(crate) struct Assigner {
    orders: mpsc::Sender<Order>,
    state: watch::Sender<State>,
    /// Notified when the next cycle should begin at once.
    hurry: Notify,
    /// How long a lease lasts.
    lasts: Duration,
    /// Cancelled when the source stops.
    stop: CancellationToken,
}

#[derive(Debug)]
struct State {
    /// The partitions that the event hub has, in the order in which they were found.
    found: Vec<Discovered>,
    /// When the replica was last awake.
    awake_at: Instant,
    /// When the replica last woke up after it had slept for as long as a lease lasts, or when it began.
    slept_until: Instant,
    /// When the replica last owned all leases of the assigned partitions.
    confirmed: Instant,
}

/// What a reader knows of the lease of its partition.
#[derive(Debug)]
pub(crate) struct Lease {
    by: Arc<Assigner>,
    /// When another process was last seen to read the partition.
    doubted_at: Option<Instant>,
    /// Dropped when the reader has ended.
    _ended: DropGuard,
}

/// The readers take an order at once, and each partition has at most one.
const ORDERS_MAX: usize = 64;

/// The assigner of one event hub, and the assignment for its readers. `lease` is how long a lease lasts. Reading ends when
/// `stop` is cancelled.
pub(crate) fn leased(
    lease: Duration,
    stop: CancellationToken,
    now: Instant,
) -> (Arc<Assigner>, Assignment) {
    let (sender, orders) = mpsc::channel(ORDERS_MAX);
    let assigner = Arc::new(Assigner {
        orders: sender,
        state: watch::Sender::new(State {
            found: Vec::new(),
            awake_at: now,
            slept_until: now,
            confirmed: now,
        }),
        hurry: Notify::new(),
        lasts: lease,
        stop,
    });
    let by = Arc::clone(&assigner);
    (assigner, Assignment::Leased { orders, by })
}

impl Assignment {
    /// The next order. Never resolves if all partitions are read: then there are none.
    pub(super) async fn order(&mut self) -> Order {
        if let Self::Leased { orders, .. } = self
            && let Some(order) = orders.recv().await
        {
            return order;
        }
        std::future::pending().await
    }
}

impl Assigner {
    /// The partitions that the event hub has, in the order in which they were found. Empty until the event hub has answered.
    pub(crate) fn partitions(&self) -> Vec<Discovered> {
        self.state.borrow().found.clone()
    }

    /// Waits until the next cycle should begin at once: the event hub has reported partitions, or a reader doubts that this
    /// replica still owns its partition.
    pub(crate) async fn hurry(&self) {
        self.hurry.notified().await;
    }

    /// Orders that a partition is read after this position or, without one, from its start.
    pub(crate) async fn assign(
        self: &Arc<Self>,
        found: Discovered,
        after: Option<Reached>,
    ) -> Reading {
        let (stop, ended) = (self.stop.child_token(), CancellationToken::new());
        let lease = Lease {
            by: Arc::clone(self),
            doubted_at: None,
            _ended: ended.clone().drop_guard(),
        };
        let order = Order {
            found,
            after,
            lease: Some(lease),
            stop: stop.clone(),
        };
        // A source that has ended reads nothing, and needs no order.
        let _sent_or_ended = self.orders.send(order).await;
        Reading { stop, ended }
    }

    /// Confirms that the replica owns the leases of all assigned partitions, by a cycle that began at this time.
    pub(crate) fn confirm(&self, begun: Instant) {
        self.state.send_modify(|state| state.confirmed = begun);
    }

    /// Notes that the replica is awake. The caller does this many times within the duration of a lease, even if the store does
    /// not answer.
    pub(crate) fn awake(&self, now: Instant) {
        self.state.send_modify(|state| {
            if now - state.awake_at >= self.lasts {
                state.slept_until = now;
            }
            state.awake_at = now;
        });
    }

    /// Notes the partitions that the event hub has, in the order in which they were found.
    pub(super) fn found(&self, partitions: Vec<Discovered>) {
        self.state.send_modify(|state| state.found = partitions);
        self.hurry.notify_one();
    }

    /// Whether this process has slept for as long as a lease lasts, and has not listed the leases since.
    pub(crate) fn has_slept(&self) -> bool {
        !self.state.borrow().is_fresh(self.lasts)
    }
}

impl Reading {
    /// Ends the reading, and waits until the reader has ended.
    pub(crate) async fn end(&self) {
        self.stop.cancel();
        self.ended.cancelled().await;
    }
}

impl State {
    fn is_fresh(&self, lease: Duration) -> bool {
        self.confirmed >= self.slept_until && self.awake_at.elapsed() < lease
    }
}

impl Lease {
    /// Notes that another process reads the partition. The lease does not count as owned until the replica has confirmed it.
    /// If the replica has lost the lease, it ends the reading.
    pub(super) fn doubt(&mut self) {
        self.doubted_at = Some(Instant::now());
        self.by.hurry.notify_one();
    }

    /// Waits until the lease counts as owned. It does not count while the lease is in doubt, nor after this process has slept
    /// for as long as a lease lasts, until it has listed the leases again: another replica may own the partition. An outage
    /// of the store does not matter here.
    pub(super) async fn is_owned(&self) {
        let is_owned = |state: &State| {
            let is_confirmed = self.doubted_at.is_none_or(|at| state.confirmed > at);
            is_confirmed && state.is_fresh(self.by.lasts)
        };
        let mut state = self.by.state.subscribe();
        // The lease keeps the sender of the state alive, so this does not fail.
        let _owned = state.wait_for(is_owned).await;
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    const LASTS: Duration = Duration::from_secs(30);

    async fn assigned() -> (Arc<Assigner>, Lease) {
        let (assigner, mut assignment) = leased(LASTS, CancellationToken::new(), Instant::now());
        let found = Discovered {
            partition: PartitionId::new("hub", "0"),
            start: Start::Earliest,
        };
        assigner.assign(found, None).await;
        let lease = assignment.order().await.lease;
        (assigner, lease.expect("it was assigned"))
    }

    #[tokio::test(start_paused = true)]
    async fn a_process_that_slept_waits_for_the_next_cycle_and_one_without_a_store_does_not() {
        let (assigner, lease) = assigned().await;
        assert!(lease.is_owned().now_or_never().is_some());
        // An outage, however long.
        for _ in 0..10 {
            tokio::time::advance(LASTS / 3).await;
            assigner.awake(Instant::now());
            assert!(lease.is_owned().now_or_never().is_some());
        }
        let begun = Instant::now();
        tokio::time::advance(LASTS).await;
        assert!(assigner.has_slept(), "before it knows");
        assert!(lease.is_owned().now_or_never().is_none());
        assigner.awake(Instant::now());
        assert!(assigner.has_slept(), "and when it does");
        assigner.confirm(begun);
        assert!(lease.is_owned().now_or_never().is_none());
        assigner.confirm(Instant::now());
        assert!(lease.is_owned().now_or_never().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn an_evicted_reader_waits_for_a_cycle_that_begins_after_it_was() {
        let (assigner, mut lease) = assigned().await;
        let before = Instant::now();
        tokio::time::advance(Duration::from_secs(1)).await;
        lease.doubt();
        let mut owned = Box::pin(lease.is_owned());
        assert!((&mut owned).now_or_never().is_none());
        assert!(assigner.hurry().now_or_never().is_some());
        assigner.confirm(before);
        assert!((&mut owned).now_or_never().is_none());
        assigner.confirm(Instant::now() + LASTS);
        assert!(owned.now_or_never().is_some());
    }
}
