//! The files of dead letters: `dead-letters-00000001.jsonl` and on, mode 0600, in a directory of mode 0700.
//!
//! A closed file is never opened again, so a line that a crash has truncated stays the last one of its file. Anything else in
//! the directory, also what only looks like such a file, is left alone.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use super::letter::Letter;

/// How many files share the bound, so that the oldest letters can be removed without the others.
const FILES: u64 = 8;

const PREFIX: &str = "dead-letters-";
const SUFFIX: &str = ".jsonl";

/// The digits of a number. A process that begins a file every second needs three years for all of them.
const DIGITS: usize = 8;
const LAST: u64 = 99_999_999;

/// The letter could not be written.
#[derive(Debug, thiserror::Error)]
pub(super) enum FilesError {
    /// It is larger than all files together may be.
    #[error("the letter of {bytes} bytes is larger than `dead_letters.max_bytes`")]
    TooLarge {
        /// Its size.
        bytes: u64,
    },
    /// The directory is no place for them.
    #[error("`{}` {}", .0.display(), .1)]
    Unusable(PathBuf, Unusable),
    /// The system refused.
    #[error("`{}`", path.display())]
    Io {
        /// The file or the directory.
        path: PathBuf,
        /// The system's error.
        #[source]
        source: io::Error,
    },
}

/// Appends letters and keeps the bound. Nothing is touched before the first letter.
#[derive(Debug)]
pub(super) struct Files {
    directory: PathBuf,
    /// Of all files together.
    max_bytes: u64,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    file: File,
    path: PathBuf,
    bytes: u64,
}

impl Files {
    pub(super) fn new(directory: PathBuf, max_bytes: u64) -> Self {
        Self {
            directory,
            max_bytes,
            open: None,
        }
    }

    /// Appends a letter; begins a file and removes the oldest where that is due.
    pub(super) fn append(&mut self, letter: &Letter) -> Result<(), FilesError> {
        let line = letter.to_line();
        let bytes = u64::try_from(line.len()).unwrap_or(u64::MAX);
        if bytes > self.max_bytes {
            return Err(FilesError::TooLarge { bytes });
        }
        let mut open = match self.open.take() {
            Some(open) if open.bytes.saturating_add(bytes) <= self.max_bytes / FILES => open,
            _ => self.begin()?,
        };
        // A letter may be larger than a file should be, and then has one for itself.
        self.remove_oldest(self.max_bytes - bytes, &open)?;
        // After a failure half a line may be written: the next letter begins another file.
        open.file.write_all(&line).map_err(io_error(&open.path))?;
        open.bytes += bytes;
        self.open = Some(open);
        Ok(())
    }

    /// Makes the next file. Another process that writes into the directory does not get the same one.
    fn begin(&self) -> Result<Open, FilesError> {
        let directory = &self.directory;
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .map_err(io_error(directory))?;
        check_directory(directory)
            .map_err(|fault| FilesError::Unusable(directory.clone(), fault))?;
        let mut number = self.numbered()?.last().map_or(0, |(number, ..)| *number);
        loop {
            // Behind the last number, any free one: a letter is worth more than the order of the files.
            number = number % LAST + 1;
            let path = directory.join(format!("{PREFIX}{number:0DIGITS$}{SUFFIX}"));
            match OpenOptions::new()
                .append(true)
                .create_new(true)
                .mode(0o600)
                .open(&path)
            {
                Ok(file) => {
                    return Ok(Open {
                        file,
                        path,
                        bytes: 0,
                    });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(io_error(&path)(error)),
            }
        }
    }

    /// Removes files, oldest first and never the open one, until the rest takes `left_bytes` at most.
    fn remove_oldest(&self, left_bytes: u64, open: &Open) -> Result<(), FilesError> {
        let files = self.numbered()?;
        let mut bytes = files
            .iter()
            .fold(0_u64, |sum, (_, _, bytes)| sum.saturating_add(*bytes));
        for (_, path, size) in files {
            if bytes <= left_bytes || path == open.path {
                break;
            }
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(io_error(&path)(error));
                }
                _ => bytes = bytes.saturating_sub(size),
            }
        }
        Ok(())
    }

    /// The files that are there, oldest first: number, path and size.
    fn numbered(&self) -> Result<Vec<(u64, PathBuf, u64)>, FilesError> {
        let directory = &self.directory;
        let mut files = Vec::new();
        for entry in fs::read_dir(directory).map_err(io_error(directory))? {
            let entry = entry.map_err(io_error(directory))?;
            let number = entry.file_name().to_str().and_then(number);
            // One that was removed meanwhile takes no room, and neither does a link or a directory.
            if let (Some(number), Ok(metadata)) = (number, entry.metadata())
                && metadata.is_file()
            {
                files.push((number, entry.path(), metadata.len()));
            }
        }
        files.sort();
        Ok(files)
    }
}

