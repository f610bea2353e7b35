//! Where dead letters are kept, and how many bytes of them.

use std::path::PathBuf;

/// Settings of the dead letters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The directory of the files. If it does not exist it is made, for its owner alone; one that exists keeps its mode.
    pub directory: PathBuf,
    /// The most that all files together may take; the oldest are removed first.
    pub max_bytes: u64,
}
