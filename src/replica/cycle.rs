//! One cycle: lists all leases, and acts on what it sees.

use std::collections::BTreeMap;
use std::sync::Arc;

use time::OffsetDateTime;
use tokio::time::Instant;

use super::life::Stage;
use super::view::Holder;
use super::{Replica, balance};
use crate::blobs::BlobError;
use crate::checkpoint::blobs::concurrently;
use crate::event::PartitionId;
use crate::source::event_hub::Start;
use crate::telemetry::{LeaseMove, Leases};

impl Replica {
    pub(super) async fn cycle(&mut self, begun: Instant) {
        let done = self.try_cycle(begun).await;
        self.cycle_ended(done);
    }

    async fn try_cycle(&mut self, begun: Instant) -> Result<(), BlobError> {
        self.list().await?;
        self.leases.announce().await?;
        self.is_announced = true;
        let now = Instant::now();
        self.compare(now).await;
        self.consumer.assigner.confirm(begun);
        // What cannot be done for one partition shall not keep the others from it.
        let renewed = self.renew().await;
        let plan = self.plan(now);
        let acquired = self.acquire(plan.claim, now).await;
        self.start_acquired().await;
        for partition in plan.hand_over {
            self.hand_over(&partition);
        }
        let released = self.release_stopped().await;
        self.remove_long_gone(now).await;
        renewed.and(acquired).and(released)
    }

    pub(super) async fn list(&mut self) -> Result<(), BlobError> {
        let listing = self.leases.list().await?;
        self.view.listed(listing, Instant::now());
        if self.at_first.is_none() {
            let found = self.consumer.assigner.partitions();
            self.at_first = Some(found).filter(|found| !found.is_empty());
        }
        Ok(())
    }

    pub(super) fn cycle_ended(&mut self, done: Result<(), BlobError>) {
        let telemetry = &self.consumer.telemetry;
        match done {
            Ok(()) => {
                if std::mem::take(&mut self.is_failing) {
                    telemetry.lease_cycles_go_on(&self.event_hub);
                }
                self.report();
            }
            Err(error) => {
                self.view.failed();
                telemetry.lease_cycle_failed(&self.event_hub, &error, self.is_failing);
                self.is_failing = true;
            }
        }
    }

    /// The partitions that the event hub has, by the names of their leases.
    pub(super) fn partitions(&self) -> BTreeMap<String, PartitionId> {
        let partitions = self.consumer.assigner.partitions().into_iter();
        partitions
            .map(|partition| (partition.partition().to_lowercase(), partition))
            .collect()
    }

    /// Compares the owned leases with what was listed: another process may have acquired one, or written its checkpoint.
    async fn compare(&mut self, now: Instant) {
        let refused = self.consumer.positions.lost().await;
        let (mut lost, mut released) = (Vec::new(), Vec::new());
        for (id, lease) in &mut self.owned {
            let is_mine = self.view.holder(id, now) == Holder::Me;
            match self.view.version(id) {
                Some(version) if is_mine && !refused.contains(&lease.partition) => {
                    // A renewal may have been done though its answer was lost.
                    lease.version = version.clone();
                }
                // So may its release.
                _ if matches!(lease.stage, Stage::Stopped) => released.push(id.clone()),
                _ => lost.push(id.clone()),
            }
        }
        for id in released {
            self.released(&id, LeaseMove::HandedOver);
        }
        self.lose(lost).await;
    }

    /// What should be done about the partitions, given what was seen.
    fn plan(&self, now: Instant) -> balance::Plan {
        let me = &self.leases.me;
        let (mut unstarted, mut overdue) = (Vec::new(), Vec::new());
        let partitions = self.partitions().into_keys().map(|id| {
            let holder = match (self.owned.get(&id), self.view.holder(&id, now)) {
                // On its way to another replica, which is found as if the partition were free.
                (Some(lease), _)
                    if matches!(lease.stage, Stage::HandingOver(_) | Stage::Stopped) =>
                {
                    None
                }
                (Some(_), _) => Some(me.clone()),
                (None, Holder::Me) => {
                    // It was acquired though the answer was lost; or the checkpoint was lost, and the lease was not.
                    unstarted.push(id.clone());
                    Some(me.clone())
                }
                (None, Holder::Peer(owner) | Holder::Foreign(owner)) => Some(owner),
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
        let mut plan = balance::plan(&self.event_hub, me, &members, &partitions);
        plan.claim.extend(unstarted);
        // The replica that should read these is not able to: it is better that any replica reads them.
        plan.claim.extend(overdue);
        plan.claim.retain(|id| !self.owned.contains_key(id));
        plan
    }

    /// Starts the partitions whose leases are acquired. What fails is tried again in the next cycle.
    async fn start_acquired(&mut self) {
        let acquired = self.owned.iter();
        let acquired = acquired.filter(|(_, lease)| matches!(lease.stage, Stage::Acquired));
        let starting = acquired.map(|(id, lease)| {
            let (consumer, id) = (Arc::clone(&self.consumer), id.clone());
            let (partition, start) = (lease.partition.clone(), self.start_of(&lease.partition));
            async move { consumer.start(&partition, start).await.then_some(id) }
        });
        for id in concurrently(starting).await.into_iter().flatten() {
            if let Some(lease) = self.owned.get_mut(&id) {
                lease.stage = Stage::Reading;
            }
        }
    }

    /// Where to start with a partition that has no checkpoint.
    fn start_of(&self, partition: &PartitionId) -> Start {
        match &self.at_first {
            Some(at_first) if !at_first.contains(partition) => Start::Earliest,
            _ => self.start,
        }
    }

    fn hand_over(&mut self, id: &str) {
        let Some(lease) = self.owned.get_mut(id) else {
            return;
        };
        if !matches!(lease.stage, Stage::Reading) {
            return; // the next cycle sees
        }
        let (consumer, partition) = (Arc::clone(&self.consumer), lease.partition.clone());
        let (at_most, stop) = (self.settings.hand_over_max, self.stop.clone());
        let id = id.to_owned();
        let task = self.handing_over.spawn(async move {
            let ended = consumer.hand_over(&partition, at_most, &stop).await;
            (id, ended)
        });
        lease.stage = Stage::HandingOver(task);
    }

    /// Removes the announcements of replicas that were killed long ago.
    async fn remove_long_gone(&self, now: Instant) {
        for owner in self.view.long_gone(now) {
            if let Err(error) = self.leases.remove_member(owner).await {
                let telemetry = &self.consumer.telemetry;
                telemetry.tidying_failed(&self.event_hub, &error);
                return;
            }
        }
    }

    /// Reports the owners of the partitions.
    fn report(&self) {
        let now = Instant::now();
        let mut leases = Leases::default();
        for (id, partition) in self.partitions() {
            if self.owned.contains_key(&id) {
                leases.own += 1;
                continue;
            }
            if self.is_announced {
                self.consumer.liveness.partition_stands_by(&partition);
            }
            match self.view.holder(&id, now) {
                Holder::Me | Holder::Nobody | Holder::Expired => leases.nobody += 1,
                Holder::Peer(_) => leases.peer += 1,
                Holder::Foreign(_) => leases.foreign += 1,
            }
        }
        let replicas = self.view.members(now).len();
        let at = OffsetDateTime::now_utc();
        let telemetry = &self.consumer.telemetry;
        telemetry.lease_cycle_ended(&self.event_hub, leases, replicas, at);
    }
}
