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
//! is: what is ours is read on. `hand_over` is what can take longer than a cycle.

mod hand_over;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use time::OffsetDateTime;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, interval, interval_at, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::blobs::{BlobError, ETag};
use crate::checkpoint::blobs::Taken;
use crate::event::PartitionId;
use crate::ownership::{Holder, LeaseStore, Owner, Settings, View, balance};
use crate::source::event_hub::Start;
use crate::telemetry::{LeaseMove, Leases};
pub(super) use hand_over::Parts;
use hand_over::{Left, hand_over};

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
            view: View::new(me.clone(), settings.lease),
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
        let awake = stay_awake(Arc::clone(&self.parts), self.settings.lease);
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

    async fn cycle(&mut self, begun: Instant) {
        let done = self.try_cycle(begun).await;
        self.cycle_ended(begun, done);
    }

    fn cycle_ended(&mut self, begun: Instant, done: Result<(), BlobError>) {
        let telemetry = &self.parts.telemetry;
        match done {
            Ok(()) => {
                if std::mem::take(&mut self.is_failing) {
                    telemetry.lease_cycles_go_on(&self.event_hub);
                }
                self.tell();
            }
            Err(error) => {
                self.view.failed();
                self.parts.orders.cycle_ended(begun, false);
                telemetry.lease_cycle_failed(&self.event_hub, &error, self.is_failing);
                self.is_failing = true;
            }
        }
    }

    async fn try_cycle(&mut self, begun: Instant) -> Result<(), BlobError> {
        self.appear().await?;
        self.list().await?;
        let now = Instant::now();
        self.let_go_of_what_is_lost(now).await;
        self.parts.orders.cycle_ended(begun, true);
        // What cannot be done for one partition shall not keep the others from it.
        let renewed = self.renew().await;
        let plan = self.plan(now);
        let claimed = self.claim(plan.claim, now).await;
        self.begin().await;
        for partition in plan.hand_over {
            self.hand_over(&partition);
        }
        let freed = self.free_what_is_left().await;
        self.tidy(now).await;
        renewed.and(claimed).and(freed)
    }

    async fn appear(&mut self) -> Result<(), BlobError> {
        let mut appeared = self.leases.appear().await;
        if matches!(appeared, Err(BlobError::NoContainer(_))) {
            self.leases.create().await?;
            appeared = self.leases.appear().await;
        }
        self.has_appeared |= appeared.is_ok();
        appeared
    }

    async fn list(&mut self) -> Result<(), BlobError> {
        let listing = match self.leases.list().await {
            Err(BlobError::NoContainer(_)) => {
                self.leases.create().await?;
                self.leases.list().await?
            }
            listing => listing?,
        };
        let leases = listing.leases.into_iter();
        let leases = leases.map(|(partition, (owner, etag))| (partition, owner, etag));
        self.view.listed(leases, listing.members, Instant::now());
        if self.at_first.is_none() {
            let found = self.parts.orders.partitions();
            self.at_first = Some(found).filter(|found| !found.is_empty());
        }
        Ok(())
    }

    /// The partitions that the event hub has, by the names of their leases.
    fn partitions(&self) -> BTreeMap<String, PartitionId> {
        let partitions = self.parts.orders.partitions().into_iter();
        partitions
            .map(|partition| (partition.partition().to_lowercase(), partition))
            .collect()
    }

    /// Somebody else has the lease, or has written the checkpoint.
    async fn let_go_of_what_is_lost(&mut self, now: Instant) {
        let refused = self.parts.positions.lost().await;
        let mut lost = Vec::new();
        let mut freed = Vec::new();
        for (id, mine) in &mut self.mine {
            let is_held = self.view.holder(id, now) == Holder::Me;
            match self.view.version(id) {
                Some(version) if is_held && !refused.contains(&mine.partition) => {
                    // A renewal may have been done though its answer was lost.
                    mine.version = version.clone();
                }
                // So may have been what freed it.
                _ if matches!(mine.stage, Stage::Left) => freed.push(id.clone()),
                _ => lost.push(id.clone()),
            }
        }
        for id in freed {
            self.freed(&id, LeaseMove::HandedOver);
        }
        self.stolen(lost).await;
    }

    /// Lets partitions go as they are: somebody else has them.
    async fn stolen(&mut self, ids: Vec<String>) {
        let lost = ids.into_iter().filter_map(|id| self.mine.remove(&id));
        let letting_go = lost.map(|mine| {
            let parts = Arc::clone(&self.parts);
            async move {
                if let Stage::Leaving(task) = &mine.stage {
                    task.abort();
                }
                parts.lose(&mine.partition).await;
            }
        });
        let letting_go: Vec<_> = letting_go.collect();
        futures_util::future::join_all(letting_go).await;
    }

    async fn renew(&mut self) -> Result<(), BlobError> {
        let held = self.mine.iter();
        let held = held.filter(|(_, mine)| !matches!(mine.stage, Stage::Left));
        let held: Vec<_> = held
            .map(|(id, mine)| (id.clone(), Some(mine.version.clone())))
            .collect();
        let (mut failed, mut lost) = (Ok(()), Vec::new());
        for (id, answer) in self.hold_all(held).await {
            match (answer, self.mine.get_mut(&id)) {
                (Ok(Some(version)), Some(mine)) => mine.version = version,
                (Ok(_), _) => lost.push(id),
                (Err(error), _) => failed = Err(error),
            }
        }
        self.stolen(lost).await;
        failed
    }

    /// Takes or renews leases of these versions, several at a time.
    async fn hold_all(
        &self,
        leases: Vec<(String, Option<ETag>)>,
    ) -> Vec<(String, Result<Option<ETag>, BlobError>)> {
        let asked = leases.into_iter().map(|(id, version)| {
            let store = self.leases.clone();
            async move {
                let answer = store.hold(&id, version.as_ref()).await;
                (id, answer)
            }
        });
        let asked: Vec<_> = asked.collect();
        stream::iter(asked)
            .buffer_unordered(REQUESTS_MAX)
            .collect()
            .await
    }

    /// What should be done about the partitions, given what was seen.
    fn plan(&self, now: Instant) -> balance::Plan {
        let (mut ours_by_name, mut overdue) = (Vec::new(), Vec::new());
        let partitions = self.partitions().into_keys().map(|id| {
            let holder = match (self.mine.get(&id), self.view.holder(&id, now)) {
                // On its way to somebody else, who is found as if it were free.
                (Some(mine), _) if matches!(mine.stage, Stage::Leaving(_) | Stage::Left) => None,
                (Some(_), _) => Some(self.me.clone()),
                (None, Holder::Me) => {
                    // A claim was done though its answer was lost; or the checkpoint was taken, and not the lease.
                    ours_by_name.push(id.clone());
                    Some(self.me.clone())
                }
                (None, Holder::Peer(owner) | Holder::Gone(owner) | Holder::Foreign(owner)) => {
                    Some(owner)
                }
                (None, Holder::Nobody | Holder::Expired) => {
                    if self.view.is_overdue(&id, now) {
                        overdue.push(id.clone());
                    }
                    None
                }
            };
            (id, holder)
        });
        let partitions = partitions.collect();
        let members = self.view.members(now);
        let mut plan = balance::plan(&self.event_hub, &self.me, &members, &partitions);
        plan.claim.extend(ours_by_name);
        // Whoever should have these is not able to: it is better that anybody reads them.
        overdue.retain(|id| !plan.claim.contains(id));
        plan.claim.extend(overdue);
        plan.claim.retain(|id| !self.mine.contains_key(id));
        plan.hand_over.retain(|id| self.mine.contains_key(id));
        plan
    }

    async fn claim(&mut self, ids: Vec<String>, now: Instant) -> Result<(), BlobError> {
        let leases = ids.into_iter();
        let leases = leases.map(|id| (id.clone(), self.view.version(&id).cloned()));
        let leases = leases.collect();
        let partitions = self.partitions();
        let mut failed = Ok(());
        for (id, answer) in self.hold_all(leases).await {
            match (answer, partitions.get(&id)) {
                (Ok(Some(version)), Some(partition)) => {
                    let reason = match self.view.holder(&id, now) {
                        Holder::Expired => LeaseMove::Expired,
                        _ => LeaseMove::Claimed,
                    };
                    self.parts.telemetry.lease_moved(partition, reason);
                    self.parts.liveness.partition_closed(partition); // until its link is open
                    let mine = Mine {
                        partition: partition.clone(),
                        version,
                        stage: Stage::Claimed,
                    };
                    self.mine.insert(id, mine);
                }
                (Ok(_), _) => {} // somebody else was faster
                (Err(error), _) => failed = Err(error),
            }
        }
        failed
    }

    /// Has those read whose lease is ours, once their checkpoints are ours too.
    async fn begin(&mut self) {
        let claimed = self.mine.iter();
        let claimed = claimed.filter(|(_, mine)| matches!(mine.stage, Stage::Claimed));
        let taking = claimed.map(|(id, mine)| {
            let (parts, id, partition) =
                (Arc::clone(&self.parts), id.clone(), mine.partition.clone());
            let start = self.start_of(&partition);
            async move {
                let from_beginning = start == Start::Earliest;
                let taken = parts.positions.take(&partition, from_beginning).await;
                (id, partition, start, taken)
            }
        });
        let taking: Vec<_> = taking.collect();
        let taken: Vec<_> = stream::iter(taking)
            .buffer_unordered(REQUESTS_MAX)
            .collect()
            .await;
        for (id, partition, start, taken) in taken {
            let (after, start) = match taken {
                Ok(Taken::After(reached)) => {
                    let sequence_number = reached.position.sequence_number;
                    let telemetry = &self.parts.telemetry;
                    telemetry.checkpoint_taken(&partition, sequence_number);
                    (Some(reached), start)
                }
                Ok(Taken::Beginning) => (None, Start::Earliest),
                Ok(Taken::Unknown) => (None, start),
                Err(error) => {
                    self.parts.telemetry.partition_not_begun(&partition, &error);
                    continue;
                }
            };
            self.parts.orders.read(partition, after, start).await;
            if let Some(mine) = self.mine.get_mut(&id) {
                mine.stage = Stage::Read;
            }
        }
    }

    /// Where to begin with a partition of which nothing is known.
    fn start_of(&self, partition: &PartitionId) -> Start {
        match &self.at_first {
            Some(at_first) if !at_first.contains(partition) => Start::Earliest,
            _ => self.start,
        }
    }

    fn hand_over(&mut self, id: &str) {
        let Some(mine) = self.mine.get_mut(id) else {
            return;
        };
        if !matches!(mine.stage, Stage::Read) {
            return; // it is not read yet: the next cycle sees
        }
        let work = hand_over(
            Arc::clone(&self.parts),
            mine.partition.clone(),
            self.settings.hand_over_max,
            self.stop.clone(),
        );
        let id = id.to_owned();
        let task = self.leaving.spawn(async move { (id, work.await) });
        mine.stage = Stage::Leaving(task);
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

    async fn free_what_is_left(&mut self) -> Result<(), BlobError> {
        let left = self.mine.iter();
        let left = left.filter(|(_, mine)| matches!(mine.stage, Stage::Left));
        let ids: Vec<_> = left.map(|(id, _)| id.clone()).collect();
        self.free(ids, LeaseMove::HandedOver).await
    }

    async fn free(&mut self, ids: Vec<String>, reason: LeaseMove) -> Result<(), BlobError> {
        let freeing = ids.into_iter().filter_map(|id| {
            let (store, version) = (self.leases.clone(), self.mine.get(&id)?.version.clone());
            Some(async move {
                let freed = store.free(&id, &version).await;
                (id, freed)
            })
        });
        let freeing: Vec<_> = freeing.collect();
        let freed: Vec<_> = stream::iter(freeing)
            .buffer_unordered(REQUESTS_MAX)
            .collect()
            .await;
        let mut failed = Ok(());
        for (id, freed) in freed {
            match freed {
                // Or somebody else has it already, which is as well.
                Ok(_) => self.freed(&id, reason),
                Err(error) => failed = Err(error),
            }
        }
        failed
    }

    fn freed(&mut self, id: &str, reason: LeaseMove) {
        if let Some(mine) = self.mine.remove(id) {
            self.parts.telemetry.lease_moved(&mine.partition, reason);
            self.parts.leave(&mine.partition);
        }
    }

    /// Removes what replicas left behind that were killed long ago.
    async fn tidy(&self, now: Instant) {
        for owner in self.view.long_gone(now) {
            if let Err(error) = self.leases.forget(owner).await {
                self.parts.telemetry.tidying_failed(&self.event_hub, &error);
                return;
            }
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

    /// Tells how the leases stand.
    fn tell(&self) {
        let now = Instant::now();
        let mut leases = Leases::default();
        for (id, partition) in self.partitions() {
            if self.mine.contains_key(&id) {
                leases.own += 1;
                continue;
            }
            if self.has_appeared {
                self.parts.liveness.partition_stands_by(&partition);
            }
            match self.view.holder(&id, now) {
                Holder::Me | Holder::Nobody | Holder::Expired => leases.nobody += 1,
                Holder::Peer(_) | Holder::Gone(_) => leases.peer += 1,
                Holder::Foreign(_) => leases.foreign += 1,
            }
        }
        let replicas = self.view.members(now).len();
        let at = OffsetDateTime::now_utc();
        let telemetry = &self.parts.telemetry;
        telemetry.lease_cycle_ended(&self.event_hub, leases, replicas, at);
    }
}
