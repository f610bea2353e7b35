//! Reads small files that contain secrets. A secret is rotated by replacing its file. So the exporter reads the file again each
//! time that it needs the content, and does not keep the content.

use std::fs;
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use azure_core::error::{ErrorKind, ResultExt as _};
use zeroize::Zeroizing;

use super::Secret;

/// A certificate with its chain and key has some kilobytes. The limit keeps a wrong path from filling the memory.
const BYTES_MAX: u64 = 256 * 1024;

/// The text of a file, without the white space around it: editors and `echo` end a file with a line feed.
pub(crate) fn read(path: &Path) -> io::Result<Secret> {
    // This blocks, but only briefly: such files are small, and on a local disk.
    let file = fs::File::open(path)?;
    let length = file.metadata()?.len().min(BYTES_MAX);
    // With room for all of it from the start: a text that grows leaves copies behind.
    let mut text = Zeroizing::new(String::with_capacity(
        usize::try_from(length).unwrap_or_default() + 1,
    ));
    file.take(BYTES_MAX + 1).read_to_string(&mut text)?;
    if u64::try_from(text.len()).is_ok_and(|bytes| bytes > BYTES_MAX) {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            "is too large to be a secret",
        ));
    }
    let text = text.trim();
    if text.is_empty() {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "is empty"));
    }
    Ok(Secret::new(text))
}

/// The same for a credential. The error names the file.
pub(super) fn read_for_credential(path: &Path) -> azure_core::Result<Secret> {
    read(path).with_context_fn(ErrorKind::Credential, || {
        format!("file `{}` cannot be read", path.display())
    })
}

/// Whether every user of the machine can read a file: by its mode, and those of the directories above it. A group may read
/// it, since that is how a file is given to a service. In a volume of Kubernetes, the mode is 0644 by default and protects
/// from nobody: only the container has the volume, and on the node only root can enter its directory.
pub(crate) fn is_open_to_others(path: &Path) -> bool {
    const OTHERS_READ: u32 = 0o004;
    const OTHERS_ENTER: u32 = 0o001;
    let allows = |path: &Path, right| {
        fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & right != 0)
    };
    // Kubernetes replaces all files of such a volume at once, by this link.
    let is_in_volume = path.with_file_name("..data").is_symlink();
    let Ok(whole) = path.canonicalize() else {
        return false;
    };
    !is_in_volume
        && allows(&whole, OTHERS_READ)
        && whole
            .ancestors()
            .skip(1)
            .all(|above| allows(above, OTHERS_ENTER))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_file_is_open_if_others_can_read_it_and_enter_the_directories_above_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        fs::write(&path, "c2VjcmV0").unwrap();
        let check = |folder_mode, file_mode, expected| {
            for (path, mode) in [(folder.path(), folder_mode), (path.as_path(), file_mode)] {
                fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
            }
            let is_open = is_open_to_others(&path);
            assert_eq!(is_open, expected, "{folder_mode:o} {file_mode:o}");
        };
        check(0o755, 0o644, true);
        check(0o755, 0o604, true);
        check(0o755, 0o640, false);
        check(0o755, 0o600, false);
        check(0o700, 0o644, false);
        assert!(!is_open_to_others(&folder.path().join("none")));
    }

    #[test]
    fn a_volume_of_kubernetes_is_not_open() {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let in_folder = |name| folder.path().join(name);
        fs::create_dir(in_folder("..2026")).unwrap();
        fs::write(in_folder("..2026/secret"), "c2VjcmV0").unwrap();
        symlink("..2026", in_folder("..data")).unwrap();
        symlink("..data/secret", in_folder("secret")).unwrap();
        assert!(!is_open_to_others(&in_folder("secret")));
    }
}
