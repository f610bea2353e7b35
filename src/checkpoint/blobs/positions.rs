//! A blob for each partition, which its owner alone may write.
//!
//! Whoever takes a partition rewrites its blob before it reads: from then on a write of the owner before, which names the
//! version that it wrote last, is refused. That is the fence. Every write names a version, and every text its writer, so
//! that a write whose answer was lost is told from one of somebody else.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Mutex as AsyncMutex, Notify};

use super::format::{self, InvalidCheckpoint};
use crate::blobs::names::Names;
use crate::blobs::{BlobError, Condition, Container, ETag, Outcome};
use crate::checkpoint::state::folded;
use crate::event::{PartitionId, Reached};

/// The positions of the partitions that are ours.
#[derive(Debug)]
pub struct BlobPositions {
    container: Arc<Container>,
    names: Names,
    owner: String,
    held: Mutex<HashMap<PartitionId, Arc<Held>>>,
    /// Told when a partition turns out to be another's.
    lost: Notify,
}

/// The position of one partition, from when it became ours until it is no longer.
#[derive(Debug)]
pub struct Held {
    /// Which.
    pub partition: PartitionId,
    blob: String,
    state: AsyncMutex<HeldState>,
}

#[derive(Debug)]
struct HeldState {
    /// The version that we wrote; none where there is no blob yet.
    version: Option<ETag>,
    /// What we wrote; none is the beginning, or no blob.
    written: Option<Reached>,
    /// A write was not answered: the version may be another.
    is_uncertain: bool,
    owned: Owned,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owned {
    Yes,
    /// We gave it up.
    GivenUp,
    /// Somebody else has written.
    Lost,
}

/// Where a partition that has become ours goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// After this.
    After(Reached),
    /// At its beginning: nothing of it was ever delivered.
    Beginning,
    /// Nobody has ever said.
    Unknown,
}

/// What became of a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrote {
    /// It is written.
    Written,
    /// It was already.
    Unchanged,
    /// The partition is not ours any more.
    NotOurs,
}

/// Why a position could not be had or written.
#[derive(Debug, thiserror::Error)]
pub enum PositionError {
    /// The store did not do it.
    #[error("blob store")]
    Store(#[from] BlobError),
    /// What is there is no checkpoint.
    #[error("blob `{blob}` is no checkpoint")]
    Invalid {
        /// Its name.
        blob: String,
        /// How that shows.
        #[source]
        source: InvalidCheckpoint,
    },
    /// Others wrote it again and again.
    #[error("blob `{0}` is being written by another process")]
    Contested(String),
}

/// An owner before us may write at the same moment, once for each of its scrapes.
const TRIES: usize = 4;

impl BlobPositions {
    /// Positions in this container, written in the name of `owner`.
    pub fn new(container: Arc<Container>, names: Names, owner: String) -> Self {
        Self {
            container,
            names,
            owner,
            held: Mutex::default(),
            lost: Notify::new(),
        }
    }

    /// Makes a partition ours, whose lease is: finds where it goes on, and lets no earlier owner write that any more.
    /// Where nothing is known of it, and it is to be read from its beginning, that is written.
    ///
    /// # Errors
    ///
    /// When the store does not answer, or what it has is no checkpoint. The partition is not ours to read then.
    pub async fn take(
        &self,
        partition: &PartitionId,
        from_beginning: bool,
    ) -> Result<Taken, PositionError> {
        let blob = self.names.checkpoint(partition);
        for _ in 0..TRIES {
            let found = self.container.head(&blob).await?;
            let (condition, written) = match found {
                Some(found) => {
                    let written = decode(&blob, &found.metadata)?;
                    (Condition::Unchanged(found.etag), written)
                }
                None => match self.under_other_names(partition).await? {
                    Some(written) => (Condition::Missing, written),
                    None if from_beginning => (Condition::Missing, None),
                    None => {
                        self.hold(partition, blob, None, None);
                        return Ok(Taken::Unknown);
                    }
                },
            };
            let metadata = format::encode(written.as_ref(), &self.owner);
            let fenced = self.container.write(&blob, &metadata, &[], &condition);
            if let Outcome::Done(version) = fenced.await? {
                self.hold(partition, blob, Some(version), written.clone());
                return Ok(written.map_or(Taken::Beginning, Taken::After));
            }
        }
        Err(PositionError::Contested(blob))
    }

    /// What a program that does not fold names wrote, if one did.
    async fn under_other_names(
        &self,
        partition: &PartitionId,
    ) -> Result<Option<Option<Reached>>, PositionError> {
        let Some(blob) = self.names.unfolded_checkpoint(partition) else {
            return Ok(None);
        };
        match self.container.head(&blob).await? {
            Some(found) => Ok(Some(decode(&blob, &found.metadata)?)),
            None => Ok(None),
        }
    }