/// The number in the name of a file of dead letters.
fn number(name: &str) -> Option<u64> {
    let digits = name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
    let is_number = digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().ok())?
}

/// Checks that the exporter can write to a directory, or create it; and that only the owner and its group can write to it:
/// others could remove the letters, or put files there that fill the bound.
///
/// # Errors
///
/// The exporter cannot write to it, or others can.
pub(super) fn check_directory(directory: &Path) -> Result<(), Unusable> {
    match fs::metadata(directory) {
        Ok(metadata) if !metadata.is_dir() => Err(Unusable::File),
        Ok(metadata) if metadata.permissions().mode() & 0o002 != 0 => Err(Unusable::OpenToOthers),
        Ok(_) => access(directory, Access::WRITE_OK | Access::EXEC_OK)
            .map_err(|error| Unusable::NotWritable(error.into())),
        Err(_) => match directory.ancestors().skip(1).find(|above| above.exists()) {
            Some(above) => creatable_in(above),
            None => creatable_in(Path::new(".")),
        },
    }
}

/// Whether a directory can be created in `above`. The dot after it makes the system refuse a file.
fn creatable_in(above: &Path) -> Result<(), Unusable> {
    access(above.join("."), Access::WRITE_OK | Access::EXEC_OK).map_err(|error| {
        Unusable::NotCreatable {
            above: above.to_owned(),
            source: error.into(),
        }
    })
}

/// The directory is no place for letters.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unusable {
    #[error("is a file: set a directory")]
    File,
    #[error(
        "is a directory that every user can write to: run `chmod o-w` on it, or set a directory inside it that does not exist yet"
    )]
    OpenToOthers,
    #[error("is a directory that the exporter cannot write to: {0}")]
    NotWritable(io::Error),
    #[error(
        "does not exist, and the exporter cannot create it in `{}`: {source}: mount a volume there, or set another directory", above.display()
    )]
    NotCreatable { above: PathBuf, source: io::Error },
}

