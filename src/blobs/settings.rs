//! Where the container is, and what lets us in.

use std::net::IpAddr;

use azure_core::base64;
use azure_core::credentials::Secret;
use azure_core::http::Url;

/// A container, and the way in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// `https://ACCOUNT.blob.core.windows.net/CONTAINER`, without what is secret.
    pub url: Url,
    /// The storage account.
    pub account: String,
    /// What lets us in.
    pub access: Access,
}

/// What lets us in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// Tokens of Microsoft Entra ID.
    Tokens,
    /// A key of the account.
    Key(Secret),
    /// A shared access signature: a query, without `?`.
    Signature(Secret),
}

/// Why a text names no container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidContainer {
    /// No URL at all.
    #[error("must be the URL of a container: `https://ACCOUNT.blob.core.windows.net/CONTAINER`")]
    Url,
    /// Not one container.
    #[error(
        "must end in the name of the container: `https://ACCOUNT.blob.core.windows.net/CONTAINER`"
    )]
    Path,
    /// In the clear, to somewhere else than this machine.
    #[error(
        "must begin with `https://`: `http://` is for an emulator on this machine or in its network"
    )]
    Clear,
    /// A token in the clear.
    #[error("must begin with `https://` or carry a SAS: tokens are not sent in the clear")]
    ClearToken,
    /// A name that the service does not allow.
    #[error("must be 3 to 63 lower-case letters, digits and single `-`")]
    Name,
    /// Not `Key=Value`.
    #[error("must be `Key=Value` pairs with `;` between them: part {0} has no `=`")]
    Pair(usize),
    /// A part that must be there.
    #[error("has no `{0}`: copy the whole connection string of the storage account")]
    Missing(&'static str),
    /// A key that is none.
    #[error("its `AccountKey` is not base64: copy it whole")]
    Key,
}

/// The account of every emulator; its key is public, and no secret.
/// <https://learn.microsoft.com/azure/storage/common/storage-use-azurite#well-known-storage-account-and-key>
const EMULATOR: &str = "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==;BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1;";

impl Settings {
    /// A container by its URL, which may carry a SAS as its query.
    ///
    /// # Errors
    ///
    /// When it is no such URL. The text is not repeated: it may hold a secret.
    pub fn of_url(text: &str) -> Result<Self, InvalidContainer> {
        let mut url = Url::parse(text.trim()).map_err(|_| InvalidContainer::Url)?;
        let signature = url.query().filter(|query| !query.is_empty());
        let access = match signature {
            Some(query) => Access::Signature(Secret::new(query.to_owned())),
            None => Access::Tokens,
        };
        url.set_query(None);
        url.set_fragment(None);
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidContainer::Url);
        }
        let host = url.host_str().ok_or(InvalidContainer::Url)?.to_owned();
        let trimmed = url.path().trim_matches('/').to_owned();
        // An emulator has the account in the path, the service in the host.
        let (account, container) = match trimmed.split_once('/') {
            Some((account, container)) if !container.contains('/') => (account, container),
            Some(_) => return Err(InvalidContainer::Path),
            None => (host.split('.').next().unwrap_or_default(), trimmed.as_str()),
        };
        let account = account.to_owned();
        container_name(container).map_err(|_| InvalidContainer::Path)?;
        url.set_path(&trimmed);
        match url.scheme() {
            "https" => {}
            "http" if access == Access::Tokens => return Err(InvalidContainer::ClearToken),
            "http" if is_near(&host) => {}
            "http" => return Err(InvalidContainer::Clear),
            _ => return Err(InvalidContainer::Url),
        }
        Ok(Self {
            url,
            account,
            access,
        })
    }

    /// A container of the account that a connection string leads to.
    ///
    /// # Errors
    ///
    /// When it is no connection string of a storage account. The text is not repeated: it holds a secret.
    pub fn of_connection_string(text: &str, container: &str) -> Result<Self, InvalidContainer> {
        let text = text.trim();
        if let Some(("UseDevelopmentStorage", "true")) = text.trim_end_matches(';').split_once('=')
        {
            return Self::of_connection_string(EMULATOR, container);
        }
        let part = |wanted: &str| {
            let pairs = text.split(';').filter_map(|pair| pair.split_once('='));
            let mut values = pairs.filter(|(key, _)| key.trim().eq_ignore_ascii_case(wanted));
            let value = values.next().map(|(_, value)| value.trim());
            value.filter(|value| !value.is_empty())
        };
        let pairs = text.split(';').map(str::trim).enumerate();
        for (index, pair) in pairs.filter(|(_, pair)| !pair.is_empty()) {
            if !pair.contains('=') {
                return Err(InvalidContainer::Pair(index + 1));
            }
        }
        let endpoint = match (part("BlobEndpoint"), part("AccountName")) {
            (Some(endpoint), _) => endpoint.trim_end_matches('/').to_owned(),
            (None, Some(account)) => {
                let scheme = part("DefaultEndpointsProtocol").unwrap_or("https");
                let suffix = part("EndpointSuffix").unwrap_or("core.windows.net");
                format!("{scheme}://{account}.blob.{suffix}")
            }
            (None, None) => return Err(InvalidContainer::Missing("AccountName")),
        };
        let access = match (part("AccountKey"), part("SharedAccessSignature")) {
            (Some(key), _) => {
                base64::decode(key).map_err(|_| InvalidContainer::Key)?;
                Access::Key(Secret::new(key.to_owned()))
            }
            (None, Some(signature)) => {
                let signature = signature.trim_start_matches('?').to_owned();
                Access::Signature(Secret::new(signature))
            }
            (None, None) => return Err(InvalidContainer::Missing("AccountKey")),
        };
        // With a query, since without one it would be for tokens, and those are not for the clear.
        let located = Self::of_url(&format!("{endpoint}/{container}?access"))?;
        let account = match part("AccountName") {
            Some(account) => account.to_owned(),
            None => located.account,
        };
        Ok(Self {
            account,
            access,
            ..located
        })
    }

    /// The name of the container.
    pub fn container(&self) -> &str {
        self.url.path().rsplit('/').next().unwrap_or_default()
    }
}

