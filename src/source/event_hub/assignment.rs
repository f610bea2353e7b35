//! Which partitions are read here: all of them, or those whose leases this process holds.
//!
//! Who holds the leases orders partitions to be read and to be let go, and says after each of its cycles how it stands;
//! a reader asks its [`Lease`] before it does what only an owner may. Nothing here knows where leases are kept.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::time::Instant;

use super::settings::Start;
use crate::checkpoint::State;
use crate::event::{PartitionId, Reached};

/// Who says which partitions are read.
#[derive(Debug)]
pub(crate) enum Reading {
    /// Nobody: all that are found are, each after what is known of it.
    All(State),
    /// The leases of each event hub, by its name.
    Leased(HashMap<String, Assignments>),
}

/// The readers' end: of one event hub.
#[derive(Debug)]
pub(crate) struct Assignments {
    orders: mpsc::Receiver<Order>,
    found: watch::Sender<Vec<PartitionId>>,
}

/// The same, for one event hub.
#[derive(Debug)]
pub(super) enum Assigned {
    All(State),
    Leased(Assignments),
}

/// The other end: of whoever holds the leases of one event hub.
#[derive(Debug)]
pub(crate) struct Orders {
    sender: mpsc::Sender<Order>,
    found: watch::Receiver<Vec<PartitionId>>,
    standing: watch::Sender<Standing>,
    doubted: Arc<Notify>,
    lease: Duration,
}

/// What is to be done about a partition.
#[derive(Debug)]
pub(super) enum Order {
    Read {
        partition: PartitionId,
        after: Option<Reached>,
        start: Start,
        lease: Lease,
    },
    /// Dropped or told when nothing of it is handed on any more.
    Stop {
        partition: PartitionId,
        stopped: oneshot::Sender<()>,
    },
}

/// How the leases stand.
#[derive(Clone, Copy, Debug)]
struct Standing {
    /// Whoever holds the leases was awake at this time.
    awake_at: Instant,
    /// It slept for as long as a lease lasts, until then, and has not looked at the leases since.
    slept_until: Option<Instant>,
    /// They were ours at this time.
    confirmed: Instant,
}

/// What a reader knows of the lease of its partition.
#[derive(Clone, Debug)]
pub(super) struct Lease {
    standing: watch::Receiver<Standing>,
    doubted: Arc<Notify>,
    lasts: Duration,
}

/// An order takes no time, and there is one for each partition at most.
const ORDERS_MAX: usize = 64;

/// The two ends, for one event hub whose leases last so long.
pub(crate) fn assignments(lease: Duration, now: Instant) -> (Orders, Assignments) {
    let (sender, ordered) = mpsc::channel(ORDERS_MAX);
    let (finding, found) = watch::channel(Vec::new());
    let (standing, _) = watch::channel(Standing {
        awake_at: now,
        slept_until: None,
        confirmed: now,
    });
    let orders = Orders {
        sender,
        found,
        standing,
        doubted: Arc::default(),
        lease,
    };
    let assignments = Assignments {
        orders: ordered,
        found: finding,
    };
    (orders, assignments)
}

impl Assigned {
    /// The next order, where there are any.
    pub(super) async fn order(&mut self) -> Order {
        match self {
            Self::All(_) => std::future::pending().await,
            Self::Leased(assignments) => assignments.order().await,
        }
    }
}

impl Assignments {
    /// The partitions that the event hub has, in the order in which they were found.
    pub(super) fn found(&self, partitions: &[PartitionId]) {
        self.found.send_replace(partitions.to_vec());
    }

    /// Whoever gives none any more leaves everything as it is, until all of it stops.
    async fn order(&mut self) -> Order {
        match self.orders.recv().await {
            Some(order) => order,
            None => std::future::pending().await,
        }
    }
}

impl Orders {
    /// The partitions that the event hub has, in the order in which they were found; none before it has answered.
    pub(crate) fn partitions(&self) -> Vec<PartitionId> {
        self.found.borrow().clone()
    }