fn io_error(path: &Path) -> impl Fn(io::Error) -> FilesError {
    |source| FilesError::Io {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;

    use time::OffsetDateTime;

    use super::*;
    use crate::event::{Event, PartitionId, Position};

    fn letter(sequence_number: i64, body_bytes: usize) -> Letter {
        let event = Event {
            position: Position {
                sequence_number,
                offset: None,
            },
            enqueued_at: None,
            body: vec![b'x'; body_bytes],
        };
        let partition = PartitionId::new("logs", "0");
        Letter::new(&partition, &event, OffsetDateTime::UNIX_EPOCH, &[])
    }

    fn sizes(files: &Files) -> Vec<(u64, u64)> {
        files
            .numbered()
            .unwrap()
            .into_iter()
            .map(|(number, _, bytes)| (number, bytes))
            .collect()
    }

    #[test]
    fn only_the_owner_may_read_files_and_directory() {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().join("a/b");
        let mut files = Files::new(directory.clone(), 10_000);
        files.append(&letter(1, 1)).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&directory), 0o700);
        assert_eq!(mode(&directory.join("dead-letters-00000001.jsonl")), 0o600);
    }

    #[test]
    fn the_oldest_files_are_removed_when_the_bound_is_reached() {
        let folder = tempfile::tempdir().unwrap();
        let new = || Files::new(folder.path().to_owned(), 8 * 1000);
        let mut files = new();
        for number in 0..100 {
            files.append(&letter(number, 300)).unwrap();
            let bytes: u64 = sizes(&files).iter().map(|(_, bytes)| bytes).sum();
            assert!(bytes <= 8 * 1000, "{bytes}");
        }
        let (first, last) = (sizes(&files)[0].0, sizes(&files).last().unwrap().0);
        assert!(first > 1 && last - first >= 6, "{:?}", sizes(&files));

        // The next process goes on with the numbers, and does not append to a file that may end in half a line.
        let mut next = new();
        next.append(&letter(100, 300)).unwrap();
        assert_eq!(sizes(&next).last().unwrap().0, last + 1);
    }

    #[test]
    fn a_letter_above_the_bound_is_refused_and_one_above_a_file_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let mut files = Files::new(folder.path().to_owned(), 8 * 1000);
        assert!(matches!(
            files.append(&letter(1, 9000)),
            Err(FilesError::TooLarge { .. })
        ));
        files.append(&letter(2, 2000)).unwrap();
        files.append(&letter(3, 7000)).unwrap();
        assert_eq!(sizes(&files).len(), 1, "{:?}", sizes(&files));
    }

    #[test]
    fn any_name_in_the_directory_is_survived_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let named = |name: &str| folder.path().join(format!("{PREFIX}{name}{SUFFIX}"));
        let foreign = [
            folder
                .path()
                .join(OsStr::from_bytes(b"dead-letters-\xff.jsonl")),
            named("18446744073709551615"),
            named("18446744073709551616"),
            named("+0000001"),
            named("-0000001"),
            named("1"),
            named(""),
        ];
        for path in &foreign {
            let file = File::create(path).unwrap();
            file.set_len(1 << 40).unwrap();
        }
        fs::create_dir(named("00000001")).unwrap();
        fs::write(folder.path().join("target"), [b'x'; 9000]).unwrap();
        symlink("target", named("00000002")).unwrap();
        symlink("nowhere", named("00000003")).unwrap();

        let mut files = Files::new(folder.path().to_owned(), 8 * 1000);
        for number in 0..100 {
            files.append(&letter(number, 300)).unwrap();
        }
        let bytes: u64 = sizes(&files).iter().map(|(_, bytes)| bytes).sum();
        assert!((5000..=8000).contains(&bytes), "{:?}", sizes(&files));
        assert!(foreign.iter().all(|path| path.exists()));
        let target = fs::metadata(folder.path().join("target")).unwrap();
        assert_eq!(target.len(), 9000);
    }

    #[test]
    fn behind_the_last_number_letters_are_written_on() {
        let folder = tempfile::tempdir().unwrap();
        let last = folder.path().join(format!("{PREFIX}{LAST}{SUFFIX}"));
        fs::write(last, "").unwrap();
        for number in 1..=3 {
            let mut files = Files::new(folder.path().to_owned(), 8 * 1000);
            files.append(&letter(number, 300)).unwrap();
        }
        let numbers: Vec<u64> = sizes(&Files::new(folder.path().to_owned(), 8 * 1000))
            .iter()
            .map(|(number, _)| *number)
            .collect();
        assert_eq!(numbers, [1, 2, 3, LAST]);
    }

    #[test]
    fn a_directory_that_every_user_can_write_to_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let allow = |mode| {
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
        };
        let mut files = Files::new(folder.path().to_owned(), 10_000);
        for mode in [0o777, 0o1777, 0o702] {
            allow(mode);
            assert!(check_directory(folder.path()).is_err(), "{mode:o}");
            let error = files.append(&letter(1, 1)).unwrap_err().to_string();
            assert!(error.contains("run `chmod o-w` on it"), "{error}");
        }
        // Kubernetes gives the group of a volume this right.
        for mode in [0o700, 0o755, 0o2770] {
            allow(mode);
            assert!(check_directory(folder.path()).is_ok(), "{mode:o}");
        }
        assert!(check_directory(&folder.path().join("missing")).is_ok());
        files.append(&letter(1, 1)).unwrap();
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_tried_again() {
        let folder = tempfile::tempdir().unwrap();
        let blocked = folder.path().join("blocked");
        fs::write(&blocked, "a file").unwrap();
        let mut files = Files::new(blocked.clone(), 10_000);
        assert!(files.append(&letter(1, 1)).is_err());
        fs::remove_file(&blocked).unwrap();
        files.append(&letter(2, 1)).unwrap();
    }
}
