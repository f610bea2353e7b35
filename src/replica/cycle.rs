//! One cycle of a replica: it lists all leases, and acts on them.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use time::OffsetDateTime;
use tokio::time::Instant;

use super::life::OwnedLease;
use super::{Owner, Replica, balance};
use crate::blobs::BlobError;
use crate::checkpoint::blobs::concurrently;
use crate::source::event_hub::{Discovered, EventHubSource, TRIED_AGAIN_WITHIN};
use crate::telemetry::{Leases, chain};

impl Replica {
    pub(super) async fn cycle(&mut self, begun: Instant) {
        let done = self.try_cycle(begun).await;
        self.cycle_ended(done);
    }

    async fn try_cycle(&mut self, begun: Instant) -> Result<(), BlobError> {
        self.list().await?;
        let can_read = self.can_read(Instant::now());
        self.leases.announce(can_read).await?;
        self.is_announced = true;
        let now = Instant::now();
        self.compare(now).await;
        self.consumer.assigner.confirm(begun);
        let readers = self.view.readers(can_read, now);
        let mut plan = self.plan(&readers, now);
        let unreadable = self.unreadable(&readers, now);
        if !can_read {
            plan.hand_over = unreadable; // if no replica can read, nothing moves for the sake of balance
        }
        // A failure for one partition must not affect the others.
        let written = self.write_leases(plan.claim, now).await;
        self.start_acquired().await;
        for partition in plan.hand_over {
            self.hand_over(&partition, can_read, now);
        }
        self.remove_long_gone(now).await;
        written
    }

    pub(super) async fn list(&mut self) -> Result<(), BlobError> {
        let listing = self.leases.list().await?;
        // After a cycle that failed, all leases start a new term.
        self.view.listed(listing, self.is_failing, Instant::now());
        Ok(())
    }

    pub(super) fn cycle_ended(&mut self, done: Result<(), BlobError>) {
        let EventHubSource {
            telemetry,
            liveness,
            ..
        } = &self.consumer.source;
        let failure = done.as_ref().err().map(|error| chain(error));
        liveness.leases_failed(&self.event_hub, failure);
        match done {
            Ok(()) => {
                if std::mem::take(&mut self.is_failing) {
                    telemetry.lease_cycles_go_on(&self.event_hub);
                }
                self.report();
            }
            Err(error) => {
                telemetry.lease_cycle_failed(&self.event_hub, &error, self.is_failing);
                self.is_failing = true;
            }
        }
    }

    /// The partitions that the event hub has, by the names of their leases.
    pub(super) fn partitions(&self) -> BTreeMap<String, Discovered> {
        let partitions = self.consumer.assigner.partitions().into_iter();
        partitions
            .map(|found| (found.partition.partition().to_lowercase(), found))
            .collect()
    }

    /// Compares the owned leases with the list: another process may have acquired one, or written its checkpoint.
    async fn compare(&mut self, now: Instant) {
        let refused = self.consumer.positions.lost().await;
        let lost = self.owned.iter().filter(|(id, lease)| {
            self.view.owner(id, now) != Some(&self.leases.me)
                || refused.contains(&lease.found.partition)
        });
        let lost = lost.map(|(id, _)| id.clone()).collect();
        self.lose(lost).await;
    }

    fn can_read(&self, now: Instant) -> bool {
        let liveness = &self.consumer.source.liveness;
        liveness.can_read(&self.event_hub, now)
    }

    /// The partitions that this replica cannot read, once it has been cut off for long enough that another replica would
    /// have noticed an outage too, and that this one would have tried again.
    fn unreadable(&mut self, readers: &BTreeSet<Owner>, now: Instant) -> Vec<String> {
        if readers.contains(&self.leases.me) {
            self.cut_off_since = None;
            return Vec::new();
        }
        let since = *self.cut_off_since.get_or_insert(now);
        let source = &self.consumer.source;
        let patience = (source.settings.watchdog.interval * 2).max(TRIED_AGAIN_WITHIN);
        let patience = patience + self.settings.interval;
        if now - since < patience {
            return Vec::new();
        }
        let owned = self.owned.iter();
        let unreadable =
            owned.filter(|(_, lease)| !source.liveness.is_verified(&lease.found.partition, now));
        unreadable.map(|(id, _)| id.clone()).collect()
    }

