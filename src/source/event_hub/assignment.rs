//! Which partitions this process reads: all of them, or those whose leases a replica owns.
//!
//! The replica assigns and revokes partitions, and confirms its leases after each of its cycles; a reader asks its
//! [`Lease`] before it does what only an owner may do. Nothing here knows where leases are stored.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::time::Instant;

use super::settings::Start;
use crate::event::{PartitionId, Reached};

/// Which partitions of an event hub this process reads.
#[derive(Debug)]
pub(crate) enum Assignment {
    /// All of them, each after its position here, by [folded](PartitionId::folded) id.
    All(BTreeMap<PartitionId, Reached>),
    /// Those that the [`Assigner`] assigns.
    Leased {
        /// What the assigner orders.
        orders: mpsc::Receiver<Order>,
        /// The partitions that the event hub has, in the order in which they were found.
        found: watch::Sender<Vec<PartitionId>>,
    },
}

/// What is to be done about a partition.
#[derive(Debug)]
pub(crate) enum Order {
    /// Read it.
    Assign {
        /// The partition.
        partition: PartitionId,
        /// Where it was left.
        after: Option<Reached>,
        /// Where to start if it was never read.
        start: Start,
        /// What the reader has to ask.
        lease: Lease,
    },
    /// Stop reading it.
    Revoke {
        /// The partition.
        partition: PartitionId,
        /// Dropped once its reader has ended.
        stopped: oneshot::Sender<()>,
    },
}

/// Assigns the partitions of an event hub to its readers.
#[derive(Debug)]
pub(crate) struct Assigner {
    orders: mpsc::Sender<Order>,
    found: watch::Receiver<Vec<PartitionId>>,
    state: watch::Sender<LeaseState>,
    doubted: Arc<Notify>,
    lease: Duration,
}

/// What is known of all leases that the replica owns.
#[derive(Clone, Copy, Debug)]
struct LeaseState {
    /// The replica was awake at this time.
    awake_at: Instant,
    /// The replica slept for as long as a lease lasts, until then, and has not listed the leases since.
    slept_until: Option<Instant>,
    /// The replica still owned them at this time.
    confirmed: Instant,
}

/// What a reader knows of the lease of its partition.
#[derive(Clone, Debug)]
pub(crate) struct Lease {
    state: watch::Receiver<LeaseState>,
    doubted: Arc<Notify>,
    lasts: Duration,
}

/// An order takes no time, and there is one for each partition at most.
const ORDERS_MAX: usize = 64;

/// The assigner and the readers' end of it, for one event hub whose leases last so long.
pub(crate) fn leased(lease: Duration, now: Instant) -> (Assigner, Assignment) {
    let (sender, orders) = mpsc::channel(ORDERS_MAX);
    let (finding, found) = watch::channel(Vec::new());
    let (state, _) = watch::channel(LeaseState {
        awake_at: now,
        slept_until: None,
        confirmed: now,
    });
    let assigner = Assigner {
        orders: sender,
        found,
        state,
        doubted: Arc::default(),
        lease,
    };
    let found = finding;
    (assigner, Assignment::Leased { orders, found })
}

impl Assignment {
    /// The next order. Never resolves where there are none: all partitions are read, or the replica has ended, which
    /// leaves the readers as they are until the source stops.
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
    /// The partitions that the event hub has, in the order in which they were found; none before it has answered.
    pub(crate) fn partitions(&self) -> Vec<PartitionId> {
        self.found.borrow().clone()
    }

