//! What was named on the command line -> files to read.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Deeper than any archive: Azure's has about fifteen folders above a file.
const DEPTH_MAX: usize = 64;

/// Something to read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Input {
    /// Standard input.
    Stdin,
    /// A file.
    File(Arc<Path>),
}

/// A file or folder that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read `{}`", path.display())]
pub(crate) struct Unreadable {
    /// Which.
    pub path: PathBuf,
    /// What the system said.
    #[source]
    pub source: io::Error,
}

/// Every input with its size, where that is known, and what could not be looked into. `-` is standard input, a folder
/// is all files below it in the order of their names, which in Azure's archives is that of time.
///
/// Links to folders are not followed, so there is an end.
pub(crate) fn find(paths: &[PathBuf]) -> (Vec<(Input, Option<u64>)>, Vec<Unreadable>) {
    let mut found = (Vec::new(), Vec::new());
    for path in paths {
        if path.as_os_str() == "-" {
            found.0.push((Input::Stdin, None));
        } else {
            find_below(path, 0, &mut found);
        }
    }
    found
}

fn find_below(path: &Path, depth: usize, found: &mut (Vec<(Input, Option<u64>)>, Vec<Unreadable>)) {
    let unreadable = |source| Unreadable {
        path: path.to_owned(),
        source,
    };
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(source) => return found.1.push(unreadable(source)),
    };
    if !metadata.is_dir() {
        // A pipe has a size of zero and no end that could be told.
        let size = metadata.is_file().then_some(metadata.len());
        return found.0.push((Input::File(path.into()), size));
    }
    if depth == DEPTH_MAX {
        let source = io::Error::other(format!("more than {DEPTH_MAX} folders deep"));
        return found.1.push(unreadable(source));
    }
    match entries(path) {
        Ok(entries) => {
            for entry in entries {
                find_below(&entry, depth + 1, found);
            }
        }
        Err(source) => found.1.push(unreadable(source)),
    }
}

/// Regular files and folders, sorted.
fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        let kind = entry.file_type()?;
        // A broken link is kept, so that it is told of.
        let is_link_to_folder = kind.is_symlink() && path.is_dir();
        if kind.is_file() || kind.is_dir() || (kind.is_symlink() && !is_link_to_folder) {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdin => f.write_str("-"),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_walked_in_order_and_links_do_not_lead_in_circles() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for hour in ["h=13/m=00", "h=12/m=00"] {
            fs::create_dir_all(root.join(hour)).unwrap();
            fs::write(root.join(hour).join("PT1H.json"), "{}").unwrap();
        }
        std::os::unix::fs::symlink(root, root.join("h=12/again")).unwrap();
        let (inputs, unreadable) = find(&[root.to_owned(), "-".into(), root.join("absent")]);
        let shown: Vec<_> = inputs
            .iter()
            .map(|(input, size)| (input.to_string().replace(root.to_str().unwrap(), ""), *size))
            .collect();
        assert_eq!(
            shown,
            [
                ("/h=12/m=00/PT1H.json".to_owned(), Some(2)),
                ("/h=13/m=00/PT1H.json".to_owned(), Some(2)),
                ("-".to_owned(), None)
            ]
        );
        assert_eq!(unreadable.len(), 1);
    }
}
