//! Where a container is, and what lets us in: from its URL, or from a connection string as the portal shows it.
//!
//! We parse both ourselves: `object_store` takes no connection string, prints the key of what it takes for a URL, and
//! drops a SAS. No error repeats a value: any part of a mangled text may be the key.

#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use azure_core::credentials::Secret;
use azure_core::http::Url;
use object_store::azure::{AzureAccessKey, split_sas};

use crate::secret_file;

/// A container in Blob Storage, and how it is entered.
#[derive(Clone, PartialEq, Eq)]
pub struct Settings {
    /// Without a query.
    url: Url,
    account: String,
    access: Access,
}

/// What lets us in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Access {
    /// The account's key, in base64.
    SharedKey(Secret),
    /// A shared access signature: the query of a URL.
    Sas(Secret),
    /// Either of them, from the connection string in this file, which is read anew for each request.
    File(PathBuf),
    /// Tokens of Microsoft Entra ID, which whoever opens the container brings.
    Tokens,
}

impl Settings {
    /// Reads the URL of a container, which may have a SAS as its query; without one the container wants tokens.
    ///
    /// # Errors
    ///
    /// It is none, has a query that is no SAS, or is http where it must not be.
    pub fn of_container_url(text: &str) -> Result<Self, InvalidContainer> {
        let mut url = endpoint_url(text).ok_or(InvalidContainer::Url)?;
        let access = match url.query() {
            None | Some("") => Access::Tokens,
            Some(query) => Access::Sas(checked_sas(query)?),
        };
        url.set_query(None);
        let mut parts = path_parts(&url);
        let container = parts.pop().ok_or(InvalidContainer::Url)?;
        let account = account_of(&url, &parts).ok_or(InvalidContainer::Url)?;
        url.set_path(&parts.join("/"));
        Self::new(url, account, &container, access)
    }

    /// Reads a connection string, which leads to an account and holds its key or a SAS.
    ///
    /// # Errors
    ///
    /// It lacks a part, or a part is not what it should be; or the container's name is none.
    pub fn of_connection_string(text: &str, container: &str) -> Result<Self, InvalidContainer> {
        let Account {
            endpoint,
            name,
            access,
        } = Account::read(text)?;
        Self::new(endpoint, name, container, access)
    }

    /// Reads a connection string from a file, which is then read again for each request: whoever rotates a key replaces
    /// the file.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or holds something else.
    pub fn of_connection_string_file(path: &Path, container: &str) -> Result<Self, UnusableFile> {
        let now = Self::of_connection_string(&secret_file::read(path)?, container)?;
        Ok(Self {
            access: Access::File(path.to_owned()),
            ..now
        })
    }

    /// Whether it is entered with tokens, so that [`Container::open`](super::Container::open) needs a credential.
    pub fn wants_tokens(&self) -> bool {
        self.access == Access::Tokens
    }

    /// Its URL, without what lets us in.
    pub fn url(&self) -> &str {
        self.url.as_str()
    }

    /// Its name.
    pub fn container(&self) -> &str {
        self.url
            .path_segments()
            .and_then(|mut parts| parts.next_back())
            .unwrap_or_default()
    }

    /// Where it is, for errors: the host, with its port if it has one of its own.
    pub(super) fn host(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        match self.url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }
    }

    pub(super) fn account(&self) -> &str {
        &self.account
    }

    pub(super) fn access(&self) -> &Access {
        &self.access
    }

    /// Its URL, for a request to add to.
    pub(super) fn container_url(&self) -> Url {
        self.url.clone()
    }

    /// What lets us in now, where it is in this file.
    pub(super) fn current(&self, path: &Path) -> Result<Access, UnusableFile> {
        let now = Self::of_connection_string(&secret_file::read(path)?, self.container())?;
        if now.url == self.url {
            Ok(now.access)
        } else {
            Err(UnusableFile::OtherContainer(now.url.into()))
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
        if endpoint.scheme() == "http" {
            if !is_loopback(&endpoint) && account != EMULATOR_ACCOUNT {
                return Err(InvalidContainer::Http);
            }
            if access == Access::Tokens {
                return Err(InvalidContainer::TokensOverHttp);
            }
        }
        endpoint
            .path_segments_mut()
            .map_err(|()| InvalidContainer::Url)?
            .pop_if_empty()
            .push(container);
        Ok(Self {
            url: endpoint,
            account,
            access,
        })
    }
}

