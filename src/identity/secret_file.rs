//! Reads small files that contain secrets. A secret is rotated by replacing its file. So the exporter reads the file again each
//! time that it needs the content, and does not keep the content.

use std::fs;
use std::io::{self, Read as _};
use std::path::Path;

use azure_core::error::{ErrorKind, ResultExt as _};

/// A certificate with its chain and key has some kilobytes. The limit keeps a wrong path from filling the memory.
const BYTES_MAX: u64 = 256 * 1024;

/// The text of a file, without the white space around it: editors and `echo` end a file with a line feed.
pub(crate) fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    // This blocks, but only briefly: such files are small, and on a local disk.
    let bytes = fs::File::open(path)?
        .take(BYTES_MAX + 1)
        .read_to_string(&mut text)?;
    if u64::try_from(bytes).is_ok_and(|bytes| bytes > BYTES_MAX) {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            "is too large to be a secret",
        ));
    }
    let text = text.trim();
    if text.is_empty() {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "is empty"));
    }
    Ok(text.to_owned())
}

/// The same for a credential. The error names the file.
pub(super) fn read_for_credential(path: &Path) -> azure_core::Result<String> {
    read(path).with_context_fn(ErrorKind::Credential, || {
        format!("file `{}` cannot be read", path.display())
    })
}