/// A name that the service allows.
///
/// # Errors
///
/// When it does not.
pub fn container_name(text: &str) -> Result<String, InvalidContainer> {
    let is_name = (3..=63).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
        && !text.contains("--");
    if is_name {
        Ok(text.to_owned())
    } else {
        Err(InvalidContainer::Name)
    }
}

/// This machine, or one that has no name in the world: where emulators are.
fn is_near(host: &str) -> bool {
    match host.trim_matches(['[', ']']).parse() {
        Ok(IpAddr::V4(address)) => address.is_loopback() || address.is_private(),
        Ok(IpAddr::V6(address)) => address.is_loopback() || address.is_unique_local(),
        Err(_) => !host.contains('.') || host.ends_with(".internal"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_a_container_with_tokens_or_a_signature() {
        let with_tokens = Settings::of_url("https://calls.blob.core.windows.net/leases/").unwrap();
        assert_eq!(
            with_tokens.url.as_str(),
            "https://calls.blob.core.windows.net/leases"
        );
        assert_eq!(
            (with_tokens.account.as_str(), with_tokens.container()),
            ("calls", "leases")
        );
        assert_eq!(with_tokens.access, Access::Tokens);
        let signed =
            Settings::of_url("https://calls.blob.core.windows.net/leases?sv=2025&sig=s3cret")
                .unwrap();
        assert_eq!(
            signed.access,
            Access::Signature(Secret::new("sv=2025&sig=s3cret"))
        );
        assert!(!format!("{signed:?}").contains("s3cret"));
        let local = Settings::of_url("http://127.0.0.1:10000/devstoreaccount1/leases?sig=x");
        assert_eq!(local.unwrap().account, "devstoreaccount1");
    }

    #[test]
    fn what_is_no_container_says_what_would_be_one() {
        for (text, expected) in [
            ("leases", InvalidContainer::Url),
            ("ftp://a.b/leases", InvalidContainer::Url),
            (
                "https://calls.blob.core.windows.net",
                InvalidContainer::Path,
            ),
            (
                "https://calls.blob.core.windows.net/a/b/c",
                InvalidContainer::Path,
            ),
            (
                "https://calls.blob.core.windows.net/Leases",
                InvalidContainer::Path,
            ),
            (
                "http://127.0.0.1:10000/dev/leases",
                InvalidContainer::ClearToken,
            ),
            (
                "http://calls.blob.core.windows.net/leases?sig=x",
                InvalidContainer::Clear,
            ),
        ] {
            assert_eq!(Settings::of_url(text).unwrap_err(), expected, "{text}");
        }
    }

    #[test]
    fn connection_strings_of_every_kind_are_taken() {
        for (text, url, account) in [
            (
                "DefaultEndpointsProtocol=https;AccountName=calls;AccountKey=a2V5;EndpointSuffix=core.windows.net",
                "https://calls.blob.core.windows.net/leases",
                "calls",
            ),
            (
                "BlobEndpoint=https://calls.blob.core.windows.net/;SharedAccessSignature=sv=2025&sig=x",
                "https://calls.blob.core.windows.net/leases",
                "calls",
            ),
            (
                "UseDevelopmentStorage=true",
                "http://127.0.0.1:10000/devstoreaccount1/leases",
                "devstoreaccount1",
            ),
        ] {
            let settings = Settings::of_connection_string(text, "leases").unwrap();
            assert_eq!(settings.url.as_str(), url, "{text}");
            assert_eq!(settings.account, account, "{text}");
        }
        for (text, expected) in [
            ("AccountName=calls", InvalidContainer::Missing("AccountKey")),
            ("AccountKey=a2V5", InvalidContainer::Missing("AccountName")),
            ("AccountName=calls;secret", InvalidContainer::Pair(2)),
            (
                "AccountName=calls;AccountKey=not base64",
                InvalidContainer::Key,
            ),
        ] {
            let refused = Settings::of_connection_string(text, "leases").unwrap_err();
            assert_eq!(refused, expected, "{text}");
        }
    }
}
