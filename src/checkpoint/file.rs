//! Stores a state in one file, which each write replaces as a whole. Even if the process or the machine ends during a write,
//! a reader finds either the previous state or the new one.
//!
//! A write fills and syncs `PATH.tmp`, and renames it to `PATH`. A lock on `PATH.lock` excludes other processes. The system
//! releases the lock when its process ends, in whatever way, so it is never stale. The lock is not on `PATH` itself, since
//! `PATH` is another file after every write. `PATH.lock` is never removed: otherwise two processes could each lock a file of
//! that name.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::OFlags;
use rustix::io::Errno;
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::format;
use super::{Saved, Scope, State, StoreError, Unreadable};

/// How long a write may take. A local disk answers within milliseconds, a network disk within a second. By default, 10 s
/// remain between the final scrape and the end of a stop.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);

/// The largest state, with the longest label values, has a third of this size, so every state can be read again. A larger
/// file is not a checkpoint file, and is not read.
const BYTES_MAX: u64 = 64 << 20;

/// The file of one state, locked for this process alone.
#[derive(Debug)]
pub(crate) struct Store {
    /// Locked while a write is in progress, even after its caller has abandoned it.
    files: Arc<Mutex<Files>>,
    path: PathBuf,
    scope: Scope,
    /// The content of the file, if that is known.
    saved: Option<Arc<[u8]>>,
    pub(super) write_timeout: Duration,
}

impl Store {
    /// Locks a file for this process alone, and reads its state. If there is no file yet, the state is empty. This blocks on
    /// the disk, so call it only at startup, when nothing else runs.
    ///
    /// # Errors
    ///
    /// Another process has locked the file, or the file cannot be read.
    pub(crate) fn open(path: &Path, scope: Scope) -> Result<(Self, State), StoreError> {
        let (store, state) = Self::open_whatever_is_there(path, scope)?;
        Ok((store, state?))
    }

