//! This process among the replicas that share an event hub: takes the leases that it should have, has their partitions
//! read, and lets go in order of those that others should have.
//!
//! ```text
//!   claimed --fence--> read --hand over--> left --lease freed--> (somebody else's)
//!      ^                |                                             |
//!      |                +------------- stolen: let go as it is ------>+
//!      +---------------------- free, or expired -----------------------+
//! ```
//!
//! A cycle looks at all leases once and acts on what it sees. Where the store does not answer, everything stays as it
//! is: what is ours is read on. Here is the life of it; `cycle` is one look, `moves` is what is done to leases, and
//! `hand_over` what can take longer than a cycle.

mod cycle;
mod hand_over;
mod moves;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, interval, interval_at, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::blobs::ETag;
use crate::event::PartitionId;
use crate::ownership::{LeaseStore, Owner, Settings, View};
use crate::source::event_hub::Start;
use crate::telemetry::LeaseMove;
use hand_over::Left;
pub(super) use hand_over::Parts;

/// One event hub's share of this process.
#[derive(Debug)]
pub(super) struct Replica {
    event_hub: String,
    me: Owner,
    settings: Settings,
    start: Start,
    leases: LeaseStore,
    parts: Arc<Parts>,
    view: View,
    /// By their ids as leases name them.
    mine: BTreeMap<String, Mine>,
    leaving: JoinSet<(String, Left)>,
    /// Cancelled when nothing is to be handed over any more.
    stop: CancellationToken,
    /// Those that there were when we began; what came later was made later, and is read from its beginning.
    at_first: Option<Vec<PartitionId>>,
    has_appeared: bool,
    is_failing: bool,
}

/// A partition whose lease is ours.
#[derive(Debug)]
struct Mine {
    partition: PartitionId,
    version: ETag,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// The lease is ours, the checkpoint not yet.
    Claimed,
    /// It is being read.
    Read,
    /// It is being let go in order.
    Leaving(AbortHandle),
    /// It was let go, and its lease is to be freed.
    Left,
}

/// Requests under way at a time, for a cycle: a store takes thousands a second, and a cycle has ten.
const REQUESTS_MAX: usize = 16;

/// However many reasons there are to hurry, there is so long between two cycles.
const HURRY: Duration = Duration::from_millis(200);

/// So many times while a lease lasts the readers are told that we are awake.
const AWAKE_TIMES: u32 = 6;

/// Tells the readers that this process has not slept, also while the store does not answer.
async fn stay_awake(parts: Arc<Parts>, lease: Duration) {
    let mut every = interval(lease / AWAKE_TIMES);
    loop {
        every.tick().await;
        parts.orders.awake(Instant::now());
    }
}

impl Replica {
    /// A replica that has nothing yet.
    pub(super) fn new(
        event_hub: &str,
        me: Owner,
        settings: Settings,
        start: Start,
        leases: LeaseStore,
        parts: Parts,
        stop: CancellationToken,
    ) -> Self {
        Self {
            event_hub: event_hub.to_owned(),
            view: View::new(me.clone(), settings.taken_after()),
            me,
            settings,
            start,
            leases,
            parts: Arc::new(parts),
            mine: BTreeMap::new(),
            leaving: JoinSet::new(),
            stop,
            at_first: None,
            has_appeared: false,
            is_failing: false,
        }
    }

    /// Shares from when `gate` is cancelled until it is told to stop; then holds what it has, and gives it up when
    /// `end` is cancelled: everything of it is delivered by then, or never will be.
    pub(super) async fn run(self, gate: CancellationToken, end: CancellationToken) {
        let awake = stay_awake(Arc::clone(&self.parts), self.settings.taken_after());
        tokio::select! {
            () = self.share(gate, end) => {}
            () = awake => {}
        }
    }

    async fn share(mut self, gate: CancellationToken, end: CancellationToken) {
        self.parts.telemetry.leases_are_shared(&self.event_hub);
        let stop = self.stop.clone();
        // Partitions wait for nothing while others read them: nobody asks for any before the scrapers are there.
        stop.run_until_cancelled(self.stand_by(&gate)).await;
        while !stop.is_cancelled() {
            let begun = Instant::now();
            // To its end also when told to stop: a lease that is half claimed is nobody's until it expires.
            end.run_until_cancelled(self.cycle(begun)).await;
            self.wait(begun, &stop).await;
        }
        self.hold(&end).await;
        self.free_all().await;
    }

