//! A state in one file, which is replaced as a whole: whoever reads it, whenever a process or the machine ended, finds
//! the one state or the next.
//!
//! `PATH.tmp` is written and made sure of, then takes the place of `PATH`. `PATH.lock` keeps other processes out: the
//! system lets go of a lock when its process ends, however that happens, so it is never stale. It is not `PATH` itself,
//! which is another file after every write, nor is it ever removed, or two processes could each lock one of that name.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::format::{self, Damage, Unreadable};
use super::{Saved, Scope, State, StoreError};

/// How long a write may take. Disks answer within milliseconds, those on a network within a second; and between the
/// final scrape and the end of a stop there are 10 s.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);

/// A full state of the longest label values has a third of it. Any larger is some other file, and is not read.
const BYTES_MAX: u64 = 64 << 20;

/// The file, taken for this process alone. Disks block, and on a network they hang: a thread of its own writes, which
/// nothing waits for when the process ends.
#[derive(Debug)]
pub(super) struct FileStore {
    path: PathBuf,
    scope: Scope,
    /// What the file holds, if that is known.
    saved: Option<Arc<[u8]>>,
    writes: mpsc::Sender<PendingWrite>,
    /// Resolves when the lock is free.
    unlocked: oneshot::Receiver<()>,
    write_timeout: Duration,
}

#[derive(Debug)]
struct PendingWrite {
    bytes: Arc<[u8]>,
    done: oneshot::Sender<Result<(), StoreError>>,
}

impl FileStore {
    /// `reached` hears of every step of a write, so that a test can end the process there.
    pub(super) fn open(
        path: &Path,
        scope: Scope,
        reached: impl FnMut(Step) + Send + 'static,
    ) -> Result<(Self, State), StoreError> {
        let files = Files::find(path)?;
        let lock = files.lock()?;
        let saved = files.read()?;
        let state = match &saved {
            Some(bytes) => files.decode(bytes, &scope)?,
            None => State::default(),
        };
        let (writes, pending) = mpsc::channel(1);
        let (unlocking, unlocked) = oneshot::channel();
        let path = files.path.clone();
        std::thread::Builder::new()
            .name("checkpoint".to_owned())
            .spawn(move || {
                write_all(&files, pending, reached);
                // Closing it is not enough: a process that is just being started has it too, until it runs its program.
                // An error leaves the lock until this one ends.
                let _unlocked = lock.unlock();
                drop(lock);
                // Nobody may be waiting for it.
                let _ended = unlocking.send(());
            })
            .map_err(|source| failed(&path, "written by a thread", source))?;
        let store = Self {
            path,
            scope,
            saved: saved.map(Arc::from),
            writes,
            unlocked,
            write_timeout: WRITE_TIMEOUT,
        };
        Ok((store, state))
    }

    pub(super) async fn save(&mut self, state: &State) -> Result<Saved, StoreError> {
        let path = || self.path.clone();
        let bytes: Arc<[u8]> = format::encode(&self.scope, state)
            .map_err(|error| failed(&self.path, "encoded", error.into()))?
            .into();
        if self.saved.as_ref() == Some(&bytes) {
            return Ok(Saved::Unchanged);
        }
        if u64::try_from(bytes.len()).is_ok_and(|bytes| bytes > BYTES_MAX) {
            return Err(StoreError::TooLarge {
                path: path(),
                bytes: bytes.len(),
            });
        }
        // Should it fail or be given up, the file may hold either.
        self.saved = None;
        let write = async {
            let (done, answer) = oneshot::channel();
            let write = PendingWrite {
                bytes: Arc::clone(&bytes),
                done,
            };
            // It waits here behind one that hangs, and is not done once nobody waits for it.
            self.writes.send(write).await.ok()?;
            answer.await.ok()
        };
        match timeout(self.write_timeout, write).await {
            Ok(Some(written)) => written?,
            Ok(None) => return Err(StoreError::NoWriter(path())),
            Err(_) => {
                return Err(StoreError::TimedOut {
                    path: path(),
                    after: self.write_timeout,
                });
            }
        }
        self.saved = Some(bytes);
        Ok(Saved::Written)
    }

    pub(super) async fn close(self) -> Result<(), StoreError> {
        drop(self.writes);
        match timeout(self.write_timeout, self.unlocked).await {
            Ok(_) => Ok(()),
            Err(_) => Err(StoreError::TimedOut {
                path: self.path,
                after: self.write_timeout,
            }),
        }
    }

    #[cfg(test)]
    pub(super) fn with_write_timeout(self, write_timeout: Duration) -> Self {
        Self {
            write_timeout,
            ..self
        }
    }
}

/// The thread: one write after the other, until nobody can ask for any.
fn write_all(
    files: &Files,
    mut pending: mpsc::Receiver<PendingWrite>,
    mut reached: impl FnMut(Step),
) {
    while let Some(write) = pending.blocking_recv() {
        if write.done.is_closed() {
            continue; // given up: a younger state is to come
        }
        let written = files.replace(&write.bytes, &mut reached);
        // Whoever asked may have given up meanwhile, and takes the file for unknown.
        let _told = write.done.send(written);
    }
}

