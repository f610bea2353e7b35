//! What is done to leases: acquired, renewed, released, lost. Several at a time; a failure of one does not keep the others
//! from it.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use tokio::time::Instant;

use super::Replica;
use super::life::{OwnedLease, Stage};
use super::view::Holder;
use crate::blobs::{BlobError, ETag};
use crate::checkpoint::blobs::concurrently;
use crate::telemetry::LeaseMove;

impl Replica {
    pub(super) async fn renew(&mut self) -> Result<(), BlobError> {
        let owned = self.owned.iter();
        let owned = owned.filter(|(_, lease)| !matches!(lease.stage, Stage::Stopped));
        let owned = owned.map(|(id, lease)| (id.clone(), Some(lease.version.clone())));
        let (mut failed, mut lost) = (Ok(()), Vec::new());
        for (id, answer) in self.write_leases(owned.collect()).await {
            match (answer, self.owned.get_mut(&id)) {
                (Ok(Some(version)), Some(lease)) => lease.version = version,
                (Ok(_), _) => lost.push(id),
                (Err(error), _) => failed = Err(error),
            }
        }
        self.lose(lost).await;
        failed
    }

    pub(super) async fn acquire(
        &mut self,
        ids: BTreeSet<String>,
        now: Instant,
    ) -> Result<(), BlobError> {
        let leases = ids.into_iter();
        let leases = leases.map(|id| (id.clone(), self.view.version(&id).cloned()));
        let partitions = self.partitions();
        let mut failed = Ok(());
        for (id, answer) in self.write_leases(leases.collect()).await {
            match (answer, partitions.get(&id)) {
                (Ok(Some(version)), Some(partition)) => {
                    let reason = match self.view.holder(&id, now) {
                        Holder::Expired => LeaseMove::Expired,
                        _ => LeaseMove::Claimed,
                    };
                    self.consumer.telemetry.lease_moved(partition, reason);
                    self.consumer.liveness.partition_closed(partition); // until its link is open
                    let lease = OwnedLease {
                        partition: partition.clone(),
                        version,
                        stage: Stage::Acquired,
                    };
                    self.owned.insert(id, lease);
                }
                (Ok(_), _) => {} // another process was faster
                (Err(error), _) => failed = Err(error),
            }
        }
        failed
    }

    /// Acquires or renews leases of these versions.
    async fn write_leases(
        &self,
        leases: Vec<(String, Option<ETag>)>,
    ) -> Vec<(String, Result<Option<ETag>, BlobError>)> {
        concurrently(leases.into_iter().map(|(id, version)| {
            let store = self.leases.clone();
            async move {
                let answer = store.acquire(&id, version.as_ref()).await;
                (id, answer)
            }
        }))
        .await
    }

    /// Stops partitions that other processes have acquired.
    pub(super) async fn lose(&mut self, ids: Vec<String>) {
        let lost = ids.into_iter().filter_map(|id| self.owned.remove(&id));
        let consumer = &self.consumer;
        let losing = lost.map(|lease| async move {
            if let Stage::HandingOver(task) = &lease.stage {
                task.abort();
            }
            consumer.lose(&lease.partition).await;
        });
        join_all(losing.collect::<Vec<_>>()).await;
    }

    pub(super) async fn release_stopped(&mut self) -> Result<(), BlobError> {
        let stopped = self.owned.iter();
        let stopped = stopped.filter(|(_, lease)| matches!(lease.stage, Stage::Stopped));
        let ids = stopped.map(|(id, _)| id.clone()).collect();
        self.release(ids, LeaseMove::HandedOver).await
    }

    pub(super) async fn release(
        &mut self,
        ids: Vec<String>,
        reason: LeaseMove,
    ) -> Result<(), BlobError> {
        let releasing = ids.into_iter().filter_map(|id| {
            let (store, version) = (self.leases.clone(), self.owned.get(&id)?.version.clone());
            Some(async move {
                let released = store.release(&id, &version).await;
                (id, released)
            })
        });
        let mut failed = Ok(());
        for (id, released) in concurrently(releasing).await {
            match released {
                Ok(()) => self.released(&id, reason),
                Err(error) => failed = Err(error),
            }
        }
        failed
    }

    pub(super) fn released(&mut self, id: &str, reason: LeaseMove) {
        if let Some(lease) = self.owned.remove(id) {
            self.consumer.released(&lease.partition, reason);
        }
    }
}
