//! Connection strings: `Key=Value` pairs with `;` between them, as the portal shows them for Event Hubs and for Storage.
//!
//! No error repeats a value: any part of a mangled string may be the key.

use std::fmt::Display;
use std::io;
use std::path::Path;

use super::secret_file;

/// The pairs of a connection string whose keys are known.
pub(crate) struct Pairs<'a>(Vec<(&'static str, &'a str)>);

impl<'a> Pairs<'a> {
    /// Reads the pairs with these keys, in any order and letter case. Other keys are ignored, as every SDK does: old
    /// portals add `TransportType=Amqp`.
    pub(crate) fn read(text: &'a str, keys: &[&'static str]) -> Result<Self, InvalidPairs> {
        let text = text.trim();
        if text.starts_with(['"', '\'']) {
            return Err(InvalidPairs::Quoted);
        }
        let mut pairs = Self(Vec::new());
        for (index, pair) in text.split(';').map(str::trim).enumerate() {
            if pair.is_empty() {
                continue;
            }
            // The first `=` only: account keys are base64, and a signature is a query string.
            let (key, value) = pair
                .split_once('=')
                .ok_or(InvalidPairs::NoValue(index + 1))?;
            let (key, value) = (key.trim(), value.trim());
            let Some(known) = keys.iter().find(|known| known.eq_ignore_ascii_case(key)) else {
                continue;
            };
            if value.is_empty() {
                return Err(InvalidPairs::Empty(known));
            }
            if pairs.get(known).is_some() {
                return Err(InvalidPairs::Twice(known));
            }
            pairs.0.push((known, value));
        }
        Ok(pairs)
    }

    /// The value of a key, spelt as it was given to `read`.
    pub(crate) fn get(&self, key: &str) -> Option<&'a str> {
        let found = self.0.iter().find(|(known, _)| *known == key);
        found.map(|(_, value)| *value)
    }
}

/// Why a text is not a connection string.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPairs {
    /// In quotes, as an env file that no shell reads leaves it.
    #[error("starts with a quote: write it without quotes around it")]
    Quoted,
    /// A part without `=`.
    #[error("must be `Key=Value` pairs with `;` between them: part {0} has no `=`")]
    NoValue(usize),
    /// One key, two values.
    #[error("names `{0}` twice: are these two connection strings?")]
    Twice(&'static str),
    /// A key without a value.
    #[error("has no value after `{0}=`")]
    Empty(&'static str),
}

/// Reads the connection string that a file holds now.
pub(crate) fn read_file<T, E: Display>(
    path: &Path,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<T, UnusableFile> {
    let text = secret_file::read(path)?;
    parse(&text).map_err(|error| UnusableFile::Malformed(error.to_string()))
}

/// Why the connection string in a file cannot be used. The caller knows the path, and shows it.
#[derive(Debug, thiserror::Error)]
pub enum UnusableFile {
    /// The system refuses it.
    #[error("cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    /// It holds something else.
    #[error("its content {0}")]
    Malformed(String),
    /// It is for another namespace or container than it was at the start.
    #[error("its content leads to another {what}, `{name}`: restart the exporter to use that one")]
    Elsewhere {
        /// A namespace or a container.
        what: &'static str,
        /// The one in the file.
        name: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [&str; 2] = ["Endpoint", "Key"];

    fn check(text: &str, expected: Result<[Option<&str>; 2], InvalidPairs>) {
        let read = Pairs::read(text, &KEYS).map(|pairs| KEYS.map(|key| pairs.get(key)));
        assert_eq!(read, expected, "{text}");
    }

    #[test]
    fn known_keys_are_read_in_any_case_order_and_spacing_and_others_are_ignored() {
        check("", Ok([None, None]));
        check("Endpoint=sb://a", Ok([Some("sb://a"), None]));
        check(
            " key=c2Vj==;Other=; ENDPOINT = a ;;\n",
            Ok([Some("a"), Some("c2Vj==")]),
        );
    }

    #[test]
    fn quotes_duplicates_and_missing_values_are_faults() {
        check("\"Key=a\"", Err(InvalidPairs::Quoted));
        check("'Key=a'", Err(InvalidPairs::Quoted));
        check("Endpoint=a;c2VjcmV0", Err(InvalidPairs::NoValue(2)));
        check("Key=a;key=a", Err(InvalidPairs::Twice("Key")));
        check("Key= ;Endpoint=a", Err(InvalidPairs::Empty("Key")));
    }
}