/// What a write has just done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing yet.
    Begun,
    /// What an earlier process left half written is gone.
    Cleared,
    /// `PATH.tmp` is there, and empty.
    Made,
    /// It has half of the bytes.
    HalfWritten,
    /// It has all of them.
    Written,
    /// They are on the disk.
    Synced,
    /// They are in `PATH`.
    Renamed,
    /// `PATH` is on the disk too.
    FolderSynced,
}

/// The names of all that there is.
#[derive(Debug)]
struct Files {
    folder: PathBuf,
    path: PathBuf,
    lock: PathBuf,
    tmp: PathBuf,
}

impl Files {
    /// The folder's real name: two processes that reach it by different ways must not find different locks.
    fn find(path: &Path) -> Result<Self, StoreError> {
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
            .ok_or_else(|| StoreError::NoFile(path.to_owned()))?;
        let beside = |suffix: &str| {
            let mut name = name.to_owned();
            name.push(suffix);
            folder.join(name)
        };
        Ok(Self {
            path: beside(""),
            lock: beside(".lock"),
            tmp: beside(".tmp"),
            folder,
        })
    }

    /// Keeps other processes out for as long as the file is open.
    fn lock(&self) -> Result<File, StoreError> {
        let failed = |source| failed(&self.lock, "locked", source);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false) // it may tell who has it
            .mode(0o600)
            .open(&self.lock)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::InUse {
                    path: self.path.clone(),
                    holder: holder(&mut file),
                });
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        // For people only: on a full disk it is left out.
        let _told = file
            .set_len(0)
            .and_then(|()| file.write_all(this_process().as_bytes()));
        Ok(file)
    }

    fn read(&self) -> Result<Option<Vec<u8>>, StoreError> {
        let failed = |source| failed(&self.path, "read", source);
        match fs::symlink_metadata(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
            // A link would be replaced, and not what it leads to.
            Ok(metadata) if !metadata.is_file() => {
                return Err(StoreError::NoFile(self.path.clone()));
            }
            Ok(metadata) if metadata.len() > BYTES_MAX => {
                return Err(self.damaged(Damage::TooLarge(metadata.len())));
            }
            Ok(_) => {}
        }
        fs::read(&self.path).map(Some).map_err(failed)
    }

    fn decode(&self, bytes: &[u8], scope: &Scope) -> Result<State, StoreError> {
        let (found, state) = format::decode(bytes).map_err(|unreadable| match unreadable {
            Unreadable::Version(version) => StoreError::UnknownVersion {
                path: self.path.clone(),
                version,
            },
            Unreadable::Damaged(damage) => self.damaged(damage),
        })?;
        if found == *scope {
            Ok(state)
        } else {
            Err(StoreError::OtherScope {
                path: self.path.clone(),
                found: Box::new(found),
                expected: Box::new(scope.clone()),
            })
        }
    }

    /// Puts a file with these bytes in the place of the one that is there.
    fn replace(&self, bytes: &[u8], mut reached: impl FnMut(Step)) -> Result<(), StoreError> {
        let failed_write = |source| failed(&self.tmp, "written", source);
        reached(Step::Begun);
        // Not opened as it is: it could be a link, or have another mode.
        match fs::remove_file(&self.tmp) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(failed_write(error));
            }
            _ => reached(Step::Cleared),
        }
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&self.tmp)
            .map_err(failed_write)?;
        reached(Step::Made);
        let (first, second) = bytes.split_at(bytes.len() / 2);
        file.write_all(first).map_err(failed_write)?;
        reached(Step::HalfWritten);
        file.write_all(second).map_err(failed_write)?;
        reached(Step::Written);
        file.sync_all().map_err(failed_write)?;
        reached(Step::Synced);
        fs::rename(&self.tmp, &self.path).map_err(|error| failed(&self.path, "replaced", error))?;
        reached(Step::Renamed);
        File::open(&self.folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|error| failed(&self.folder, "written", error))?;
        reached(Step::FolderSynced);
        Ok(())
    }

    fn damaged(&self, source: Damage) -> StoreError {
        StoreError::Damaged {
            path: self.path.clone(),
            source,
        }
    }
}

fn failed(path: &Path, action: &'static str, source: io::Error) -> StoreError {
    StoreError::Io {
        path: path.to_owned(),
        action,
        source,
    }
}

/// In containers every process has the id 1, so the host is named too.
fn this_process() -> String {
    let id = std::process::id();
    match fs::read_to_string("/proc/sys/kernel/hostname") {
        Ok(host) => format!("process {id} on `{}`", host.trim()),
        Err(_) => format!("process {id}"),
    }
}

/// What the holder of a lock has written there; nothing if it had no time or no room.
fn holder(lock: &mut File) -> Option<String> {
    let mut text = String::new();
    // A host's name has 64 bytes at most.
    lock.take(128).read_to_string(&mut text).ok()?;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}
