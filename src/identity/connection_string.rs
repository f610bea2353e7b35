//! Connection strings: `Key=Value` pairs with `;` between them, as the portal shows them for Event Hubs and for Storage.
//!
//! No error contains a value: any part of a mangled string may be the key.

use std::fmt::Display;
use std::io;
use std::path::Path;

use super::secret_file;

/// The pairs of a connection string, in any order. Pairs that the exporter does not need are ignored, as in every SDK: old
/// portals add `TransportType=Amqp`.
pub(crate) struct Pairs<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Pairs<'a> {
    /// Reads the pairs of a text.
    pub(crate) fn read(text: &'a str) -> Result<Self, InvalidPairs> {
        let text = text.trim();
        if text.starts_with(['"', '\'']) {
            return Err(InvalidPairs::Quoted);
        }
        let parts = text.split(';').map(str::trim).enumerate();
        let pairs = parts.filter(|(_, part)| !part.is_empty());
        let pairs = pairs.map(|(index, part)| {
            // The first `=` only: account keys are base64, and a signature is a query string.
            let (key, value) = part
                .split_once('=')
                .ok_or(InvalidPairs::NoValue(index + 1))?;
            Ok((key.trim(), value.trim()))
        });
        pairs.collect::<Result<_, _>>().map(Self)
    }

    /// The value of a key, in any case, if the key is present.
    pub(crate) fn get(&self, key: &'static str) -> Result<Option<&'a str>, InvalidPairs> {
        let mut found = self
            .0
            .iter()
            .filter(|(known, _)| known.eq_ignore_ascii_case(key));
        match (found.next(), found.next()) {
            (_, Some(_)) => Err(InvalidPairs::Twice(key)),
            (Some((_, "")), None) => Err(InvalidPairs::Empty(key)),
            (pair, None) => Ok(pair.map(|(_, value)| *value)),
        }
    }
}

/// Why a text is not a connection string.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPairs {
    /// The text is in quotes. This happens if no shell has read an env file.
    #[error("starts with a quote: write it without quotes around it")]
    Quoted,
    /// A part has no `=`.
    #[error("must be `Key=Value` pairs with `;` between them: part {0} has no `=`")]
    NoValue(usize),
    /// A key occurs twice.
    #[error("names `{0}` twice: are these two connection strings?")]
    Twice(&'static str),
    /// A key has no value.
    #[error("has no value after `{0}=`")]
    Empty(&'static str),
}

/// Reads the connection string that is in a file now.
pub(crate) fn read_file<T, E: Display>(
    path: &Path,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<T, UnusableFile> {
    let text = secret_file::read(path)?;
    parse(text.secret()).map_err(|error| UnusableFile::Malformed(error.to_string()))
}

/// Why the connection string in a file cannot be used. The caller knows the path, and shows it.
#[derive(Debug, thiserror::Error)]
pub enum UnusableFile {
    /// The system does not read the file.
    #[error("cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    /// The file does not contain a valid connection string.
    #[error("its content {0}")]
    Malformed(String),
    /// The connection string is for another namespace or container than at startup.
    #[error("its content leads to another {what}, `{name}`: restart the exporter to use that one")]
    Elsewhere {
        /// A namespace or a container.
        what: &'static str,
        /// The one in the file.
        name: String,
    },
    /// The connection string turns TLS off, or on, unlike the one at startup.
    #[error(
        "its `UseDevelopmentEmulator`, which turns TLS off, is not as at startup: restart the exporter to change that"
    )]
    OtherTls,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<[Option<&str>; 2], InvalidPairs>) {
        let read =
            Pairs::read(text).and_then(|pairs| Ok([pairs.get("Endpoint")?, pairs.get("Key")?]));
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