    /// Waits until the event hub reports its partitions. Never resolves if it has reported them already, or once the
    /// source has ended.
    pub(crate) async fn found(&self) {
        let mut found = self.found.clone();
        let is_known = !found.borrow().is_empty();
        if is_known || found.wait_for(|found| !found.is_empty()).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Has a partition read after this position or, if there is none, from `start`.
    pub(crate) async fn assign(
        &self,
        partition: PartitionId,
        after: Option<Reached>,
        start: Start,
    ) {
        let lease = Lease {
            state: self.state.subscribe(),
            doubted: Arc::clone(&self.doubted),
            lasts: self.lease,
        };
        let order = Order::Assign {
            partition,
            after,
            start,
            lease,
        };
        // A source that has ended reads nothing, and needs no order.
        let _sent_or_ended = self.orders.send(order).await;
    }

    /// Has the reader of a partition stopped, and waits until it hands on no more events.
    pub(crate) async fn revoke(&self, partition: PartitionId) {
        let (stopped, waiting) = oneshot::channel();
        let order = Order::Revoke { partition, stopped };
        if self.orders.send(order).await.is_ok() {
            let _stopped = waiting.await;
        }
    }

    /// The leases were listed in a cycle that began at this time: the replica owns those of all assigned partitions.
    pub(crate) fn confirm(&self, begun: Instant) {
        self.state.send_modify(|state| {
            state.confirmed = begun;
            state.slept_until = state.slept_until.filter(|until| *until > begun);
        });
    }

    /// The replica is awake; to be called many times while a lease lasts, whatever the store does.
    pub(crate) fn awake(&self, now: Instant) {
        self.state.send_modify(|state| {
            if now - state.awake_at >= self.lease {
                state.slept_until = Some(now);
            }
            state.awake_at = now;
        });
    }

    /// Whether this process has slept for as long as a lease lasts, and has not listed the leases since.
    pub(crate) fn has_slept(&self) -> bool {
        !self.state.borrow().is_fresh(self.lease)
    }

    /// Waits until a reader doubts that its partition is still owned.
    pub(crate) async fn is_doubted(&self) {
        self.doubted.notified().await;
    }
}

impl LeaseState {
    fn is_fresh(&self, lease: Duration) -> bool {
        self.slept_until.is_none() && self.awake_at.elapsed() < lease
    }
}

impl Lease {
    /// Waits while this process has slept for as long as a lease lasts, and has not listed the leases since: another
    /// replica may own its partitions. An outage of the store does not matter here.
    pub(super) async fn is_fresh(&mut self) {
        let lasts = self.lasts;
        let fresh = self.state.wait_for(|state| state.is_fresh(lasts));
        // The state is gone when the replica stops.
        let _fresh_or_stopping = fresh.await;
    }

    /// Another process reads the partition: waits until the replica confirms that it owns the lease nevertheless. If it
    /// does not, it revokes the partition.
    pub(super) async fn is_confirmed(&mut self) {
        let now = Instant::now();
        self.doubted.notify_one();
        let confirmed = self.state.wait_for(|state| state.confirmed > now);
        let _confirmed_or_stopping = confirmed.await;
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    const LASTS: Duration = Duration::from_secs(30);

    async fn assigned() -> (Assigner, Lease) {
        let (assigner, mut assignment) = leased(LASTS, Instant::now());
        let partition = PartitionId::new("hub", "0");
        assigner.assign(partition, None, Start::Earliest).await;
        let Order::Assign { lease, .. } = assignment.order().await else {
            panic!("it was assigned");
        };
        (assigner, lease)
    }

    #[tokio::test(start_paused = true)]
    async fn a_process_that_slept_waits_for_the_next_cycle_and_one_without_a_store_does_not() {
        let (assigner, mut lease) = assigned().await;
        assert!(lease.is_fresh().now_or_never().is_some());
        // An outage, however long.
        for _ in 0..10 {
            tokio::time::advance(LASTS / 3).await;
            assigner.awake(Instant::now());
            assert!(lease.is_fresh().now_or_never().is_some());
        }
        let begun = Instant::now();
        tokio::time::advance(LASTS).await;
        assert!(assigner.has_slept(), "before it knows");
        assert!(lease.is_fresh().now_or_never().is_none());
        assigner.awake(Instant::now());
        assert!(assigner.has_slept(), "and when it does");
        assigner.confirm(begun);
        assert!(lease.is_fresh().now_or_never().is_none());
        assigner.confirm(Instant::now());
        assert!(lease.is_fresh().now_or_never().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn an_evicted_reader_waits_for_a_cycle_that_begins_after_it_was() {
        let (assigner, mut lease) = assigned().await;
        let before = Instant::now();
        tokio::time::advance(Duration::from_secs(1)).await;
        let mut confirmed = Box::pin(lease.is_confirmed());
        assert!((&mut confirmed).now_or_never().is_none());
        assert!(assigner.is_doubted().now_or_never().is_some());
        assigner.confirm(before);
        assert!((&mut confirmed).now_or_never().is_none());
        assigner.confirm(Instant::now() + LASTS);
        assert!(confirmed.now_or_never().is_some());
    }
}
