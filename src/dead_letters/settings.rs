//! Where dead letters are kept, and how many bytes of them.

use std::path::PathBuf;

use super::files::{Unusable, check_directory};
use crate::setting::{bytes, settings, text};

settings! {
    /// Dead letters
    ///
    /// Events with records that cannot be read can be kept in files.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Settings in "dead_letters" {
        /// The directory for events with records that cannot be read. If it is not set, the events are not kept.
        ///
        /// The files contain personal data: addresses of callers, ids. Their mode is 0600. A directory that the exporter
        /// creates has mode 0700; an existing directory keeps its mode, and is refused if every user can write to it. A
        /// directory that the exporter can neither write to nor create is refused too. The content of the files is never
        /// logged. `acs-recording-exporter replay DIRECTORY` reads the files.
        directory: Option<PathBuf> = text("a path", directory).optional(),
        /// How much space all dead letters may take together. The oldest are deleted first.
        max_bytes: u64 = bytes(BYTES_LEAST..=BYTES_MOST).default("100MiB"),
    }
}

fn directory(text: &str) -> Result<PathBuf, Unusable> {
    let directory = PathBuf::from(text);
    check_directory(&directory).map(|()| directory)
}

/// An event of a standard hub has 1 MB, and a third more in base64: with less, one letter would evict all others.
const BYTES_LEAST: &str = "16MiB";

/// A limit that no disk reaches is not a limit.
const BYTES_MOST: &str = "1TiB";
