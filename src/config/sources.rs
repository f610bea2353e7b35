//! Where configuration comes from, as values; and the one edge where they are read from the process and the disk.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::fault::ConfigError;

/// All that configures the program. It has no `Debug`: flags and variables may be secrets.
#[derive(Clone, Default)]
pub struct Sources {
    /// The YAML file, if there is one.
    pub file: Option<File>,
    /// Names and values of variables; unrelated ones are ignored. See [`environment`].
    pub environment: Vec<(String, String)>,
    /// What the command line sets.
    pub flags: Vec<Flag>,
}

/// A YAML file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum File {
    /// On disk.
    Path(PathBuf),
    /// In the program.
    Embedded {
        /// Its name in a fault.
        name: &'static str,
        /// Its content.
        text: &'static str,
    },
}

/// A key that the command line sets.
#[derive(Clone)]
pub struct Flag {
    /// The name of the key.
    pub key: &'static str,
    /// Its value; lists have commas.
    pub value: String,
    /// Its name in a fault: `--listen`.
    pub flag: &'static str,
}

/// The file that the `demo` command runs on. Its connection string comes by flag, since the port of the local hub is
/// known only when it listens.
#[cfg(feature = "demo")]
pub(crate) const DEMO: File = File::Embedded {
    name: "config/demo.yaml",
    text: include_str!("../../config/demo.yaml"),
};

/// The variables of the process, in the order of their names, so that faults come in the same order every time. A value
/// that is not Unicode is read with replacement characters.
pub(crate) fn environment() -> Vec<(String, String)> {
    let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
    let mut variables: Vec<_> = std::env::vars_os()
        .map(|(name, value)| (text(name), text(value)))
        .collect();
    variables.sort();
    variables
}

impl File {
    /// Its name in a fault, and its text, which may contain a secret.
    pub(super) fn read(&self) -> Result<(String, Zeroizing<String>), ConfigError> {
        match self {
            Self::Path(path) => match read(path) {
                Ok(text) => Ok((format!("file {}", path.display()), text)),
                Err(source) => Err(ConfigError::Unreadable {
                    path: path.clone(),
                    source,
                }),
            },
            Self::Embedded { name, text } => Ok((
                format!("built-in {name}"),
                Zeroizing::new((*text).to_owned()),
            )),
        }
    }
}

/// A configuration has a few kilobytes; with this limit a wrong path cannot fill the memory.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// The text of a file, which may contain a secret.
pub(super) fn read(path: &Path) -> io::Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    let file = fs::File::open(path)?;
    file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text)?;
    if u64::try_from(text.len()).is_ok_and(|bytes| bytes <= FILE_BYTES_MAX) {
        return Ok(text);
    }
    let problem = "it is larger than 1 MiB";
    Err(io::Error::new(io::ErrorKind::FileTooLarge, problem))
}
