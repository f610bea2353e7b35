//! Looks at a checkpoint file without locking or changing it: the exporter that uses it may run, or start at this moment.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use super::file::{beside, decode, failed, folder_of, read};
use super::{Scope, State, StoreError};

/// The state in the file; none if there is no file yet.
pub(crate) fn peek(path: &Path, scope: &Scope) -> Result<Option<State>, StoreError> {
    folder_of(path)?;
    let bytes = read(path)?;
    bytes.map(|bytes| decode(path, &bytes, scope)).transpose()
}

/// Writes a file of its own to the folder, as the exporter writes its own there, and removes it.
pub(crate) fn try_write(path: &Path) -> Result<(), StoreError> {
    let folder = folder_of(path)?;
    let probe = folder.join(format!(".check-{}", std::process::id()));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let failed = |source| failed(&folder, "written", source);
    let mut file = options.open(&probe).map_err(failed)?;
    let written = file.write_all(b"check\n").and_then(|()| file.sync_all());
    let removed = fs::remove_file(&probe);
    written.and(removed).map_err(failed)
}

/// Whether a process has locked the file, as far as the system shows its locks. To try the lock would be surer, but an
/// exporter that starts at that moment would fail.
pub(crate) fn is_in_use(path: &Path) -> bool {
    let lock = beside(path, ".lock").ok();
    let Some(lock) = lock.and_then(|lock| fs::metadata(lock).ok()) else {
        return false;
    };
    let inode = format!(":{} ", lock.ino());
    let locks = fs::read_to_string("/proc/locks").unwrap_or_default();
    let mut locks = locks.lines();
    locks.any(|lock| lock.contains(" FLOCK ") && lock.contains(&inode))
}
