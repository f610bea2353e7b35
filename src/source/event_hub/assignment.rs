//! Which partitions this process reads: all of them, or those whose leases a replica owns.
//!
//! The replica assigns partitions and ends their reading, and confirms its leases after each of its cycles; a reader asks
//! its [`Lease`] before it does what only an owner may do. Nothing here knows where leases are stored.

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
        /// What the assigner orders.
        orders: mpsc::Receiver<Order>,
        /// What the assigner and the readers share.
        leases: Arc<Leases>,
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
    pub(super) partition: PartitionId,
    /// Where it was left.
    pub(super) after: Option<Reached>,
    /// Where to start if it was never read.
    pub(super) start: Start,
    /// None if only this process reads the partition.
    pub(super) lease: Option<Lease>,
    /// Cancelled when the partition is to be read no more.
    pub(super) stop: CancellationToken,
    /// Dropped when its reader has ended.
    pub(super) ended: DropGuard,
}

/// A partition that is read because it was assigned.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    stop: CancellationToken,
    ended: CancellationToken,
}

/// Assigns the partitions of an event hub to its readers.
#[derive(Debug)]
pub(crate) struct Assigner {
    orders: mpsc::Sender<Order>,
    leases: Arc<Leases>,
    /// Cancelled when the source stops.
    stop: CancellationToken,
}

/// What the assigner and the readers of an event hub share.
#[derive(Debug)]
pub(crate) struct Leases {
    state: watch::Sender<State>,
    /// Notified when something should not wait for the next cycle.
    hurry: Notify,
    /// How long a lease lasts.
    lasts: Duration,
}

#[derive(Debug)]
struct State {
    /// The partitions that the event hub has, in the order in which they were found.
    found: Vec<Discovered>,
    /// The replica was awake at this time.
    awake_at: Instant,
    /// Until then, the replica slept for as long as a lease lasts, or had not begun.
    slept_until: Instant,
    /// The replica owned all leases of assigned partitions at this time.
    confirmed: Instant,
}

/// What a reader knows of the lease of its partition.
#[derive(Debug)]
pub(crate) struct Lease {
    leases: Arc<Leases>,
    /// Another process read the partition at this time.
    doubted_at: Option<Instant>,
}

/// An order takes no time, and there is one for each partition at most.
const ORDERS_MAX: usize = 64;

/// The assigner and the readers' end of it, for one event hub whose leases last so long. Reading ends when `stop` is
/// cancelled.
pub(crate) fn leased(
    lease: Duration,
    stop: CancellationToken,
    now: Instant,
) -> (Assigner, Assignment) {
    let (sender, orders) = mpsc::channel(ORDERS_MAX);
    let leases = Arc::new(Leases {
        state: watch::Sender::new(State {
            found: Vec::new(),
            awake_at: now,
            slept_until: now,
            confirmed: now,
        }),
        hurry: Notify::new(),
        lasts: lease,
    });
    let assigner = Assigner {
        orders: sender,
        leases: Arc::clone(&leases),
        stop,
    };
    (assigner, Assignment::Leased { orders, leases })
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
    pub(crate) fn partitions(&self) -> Vec<Discovered> {
        self.leases.state.borrow().found.clone()
    }

    /// Waits until something should not wait for the next cycle: the event hub has reported partitions, or a reader doubts
    /// that its partition is still owned.
    pub(crate) async fn hurry(&self) {
        self.leases.hurry.notified().await;
    }

    /// Has a partition read after this position or, if there is none, from `start`.
    pub(crate) async fn assign(
        &self,
        partition: PartitionId,
        after: Option<Reached>,
        start: Start,
    ) -> Reading {
        let (stop, ended) = (self.stop.child_token(), CancellationToken::new());
        let order = Order {
            partition,
            after,
            start,
            lease: Some(Lease {
                leases: Arc::clone(&self.leases),
                doubted_at: None,
            }),
            stop: stop.clone(),
            ended: ended.clone().drop_guard(),
        };
        // A source that has ended reads nothing, and needs no order.
        let _sent_or_ended = self.orders.send(order).await;
        Reading { stop, ended }
    }

    /// The leases were listed in a cycle that began at this time: the replica owns those of all assigned partitions.
    pub(crate) fn confirm(&self, begun: Instant) {
        let state = &self.leases.state;
        state.send_modify(|state| state.confirmed = begun);
    }

    /// The replica is awake; to be called many times while a lease lasts, whatever the store does.
    pub(crate) fn awake(&self, now: Instant) {
        self.leases.state.send_modify(|state| {
            if now - state.awake_at >= self.leases.lasts {
                state.slept_until = now;
            }
            state.awake_at = now;
        });
    }

    /// Whether this process has slept for as long as a lease lasts, and has not listed the leases since.
    pub(crate) fn has_slept(&self) -> bool {
        !self.leases.state.borrow().is_fresh(self.leases.lasts)
    }
}

impl Reading {
    /// Ends it, and waits until the reader hands on no more events.
    pub(crate) async fn end(&self) {
        self.stop.cancel();
        self.ended.cancelled().await;
    }
}

impl Leases {
    /// The event hub has these partitions, in the order in which they were found.
    pub(super) fn found(&self, partitions: Vec<Discovered>) {
        self.state.send_modify(|state| state.found = partitions);
        self.hurry.notify_one();
    }
}

impl State {
    fn is_fresh(&self, lease: Duration) -> bool {
        self.confirmed >= self.slept_until && self.awake_at.elapsed() < lease
    }
}

impl Lease {
    /// Another process reads the partition: the lease counts as owned only when the replica has confirmed that. If it does
    /// not, it has the reading ended.
    pub(super) fn doubt(&mut self) {
        self.doubted_at = Some(Instant::now());
        self.leases.hurry.notify_one();
    }

    /// Waits while this process has slept for as long as a lease lasts and has not listed the leases since, or while the
    /// lease is doubted: another replica may own the partition. An outage of the store does not matter here.
    pub(super) async fn is_owned(&self) {
        let is_owned = |state: &State| {
            state.is_fresh(self.leases.lasts)
                && self.doubted_at.is_none_or(|at| state.confirmed > at)
        };
        let mut state = self.leases.state.subscribe();
        // The state is there as long as the lease is.
        let _owned = state.wait_for(is_owned).await;
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    const LASTS: Duration = Duration::from_secs(30);

    async fn assigned() -> (Assigner, Lease) {
        let (assigner, mut assignment) = leased(LASTS, CancellationToken::new(), Instant::now());
        let partition = PartitionId::new("hub", "0");
        assigner.assign(partition, None, Start::Earliest).await;
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