    /// Waits until the event hub has told of partitions. Ends never where the source has ended.
    pub(crate) async fn found(&self) {
        let mut found = self.found.clone();
        if found.wait_for(|found| !found.is_empty()).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Has a partition read, after this position; where there is none, from `start`.
    pub(crate) async fn read(&self, partition: PartitionId, after: Option<Reached>, start: Start) {
        let lease = Lease {
            standing: self.standing.subscribe(),
            doubted: Arc::clone(&self.doubted),
            lasts: self.lease,
        };
        // A source that has ended reads nothing any more, and needs no order.
        let _ended = self
            .sender
            .send(Order::Read {
                partition,
                after,
                start,
                lease,
            })
            .await;
    }

    /// Has a partition read no more, and waits until nothing of it is handed on.
    pub(crate) async fn stop(&self, partition: PartitionId) {
        let (stopped, waiting) = oneshot::channel();
        let order = Order::Stop { partition, stopped };
        if self.sender.send(order).await.is_ok() {
            let _told_or_ended = waiting.await;
        }
    }

    /// The leases were looked at: those of the partitions that are being read were ours when `begun`; or that could not
    /// be found out.
    pub(crate) fn cycle_ended(&self, begun: Instant, succeeded: bool) {
        if succeeded {
            self.standing.send_modify(|standing| {
                standing.confirmed = begun;
                standing.slept_until = standing.slept_until.filter(|until| *until > begun);
            });
        }
    }

    /// Whoever holds the leases is awake; to be called many times while a lease lasts, whatever the store does.
    pub(crate) fn awake(&self, now: Instant) {
        self.standing.send_modify(|standing| {
            if now - standing.awake_at >= self.lease {
                standing.slept_until = Some(now);
            }
            standing.awake_at = now;
        });
    }

    /// Whether this process has slept, and not looked at the leases since.
    pub(crate) fn has_slept(&self) -> bool {
        !self.standing.borrow().is_fresh(self.lease)
    }

    /// Where a reader says that its lease may be gone.
    pub(crate) fn doubted(&self) -> Arc<Notify> {
        Arc::clone(&self.doubted)
    }
}

impl Standing {
    fn is_fresh(&self, lease: Duration) -> bool {
        self.slept_until.is_none() && self.awake_at.elapsed() < lease
    }
}

impl Lease {
    /// Waits while this process has slept for as long as a lease lasts, and not looked at the leases since: what it held
    /// may be another's. An outage of the store is no such case.
    pub(super) async fn is_fresh(&mut self) {
        let lasts = self.lasts;
        let fresh = self.standing.wait_for(|standing| standing.is_fresh(lasts));
        // Nobody looks any more when all of it stops.
        let _fresh_or_stopping = fresh.await;
    }

    /// Somebody else reads the partition: waits until the lease is known to be ours all the same. Whoever orders the
    /// readers drops this one if it is not.
    pub(super) async fn is_confirmed(&mut self) {
        let now = Instant::now();
        self.doubted.notify_one();
        let confirmed = self.standing.wait_for(|standing| standing.confirmed > now);
        let _confirmed_or_stopping = confirmed.await;
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    const LASTS: Duration = Duration::from_secs(30);

    async fn leased() -> (Orders, Lease) {
        let (orders, mut assignments) = assignments(LASTS, Instant::now());
        let partition = PartitionId::new("hub", "0");
        orders.read(partition, None, Start::Earliest).await;
        let Some(Order::Read { lease, .. }) = assignments.orders.recv().await else {
            panic!("it was ordered");
        };
        (orders, lease)
    }

    #[tokio::test(start_paused = true)]
    async fn a_process_that_slept_waits_for_the_next_cycle_and_one_without_a_store_does_not() {
        let (orders, mut lease) = leased().await;
        assert!(lease.is_fresh().now_or_never().is_some());
        // An outage, however long.
        for _ in 0..10 {
            tokio::time::advance(LASTS / 3).await;
            orders.awake(Instant::now());
            orders.cycle_ended(Instant::now(), false);
            assert!(lease.is_fresh().now_or_never().is_some());
        }
        let begun = Instant::now();
        tokio::time::advance(LASTS).await;
        assert!(orders.has_slept(), "before it knows");
        assert!(lease.is_fresh().now_or_never().is_none());
        orders.awake(Instant::now());
        assert!(orders.has_slept(), "and when it does");
        orders.cycle_ended(Instant::now(), false);
        orders.cycle_ended(begun, true);
        assert!(lease.is_fresh().now_or_never().is_none());
        orders.cycle_ended(Instant::now(), true);
        assert!(lease.is_fresh().now_or_never().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn an_evicted_reader_waits_for_a_cycle_that_begins_after_it_was() {
        let (orders, mut lease) = leased().await;
        let before = Instant::now();
        tokio::time::advance(Duration::from_secs(1)).await;
        let mut confirmed = Box::pin(lease.is_confirmed());
        assert!((&mut confirmed).now_or_never().is_none());
        assert!(orders.doubted().notified().now_or_never().is_some());
        orders.cycle_ended(before, true);
        orders.cycle_ended(Instant::now() + LASTS, false);
        assert!((&mut confirmed).now_or_never().is_none());
        orders.cycle_ended(Instant::now() + LASTS, true);
        assert!(confirmed.now_or_never().is_some());
    }
}