    fn hold(
        &self,
        partition: &PartitionId,
        blob: String,
        version: Option<ETag>,
        written: Option<Reached>,
    ) {
        let held = Held {
            partition: partition.clone(),
            blob,
            state: AsyncMutex::new(HeldState {
                version,
                written,
                is_uncertain: false,
                owned: Owned::Yes,
            }),
        };
        self.lock().insert(folded(partition), Arc::new(held));
    }

    /// Those that are ours now. What is delivered is to be asked for after this: a partition that comes back to us
    /// meanwhile is another of these.
    pub fn held(&self) -> Vec<Arc<Held>> {
        self.lock().values().cloned().collect()
    }

    /// Writes how far a partition was delivered, if it is still ours.
    ///
    /// # Errors
    ///
    /// When the store does not answer. The next call tries again.
    pub async fn save(&self, held: &Held, reached: &Reached) -> Result<Wrote, PositionError> {
        let mut state = held.state.lock().await;
        if state.owned != Owned::Yes {
            return Ok(Wrote::NotOurs);
        }
        if state.is_uncertain && !self.is_still_ours(held, &mut state).await? {
            return Ok(self.lose(&mut state));
        }
        if state.written.as_ref() == Some(reached) {
            return Ok(Wrote::Unchanged);
        }
        let condition = match &state.version {
            Some(version) => Condition::Unchanged(version.clone()),
            None => Condition::Missing,
        };
        let metadata = format::encode(Some(reached), &self.owner);
        // Should it fail or be given up half way, the blob may hold either.
        state.is_uncertain = true;
        let wrote = self.container.write(&held.blob, &metadata, &[], &condition);
        let wrote = wrote.await?;
        state.is_uncertain = false;
        match wrote {
            Outcome::Done(version) => {
                state.version = Some(version);
                state.written = Some(reached.clone());
                Ok(Wrote::Written)
            }
            Outcome::Refused => Ok(self.lose(&mut state)),
        }
    }

    /// After a write that was not answered: whose the blob is, and which version.
    async fn is_still_ours(
        &self,
        held: &Held,
        state: &mut HeldState,
    ) -> Result<bool, PositionError> {
        match self.container.head(&held.blob).await? {
            Some(found) if format::is_by(&found.metadata, &self.owner) => {
                state.written = decode(&held.blob, &found.metadata)?;
                state.version = Some(found.etag);
            }
            None if state.version.is_none() => {}
            _ => return Ok(false),
        }
        state.is_uncertain = false;
        Ok(true)
    }

    fn lose(&self, state: &mut HeldState) -> Wrote {
        state.owned = Owned::Lost;
        self.lost.notify_one();
        Wrote::NotOurs
    }

    /// Writes the last position of a partition, if there is any that is not written, and gives it up; unless it is another's
    /// already.
    ///
    /// # Errors
    ///
    /// When the store does not answer. It is ours still, and the next call tries again.
    pub async fn give_up(
        &self,
        partition: &PartitionId,
        reached: Option<&Reached>,
    ) -> Result<Wrote, PositionError> {
        let Some(held) = self.lock().get(&folded(partition)).cloned() else {
            return Ok(Wrote::NotOurs);
        };
        let wrote = match reached {
            Some(reached) => self.save(&held, reached).await?,
            None => Wrote::Unchanged,
        };
        if wrote != Wrote::NotOurs {
            self.let_go(partition).await;
        }
        Ok(wrote)
    }

    /// Lets a partition go as it is: nothing is written of it any more. Gives what was written last, if it was ours.
    pub async fn let_go(&self, partition: &PartitionId) -> Option<Reached> {
        let held = self.lock().remove(&folded(partition))?;
        let mut state = held.state.lock().await;
        state.owned = Owned::GivenUp;
        state.written.clone()
    }

    /// The partitions that turned out to be another's, and that were not let go yet.
    pub async fn lost(&self) -> Vec<PartitionId> {
        let mut lost = Vec::new();
        for held in self.held() {
            if held.state.lock().await.owned == Owned::Lost {
                lost.push(held.partition.clone());
            }
        }
        lost
    }

    /// Waits until one turns out to be another's.
    pub async fn one_is_lost(&self) {
        self.lost.notified().await;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<PartitionId, Arc<Held>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn decode(blob: &str, metadata: &crate::blobs::Metadata) -> Result<Option<Reached>, PositionError> {
    format::decode(metadata).map_err(|source| PositionError::Invalid {
        blob: blob.to_owned(),
        source,
    })
}
