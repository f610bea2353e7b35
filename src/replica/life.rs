//! The life of a replica: until the start gate opens, it only lists the leases. Then it shares the partitions until the
//! process stops. It keeps its leases until everything that was counted is checkpointed, and releases them.

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

/// This process as a replica, for one event hub.
#[derive(Debug)]
pub(crate) struct Replica {
    pub(super) event_hub: String,
    pub(super) settings: Settings,
    pub(super) leases: LeaseStore,
    pub(super) consumer: Arc<Consumer>,
    pub(super) view: View,
    /// The owned leases, by the partition ids that the leases use.
    pub(super) owned: BTreeMap<String, OwnedLease>,
    pub(super) handing_over: JoinSet<(String, HandOver)>,
    /// After a hand-over that failed, none begins before this time.
    pub(super) hand_over_after: Instant,
    /// Since when this replica cannot read the event hub although another can.
    pub(super) cut_off_since: Option<Instant>,
    /// Cancelled when the replica must neither acquire nor hand over any more.
    pub(super) stop: CancellationToken,
    pub(super) is_announced: bool,
    pub(super) is_failing: bool,
}

/// A partition whose lease this replica owns.
#[derive(Debug)]
pub(super) struct OwnedLease {
    pub(super) found: Discovered,
    /// None until this replica has also acquired the checkpoint.
    pub(super) reading: Option<Reading>,
    pub(super) handing_over: Option<AbortHandle>,
}

/// The minimum time between two cycles, however many events call for one.
const HURRY: Duration = Duration::from_millis(200);

/// How many times `hand_over_max` a replica waits after a hand-over that failed, so that a partition is paused for a small
/// part of the time while one of two scrapers is away.
const PATIENCE: u32 = 10;

/// How many times within the duration of a lease the readers are notified that the replica is awake.
const AWAKE_TIMES: u32 = 6;

impl Replica {
    /// A replica that has seen nothing yet. Once `stop` is cancelled, it neither acquires nor hands over any partition.
    pub(super) fn new(
        event_hub: &str,
        settings: Settings,
        leases: LeaseStore,
        consumer: Consumer,
        stop: CancellationToken,
    ) -> Self {
        Self {
            event_hub: event_hub.to_owned(),
            view: View::new(leases.me.clone(), settings.taken_after()),
            settings,
            leases,
            consumer: Arc::new(consumer),
            owned: BTreeMap::new(),
            handing_over: JoinSet::new(),
            hand_over_after: Instant::now(),
            cut_off_since: None,
            stop,
            is_announced: false,
            is_failing: false,
        }
    }

    /// Shares the partitions from when `gate` is cancelled until this process stops. Then it keeps its leases until `release`
    /// is cancelled, and releases them. By then, everything that was counted is checkpointed, or never will be.
    pub(crate) async fn run(self, gate: CancellationToken, release: CancellationToken) {
        let (consumer, lease) = (Arc::clone(&self.consumer), self.settings.taken_after());
        // This runs even while the store does not answer.
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
        let telemetry = &self.consumer.source.telemetry;
        telemetry.leases_are_shared(&self.event_hub);
        let stop = self.stop.clone();
        // Until the gate opens, other replicas can read the partitions.
        stop.run_until_cancelled(self.look_on(&gate)).await;
        // A replica that has announced itself withdraws its announcement, even if `release` is cancelled already.
        while self.is_announced || !release.is_cancelled() {
            let begun = Instant::now();
            // Nothing interrupts these. If a write of a lease were interrupted, its version would be unknown, so the lease could
            // not be released, and nobody would read its partition until the lease expires.
            if stop.is_cancelled() {
                self.keep(begun).await;
            } else {
                self.cycle(begun).await;
            }
            release.run_until_cancelled(self.wait(begun)).await;
        }
        self.release_all().await;
    }

    /// Only lists the leases, which verifies that the store answers. The replica is not ready meanwhile: a rollout must not
    /// end the replicas that read before others can replace them.
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

    /// Keeps the leases of a process that is stopping: it acquires none and hands none over.
    async fn keep(&mut self, now: Instant) {
        if !std::mem::take(&mut self.is_announced) {
            // A lease that cannot be renewed now is released soon, or expires.
            let _renewed_or_not = self.write_leases(BTreeSet::new(), now).await;
            return;
        }
        // The announcement goes first, so that nothing is handed over to this replica. The last cycle has renewed its leases.
        if let Err(error) = self.leases.remove_member(&self.leases.me).await {
            let telemetry = &self.consumer.source.telemetry;
            telemetry.tidying_failed(&self.event_hub, &error);
        }
    }

    /// Waits until the next cycle is due, or until something calls for one earlier.
    async fn wait(&mut self, begun: Instant) {
        let consumer = Arc::clone(&self.consumer);
        let expiry = self.view.next_expiry(Instant::now());
        let next = begun + self.settings.interval;
        let mut next = expiry.map_or(next, |expiry| expiry.min(next));
        if consumer.assigner.has_slept() {
            next = begun; // the readers wait until a cycle has confirmed which leases this replica still owns
        }
        loop {
            tokio::select! {
                biased;
                () = self.stop.cancelled(), if self.is_announced => return,
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

    /// Handles the end of a hand-over.
    async fn handed_over(&mut self, id: &str, ended: HandOver) {
        let Some(lease) = self.owned.get_mut(id) else {
            return; // it was lost meanwhile
        };
        match ended {
            HandOver::Checkpointed => {
                let released = self.release(vec![id.to_owned()], LeaseMove::HandedOver);
                if let Err(error) = released.await {
                    let telemetry = &self.consumer.source.telemetry;
                    telemetry.lease_cycle_failed(&self.event_hub, &error, self.is_failing);
                }
            }
            HandOver::Kept => {
                lease.handing_over = None;
                let patience = self.settings.hand_over_max * PATIENCE;
                self.hand_over_after = Instant::now() + patience;
            }
            HandOver::Nothing => {}
        }
    }

    async fn release_all(&mut self) {
        self.handing_over.abort_all();
        let ids = self.owned.keys().cloned().collect();
        if let Err(error) = self.release(ids, LeaseMove::Stopped).await {
            let telemetry = &self.consumer.source.telemetry;
            telemetry.lease_cycle_failed(&self.event_hub, &error, false);
        }
    }
}
