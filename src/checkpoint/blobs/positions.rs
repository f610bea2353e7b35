//! A blob for each partition, which its owner alone may write.
//!
//! A new owner rewrites the blob before it reads the partition: from then on a write of the previous owner, which names
//! the version that it wrote last, is refused. That is the fence. Every write names a version, and every blob its writer:
//! a write that is refused because an earlier one of this process was done, though its answer was lost, is tried again.
//!
//! A position has one lock, under which the writer also asks how far the partition was delivered. So of two writes at the
//! same time, the later one has the later position.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Mutex as AsyncMutex, Notify};

use super::format::{self, InvalidCheckpoint};
use crate::blobs::names::Names;
use crate::blobs::{BlobError, Condition, Container, ETag, Metadata, Outcome};
use crate::event::{PartitionId, Reached};

/// The positions of the partitions that this process owns.
#[derive(Debug)]
pub struct BlobPositions {
    container: Arc<Container>,
    names: Names,
    owner: String,
    /// By the partitions' folded ids.
    owned: Mutex<HashMap<PartitionId, Arc<OwnedPosition>>>,
    /// Notified when another process turns out to own a partition.
    lost: Notify,
}

/// The position of one partition, from when it is acquired until it is released or lost.
#[derive(Debug)]
pub struct OwnedPosition {
    /// The partition.
    pub partition: PartitionId,
    blob: String,
    state: AsyncMutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The version that this process wrote; none if there is no blob yet.
    version: Option<ETag>,
    /// What this process wrote; nothing if there is no blob yet.
    written: Found,
    /// What a write comes to since this process does not own the partition any more: nothing of a released one, a refusal
    /// of one that another process has written.
    ended: Option<Wrote>,
}

/// Where an acquired partition was left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Found {
    /// After this event.
    Position(Reached),
    /// After this offset: the program that wrote it left the sequence number out.
    Offset(String),
    /// At its beginning: nothing of it was ever delivered.
    Beginning,
    /// There is no checkpoint.
    #[default]
    Nothing,
}

/// What became of a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrote {
    /// It is written.
    Written,
    /// It was written before, or the partition is released.
    Unchanged,
    /// Another process owns the partition.
    Refused,
}

