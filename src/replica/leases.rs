//! Acquires, renews and releases leases, and handles lost ones. Several requests run at a time, and the failure of one does
//! not affect the others.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use tokio::time::Instant;

use super::Replica;
use super::life::OwnedLease;
use crate::blobs::{BlobError, Outcome};
use crate::checkpoint::blobs::concurrently;
use crate::source::event_hub::Discovered;
use crate::telemetry::LeaseMove;

impl Replica {
    /// Renews the leases that this replica owns, and acquires those of the partitions in `claim`.
    pub(super) async fn write_leases(
        &mut self,
        claim: BTreeSet<String>,
        now: Instant,
    ) -> Result<(), BlobError> {
        let ids = self.owned.keys().cloned().chain(claim);
        let writing = ids.map(|id| {
            let (store, version) = (&self.leases, self.view.version(&id).cloned());
            async move {
                let answer = store.acquire(&id, version.as_ref()).await;
                (id, answer)
            }
        });
        let (mut failed, mut lost) = (Ok(()), Vec::new());
        let partitions = self.partitions();
        for (id, answer) in concurrently(writing).await {
            match answer {
                Ok(Outcome::Done(version)) => {
                    if !self.owned.contains_key(&id)
                        && let Some(found) = partitions.get(&id)
                    {
                        self.acquired(&id, found, now);
                    }
                    self.view.wrote(id, version, now);
                }
                Ok(Outcome::Refused) => lost.push(id), // another process was faster
                Err(error) => failed = Err(error),
            }
        }
        self.lose(lost).await;
        failed
    }

    fn acquired(&mut self, id: &str, found: &Discovered, now: Instant) {
        let reason = if self.view.is_expired(id, now) {
            LeaseMove::Expired
        } else {
            LeaseMove::Claimed
        };
        let source = &self.consumer.source;
        source.telemetry.lease_moved(&found.partition, reason);
        source.liveness.partition_assigned(&found.partition, now);
        let lease = OwnedLease {
            found: found.clone(),
            reading: None,
            handing_over: None,
        };
        self.owned.insert(id.to_owned(), lease);
    }

    /// Stops reading partitions that other processes have acquired.
    pub(super) async fn lose(&mut self, ids: Vec<String>) {
        let lost = ids.into_iter().filter_map(|id| self.owned.remove(&id));
        let consumer = &self.consumer;
        let losing = lost.map(|lease| async move {
            if let Some(task) = &lease.handing_over {
                task.abort();
            }
            let reading = lease.reading.as_ref();
            consumer.lose(&lease.found.partition, reading).await;
        });
        join_all(losing.collect::<Vec<_>>()).await;
    }

    /// Releases leases. If the store fails to release one, the next cycle finds that this replica still owns it, and starts
    /// to read its partition again.
    pub(super) async fn release(
        &mut self,
        ids: Vec<String>,
        reason: LeaseMove,
    ) -> Result<(), BlobError> {
        let releasing = ids.iter().filter_map(|id| {
            let (store, version) = (&self.leases, self.view.version(id)?);
            Some(async move { store.release(id, version).await })
        });
        let released = concurrently(releasing).await;
        for lease in ids.iter().filter_map(|id| self.owned.remove(id)) {
            self.consumer.released(&lease.found.partition, reason);
        }
        released.into_iter().collect()
    }
}