/// Checks the name of a container, by the rules of "Naming and referencing containers, blobs, and metadata".
///
/// # Errors
///
/// Azure would not have let a container be named so.
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

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("url", &self.url())
            .field("account", &self.account)
            .field("access", &self.access)
            .finish()
    }
}

/// What a connection string says.
struct Account {
    endpoint: Url,
    name: String,
    access: Access,
}

impl Account {
    fn read(text: &str) -> Result<Self, InvalidContainer> {
        let parts = Parts::split(text)?;
        let is_emulator = parts
            .development
            .is_some_and(|flag| flag.eq_ignore_ascii_case("true"));
        let endpoint = match (parts.endpoint, parts.account) {
            (Some(endpoint), _) => endpoint_url(endpoint).ok_or(InvalidContainer::Endpoint)?,
            (None, _) if is_emulator => {
                endpoint_url(EMULATOR_ENDPOINT).ok_or(InvalidContainer::Endpoint)?
            }
            (None, Some(account)) => {
                let protocol = parts.protocol.unwrap_or("https");
                let suffix = parts.suffix.unwrap_or(PUBLIC_SUFFIX);
                endpoint_url(&format!("{protocol}://{account}.blob.{suffix}"))
                    .ok_or(InvalidContainer::Endpoint)?
            }
            (None, None) => return Err(InvalidContainer::Missing("AccountName")),
        };
        let path = path_parts(&endpoint);
        if endpoint.query().is_some() || path.len() > 1 {
            return Err(InvalidContainer::Endpoint);
        }
        let name = match parts.account {
            Some(name) if is_account(name) => name.to_owned(),
            Some(_) => return Err(InvalidContainer::Endpoint),
            // The host may be of a domain of one's own.
            None => account_of(&endpoint, &path).ok_or(InvalidContainer::Missing("AccountName"))?,
        };
        let access = match (parts.key, parts.signature) {
            (Some(_), Some(_)) => return Err(InvalidContainer::KeyAndSignature),
            (Some(key), None) => Access::SharedKey(checked_key(key)?),
            (None, Some(signature)) => Access::Sas(checked_sas(signature)?),
            (None, None) if name == EMULATOR_ACCOUNT => Access::SharedKey(EMULATOR_KEY.into()),
            (None, None) => return Err(InvalidContainer::Missing("AccountKey")),
        };
        Ok(Self {
            endpoint,
            name,
            access,
        })
    }
}

/// The parts of a connection string; those that are not of Blob Storage are passed over.
#[derive(Default)]
struct Parts<'a> {
    account: Option<&'a str>,
    key: Option<&'a str>,
    signature: Option<&'a str>,
    endpoint: Option<&'a str>,
    protocol: Option<&'a str>,
    suffix: Option<&'a str>,
    development: Option<&'a str>,
}

impl<'a> Parts<'a> {
    fn split(text: &'a str) -> Result<Self, InvalidContainer> {
        let text = text.trim();
        if text.starts_with(['"', '\'']) {
            return Err(InvalidContainer::Quoted);
        }
        let mut parts = Self::default();
        for (index, part) in text.split(';').enumerate() {
            if part.trim().is_empty() {
                continue;
            }
            let (key, value) = part
                .split_once('=')
                .ok_or(InvalidContainer::Pair(index + 1))?;
            let slot = match key.trim().to_ascii_lowercase().as_str() {
                "accountname" => &mut parts.account,
                "accountkey" => &mut parts.key,
                "sharedaccesssignature" => &mut parts.signature,
                "blobendpoint" => &mut parts.endpoint,
                "defaultendpointsprotocol" => &mut parts.protocol,
                "endpointsuffix" => &mut parts.suffix,
                "usedevelopmentstorage" => &mut parts.development,
                _ => continue,
            };
            *slot = Some(value.trim());
        }
        Ok(parts)
    }
}

