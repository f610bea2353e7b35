//! The life of a replica: it looks on until the start gate opens, shares the partitions until the process stops, keeps its
//! leases until all that was counted is checkpointed, and releases them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, interval, interval_at, sleep_until};
use tokio_util::sync::CancellationToken;

use super::Settings;
use super::consumer::{Consumer, HandOver};
use super::lease_store::LeaseStore;
use super::view::View;
use crate::blobs::ETag;
use crate::event::PartitionId;
use crate::source::event_hub::Start;
use crate::telemetry::LeaseMove;

/// One event hub's share of this process.
#[derive(Debug)]
pub(crate) struct Replica {
    pub(super) event_hub: String,
    pub(super) settings: Settings,
    pub(super) start: Start,
    pub(super) leases: LeaseStore,
    pub(super) consumer: Arc<Consumer>,
    pub(super) view: View,
    /// By the partitions' ids as leases name them.
    pub(super) owned: BTreeMap<String, OwnedLease>,
    pub(super) handing_over: JoinSet<(String, HandOver)>,
    /// Cancelled when nothing more is to be acquired or handed over.
    pub(super) stop: CancellationToken,
    /// The partitions that there were at the start; those found later were created later, and are read from their beginning.
    pub(super) at_first: Option<Vec<PartitionId>>,
    pub(super) is_announced: bool,
    pub(super) is_failing: bool,
}

/// A partition whose lease this replica owns.
#[derive(Debug)]
pub(super) struct OwnedLease {
    pub(super) partition: PartitionId,
    pub(super) version: ETag,
    pub(super) stage: Stage,
}

#[derive(Debug)]
pub(super) enum Stage {
    /// The lease is owned, the checkpoint not yet.
    Acquired,
    /// The partition is being read.
    Reading,
    /// The partition is being handed over.
    HandingOver(AbortHandle),
    /// The partition is checkpointed and not read any more; its lease is to be released.
    Stopped,
}

/// The least time between two cycles, however many reasons there are to hurry.
const HURRY: Duration = Duration::from_millis(200);

/// How many times while a lease lasts the readers learn that the replica is awake.
const AWAKE_TIMES: u32 = 6;

impl Replica {
    /// Shares from when `gate` is cancelled until this process stops; then keeps its leases, and releases them when
    /// `release` is cancelled: all that was counted is checkpointed by then, or never will be.
    pub(crate) async fn run(self, gate: CancellationToken, release: CancellationToken) {
        let (consumer, lease) = (Arc::clone(&self.consumer), self.settings.taken_after());
        // Also while the store does not answer.
        let awake = async {
            let mut every = interval(lease / AWAKE_TIMES);
            loop {
                every.tick().await;
                consumer.assigner.awake(Instant::now());
            }
        };
        tokio::select! {
            () = self.live(gate, release) => {}
            () = awake => {}
        }
    }

    async fn live(mut self, gate: CancellationToken, release: CancellationToken) {
        let telemetry = &self.consumer.telemetry;
        telemetry.leases_are_shared(&self.event_hub);
        let stop = self.stop.clone();
        // No partition waits for the gate of this replica while others can read it.
        stop.run_until_cancelled(self.look_on(&gate)).await;
        while !stop.is_cancelled() {
            let begun = Instant::now();
            // A stop does not interrupt a cycle: nobody reads the partition of a lease that is half acquired until the
            // lease expires.
            release.run_until_cancelled(self.cycle(begun)).await;
            self.wait(begun).await;
        }
        release.run_until_cancelled(self.keep()).await;
        self.release_all().await;
    }

    /// Only lists the leases, so that it shows whether the store answers. The replica is not ready meanwhile: a rollout must
    /// not end the replicas that read before there are others that may.
    async fn look_on(&mut self, gate: &CancellationToken) {
        while !gate.is_cancelled() {
            let begun = Instant::now();
            let listed = self.list().await;
            self.cycle_ended(listed);
            tokio::select! {
                () = gate.cancelled() => return,
                () = sleep_until(begun + self.settings.interval) => {}
                () = self.consumer.assigner.found() => {}
            }
        }
    }

    /// Waits for the next cycle: its time, or a reason not to wait for that.
    async fn wait(&mut self, begun: Instant) {
        let consumer = Arc::clone(&self.consumer);
        let expiry = self.view.next_expiry(Instant::now());
        let next = begun + self.settings.interval;
        let mut next = expiry.map_or(next, |expiry| expiry.min(next));
        if consumer.assigner.has_slept() {
            next = begun; // nothing is read until it is known what this replica still owns
        }
        loop {
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return,
                Some(ended) = self.handing_over.join_next() => {
                    if let Ok((partition, ended)) = ended {
                        self.handed_over(&partition, ended).await;
                    }
                }
                () = consumer.assigner.is_doubted() => break,
                () = consumer.positions.one_is_lost() => break,
                () = consumer.assigner.found() => break,
                () = sleep_until(next) => break,
            }
        }
        let pause = sleep_until(begun + HURRY);
        self.stop.run_until_cancelled(pause).await;
    }

    /// A partition was handed over, or could not be.
    async fn handed_over(&mut self, id: &str, ended: HandOver) {
        let Some(lease) = self.owned.get_mut(id) else {
            return; // it was lost meanwhile
        };
        match ended {
            HandOver::Checkpointed => {
                lease.stage = Stage::Stopped;
                if let Err(error) = self.release_stopped().await {
                    // It is tried again in every cycle.
                    let telemetry = &self.consumer.telemetry;
                    telemetry.lease_cycle_failed(&self.event_hub, &error, self.is_failing);
                }
            }
            HandOver::Kept(reached) => {
                lease.stage = Stage::Reading;
                let (assigner, partition) = (&self.consumer.assigner, lease.partition.clone());
                assigner.assign(partition, reached, self.start).await;
            }
            HandOver::Lost => self.lose(vec![id.to_owned()]).await,
            HandOver::Stopping => {}
        }
    }

    /// Renews the leases, acquires none and hands nothing over.
    async fn keep(&mut self) {
        if self.is_announced {
            // First, so that nothing is handed over to this replica.
            if let Err(error) = self.leases.remove_member(&self.leases.me).await {
                let telemetry = &self.consumer.telemetry;
                telemetry.tidying_failed(&self.event_hub, &error);
            }
        }
        let interval = self.settings.interval;
        let mut every = interval_at(Instant::now() + interval, interval);
        loop {
            tokio::select! {
                biased;
                Some(ended) = self.handing_over.join_next() => {
                    if let Ok((partition, ended)) = ended {
                        self.handed_over(&partition, ended).await;
                    }
                }
                _ = every.tick() => {
                    // What cannot be renewed now is released soon, or expires.
                    let _renewed_or_not = self.renew().await;
                }
            }
        }
    }

    async fn release_all(&mut self) {
        self.handing_over.abort_all();
        let ids = self.owned.keys().cloned().collect();
        if let Err(error) = self.release(ids, LeaseMove::Stopped).await {
            let telemetry = &self.consumer.telemetry;
            telemetry.lease_cycle_failed(&self.event_hub, &error, false);
        }
    }
}
