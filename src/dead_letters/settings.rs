//! Where dead letters are kept, and how many.

use std::path::PathBuf;

/// Settings of the dead letters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The directory of the files. It is made, for its owner alone, if it is not there; one that is there keeps its
    /// mode.
    pub directory: PathBuf,
    /// The most that all files together may take; the oldest go first.
    pub max_bytes: u64,
}
