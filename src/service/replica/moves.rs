//! What is done to leases: taken, renewed, freed, lost. Several at a time; what cannot be done for one keeps no other from it.

use std::sync::Arc;

use futures_util::{StreamExt, stream};
use tokio::time::Instant;

use super::{Mine, REQUESTS_MAX, Replica, Stage};
use crate::blobs::{BlobError, ETag};
use crate::ownership::Holder;
use crate::telemetry::LeaseMove;

impl Replica {
    pub(super) async fn renew(&mut self) -> Result<(), BlobError> {
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

    pub(super) async fn claim(&mut self, ids: Vec<String>, now: Instant) -> Result<(), BlobError> {
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

    /// Lets partitions go as they are: somebody else has them.
    pub(super) async fn stolen(&mut self, ids: Vec<String>) {
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

    pub(super) async fn free_what_is_left(&mut self) -> Result<(), BlobError> {
        let left = self.mine.iter();
        let left = left.filter(|(_, mine)| matches!(mine.stage, Stage::Left));
        let ids: Vec<_> = left.map(|(id, _)| id.clone()).collect();
        self.free(ids, LeaseMove::HandedOver).await
    }

    pub(super) async fn free(
        &mut self,
        ids: Vec<String>,
        reason: LeaseMove,
    ) -> Result<(), BlobError> {
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

    pub(super) fn freed(&mut self, id: &str, reason: LeaseMove) {
        if let Some(mine) = self.mine.remove(id) {
            self.parts.telemetry.lease_moved(&mine.partition, reason);
            self.parts.leave(&mine.partition);
        }
    }
}
