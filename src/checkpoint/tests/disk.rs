//! Disks that refuse. Each test runs again in namespaces of its own, where it may mount what it likes and nobody else
//! sees it; that needs `unshare` and `mount`, and a system that lets its user make user namespaces.

use std::process::Stdio;

use super::*;

#[tokio::test]
async fn a_full_disk_is_an_error_and_the_next_save_tries_again() {
    let test = "disk::a_full_disk_is_an_error_and_the_next_save_tries_again";
    let Some(path) = inside(test, &["unshare", "--user", "--map-root-user", "--mount"]) else {
        return;
    };
    let folder = path.parent().unwrap();
    mount(&["-t", "tmpfs", "-o", "size=64k", "tmpfs"], folder);
    let (mut store, _) = open(&path).unwrap();
    store.save(&state(1)).await.unwrap();

    let ballast = folder.join("ballast");
    // It ends with the room.
    fs::write(&ballast, vec![0; 1 << 20]).unwrap_err();
    check_refused(
        &mut store,
        &path,
        ".tmp",
        "No space left on device (os error 28)",
    )
    .await;

    fs::remove_file(&ballast).unwrap();
    check_saves_again(store, &path).await;
}

#[tokio::test]
async fn a_disk_that_becomes_read_only_is_an_error_and_the_next_save_tries_again() {
    let test = "disk::a_disk_that_becomes_read_only_is_an_error_and_the_next_save_tries_again";
    let Some(path) = inside(test, &["unshare", "--user", "--map-root-user", "--mount"]) else {
        return;
    };
    let folder = path.parent().unwrap();
    let (mut store, _) = open(&path).unwrap();
    store.save(&state(1)).await.unwrap();

    mount(&["--bind", folder.to_str().unwrap()], folder);
    mount(&["-o", "remount,bind,ro"], folder);
    check_refused(
        &mut store,
        &path,
        ".tmp",
        "Read-only file system (os error 30)",
    )
    .await;
    let locked = told(&open(&path).unwrap_err());
    assert_eq!(
        locked,
        format!(
            "`{}.lock` cannot be locked: Read-only file system (os error 30)",
            path.display()
        )
    );

    run("umount", &[folder.to_str().unwrap()]);
    check_saves_again(store, &path).await;
}

#[tokio::test]
async fn a_folder_without_permission_is_an_error_and_the_next_save_tries_again() {
    let test = "disk::a_folder_without_permission_is_an_error_and_the_next_save_tries_again";
    // In a user namespace where it is nobody, not even root may pass over modes.
    let Some(path) = inside(test, &["unshare", "--user"]) else {
        return;
    };
    let folder = path.parent().unwrap();
    let (mut store, _) = open(&path).unwrap();
    store.save(&state(1)).await.unwrap();

    let allow = |mode| fs::set_permissions(folder, fs::Permissions::from_mode(mode)).unwrap();
    allow(0o500);
    check_refused(&mut store, &path, ".tmp", "Permission denied (os error 13)").await;
    allow(0o700);
    check_saves_again(store, &path).await;

    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    assert_eq!(
        told(&open(&path).unwrap_err()),
        format!(
            "`{}` cannot be read: Permission denied (os error 13)",
            path.display()
        )
    );
}

/// A save fails, says why, and leaves the file as it was.
async fn check_refused(store: &mut Store, path: &Path, suffix: &str, why: &str) {
    let before = fs::read(path).unwrap();
    for _ in 0..2 {
        let error = told(&store.save(&state(49)).await.unwrap_err());
        assert_eq!(
            error,
            format!("`{}{suffix}` cannot be written: {why}", path.display())
        );
        assert_eq!(fs::read(path).unwrap(), before);
    }
}

async fn check_saves_again(mut store: Store, path: &Path) {
    assert_eq!(store.save(&state(49)).await.unwrap(), Saved::Written);
    store.close().await.unwrap();
    assert_eq!(number_of(&reads(path).await), 49);
}

/// The file, inside the namespaces; outside of them the test is run again inside, and nothing is left to do.
fn inside(test: &str, by: &[&str]) -> Option<PathBuf> {
    if let Some((_, path)) = part() {
        return Some(path);
    }
    let folder = tempfile::tempdir().unwrap();
    let output = again(by, test, "inside", &file_in(&folder))
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("this test needs the program `unshare`: {error}"));
    assert!(
        output.status.success(),
        "the test failed in `{}`, or user namespaces are not allowed here:\n{}{}",
        by.join(" "),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    None
}

fn mount(options: &[&str], folder: &Path) {
    let folder = folder.to_str().unwrap();
    run("mount", &[options, &[folder]].concat());
}

fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("no `{program}`: {error}"));
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}