/// Why a position could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum PositionError {
    /// The store did not do it.
    #[error("blob store")]
    Store(#[from] BlobError),
    /// The blob has other content.
    #[error("blob `{0}` is not a checkpoint")]
    Invalid(String, #[source] InvalidCheckpoint),
    /// It was written again and again meanwhile.
    #[error("blob `{0}` keeps being written")]
    Contested(String),
}

/// The previous owner may write at the same moment, once for each of its scrapes; so may a late request of this process.
const TRIES: usize = 4;

impl BlobPositions {
    /// Positions in this container, written in the name of `owner`.
    pub fn new(container: Arc<Container>, names: Names, owner: String) -> Self {
        Self {
            container,
            names,
            owner,
            owned: Mutex::default(),
            lost: Notify::new(),
        }
    }

    /// Acquires the position of a partition whose lease this process owns: finds where the partition was left, and has the
    /// store refuse writes of earlier owners. If there is no checkpoint, and the partition is to be read from its
    /// beginning, the beginning is written.
    ///
    /// # Errors
    ///
    /// When the store does not answer, or the blob is not a checkpoint. The partition must not be read then.
    pub async fn acquire(
        &self,
        partition: &PartitionId,
        from_beginning: bool,
    ) -> Result<Found, PositionError> {
        let blob = self.names.checkpoint(partition);
        for _ in 0..TRIES {
            let mut state = match self.find(partition, &blob).await? {
                Some(state) => state,
                None if from_beginning => State {
                    written: Found::Beginning,
                    ..State::default()
                },
                None => {
                    self.insert(partition, blob, State::default());
                    return Ok(Found::Nothing);
                }
            };
            let found = state.written.clone();
            if self.put(&blob, &mut state, &found).await? {
                self.insert(partition, blob, state);
                return Ok(found);
            }
        }
        Err(PositionError::Contested(blob))
    }

    /// The version of a partition's blob, and the position in it; or, without a version, the position that a program wrote
    /// which does not fold names.
    async fn find(
        &self,
        partition: &PartitionId,
        blob: &String,
    ) -> Result<Option<State>, PositionError> {
        let unfolded = self.names.unfolded_checkpoint(partition);
        for name in [blob].into_iter().chain(&unfolded) {
            if let Some(found) = self.container.head(name).await? {
                return Ok(Some(State {
                    written: decode(name, &found.metadata)?,
                    version: Some(found.etag).filter(|_| name == blob),
                    ended: None,
                }));
            }
        }
        Ok(None)
    }

    /// Writes a position, if the blob still has the version that this process knows. False if
    /// not.
    async fn put(
        &self,
        blob: &str,
        state: &mut State,
        position: &Found,
    ) -> Result<bool, PositionError> {
        let condition = match &state.version {
            Some(version) => Condition::Unchanged(version.clone()),
            None => Condition::Missing,
        };
        let metadata = format::encode(position, &self.owner);
        let put = self.container.write(blob, &metadata, &[], &condition);
        let Outcome::Done(version) = put.await? else {
            return Ok(false);
        };
        state.version = Some(version);
        state.written = position.clone();
        Ok(true)
    }

    fn insert(&self, partition: &PartitionId, blob: String, state: State) {
        let owned = OwnedPosition {
            partition: partition.clone(),
            blob,
            state: AsyncMutex::new(state),
        };
        self.lock().insert(partition.folded(), Arc::new(owned));
    }

    /// The positions that this process owns now. A partition that is acquired again has another of these.
    pub fn owned(&self) -> Vec<Arc<OwnedPosition>> {
        self.lock().values().cloned().collect()
    }

    /// Writes how far a partition was delivered, if it was and this process still owns it.
    ///
    /// # Errors
    ///
    /// When the store does not answer. The next call tries again.
    pub async fn save(
        &self,
        owned: &OwnedPosition,
        delivered: impl FnOnce() -> Option<Reached>,
    ) -> Result<Wrote, PositionError> {
        let mut state = owned.state.lock().await;
        match delivered() {
            Some(reached) => self.write(&owned.blob, &mut state, reached).await,
            None => Ok(Wrote::Unchanged),
        }
    }

    async fn write(
        &self,
        blob: &str,
        state: &mut State,
        reached: Reached,
    ) -> Result<Wrote, PositionError> {
        if let Some(ended) = state.ended {
            return Ok(ended);
        }
        let position = Found::Position(reached);
        for _ in 0..TRIES {
            if state.written == position {
                return Ok(Wrote::Unchanged);
            }
            if self.put(blob, state, &position).await? {
                return Ok(Wrote::Written);
            }
            match self.container.head(blob).await? {
                Some(found) if format::is_by(&found.metadata, &self.owner) => {
                    state.written = decode(blob, &found.metadata)?;
                    state.version = Some(found.etag);
                }
                _ => {
                    state.ended = Some(Wrote::Refused);
                    self.lost.notify_one();
                    return Ok(Wrote::Refused);
                }
            }
        }
        Err(PositionError::Contested(blob.to_owned()))
    }

    /// Releases a partition, after it wrote how far the partition was delivered; unless another process owns it already.
    ///
    /// # Errors
    ///
    /// When the store does not answer. This process still owns the partition, and the next call tries again.
    pub async fn release(
        &self,
        partition: &PartitionId,
        delivered: impl FnOnce() -> Option<Reached>,
    ) -> Result<Wrote, PositionError> {
        let Some(owned) = self.lock().get(&partition.folded()).cloned() else {
            return Ok(Wrote::Refused);
        };
        let mut state = owned.state.lock().await;
        let wrote = match delivered() {
            Some(reached) => self.write(&owned.blob, &mut state, reached).await?,
            None => Wrote::Unchanged,
        };
        if wrote != Wrote::Refused {
            self.lock().remove(&partition.folded());
            state.ended = Some(Wrote::Unchanged);
        }
        Ok(wrote)
    }

    /// Forgets a partition that another process owns. Returns what was written last, if this process ever owned it.
    pub(crate) async fn forget(&self, partition: &PartitionId) -> Option<Reached> {
        let owned = self.lock().remove(&partition.folded())?;
        let mut state = owned.state.lock().await;
        state.ended = Some(Wrote::Unchanged);
        match &state.written {
            Found::Position(reached) => Some(reached.clone()),
            _ => None,
        }
    }

    /// The partitions that another process turned out to own, and that were not forgotten yet.
    pub async fn lost(&self) -> Vec<PartitionId> {
        let mut lost = Vec::new();
        for owned in self.owned() {
            if owned.state.lock().await.ended == Some(Wrote::Refused) {
                lost.push(owned.partition.clone());
            }
        }
        lost
    }

    /// Waits until another process turns out to own a partition.
    pub(crate) async fn one_is_lost(&self) {
        self.lost.notified().await;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<PartitionId, Arc<OwnedPosition>>> {
        self.owned.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn decode(blob: &str, metadata: &Metadata) -> Result<Found, PositionError> {
    format::decode(metadata).map_err(|source| PositionError::Invalid(blob.to_owned(), source))
}