    /// The same, for a file whose content may be lost: if it cannot be used, the next write replaces it.
    pub(super) fn open_whatever_is_there(
        path: &Path,
        scope: Scope,
    ) -> Result<(Self, Result<State, StoreError>), StoreError> {
        let files = Files::lock(path)?;
        let read = read(&files.path);
        let state = match &read {
            Ok(Some(bytes)) => decode(&files.path, bytes, &scope),
            _ => Ok(State::default()),
        };
        let (saved, state) = match read {
            Ok(saved) => (saved, state),
            Err(error) => (None, Err(error)),
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

    /// Writes a state, unless the file already contains it. The caller may drop this half way, and call it again: the file
    /// then contains either the previous state or the new one, as a whole.
    ///
    /// # Errors
    ///
    /// The write failed. The file contains either the previous state or, if only the end of the write failed, the new one. The
    /// next call tries again.
    pub(crate) async fn save(&mut self, state: &State) -> Result<Saved, StoreError> {
        self.save_observed(state, |_| ()).await
    }

    /// As `save`. It calls `observer` with the name of every step of the write, so that a test can end the process there.
    pub(super) async fn save_observed(
        &mut self,
        state: &State,
        observer: impl FnMut(&'static str) + Send + 'static,
    ) -> Result<Saved, StoreError> {
        let bytes: Arc<[u8]> = format::encode(&self.scope, state).into();
        if self.saved.as_ref() == Some(&bytes) {
            return Ok(Saved::Unchanged);
        }
        // If the write fails or is abandoned, the file may contain either state.
        self.saved = None;
        let written = Arc::clone(&bytes);
        self.on_disk(move |files| files.replace(&written, observer))
            .await?;
        self.saved = Some(bytes);
        Ok(Saved::Written)
    }

    /// Unlocks the file. Dropping the store also unlocks it, once its write has ended.
    ///
    /// # Errors
    ///
    /// A write hangs. The file is unlocked when the write, or the process, has ended.
    pub(crate) async fn close(self) -> Result<(), StoreError> {
        self.on_disk(|files| {
            files.unlock();
            Ok(())
        })
        .await
    }

    /// Does the work on a thread of its own, since disks block, and network disks may hang. The process does not wait for this
    /// thread when it ends. The thread locks the files until its work has ended, so no other work begins before that.
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
    /// Excludes other processes until this is dropped. It resolves links in the path of the folder, so that two processes with
    /// different paths to the same folder find the same lock.
    fn lock(path: &Path) -> Result<Self, StoreError> {
        let checkpoint = beside(path, "")?;
        Ok(Self {
            lock: lock(&beside(path, ".lock")?, &checkpoint)?,
            tmp: beside(path, ".tmp")?,
            path: checkpoint,
            folder: folder_of(path)?,
        })
    }

    /// Replaces the file by a new file with these bytes.
    fn replace(
        &self,
        bytes: &[u8],
        mut reached: impl FnMut(&'static str),
    ) -> Result<(), StoreError> {
        let failed_write = |source| failed(&self.tmp, "written", source);
        reached("begun");
        // An old temporary file is not opened: it could be a link, or have another mode.
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

    /// Unlocks the file. Closing it would not be enough: a child process inherits it, and has it open until it runs its own
    /// program. After an error, the file stays locked until this process ends.
    fn unlock(&self) {
        let _unlocked = self.lock.unlock();
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        self.unlock();
    }
}

/// The folder that a file is in, without links in its path.
pub(super) fn folder_of(path: &Path) -> Result<PathBuf, StoreError> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    fs::canonicalize(folder).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => StoreError::NoFolder(path.to_owned()),
        _ => failed(folder, "found", error),
    })
}

/// The file in the same folder whose name has this at its end.
pub(super) fn beside(path: &Path, suffix: &str) -> Result<PathBuf, StoreError> {
    let folder = folder_of(path)?;
    let name = path
        .file_name()
        .ok_or_else(|| StoreError::NotAFile(path.to_owned()))?;
    let mut name = name.to_owned();
    name.push(suffix);
    Ok(folder.join(name))
}

/// What a file contains; none if there is no file.
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
    let failed = |source| failed(path, "read", source);
    // A write would replace a link, not the file to which it points.
    let mut file = match open_file(OpenOptions::new().read(true), path) {
        Ok(Some(file)) => file,
        Ok(None) => return Err(StoreError::NotAFile(path.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let bytes = file.metadata().map_err(failed)?.len();
    if bytes > BYTES_MAX {
        let too_large = Unreadable::TooLarge(bytes);
        return Err(StoreError::Unreadable(path.to_owned(), too_large));
    }
    let mut content = Vec::new();
    file.read_to_end(&mut content).map_err(failed)?;
    Ok(Some(content))
}

/// The state that is encoded by the bytes of a file.
pub(super) fn decode(path: &Path, bytes: &[u8], scope: &Scope) -> Result<State, StoreError> {
    let decoded = format::decode(bytes);
    let (found, state) =
        decoded.map_err(|source| StoreError::Unreadable(path.to_owned(), source))?;
    if found == *scope {
        return Ok(state);
    }
    let scopes = Box::new([found, scope.clone()]);
    Err(StoreError::OtherScope(path.to_owned(), scopes))
}

/// Locks the file `lock` of the checkpoint file `path`, for as long as it is open.
fn lock(lock: &Path, path: &Path) -> Result<File, StoreError> {
    let failed = |source| failed(lock, "locked", source);
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).mode(0o600);
    // It is not truncated: it may name the process that has locked it, or be the file of another program.
    let file = open_file(options.truncate(false), lock).map_err(failed)?;
    let file = file.ok_or_else(|| StoreError::LockNotAFile(lock.to_owned()))?;
    let locked = file.try_lock();
    let mut by = String::new();
    // A host name has at most 64 bytes. The process may have had no time or no space to write its name.
    let read = (&file).take(128).read_to_string(&mut by);
    let names_process = by.starts_with(PROCESS);
    match locked {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            if !names_process {
                "another process".clone_into(&mut by);
            }
            return Err(StoreError::InUse(path.to_owned(), by));
        }
        Err(TryLockError::Error(error)) => return Err(failed(error)),
    }
    // The name is for people only, so a failure, as on a full disk, is ignored. The content of another program's file stays:
    // such a file is locked as well as ours.
    if names_process || matches!(read, Ok(0)) {
        let _named = file
            .set_len(0)
            .and_then(|()| file.write_all_at(this_process().as_bytes(), 0));
    }
    Ok(file)
}

/// How the content of a lock begins.
const PROCESS: &str = "process ";

/// Names this process. In containers every process has the id 1, so the host is named too.
fn this_process() -> String {
    let id = std::process::id();
    match fs::read_to_string("/proc/sys/kernel/hostname") {
        Ok(host) => format!("{PROCESS}{id} on `{}`", host.trim()),
        Err(_) => format!("{PROCESS}{id}"),
    }
}

/// Opens a regular file. None if a link or something else has its name: with a link, another user of the folder could make
/// the exporter write to any file.
fn open_file(options: &mut OpenOptions, path: &Path) -> io::Result<Option<File>> {
    // Opening a pipe would wait for its other end.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    match options.custom_flags(flags.bits().cast_signed()).open(path) {
        Ok(file) => Ok(file.metadata()?.is_file().then_some(file)),
        Err(error) => match Errno::from_io_error(&error) {
            Some(Errno::LOOP | Errno::ISDIR | Errno::NXIO) => Ok(None),
            _ => Err(error),
        },
    }
}

pub(super) fn failed(path: &Path, action: &'static str, source: io::Error) -> StoreError {
    StoreError::Io(path.to_owned(), action, source)
}
