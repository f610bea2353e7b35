//! What was named on the command line -> files to read.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Unreadable;

/// Something to read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Input {
    /// Standard input.
    Stdin,
    /// A file.
    File(Arc<Path>),
}

/// Every input with its size, where that is known, and the files and folders that cannot be read. `-` is standard input,
/// a folder is all files below it in the order of their names, which in Azure's archives is that of time.
///
/// Links to folders are not followed, so there is an end.
pub(crate) fn find(paths: &[PathBuf]) -> (Vec<(Input, Option<u64>)>, Vec<Unreadable>) {
    let (mut inputs, mut unreadable) = (Vec::new(), Vec::new());
    let mut left: Vec<PathBuf> = paths.iter().rev().cloned().collect();
    while let Some(path) = left.pop() {
        if path.as_os_str() == "-" {
            inputs.push((Input::Stdin, None));
            continue;
        }
        let input = Input::File(path.as_path().into());
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_dir() => match entries(&path) {
                Ok(entries) => left.extend(entries.into_iter().rev()),
                Err(error) => unreadable.push(Unreadable::new(&input, error)),
            },
            Ok(metadata) => {
                // A pipe has a size of zero, and its end is not known.
                let size = metadata.is_file().then_some(metadata.len());
                inputs.push((input, size));
            }
            Err(error) => unreadable.push(Unreadable::new(&input, error)),
        }
    }
    (inputs, unreadable)
}

/// Regular files and folders, sorted.
fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        let kind = entry.file_type()?;
        // A broken link is kept, so that it is reported.
        if kind.is_file() || kind.is_dir() || (kind.is_symlink() && !path.is_dir()) {
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
