//! One cycle: looks at all leases, and acts on what it sees.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::{StreamExt, stream};
use time::OffsetDateTime;
use tokio::time::Instant;

use super::hand_over::hand_over;
use super::{REQUESTS_MAX, Replica, Stage};
use crate::blobs::BlobError;
use crate::checkpoint::blobs::Taken;
use crate::event::PartitionId;
use crate::ownership::{Holder, balance};
use crate::source::event_hub::Start;
use crate::telemetry::{LeaseMove, Leases};

impl Replica {
    pub(super) async fn cycle(&mut self, begun: Instant) {
        let done = self.try_cycle(begun).await;
        self.cycle_ended(begun, done);
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

    pub(super) async fn list(&mut self) -> Result<(), BlobError> {
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

    pub(super) fn cycle_ended(&mut self, begun: Instant, done: Result<(), BlobError>) {
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

    /// The partitions that the event hub has, by the names of their leases.
    pub(super) fn partitions(&self) -> BTreeMap<String, PartitionId> {
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

    /// Removes what replicas left behind that were killed long ago.
    async fn tidy(&self, now: Instant) {
        for owner in self.view.long_gone(now) {
            if let Err(error) = self.leases.forget(owner).await {
                self.parts.telemetry.tidying_failed(&self.event_hub, &error);
                return;
            }
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
