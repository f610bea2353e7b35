//! The store as its user sees it: what is read back, and what is refused. Other processes are this test binary again.

mod bytes;
mod crashes;
mod disk;
mod label_sets;

use std::error::Error;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};

use tempfile::TempDir;
use time::OffsetDateTime;
use time::macros::datetime;

use super::*;
use crate::delivery::Series;
use crate::event::{PartitionId, Position, Reached};

fn scope() -> Scope {
    Scope::new("contoso.servicebus.windows.net", "exporter")
}

/// Where the file is, in a folder of its own.
fn file_in(folder: &TempDir) -> PathBuf {
    folder.path().join("checkpoint.json")
}

fn open(path: &Path) -> Result<(Store, State), StoreError> {
    open_for(path, scope())
}

fn open_for(path: &Path, scope: Scope) -> Result<(Store, State), StoreError> {
    Store::open(path, scope)
}

/// Opens the file, returns its state and closes it.
async fn reads(path: &Path) -> State {
    let (store, state) = open(path).unwrap();
    store.close().await.unwrap();
    state
}

/// A state of a size of its own, all of which follows from its number. That of 0 is empty.
fn state(number: i64) -> State {
    let mut state = State::default();
    for partition in 0..number.min(3) {
        let checkpoint = Reached {
            position: Position {
                sequence_number: number,
                offset: (partition > 0)
                    .then(|| "4096".repeat(usize::try_from(number % 7).unwrap())),
            },
            enqueued_at: Some(datetime!(2026-03-01 12:00 UTC) + time::Duration::seconds(number)),
        };
        state.deliver(&PartitionId::new("logs", partition.to_string()), checkpoint);
    }
    for series in 0..number % 50 {
        let series = Series {
            family: "acs_recording_failures_total".into(),
            labels: ["contoso".to_owned(), format!("Reason{series}")].into(),
        };
        state.remember([(series, datetime!(2026-03-01 12:00 UTC))]);
    }
    state
}

/// Which state it is, and that it is whole.
fn number_of(found: &State) -> i64 {
    let number = found
        .checkpoints()
        .get(&PartitionId::new("logs", "0"))
        .map_or(0, |checkpoint| checkpoint.position.sequence_number);
    assert_eq!(*found, state(number), "state {number} is not whole");
    number
}

/// Makes the same test another process: it finds there what it is to do.
const PART: &str = "ACS_TEST_CHECKPOINT_PART";
const FILE: &str = "ACS_TEST_CHECKPOINT_FILE";

/// The part that this process has in a test, and the file; nothing in the process that was started first.
#[expect(
    clippy::disallowed_methods,
    reason = "variables make the same test another process"
)]
fn part() -> Option<(String, PathBuf)> {
    let file = std::env::var(FILE).ok()?;
    Some((std::env::var(PART).ok()?, PathBuf::from(file)))
}

/// The test of that name below this module again, as another process with a part of its own.
fn again(test: &str, part: &str, file: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", &format!("checkpoint::tests::{test}")])
        .args(["--nocapture", "--test-threads=1"])
        .env(PART, part)
        .env(FILE, file);
    command
}

/// An error with all its causes.
fn told(error: &StoreError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[tokio::test]
async fn a_file_gives_back_what_was_saved_and_is_its_owners_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = file_in(&folder);
    fs::write(path.with_extension("json.tmp"), "{\"format\":").unwrap();
    let (mut store, found) = open(&path).unwrap();
    assert_eq!(found, State::default());
    for number in [1, 40, 7] {
        assert_eq!(store.save(&state(number)).await.unwrap(), Saved::Written);
    }
    store.close().await.unwrap();
    assert_eq!(number_of(&reads(&path).await), 7);

    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        names.push(format!("{} {mode:o}", entry.file_name().display()));
    }
    names.sort();
    assert_eq!(names, ["checkpoint.json 600", "checkpoint.json.lock 600"]);
}

#[tokio::test]
async fn nothing_is_written_where_nothing_changed() {
    let folder = tempfile::tempdir().unwrap();
    let path = file_in(&folder);
    let (mut store, _) = open(&path).unwrap();
    assert_eq!(store.save(&state(3)).await.unwrap(), Saved::Written);
    assert_eq!(store.save(&state(3)).await.unwrap(), Saved::Unchanged);
    store.close().await.unwrap();

    let (mut store, found) = open(&path).unwrap();
    assert_eq!(store.save(&found).await.unwrap(), Saved::Unchanged);
    assert_eq!(store.save(&state(4)).await.unwrap(), Saved::Written);
}

#[tokio::test]
async fn a_file_belongs_to_one_consumer_group_of_one_namespace() {
    let folder = tempfile::tempdir().unwrap();
    let path = file_in(&folder);
    let (mut store, _) = open(&path).unwrap();
    store.save(&state(1)).await.unwrap();
    store.close().await.unwrap();

    let other = Scope::new("fabrikam.servicebus.windows.net", "exporter");
    let shown = path.display();
    assert_eq!(
        told(&open_for(&path, other).unwrap_err()),
        format!(
            "`{shown}` belongs to consumer group `exporter` of `contoso.servicebus.windows.net`, not to consumer group `exporter` of `fabrikam.servicebus.windows.net`: set `checkpoint.path` to another file, or move this one away to begin at `event_hub.start`"
        )
    );
    let spelt_anew = Scope::new("Contoso.servicebus.windows.net", "Exporter");
    let (store, found) = open_for(&path, spelt_anew).unwrap();
    assert_eq!(number_of(&found), 1);
    store.close().await.unwrap();
}

