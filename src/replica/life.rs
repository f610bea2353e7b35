//! The life of a replica: it looks on until the start gate opens, shares the partitions until the process stops, keeps its
//! leases until all that was counted is checkpointed, and releases them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, interval, sleep_until};
use tokio_util::sync::CancellationToken;

use super::Settings;
use super::consumer::{Consumer, HandOver};
use super::lease_store::LeaseStore;
use super::view::View;
use crate::source::event_hub::{Discovered, Reading};
use crate::telemetry::LeaseMove;

/// One event hub's share of this process.
#[derive(Debug)]
pub(crate) struct Replica {
    pub(super) event_hub: String,
    pub(super) settings: Settings,
    pub(super) leases: LeaseStore,
    pub(super) consumer: Arc<Consumer>,
    pub(super) view: View,
    /// By the partitions' ids as leases name them.
    pub(super) owned: BTreeMap<String, OwnedLease>,
    pub(super) handing_over: JoinSet<(String, HandOver)>,
    /// Cancelled when nothing more is to be acquired or handed over.
    pub(super) stop: CancellationToken,
    pub(super) is_announced: bool,
    pub(super) is_failing: bool,
}

/// A partition whose lease this replica owns.
#[derive(Debug)]
pub(super) struct OwnedLease {
    pub(super) found: Discovered,
    /// None until its checkpoint is this replica's too.
    pub(super) reading: Option<Reading>,
    pub(super) handing_over: Option<AbortHandle>,
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
        // A stop does not interrupt a cycle: nobody reads the partition of a lease that is half acquired until the lease
        // expires.
        release.run_until_cancelled(self.share()).await;
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
                () = self.consumer.assigner.hurry() => {}
            }
        }
    }

    /// Cycle after cycle. From when this process stops, it only keeps its leases.
    async fn share(&mut self) {
        loop {
            let begun = Instant::now();
            if self.stop.is_cancelled() {
                self.keep(begun).await;
            } else {
                self.cycle(begun).await;
            }
            self.wait(begun).await;
        }
    }

    /// Renews the leases, acquires none and hands nothing over.
    async fn keep(&mut self, now: Instant) {
        // First, so that nothing is handed over to this replica.
        if std::mem::take(&mut self.is_announced)
            && let Err(error) = self.leases.remove_member(&self.leases.me).await
        {
            let telemetry = &self.consumer.telemetry;
            telemetry.tidying_failed(&self.event_hub, &error);
        }
        // What cannot be renewed now is released soon, or expires.
        let _renewed_or_not = self.write_leases(BTreeSet::new(), now).await;
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
                () = self.stop.cancelled(), if self.is_announced => break,
                Some(ended) = self.handing_over.join_next() => {
                    if let Ok((partition, ended)) = ended {
                        self.handed_over(&partition, ended).await;
                    }
                }
                () = consumer.assigner.hurry() => break,
                () = consumer.positions.one_is_lost() => break,
                () = sleep_until(next) => break,
            }
        }
        sleep_until(begun + HURRY).await;
    }

    /// A partition was handed over, or could not be.
    async fn handed_over(&mut self, id: &str, ended: HandOver) {
        let Some(lease) = self.owned.get_mut(id) else {
            return; // it was lost meanwhile
        };
        match ended {
            HandOver::Checkpointed => {
                let released = self.release(vec![id.to_owned()], LeaseMove::HandedOver);
                if let Err(error) = released.await {
                    let telemetry = &self.consumer.telemetry;
                    telemetry.lease_cycle_failed(&self.event_hub, &error, self.is_failing);
                }
            }
            HandOver::Kept(reached) => {
                let Discovered { partition, start } = lease.found.clone();
                let reading = self.consumer.assigner.assign(partition, reached, start);
                lease.reading = Some(reading.await);
                lease.handing_over = None;
            }
            HandOver::Lost => self.lose(vec![id.to_owned()]).await,
            HandOver::Stopping => {}
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