    /// What this replica should do, given what it has seen, if these share the partitions.
    fn plan(&self, readers: &BTreeSet<Owner>, now: Instant) -> balance::Plan {
        let me = &self.leases.me;
        let mut more = Vec::new();
        let partitions = self.partitions().into_keys().map(|id| {
            let owner = match (self.owned.get(&id), self.view.owner(&id, now)) {
                // It is being handed over. The plan chooses the next owner as if the partition were free.
                (Some(lease), _) if lease.handing_over.is_some() => None,
                (Some(_), _) => Some(me.clone()),
                (None, Some(owner)) => {
                    // The lease was acquired but the answer was lost, or releasing it failed, or only its checkpoint was lost.
                    if owner == me {
                        more.push(id.clone());
                    }
                    Some(owner.clone())
                }
                (None, None) => {
                    // The replica that should acquire it is not able to. Then any replica may.
                    if readers.contains(me) && self.view.is_overdue(&id, now) {
                        more.push(id.clone());
                    }
                    None
                }
            };
            (id, owner)
        });
        let partitions = partitions.collect();
        let mut plan = balance::plan(&self.event_hub, me, readers, &partitions);
        plan.claim.extend(more);
        plan.claim.retain(|id| !self.owned.contains_key(id));
        plan
    }

    /// Starts to read the partitions whose leases are acquired. The next cycle retries those that fail.
    async fn start_acquired(&mut self) {
        let acquired = self.owned.iter();
        let acquired = acquired.filter(|(_, lease)| lease.reading.is_none());
        let starting = acquired.map(|(id, lease)| {
            let (consumer, id) = (Arc::clone(&self.consumer), id.clone());
            let found = lease.found.clone();
            async move { (id, consumer.start(found).await) }
        });
        for (id, reading) in concurrently(starting).await {
            if let Some(lease) = self.owned.get_mut(&id) {
                lease.reading = reading;
            }
        }
    }

    /// Begins a hand-over that is likely to succeed: while it lasts, nothing of the partition is counted.
    /// What cannot be read needs no scrape if all of it is delivered.
    fn hand_over(&mut self, id: &str, can_read: bool, now: Instant) {
        let Some(OwnedLease {
            found,
            reading: Some(reading),
            handing_over: handing_over @ None,
        }) = self.owned.get_mut(id)
        else {
            return; // the next cycle decides again
        };
        let (consumer, at_most) = (Arc::clone(&self.consumer), self.settings.hand_over_max);
        let scrape_is_due = now >= self.hand_over_after && consumer.can_deliver(at_most);
        if !scrape_is_due && (can_read || !consumer.is_delivered(&found.partition)) {
            return;
        }
        let (partition, reading) = (found.partition.clone(), reading.clone());
        let id = id.to_owned();
        let stop = self.stop.clone();
        let task = self.handing_over.spawn(async move {
            let ending = consumer.hand_over(&partition, &reading, at_most, &stop);
            let Ok(ended) = AssertUnwindSafe(ending).catch_unwind().await else {
                return (id, consumer.keep(&partition).await); // a defect must not leave it paused
            };
            (id, ended)
        });
        *handing_over = Some(task);
    }

    /// Removes the announcements of replicas that were killed long ago.
    async fn remove_long_gone(&self, now: Instant) {
        for owner in self.view.long_gone(now) {
            if let Err(error) = self.leases.remove_member(owner).await {
                let telemetry = &self.consumer.source.telemetry;
                telemetry.tidying_failed(&self.event_hub, &error);
                return;
            }
        }
    }

    /// Reports how many partitions have which owner.
    fn report(&self) {
        let now = Instant::now();
        let mut leases = Leases::default();
        for (id, Discovered { partition, .. }) in self.partitions() {
            if self.owned.contains_key(&id) {
                leases.own += 1;
                continue;
            }
            if self.is_announced {
                self.consumer
                    .source
                    .liveness
                    .partition_stands_by(&partition);
            }
            match self.view.owner(&id, now) {
                Some(owner) if owner.is_foreign() => leases.foreign += 1,
                Some(owner) if *owner != self.leases.me => leases.peer += 1,
                _ => leases.nobody += 1,
            }
        }
        let replicas = self.view.members(now).len();
        let at = OffsetDateTime::now_utc();
        let telemetry = &self.consumer.source.telemetry;
        telemetry.lease_cycle_ended(&self.event_hub, leases, replicas, at);
    }
}
