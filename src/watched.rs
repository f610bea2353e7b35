//! Files that are followed: whether one of them has changed. A link to another file is a change too, which is how Kubernetes
//! replaces what it mounts.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::Duration;

use tokio::time::sleep;

/// How often they are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What changes of a file when its content or its permissions do. None if it is not there.
type Version = Option<(i64, i64, u64)>;

/// Files, and how they were when they were last read.
#[derive(Debug)]
pub(crate) struct Watched {
    files: Vec<PathBuf>,
    read: Vec<Version>,
    /// At the last look.
    seen: Vec<Version>,
}

impl Watched {
    /// Files as they are now.
    pub(crate) fn new(files: Vec<PathBuf>) -> Self {
        let now = versions(&files);
        Self {
            files,
            read: now.clone(),
            seen: now,
        }
    }

    /// The files.
    pub(crate) fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// Waits until a file has changed, and is no longer being written. What changes after this returns is another change.
    pub(crate) async fn changed(&mut self) {
        loop {
            sleep(LOOK_EVERY).await;
            let now = versions(&self.files);
            let is_settled = now == self.seen;
            self.seen = now;
            if is_settled && self.seen != self.read {
                self.read.clone_from(&self.seen);
                return;
            }
        }
    }
}

fn versions(files: &[PathBuf]) -> Vec<Version> {
    let version = |file: &PathBuf| {
        let file = fs::metadata(file).ok()?;
        Some((file.ctime(), file.ctime_nsec(), file.ino()))
    };
    files.iter().map(version).collect()
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use tokio::time::timeout;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_change_and_a_link_to_another_file_are_each_seen_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for version in ["one", "two"] {
            fs::create_dir(path(version)).unwrap();
            fs::write(path(version).join("exporter.yaml"), "log: {level: info}").unwrap();
        }
        // As the kubelet mounts a ConfigMap.
        symlink("one", path("..data")).unwrap();
        symlink("..data/exporter.yaml", path("exporter.yaml")).unwrap();
        let mut watched = Watched::new(vec![path("exporter.yaml")]);
        let long = Duration::from_mins(1);
        assert!(timeout(long, watched.changed()).await.is_err());
        symlink("two", path("..new")).unwrap();
        fs::rename(path("..new"), path("..data")).unwrap();
        assert!(timeout(long, watched.changed()).await.is_ok());
        assert!(timeout(long, watched.changed()).await.is_err());
        fs::write(path("exporter.yaml"), "log: {level: debug}").unwrap();
        assert!(timeout(long, watched.changed()).await.is_ok());
        assert!(timeout(long, watched.changed()).await.is_err());
        fs::set_permissions(path("exporter.yaml"), Permissions::from_mode(0o600)).unwrap();
        assert!(timeout(long, watched.changed()).await.is_ok());
    }
}
