//! How far each partition was delivered, stored so that the next process continues there.
//!
//! A [`Store`] has one [`State`] for one [`Scope`]. It writes the state that it is given, when it is given it: what may
//! be written, and when, is decided where it is known what was delivered.
//!
//! [`FileSeries`] is a file of its own for the label sets that are to stand at 0 after a restart, all but those of failures,
//! so that the positions stay small. [`blobs`] are for several processes, each of which writes the positions of the partitions
//! that it owns.
//!
//! [`inspect`] looks at the file without using it.
//!
//! A store that cannot be read is never taken for an empty one: a start from scratch would count again all that the event
//! hub retains, or skip it. It is an error that says what to do. Label sets that cannot be read are: they cost first values.

pub(crate) mod blobs;
mod file;
mod format;
pub(crate) mod inspect;
mod series;
mod settings;
mod state;
#[cfg(test)]
mod tests;

use std::io;
use std::path::PathBuf;
use std::time::Duration;

pub(crate) use file::Store;
pub(crate) use format::Unreadable;
pub(crate) use series::FileSeries;
pub(crate) use settings::Settings;
pub use settings::StoreKind;
pub(crate) use state::{Scope, State};

/// What became of a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Saved {
    /// It is written.
    Written,
    /// It was written before.
    Unchanged,
}

/// Why a checkpoint file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// There is no folder for the file.
    #[error("the folder of `{}` does not exist: make it, or mount the volume there", .0.display())]
    NoFolder(PathBuf),
    /// A folder, a link or something else has the file's name.
    #[error("`{}` is not a regular file: set `checkpoint.path` to the file itself", .0.display())]
    NotAFile(PathBuf),
    /// A folder, a link or something else has the lock's name.
    #[error(
        "`{}` is not a regular file, and the exporter does not follow a link to lock or change another file: remove it",
        .0.display()
    )]
    LockNotAFile(PathBuf),
    /// Another process, which it names, has locked it.
    #[error(
        "`{}` is in use by {}: stop it first, or give each exporter a file and a consumer group of its own",
        .0.display(), .1
    )]
    InUse(PathBuf, String),
    /// It was written for the first of these scopes, and is opened for the second.
    #[error(
        "`{}` belongs to {}, not to {}: set `checkpoint.path` to another file, or move this one away to begin at `event_hub.start`",
        .0.display(), .1[0], .1[1]
    )]
    OtherScope(PathBuf, Box<[Scope; 2]>),
    /// It is damaged, was written by another version, or never was a checkpoint file.
    #[error(
        "`{}` cannot be read as a checkpoint file: run the version that wrote it, or move it away to begin at `event_hub.start`, so that events may be counted again or not at all",
        .0.display()
    )]
    Unreadable(PathBuf, #[source] Unreadable),
    /// The system refused an action on the file or the folder.
    #[error("`{}` cannot be {}", .0.display(), .1)]
    Io(PathBuf, &'static str, #[source] io::Error),
    /// The disk did not answer for so long.
    #[error("`{}` was not written within {:?}", .0.display(), .1)]
    TimedOut(PathBuf, Duration),
}
