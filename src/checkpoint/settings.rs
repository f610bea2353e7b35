//! Where checkpoints are stored, and how often they are written.

use std::path::PathBuf;
use std::time::Duration;

use crate::blobs;

/// Settings of the checkpoint store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Where checkpoints are stored.
    pub store: StoreKind,
    /// The least time between two writes.
    pub interval: Duration,
}

/// Where checkpoints are stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreKind {
    /// Nowhere: it ends with the process.
    Memory,
    /// In this file, in a folder that exists.
    File(PathBuf),
    /// In this container, which replicas share.
    Blob(blobs::Settings),
}

impl StoreKind {
    /// The word of `checkpoint.store`.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::File(_) => "file",
            Self::Blob(_) => "blob",
        }
    }
}
