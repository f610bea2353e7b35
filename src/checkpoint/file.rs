//! A state in one file, which is replaced as a whole: a reader finds the previous state or the new one, at whatever moment
//! a process or the machine ended.
//!
//! `PATH.tmp` is written and synced, then takes the place of `PATH`. `PATH.lock` keeps other processes out: the system
//! releases a lock when its process ends, however that happens, so it is never stale. The lock is not on `PATH` itself,
//! which is another file after every write, and its file is never removed, or two processes could each lock one of that
//! name.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::format;
use super::{Saved, Scope, State, StoreError, Unreadable};

/// How long a write may take. Disks answer within milliseconds, those on a network within a second; and between the
/// final scrape and the end of a stop there are 10 s.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);

/// A full state of the longest label values has a third of it, so no state is too large to be read again. A larger file is another file, and is not read.
const BYTES_MAX: u64 = 64 << 20;

/// One state in a file, which is locked for this process alone.
#[derive(Debug)]
pub(crate) struct Store {
    /// Locked while a write is under way, also one that was abandoned.
    files: Arc<Mutex<Files>>,
    path: PathBuf,
    scope: Scope,
    /// The content of the file, if that is known.
    saved: Option<Arc<[u8]>>,
    pub(super) write_timeout: Duration,
}

impl Store {
    /// Locks a file for this process alone, and reads its state; the empty state if there is no file yet. Blocks on the disk:
    /// it is for the start, when nothing else runs.
    ///
    /// # Errors
    ///
    /// When another process has locked it, or it cannot be read.
    pub(crate) fn open(path: &Path, scope: Scope) -> Result<(Self, State), StoreError> {
        let files = Files::lock(path)?;
        let saved = files.read()?;
        let state = match &saved {
            Some(bytes) => files.decode(bytes, &scope)?,
            None => State::default(),
        };
        let store = Self {
            path: files.path.clone(),
            files: Arc::new(Mutex::new(files)),
            scope,
            saved: saved.map(Arc::from),
            write_timeout: WRITE_TIMEOUT,
        };
        Ok((store, state))
    }

    /// Writes a state, unless the file has it already. May be dropped half way, and be called again: the file then has the
    /// one state or the other, whole.
    ///
    /// # Errors
    ///
    /// When that cannot be done now. The state that was saved last is still there, and the next call tries again.
    pub(crate) async fn save(&mut self, state: &State) -> Result<Saved, StoreError> {
        self.save_observed(state, |_| ()).await
    }

