//! The account of a container: its endpoint, its name, and the key or SAS of a connection string.

use azure_core::http::Url;
use object_store::azure::{AzureAccessKey, split_sas};

use super::{Access, InvalidContainer, Settings};
use crate::identity::Secret;
use crate::identity::connection_string::Pairs;

/// The account of every emulator, with its address and its key, which are public.
const EMULATOR: &str = "devstoreaccount1";
const EMULATOR_ENDPOINT: &str = "http://127.0.0.1:10000/devstoreaccount1";
pub(super) const EMULATOR_KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

const ACCOUNT: &str = "AccountName";
const KEY: &str = "AccountKey";
const SIGNATURE: &str = "SharedAccessSignature";
const ENDPOINT: &str = "BlobEndpoint";
const PROTOCOL: &str = "DefaultEndpointsProtocol";
const SUFFIX: &str = "EndpointSuffix";
const DEVELOPMENT: &str = "UseDevelopmentStorage";

impl Settings {
    /// Reads a connection string, which leads to an account and holds its key or a SAS.
    ///
    /// # Errors
    ///
    /// It lacks a pair, or a value is not what it should be; or the container's name is not one.
    pub fn of_connection_string(text: &str, container: &str) -> Result<Self, InvalidContainer> {
        let pairs = Pairs::read(text)?;
        let is_emulator = pairs
            .get(DEVELOPMENT)?
            .is_some_and(|flag| flag.eq_ignore_ascii_case("true"));
        let endpoint = match (pairs.get(ENDPOINT)?, pairs.get(ACCOUNT)?) {
            (Some(endpoint), _) => endpoint.to_owned(),
            (None, _) if is_emulator => EMULATOR_ENDPOINT.to_owned(),
            (None, Some(account)) => {
                let protocol = pairs.get(PROTOCOL)?.unwrap_or("https");
                // Other clouds have other suffixes, and their connection strings contain them.
                let suffix = pairs.get(SUFFIX)?.unwrap_or("core.windows.net");
                format!("{protocol}://{account}.blob.{suffix}")
            }
            (None, None) => return Err(InvalidContainer::Missing(ACCOUNT)),
        };
        let endpoint = endpoint_url(&endpoint).ok_or(InvalidContainer::Endpoint)?;
        let path = path_of(&endpoint);
        if endpoint.query().is_some() || path.len() > 1 {
            return Err(InvalidContainer::Endpoint);
        }
        let account = match pairs.get(ACCOUNT)? {
            Some(account) if is_account(account) => account.to_owned(),
            Some(_) => return Err(InvalidContainer::Endpoint),
            // The host may be in a domain of one's own.
            None => account_of(&endpoint, &path).ok_or(InvalidContainer::Missing(ACCOUNT))?,
        };
        let access = match (pairs.get(KEY)?, pairs.get(SIGNATURE)?) {
            (Some(_), Some(_)) => return Err(InvalidContainer::KeyAndSignature),
            (None, Some(signature)) => Access::Sas(checked_sas(signature)?),
            (Some(key), None) => {
                AzureAccessKey::try_new(key).map_err(|_| InvalidContainer::Key)?;
                Access::SharedKey(Secret::new(key.to_owned()))
            }
            (None, None) if account == EMULATOR => Access::SharedKey(EMULATOR_KEY.into()),
            (None, None) => return Err(InvalidContainer::Missing(KEY)),
        };
        Self::new(endpoint, account, container, access)
    }
}

/// A URL that a request could go to.
pub(super) fn endpoint_url(text: &str) -> Option<Url> {
    let url = Url::parse(text.trim()).ok()?;
    let is_plain = ["http", "https"].contains(&url.scheme())
        && url.host_str().is_some_and(|host| !host.is_empty())
        && url.username().is_empty()
        && url.password().is_none()
        && url.fragment().is_none();
    is_plain.then_some(url)
}

/// The parts of the path that are not empty.
pub(super) fn path_of(url: &Url) -> Vec<String> {
    let parts = url.path().split('/').filter(|part| !part.is_empty());
    parts.map(str::to_owned).collect()
}

/// The account that an endpoint belongs to: the first label of its host; or, where hosts are not accounts, as with an
/// emulator, the one part of its path.
pub(super) fn account_of(endpoint: &Url, path: &[String]) -> Option<String> {
    let account = match path {
        // Neither `localhost` nor an address has an account in it.
        [] => endpoint.domain()?.split_once('.')?.0,
        [account] if !endpoint.host_str()?.contains(".blob.") => account,
        _ => return None,
    };
    is_account(account).then(|| account.to_owned())
}

/// Azure allows lower case letters and digits; a secondary endpoint and a domain of one's own have a little more.
fn is_account(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// A SAS with visibly too few rights is a fault at the start, and not a refusal later. A SAS that refers to a policy of
/// the container does not list its rights.
pub(super) fn checked_sas(text: &str) -> Result<Secret, InvalidContainer> {
    let text = text.trim_start_matches('?');
    let pairs = split_sas(text).map_err(|_| InvalidContainer::NoSignature)?;
    let value = |key: &str| {
        let pair = pairs.iter().find(|(name, _)| name == key);
        pair.map(|(_, value)| value.as_str())
    };
    if value("sig").is_none_or(str::is_empty) {
        return Err(InvalidContainer::NoSignature);
    }
    let has = |key: &str, wanted: &str| {
        value(key).is_none_or(|value| wanted.chars().all(|letter| value.contains(letter)))
    };
    if has("sr", "c") && has("ss", "b") && has("srt", "co") && has("sp", "rwdl") {
        Ok(Secret::new(text.to_owned()))
    } else {
        Err(InvalidContainer::Rights)
    }
}