/// Why a text leads to no container.
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
    /// Over http, where anybody could read it.
    #[error(
        "must be https: http is for an emulator only, on this machine or with the account `devstoreaccount1`"
    )]
    Http,
    /// A token over http, which nobody sends.
    #[error("must be https, or have a SAS: no token is sent over http")]
    TokensOverHttp,
    /// A query that signs nothing.
    #[error("must have a SAS as its query, or no query: this one has no `sig`")]
    NoSignature,
    /// A SAS that is for less than is needed.
    #[error(
        "must have a SAS for the container and its blobs that allows to read, write, delete and list: `sr=c` (or `ss=b`, `srt=co`) and `sp=rwdl`"
    )]
    Rights,
    /// Wrapped in quotes, as an env file that is not read by a shell leaves it.
    #[error("starts with a quote: write it without quotes around it")]
    Quoted,
    /// A part without `=`.
    #[error("must be `Key=Value` pairs with `;` between them: part {0} has no `=`")]
    Pair(usize),
    /// A part that is not there.
    #[error(
        "has no `{0}`: copy the whole `DefaultEndpointsProtocol=https;AccountName=...;AccountKey=...`"
    )]
    Missing(&'static str),
    /// The endpoint is no URL.
    #[error(
        "must lead to the account: its `BlobEndpoint`, or `AccountName` and `EndpointSuffix`, make no URL such as `https://ACCOUNT.blob.core.windows.net`"
    )]
    Endpoint,
    /// The key is cut off, or something else.
    #[error("has an `AccountKey` that is not base64: copy the whole key")]
    Key,
    /// Two ways in.
    #[error("has an `AccountKey` and a `SharedAccessSignature`: keep one of the two")]
    KeyAndSignature,
}

/// Why a file leads to no container. The path is not repeated: whoever shows it has it.
#[derive(Debug, thiserror::Error)]
pub enum UnusableFile {
    /// The system does not give it to us.
    #[error("cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    /// It holds something else.
    #[error("its content {0}")]
    Malformed(#[from] InvalidContainer),
    /// It is for another account than it was at the start.
    #[error("its content leads to another container, `{0}`: restart the exporter to use that")]
    OtherContainer(String),
}

/// The account of every emulator, with its address and its key, which everybody knows.
const EMULATOR_ACCOUNT: &str = "devstoreaccount1";
const EMULATOR_ENDPOINT: &str = "http://127.0.0.1:10000/devstoreaccount1";
const EMULATOR_KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// Other clouds have others, and their connection strings say so.
const PUBLIC_SUFFIX: &str = "core.windows.net";

/// A URL that a request could go to.
fn endpoint_url(text: &str) -> Option<Url> {
    let url = Url::parse(text.trim()).ok()?;
    let is_plain = ["http", "https"].contains(&url.scheme())
        && url.host_str().is_some_and(|host| !host.is_empty())
        && url.username().is_empty()
        && url.password().is_none()
        && url.fragment().is_none();
    is_plain.then_some(url)
}

fn path_parts(url: &Url) -> Vec<String> {
    let parts = url.path_segments().into_iter().flatten();
    parts
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect()
}

/// The account that an endpoint belongs to: the first label of its host; or, where hosts are no accounts, as with an
/// emulator's, the one part of its path.
fn account_of(endpoint: &Url, path: &[String]) -> Option<String> {
    let host = endpoint.host_str()?;
    let account = match path {
        [] if is_name(host) => host.split('.').next()?,
        [account] if !host.contains(".blob.") => account,
        _ => return None,
    };
    is_account(account).then(|| account.to_owned())
}

/// Azure has names of lower case letters and digits; a secondary endpoint and a domain of one's own have a little more.
fn is_account(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Whether a host has an account in it: `localhost` and addresses do not.
fn is_name(host: &str) -> bool {
    host.contains('.') && !host.starts_with('[') && host.parse::<std::net::Ipv4Addr>().is_err()
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || address
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

fn checked_key(key: &str) -> Result<Secret, InvalidContainer> {
    AzureAccessKey::try_new(key).map_err(|_| InvalidContainer::Key)?;
    Ok(Secret::new(key.to_owned()))
}

/// A SAS that can be told to be too little is a fault at the start, and not a refusal later. One that refers to a policy
/// of the container does not say what it allows.
fn checked_sas(text: &str) -> Result<Secret, InvalidContainer> {
    let text = text.trim_start_matches('?');
    let pairs = split_sas(text).map_err(|_| InvalidContainer::NoSignature)?;
    let value = |key: &str| {
        let pair = pairs.iter().find(|(name, _)| name == key);
        pair.map(|(_, value)| value.as_str())
    };
    if value("sig").is_none_or(str::is_empty) {
        return Err(InvalidContainer::NoSignature);
    }
    let holds = |key: &str, wanted: &str| {
        value(key).is_none_or(|value| wanted.chars().all(|letter| value.contains(letter)))
    };
    if holds("sr", "c") && holds("ss", "b") && holds("srt", "co") && holds("sp", "rwdl") {
        Ok(Secret::new(text.to_owned()))
    } else {
        Err(InvalidContainer::Rights)
    }
}