#[test]
fn a_missing_folder_and_what_is_not_a_file_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing/checkpoint.json");
    assert_eq!(
        told(&open(&missing).unwrap_err()),
        format!(
            "the folder of `{}` does not exist: make it, or mount the volume there",
            missing.display()
        )
    );
    let directory = folder.path().join("directory");
    fs::create_dir(&directory).unwrap();
    let link = folder.path().join("link");
    symlink("nowhere", &link).unwrap();
    for path in [directory, link] {
        assert_eq!(
            told(&open(&path).unwrap_err()),
            format!(
                "`{}` is not a regular file: set `checkpoint.path` to the file itself",
                path.display()
            )
        );
    }
}

/// Another user of the folder must not be able to make the exporter write elsewhere.
#[tokio::test]
async fn what_was_planted_in_the_folder_changes_no_other_file() {
    let folder = tempfile::tempdir().unwrap();
    let (path, target) = (file_in(&folder), folder.path().join("target"));
    let lock = path.with_extension("json.lock");
    fs::write(&target, "of another program").unwrap();
    let unchanged = || assert_eq!(fs::read_to_string(&target).unwrap(), "of another program");

    let refused = format!(
        "`{}` is not a regular file, and the exporter does not follow a link to lock or change another file: remove it",
        lock.display()
    );
    symlink(&target, &lock).unwrap();
    assert_eq!(told(&open(&path).unwrap_err()), refused);
    unchanged();
    fs::remove_file(&lock).unwrap();
    fs::create_dir(&lock).unwrap();
    assert_eq!(told(&open(&path).unwrap_err()), refused);
    fs::remove_dir(&lock).unwrap();

    // A hard link is the file itself: it is locked as it is.
    fs::hard_link(&target, &lock).unwrap();
    symlink(&target, path.with_extension("json.tmp")).unwrap();
    let (mut store, _) = open(&path).unwrap();
    let error = told(&open(&path).unwrap_err());
    assert!(error.contains("is in use by another process"), "{error}");
    store.save(&state(3)).await.unwrap();
    store.close().await.unwrap();
    unchanged();
    assert_eq!(number_of(&reads(&path).await), 3);
}

#[tokio::test]
async fn a_second_process_is_refused_and_learns_which_was_first() {
    let test = "a_second_process_is_refused_and_learns_which_was_first";
    if let Some((part, path)) = part() {
        match open(&path) {
            Ok(_) => println!("the child has it"),
            Err(error) => println!("refused: {}", told(&error)),
        }
        if part == "die" {
            std::process::abort();
        }
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = file_in(&folder);
    let child = |part: &str| {
        let output = again(test, part, &path).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let (store, _) = open(&path).unwrap();
    let written = child("try");
    let refused = format!(
        "refused: `{}` is in use by process {} on `",
        path.display(),
        std::process::id()
    );
    assert!(written.contains(&refused), "{written}");
    // The same through another way to the same folder, and in the same process.
    let way = folder.path().join("way");
    symlink(folder.path(), &way).unwrap();
    let error = open(&way.join("checkpoint.json")).unwrap_err();
    assert!(matches!(error, StoreError::InUse { .. }), "{error}");

    store.close().await.unwrap();
    let written = child("die");
    assert!(written.contains("the child has it"), "{written}");
    reads(&path).await;
}

/// A disk that hangs, as those on a network do.
#[tokio::test]
async fn a_write_that_hangs_is_abandoned_and_the_next_waits_behind_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = file_in(&folder);
    let (go_on, hanging) = mpsc::channel::<()>();
    let begun = Arc::new(AtomicUsize::new(0));
    let counts = || {
        let counted = Arc::clone(&begun);
        move |step| {
            if step == "begun" {
                counted.fetch_add(1, Ordering::Relaxed);
            }
        }
    };
    let begins = counts();
    let hangs = move |step| {
        begins(step);
        if step == "written" {
            // An error is the end of the test: nothing hangs any more.
            let _woken = hanging.recv();
        }
    };
    let (mut store, _) = open(&path).unwrap();
    store.write_timeout = Duration::from_millis(50);
    let late = format!("`{}` was not written within 50ms", path.display());
    let error = store.save_observed(&state(1), hangs).await.unwrap_err();
    assert_eq!(told(&error), late);
    let error = store.save_observed(&state(2), counts()).await.unwrap_err();
    assert_eq!(told(&error), late);
    drop(go_on);
    store.write_timeout = Duration::from_mins(1);
    let saved = store.save_observed(&state(3), counts()).await;
    assert_eq!(saved.unwrap(), Saved::Written);
    store.close().await.unwrap();
    assert_eq!(number_of(&reads(&path).await), 3);
    assert_eq!(
        begun.load(Ordering::Relaxed),
        2,
        "an abandoned write is not begun"
    );
}