    /// Only looks, so that it is known whether the store can be had. It is not ready meanwhile: a rollout shall not end the
    /// replicas that read before there are others that may.
    async fn stand_by(&mut self, gate: &CancellationToken) {
        while !gate.is_cancelled() {
            let begun = Instant::now();
            let looked = self.list().await;
            self.cycle_ended(begun, looked);
            let next = sleep_until(begun + self.settings.interval);
            let found = async {
                if self.parts.orders.partitions().is_empty() {
                    self.parts.orders.found().await;
                } else {
                    std::future::pending::<()>().await;
                }
            };
            tokio::select! {
                () = gate.cancelled() => return,
                () = next => {}
                () = found => {}
            }
        }
    }

    /// Waits for the next cycle: its time, or a reason not to wait for that.
    async fn wait(&mut self, begun: Instant, stop: &CancellationToken) {
        let expiry = self.view.next_expiry(Instant::now());
        let next = begun + self.settings.interval;
        let mut next = expiry.map_or(next, |expiry| expiry.min(next));
        if self.parts.orders.has_slept() {
            next = begun; // nothing is read until it is known what is still ours
        }
        let doubted = self.parts.orders.doubted();
        let hurry = loop {
            let no_partitions = self.parts.orders.partitions().is_empty();
            let parts = Arc::clone(&self.parts);
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                Some(left) = self.leaving.join_next() => {
                    if let Ok((partition, left)) = left {
                        self.left(&partition, left).await;
                    }
                }
                () = doubted.notified() => break true,
                () = self.parts.positions.one_is_lost() => break true,
                () = parts.orders.found(), if no_partitions => break true,
                () = sleep_until(next.max(begun + HURRY)) => break false,
            }
        };
        if hurry {
            stop.run_until_cancelled(sleep_until(begun + HURRY)).await;
        }
    }

    /// A partition was let go, or could not be.
    async fn left(&mut self, id: &str, left: Left) {
        let Some(mine) = self.mine.get_mut(id) else {
            return; // it was stolen meanwhile
        };
        match left {
            Left::Written => {
                mine.stage = Stage::Left;
                let freed = self.free_what_is_left().await;
                if let Err(error) = freed {
                    // It is tried again in every cycle.
                    let telemetry = &self.parts.telemetry;
                    telemetry.lease_cycle_failed(&self.event_hub, &error, self.is_failing);
                }
            }
            Left::Kept(reached) => {
                mine.stage = Stage::Read;
                let partition = mine.partition.clone();
                self.parts.orders.read(partition, reached, self.start).await;
            }
            Left::Lost => self.stolen(vec![id.to_owned()]).await,
            Left::Stopping => {}
        }
    }

    /// Nothing is taken and nothing handed over any more: leases are renewed until all is delivered.
    async fn hold(&mut self, end: &CancellationToken) {
        if self.has_appeared {
            // First, so that nothing is handed over to us.
            let leaving = end.run_until_cancelled(self.leases.leave()).await;
            if let Some(Err(error)) = leaving {
                self.parts.telemetry.tidying_failed(&self.event_hub, &error);
            }
        }
        let interval = self.settings.interval;
        let mut every = interval_at(Instant::now() + interval, interval);
        loop {
            tokio::select! {
                biased;
                () = end.cancelled() => return,
                Some(left) = self.leaving.join_next() => {
                    if let Ok((partition, left)) = left {
                        self.left(&partition, left).await;
                    }
                }
                _ = every.tick() => {
                    // What cannot be renewed now is freed soon, or expires.
                    let _failed = end.run_until_cancelled(self.renew()).await;
                }
            }
        }
    }

    async fn free_all(&mut self) {
        self.leaving.abort_all();
        let ids = self.mine.keys().cloned().collect();
        if let Err(error) = self.free(ids, LeaseMove::Stopped).await {
            let telemetry = &self.parts.telemetry;
            telemetry.lease_cycle_failed(&self.event_hub, &error, false);
        }
    }
}
