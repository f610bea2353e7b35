//! Where a container is and how to authenticate to it: from its URL, or from a connection string as the portal shows it.
//!
//! Both are parsed here: `object_store` takes no connection string, prints the key of what it takes for a URL, and drops a
//! SAS. No error repeats a value: any part of a mangled text may be the key.

mod account;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::{Path, PathBuf};

use azure_core::http::Url;

use crate::identity::Secret;
use crate::identity::clear_text::is_loopback;
use crate::identity::connection_string::{InvalidPairs, UnusableFile, read_file};

/// A container in Blob Storage, and how to authenticate to it.
#[derive(Clone, PartialEq, Eq)]
pub struct Settings {
    /// Without a query.
    url: Url,
    pub(super) account: String,
    pub(super) access: Access,
}

/// How to authenticate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Access {
    /// The account's key, in base64.
    SharedKey(Secret),
    /// A shared access signature: the query of a URL.
    Sas(Secret),
    /// Either of them, from the connection string in this file, which is read again for each request.
    File(PathBuf),
    /// Tokens of Microsoft Entra ID, which the caller of [`Container::open`](super::Container::open) provides.
    Tokens,
}

impl Settings {
    /// Reads the URL of a container, which may have a SAS as its query; without one the container needs tokens.
    ///
    /// # Errors
    ///
    /// It is not the URL of a container, has a query that is not a SAS, or is http where it must not be.
    pub fn of_container_url(text: &str) -> Result<Self, InvalidContainer> {
        let mut url = account::endpoint_url(text).ok_or(InvalidContainer::Url)?;
        let access = match url.query() {
            None | Some("") => Access::Tokens,
            Some(query) => Access::Sas(account::checked_sas(query)?),
        };
        url.set_query(None);
        let mut path = account::path_of(&url);
        let container = path.pop().ok_or(InvalidContainer::Url)?;
        let account = account::account_of(&url, &path).ok_or(InvalidContainer::Url)?;
        url.set_path(&path.join("/"));
        Self::new(url, account, &container, access)
    }

    /// Reads a connection string from a file, which is then read again for each request: a key is rotated by replacing
    /// the file.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or holds something else.
    pub fn of_connection_string_file(path: &Path, container: &str) -> Result<Self, UnusableFile> {
        let now = read_file(path, |text| Self::of_connection_string(text, container))?;
        Ok(Self {
            access: Access::File(path.to_owned()),
            ..now
        })
    }

    /// Whether it needs tokens, so that [`Container::open`](super::Container::open) needs a credential.
    pub fn wants_tokens(&self) -> bool {
        self.access == Access::Tokens
    }

    /// Whether anything is sent to another machine without TLS.
    pub(super) fn is_in_the_clear(&self) -> bool {
        self.url.scheme() == "http" && !is_loopback(self.url.host_str().unwrap_or_default())
    }

    /// Its URL, without key or signature.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Its name.
    pub fn container(&self) -> &str {
        self.url.path().rsplit('/').next().unwrap_or_default()
    }

    /// Its address, for errors: the host, with its port if it has one of its own.
    pub(super) fn host(&self) -> &str {
        self.url.authority()
    }

    /// The key or SAS that the file at this path holds now.
    pub(super) fn current(&self, path: &Path) -> Result<Access, UnusableFile> {
        let now = read_file(path, |text| {
            Self::of_connection_string(text, self.container())
        })?;
        if now.url == self.url {
            Ok(now.access)
        } else {
            Err(UnusableFile::Elsewhere {
                what: "container",
                name: now.url.into(),
            })
        }
    }

    /// `endpoint` is the account's, without the container.
    fn new(
        mut endpoint: Url,
        account: String,
        container: &str,
        access: Access,
    ) -> Result<Self, InvalidContainer> {
        let container = container_name(container)?;
        endpoint
            .path_segments_mut()
            .map_err(|()| InvalidContainer::Url)?
            .pop_if_empty()
            .push(container);
        let settings = Self {
            url: endpoint,
            account,
            access,
        };
        let is_public = settings.access == Access::SharedKey(account::EMULATOR_KEY.into());
        if settings.is_in_the_clear() && !is_public {
            return Err(InvalidContainer::Http);
        }
        if settings.url.scheme() == "http" && settings.access == Access::Tokens {
            return Err(InvalidContainer::TokensOverHttp);
        }
        Ok(settings)
    }
}

/// With the URL as one reads it.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("url", &self.url.as_str())
            .field("account", &self.account)
            .field("access", &self.access)
            .finish()
    }
}

/// Checks the name of a container, by the rules of "Naming and referencing containers, blobs, and metadata".
///
/// # Errors
///
/// Azure does not allow a container to have this name.
pub(crate) fn container_name(text: &str) -> Result<&str, InvalidContainer> {
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_name = (3..=63).contains(&text.len())
        && text.bytes().all(|byte| is_letter(byte) || byte == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
        && !text.contains("--");
    if is_name {
        Ok(text)
    } else {
        Err(InvalidContainer::Name)
    }
}

/// Why a text does not lead to a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidContainer {
    /// Not the URL of a container.
    #[error(
        "must be the URL of a container, for example `https://ACCOUNT.blob.core.windows.net/CONTAINER`"
    )]
    Url,
    /// Not the name of a container.
    #[error(
        "must name a container: 3 to 63 lower case letters, digits and `-`, with a letter or digit at both ends and no two `-` together"
    )]
    Name,
    /// Over http to another machine, with a secret.
    #[error(
        "must be https: http is for an emulator only, on this machine, or elsewhere by a connection string with the public key of `devstoreaccount1`"
    )]
    Http,
    /// A token over http.
    #[error("must be https, or have a SAS: no token is sent over http")]
    TokensOverHttp,
    /// A query that is not a SAS.
    #[error("must have a SAS as its query, or no query: this one has no `sig`")]
    NoSignature,
    /// A SAS with too few rights.
    #[error(
        "must have a SAS for the container and its blobs that allows to read, write, delete and list: `sr=c` (or `ss=b`, `srt=co`) and `sp=rwdl`"
    )]
    Rights,
    /// It does not consist of the right pairs.
    #[error(transparent)]
    Pairs(#[from] InvalidPairs),
    /// A key that must be there.
    #[error(
        "has no `{0}`: copy the whole `DefaultEndpointsProtocol=https;AccountName=...;AccountKey=...`"
    )]
    Missing(&'static str),
    /// The endpoint is not a URL.
    #[error(
        "must lead to the account: its `BlobEndpoint`, or `AccountName` and `EndpointSuffix`, do not make a URL such as `https://ACCOUNT.blob.core.windows.net`"
    )]
    Endpoint,
    /// The key is incomplete, or something else.
    #[error("has an `AccountKey` that is not base64: copy the whole key")]
    Key,
    /// A key and a signature.
    #[error("has an `AccountKey` and a `SharedAccessSignature`: keep one of the two")]
    KeyAndSignature,
}