    /// `observer` is called with the name of every step of the write, so that a test can end the process there.
    pub(super) async fn save_observed(
        &mut self,
        state: &State,
        observer: impl FnMut(&'static str) + Send + 'static,
    ) -> Result<Saved, StoreError> {
        let bytes: Arc<[u8]> = format::encode(&self.scope, state).into();
        if self.saved.as_ref() == Some(&bytes) {
            return Ok(Saved::Unchanged);
        }
        // If the write fails or is abandoned, the file may have either state.
        self.saved = None;
        let written = Arc::clone(&bytes);
        self.on_disk(move |files| files.replace(&written, observer))
            .await?;
        self.saved = Some(bytes);
        Ok(Saved::Written)
    }

    /// Unlocks the file. One that is dropped does that too, once its write has ended.
    ///
    /// # Errors
    ///
    /// When a write hangs; the file is unlocked when the write, or the process, has ended.
    pub(crate) async fn close(self) -> Result<(), StoreError> {
        self.on_disk(|files| {
            files.unlock();
            Ok(())
        })
        .await
    }

    /// Works with the files on a thread of its own, which nothing waits for when the process ends: disks block, and on a
    /// network they hang. The thread locks the files until its work has ended, so nothing else is begun before that.
    async fn on_disk(
        &self,
        work: impl FnOnce(&Files) -> Result<(), StoreError> + Send + 'static,
    ) -> Result<(), StoreError> {
        let working = async {
            let files = Arc::clone(&self.files).lock_owned().await;
            spawn_blocking(move || work(&files)).await
        };
        match timeout(self.write_timeout, working).await {
            Ok(worked) => {
                worked.unwrap_or_else(|panic| Err(failed(&self.path, "written", panic.into())))
            }
            Err(_) => Err(StoreError::TimedOut(self.path.clone(), self.write_timeout)),
        }
    }
}

/// The file, the lock and their names.
#[derive(Debug)]
struct Files {
    folder: PathBuf,
    path: PathBuf,
    tmp: PathBuf,
    lock: File,
}

impl Files {
    /// Keeps other processes out until this is dropped. By the folder's real name: two processes that reach it by different
    /// ways must not find different locks.
    fn lock(path: &Path) -> Result<Self, StoreError> {
        let folder = match path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        let folder = fs::canonicalize(folder).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => StoreError::NoFolder(path.to_owned()),
            _ => failed(folder, "found", error),
        })?;
        let name = path
            .file_name()
            .ok_or_else(|| StoreError::NotAFile(path.to_owned()))?;
        let beside = |suffix: &str| {
            let mut name = name.to_owned();
            name.push(suffix);
            folder.join(name)
        };
        let path = beside("");
        Ok(Self {
            lock: lock(&beside(".lock"), &path)?,
            tmp: beside(".tmp"),
            path,
            folder,
        })
    }

    fn read(&self) -> Result<Option<Vec<u8>>, StoreError> {
        let failed = |source| failed(&self.path, "read", source);
        match fs::symlink_metadata(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
            // A link would be replaced, and not the file that it leads to.
            Ok(metadata) if !metadata.is_file() => {
                return Err(StoreError::NotAFile(self.path.clone()));
            }
            Ok(metadata) if metadata.len() > BYTES_MAX => {
                return Err(self.unreadable(Unreadable::TooLarge(metadata.len())));
            }
            Ok(_) => {}
        }
        fs::read(&self.path).map(Some).map_err(failed)
    }

    fn decode(&self, bytes: &[u8], scope: &Scope) -> Result<State, StoreError> {
        let (found, state) = format::decode(bytes).map_err(|source| self.unreadable(source))?;
        if found == *scope {
            return Ok(state);
        }
        let scopes = Box::new([found, scope.clone()]);
        Err(StoreError::OtherScope(self.path.clone(), scopes))
    }

    /// Replaces the file by one with these bytes.
    fn replace(
        &self,
        bytes: &[u8],
        mut reached: impl FnMut(&'static str),
    ) -> Result<(), StoreError> {
        let failed_write = |source| failed(&self.tmp, "written", source);
        reached("begun");
        // An old one is not opened: it could be a link, or have another mode.
        match fs::remove_file(&self.tmp) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(failed_write(error));
            }
            _ => reached("cleared"),
        }
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&self.tmp)
            .map_err(failed_write)?;
        reached("made");
        let (first, second) = bytes.split_at(bytes.len() / 2);
        file.write_all(first).map_err(failed_write)?;
        reached("half written");
        file.write_all(second).map_err(failed_write)?;
        reached("written");
        file.sync_all().map_err(failed_write)?;
        reached("synced");
        fs::rename(&self.tmp, &self.path).map_err(|error| failed(&self.path, "replaced", error))?;
        reached("renamed");
        File::open(&self.folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|error| failed(&self.folder, "written", error))?;
        reached("folder synced");
        Ok(())
    }

    /// Closing the lock's file is not enough: a process that is just being started has it too, until it runs its program.
    /// An error leaves the lock until this process ends.
    fn unlock(&self) {
        let _unlocked = self.lock.unlock();
    }

    fn unreadable(&self, source: Unreadable) -> StoreError {
        StoreError::Unreadable(self.path.clone(), source)
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        self.unlock();
    }
}

/// Locks the file `lock` for as long as it is open.
fn lock(lock: &Path, path: &Path) -> Result<File, StoreError> {
    let failed = |source| failed(lock, "locked", source);
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false) // it may name the process that has it
        .mode(0o600)
        .open(lock)
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut by = String::new();
            // A host's name has 64 bytes at most. The process may have had no time or no room to write.
            if file.take(128).read_to_string(&mut by).is_err() || by.is_empty() {
                "another process".clone_into(&mut by);
            }
            return Err(StoreError::InUse(path.to_owned(), by));
        }
        Err(TryLockError::Error(error)) => return Err(failed(error)),
    }
    // For people only: on a full disk it is left out.
    let _named = file
        .set_len(0)
        .and_then(|()| file.write_all(this_process().as_bytes()));
    Ok(file)
}

/// In containers every process has the id 1, so the host is named too.
fn this_process() -> String {
    let id = std::process::id();
    match fs::read_to_string("/proc/sys/kernel/hostname") {
        Ok(host) => format!("process {id} on `{}`", host.trim()),
        Err(_) => format!("process {id}"),
    }
}

fn failed(path: &Path, action: &'static str, source: io::Error) -> StoreError {
    StoreError::Io(path.to_owned(), action, source)
}
