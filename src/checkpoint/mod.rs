//! How far each partition was delivered, kept so that the next process goes on from there.
//!
//! A store holds one [`State`] for one [`Scope`]. It writes what it is given, when it is given it: what may be written,
//! and when, is for whoever knows what a scrape has carried.
//!
//! [`blobs`] are for several processes, each of which writes the positions of the partitions that it owns.
//!
//! What cannot be read is never taken for nothing: a start from scratch would count all that the hub retains again, or
//! skip it. It is an error that says what to do.

pub(crate) mod blobs;
mod file;
mod format;
mod settings;
mod state;
#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub(crate) use format::Damage;
pub(crate) use settings::Settings;
pub use settings::StoreKind;
pub(crate) use state::{Scope, State};

use file::FileStore;

/// Where a state outlives the process, or does not.
#[derive(Debug)]
pub(crate) struct Store {
    place: Place,
}

#[derive(Debug)]
enum Place {
    Memory,
    File(FileStore),
}

/// What became of a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Saved {
    /// It outlives the process.
    Written,
    /// It did already; nothing was done.
    Unchanged,
    /// It is not kept: the store is the memory.
    NotKept,
}

impl Store {
    /// The memory, which keeps nothing.
    pub(crate) fn in_memory() -> Self {
        Self {
            place: Place::Memory,
        }
    }

    /// Takes a file for this process alone, and reads what it holds; the empty state if there was none before.
    /// Blocks on the disk: it is for the start, where nothing runs yet.
    ///
    /// # Errors
    ///
    /// When another process has it, or it cannot be read.
    pub(crate) fn open(path: &Path, scope: Scope) -> Result<(Self, State), StoreError> {
        let (store, state) = FileStore::open(path, scope, |_| ())?;
        let place = Place::File(store);
        Ok((Self { place }, state))
    }

    /// Makes a state outlive the process, unless it does already. May be dropped half way, and be called again: the
    /// store then holds the one state or the other, whole.
    ///
    /// # Errors
    ///
    /// When that cannot be done now. What was saved last is still there, and the next call tries again.
    pub(crate) async fn save(&mut self, state: &State) -> Result<Saved, StoreError> {
        match &mut self.place {
            Place::Memory => Ok(Saved::NotKept),
            Place::File(store) => store.save(state).await,
        }
    }

    /// Lets another process have the store. One that is dropped does that too, a moment later.
    ///
    /// # Errors
    ///
    /// When a write hangs; the store is free when it, or the process, has ended.
    pub(crate) async fn close(self) -> Result<(), StoreError> {
        match self.place {
            Place::Memory => Ok(()),
            Place::File(store) => store.close().await,
        }
    }
}

/// What is wrong with a store.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// There is no folder to keep the file in.
    #[error("the folder of `{}` does not exist: make it, or mount the volume there", .0.display())]
    NoFolder(PathBuf),
    /// A folder, a link or something else has the file's name.
    #[error("`{}` is no regular file: let `checkpoint.path` name the file itself", .0.display())]
    NoFile(PathBuf),
    /// Another process has it.
    #[error(
        "`{}` is in use by {}: stop it first, or give each exporter a file and a consumer group of its own",
        path.display(),
        holder.as_deref().unwrap_or("another process")
    )]
    InUse {
        /// The file.
        path: PathBuf,
        /// Which process, and on which host, if it could say so.
        holder: Option<String>,
    },
    /// It was written for something else.
    #[error(
        "`{}` belongs to {found}, not to {expected}: let `checkpoint.path` name another file, or move this one away to begin at `event_hub.start`",
        path.display()
    )]
    OtherScope {
        /// The file.
        path: PathBuf,
        /// Whose it is.
        found: Box<Scope>,
        /// Whose it was taken for.
        expected: Box<Scope>,
    },
    /// It was written by another version of the program.
    #[error(
        "`{}` has version {version}, which this program does not know: run the program that wrote it, or move the file away to begin at `event_hub.start`",
        path.display()
    )]
    UnknownVersion {
        /// The file.
        path: PathBuf,
        /// The version that it says it has.
        version: u64,
    },
    /// It is not as it was written, or never was a checkpoint file.
    #[error(
        "`{}` is damaged, or no checkpoint file: move it away to begin at `event_hub.start`",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// How that shows.
        #[source]
        source: Damage,
    },
    /// The state is larger than what [`Store::open`] would read.
    #[error("the state for `{}` has {bytes} bytes, which is too many", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// How large it would be.
        bytes: usize,
    },
    /// The system refused.
    #[error("`{}` cannot be {action}", path.display())]
    Io {
        /// The file or the folder.
        path: PathBuf,
        /// What was to be done to it.
        action: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The disk did not answer.
    #[error("`{}` was not written within {after:?}", path.display())]
    TimedOut {
        /// The file.
        path: PathBuf,
        /// How long it had.
        after: Duration,
    },
    /// The thread that writes has ended.
    #[error("the thread that writes `{}` has ended", .0.display())]
    NoWriter(PathBuf),
}
