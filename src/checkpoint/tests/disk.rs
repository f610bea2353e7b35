//! Disks that refuse. None is mounted for that, since in a chroot or a container even root may not mount.

use std::thread;

use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};
use rustix::thread::{CapabilitySet, capabilities, set_capabilities};
use tokio::runtime;
use tokio::signal::unix::{SignalKind, signal};

use super::*;

/// The largest file allowed stands for the room that is left: a write that goes beyond it ends early, as on a full disk.
/// The limit holds for a whole process, so this test runs in one of its own.
#[tokio::test]
async fn a_full_disk_is_an_error_and_the_next_save_tries_again() {
    let test = "disk::a_full_disk_is_an_error_and_the_next_save_tries_again";
    let Some((_, path)) = part() else {
        let folder = tempfile::tempdir().unwrap();
        let child = again(test, "limited", &file_in(&folder)).output().unwrap();
        let written = String::from_utf8_lossy(&child.stdout);
        assert!(written.contains("1 passed"), "{written}");
        return;
    };
    // Without a handler, the signal that comes with the error would end the process.
    let _handler = signal(SignalKind::from_raw(Signal::XFSZ.as_raw())).unwrap();
    let unlimited = getrlimit(Resource::Fsize);
    let limit = |limit| setrlimit(Resource::Fsize, limit).unwrap();
    let (mut store, _) = open(&path).unwrap();
    store.save(&state(1)).await.unwrap();

    let room = fs::metadata(&path).unwrap().len();
    limit(Rlimit {
        current: Some(room),
        ..unlimited
    });
    check_refused(&mut store, &path, "File too large (os error 27)").await;
    let tmp = path.with_extension("json.tmp");
    assert_eq!(fs::metadata(tmp).unwrap().len(), room, "all room is used");

    limit(unlimited);
    check_saves_again(store, &path).await;
}

/// `/sys` stands for the disk that became read-only: not even root can make a file there. Where it is mounted read-only, as
/// in containers, it is one.
#[tokio::test]
async fn a_disk_that_becomes_read_only_is_an_error_and_the_next_save_tries_again() {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("disk");
    let away = outer.path().join("away");
    fs::create_dir(&folder).unwrap();
    let path = folder.join("checkpoint.json");
    let (mut store, _) = open(&path).unwrap();
    store.save(&state(1)).await.unwrap();

    fs::rename(&folder, &away).unwrap();
    symlink("/sys", &folder).unwrap();
    let why = fs::write("/sys/checkpoint.json.tmp", "").unwrap_err();
    for _ in 0..2 {
        assert_eq!(
            told(&store.save(&state(49)).await.unwrap_err()),
            format!("`{}.tmp` cannot be written: {why}", path.display())
        );
    }
    assert_eq!(
        told(&open(&path).unwrap_err()),
        format!("`/sys/checkpoint.json.lock` cannot be locked: {why}")
    );

    fs::remove_file(&folder).unwrap();
    fs::rename(&away, &folder).unwrap();
    check_saves_again(store, &path).await;
}

#[test]
fn a_folder_without_permission_is_an_error_and_the_next_save_tries_again() {
    as_a_user(async {
        let folder = tempfile::tempdir().unwrap();
        let path = file_in(&folder);
        let (mut store, _) = open(&path).unwrap();
        store.save(&state(1)).await.unwrap();

        allow(folder.path(), 0o500);
        check_refused(&mut store, &path, "Permission denied (os error 13)").await;
        allow(folder.path(), 0o700);
        check_saves_again(store, &path).await;

        allow(&path, 0o000);
        assert_eq!(
            told(&open(&path).unwrap_err()),
            format!(
                "`{}` cannot be read: Permission denied (os error 13)",
                path.display()
            )
        );
    });
}

/// Runs a test on a thread that has to respect the modes of files, as root's threads do not.
fn as_a_user(test: impl Future<Output = ()> + Send + 'static) {
    let user = thread::spawn(|| {
        let mut sets = capabilities(None).unwrap();
        sets.effective
            .remove(CapabilitySet::DAC_OVERRIDE | CapabilitySet::DAC_READ_SEARCH);
        set_capabilities(None, sets).unwrap();
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        runtime.unwrap().block_on(test);
    });
    user.join().unwrap();
}

fn allow(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// A save fails, says why, and leaves the file as it was.
async fn check_refused(store: &mut Store, path: &Path, why: &str) {
    let before = fs::read(path).unwrap();
    for _ in 0..2 {
        assert_eq!(
            told(&store.save(&state(49)).await.unwrap_err()),
            format!("`{}.tmp` cannot be written: {why}", path.display())
        );
        assert_eq!(fs::read(path).unwrap(), before);
    }
}

async fn check_saves_again(mut store: Store, path: &Path) {
    assert_eq!(store.save(&state(49)).await.unwrap(), Saved::Written);
    store.close().await.unwrap();
    assert_eq!(number_of(&reads(path).await), 49);
}
