//! The identity that a token is requested for, and the identity service: the checked form of the section `auth`.
//!
//! `auto` is not among the kinds. The kind is decided once, when the configuration is read, so that a missing key is a
//! configuration error at startup.

use std::path::PathBuf;

use azure_core::http::Url;
use strum::{EnumDiscriminants, IntoStaticStr, VariantArray};

use super::Secret;

/// An identity, and the identity service that issues its tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// The identity that tokens are requested for.
    pub identity: Identity,
    /// The identity service: `https://HOST` without a path.
    pub authority_host: String,
    /// Why this identity was chosen, for the log.
    pub reason: String,
}

/// An identity in Microsoft Entra ID, and what authenticates it.
#[derive(Debug, Clone, PartialEq, Eq, EnumDiscriminants)]
#[strum_discriminants(
    name(CredentialKind),
    doc = "A kind of identity, as `auth.kind` names it.",
    derive(IntoStaticStr, VariantArray),
    strum(serialize_all = "snake_case")
)]
pub enum Identity {
    /// The identity of the machine, or a user-assigned one with this client id.
    #[strum_discriminants(strum(serialize = "managed_identity"))]
    Managed {
        /// The client id of the user-assigned identity.
        client_id: Option<String>,
    },
    /// The identity of a Kubernetes service account.
    #[strum_discriminants(strum(serialize = "workload_identity"))]
    Workload {
        /// The application or identity that trusts the service account.
        application: Application,
        /// The service account's token, which Kubernetes renews.
        token_file: PathBuf,
    },
    /// An application with a secret.
    ClientSecret {
        /// The application.
        application: Application,
        /// Its secret.
        secret: SecretSource,
    },
    /// An application with a certificate.
    ClientCertificate {
        /// The application.
        application: Application,
        /// The certificate and its private key, in PEM.
        file: PathBuf,
    },
    /// The user who is signed in to `az`.
    AzureCli {
        /// The tenant to request tokens from, if it is not the one of the sign-in.
        tenant_id: Option<String>,
    },
}

/// An application, or a user-assigned identity, in its tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Application {
    /// The tenant that it is in.
    pub tenant_id: String,
    /// Its client id.
    pub client_id: String,
}

/// Where a secret is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// In the configuration.
    Value(Secret),
    /// In a file, which is read again each time that the secret is needed.
    File(PathBuf),
}

impl CredentialKind {
    /// Every kind.
    pub const ALL: &[Self] = Self::VARIANTS;

    /// The word for it in `auth.kind`.
    pub fn word(self) -> &'static str {
        self.into()
    }
}

impl Identity {
    /// Its kind.
    pub fn kind(&self) -> CredentialKind {
        self.into()
    }
}

/// The identity service of the cloud that a namespace with this host is in. The addresses are those in the Azure SDKs.
pub(crate) fn authority_of(namespace_host: &str) -> &'static str {
    match namespace_host.split_once(".servicebus.") {
        Some((_, "chinacloudapi.cn")) => "https://login.chinacloudapi.cn",
        Some((_, "usgovcloudapi.net")) => "https://login.microsoftonline.us",
        _ => "https://login.microsoftonline.com",
    }
}

/// Checks the address of an identity service: a host, with or without `https://` before it and a `/` after it.
///
/// # Errors
/// The text is not an address, is not https, or has a path.
pub(crate) fn authority_host(text: &str) -> Result<String, &'static str> {
    let whole = if text.contains("://") {
        text.to_owned()
    } else {
        format!("https://{text}")
    };
    let url = Url::parse(&whole).map_err(|_| NOT_AN_AUTHORITY_HOST)?;
    let host = url.origin().ascii_serialization();
    if url.scheme() == "https" && url.as_str() == format!("{host}/") {
        Ok(host)
    } else {
        Err(NOT_AN_AUTHORITY_HOST)
    }
}

/// Checks a tenant: its id, or one of its domains.
///
/// # Errors
/// The text has characters that neither an id nor a domain has.
pub(crate) fn tenant_id(text: &str) -> Result<String, &'static str> {
    id(text, b"-.", NOT_A_TENANT)
}

/// Checks a client id.
///
/// # Errors
/// The text has characters that an id does not have.
pub(crate) fn client_id(text: &str) -> Result<String, &'static str> {
    id(text, b"-", NOT_A_CLIENT_ID)
}

// Why a text is not part of an identity. No message contains the text: it may be a secret in the wrong place.
const NOT_AN_AUTHORITY_HOST: &str = "must be the address of an identity service, for example `https://login.microsoftonline.us`, without a path";
const NOT_A_TENANT: &str =
    "must be the id of a tenant, as `az account show --query tenantId` prints it, or its domain";
const NOT_A_CLIENT_ID: &str =
    "must be the client id (application id) of an application or a managed identity";

/// An id is a GUID of 36 characters, a domain is as long as DNS allows.
fn id(text: &str, punctuation: &[u8], problem: &'static str) -> Result<String, &'static str> {
    let is_of_an_id = |byte: u8| byte.is_ascii_alphanumeric() || punctuation.contains(&byte);
    if (1..=253).contains(&text.len()) && text.bytes().all(is_of_an_id) {
        Ok(text.to_owned())
    } else {
        Err(problem)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cloud_has_its_own_identity_service() {
        let check = |host, authority| assert_eq!(authority_of(host), authority, "{host}");
        check(
            "contoso.servicebus.windows.net",
            "https://login.microsoftonline.com",
        );
        check(
            "contoso.servicebus.usgovcloudapi.net",
            "https://login.microsoftonline.us",
        );
        check(
            "contoso.servicebus.chinacloudapi.cn",
            "https://login.chinacloudapi.cn",
        );
        check("localhost", "https://login.microsoftonline.com");
    }

    #[test]
    fn an_authority_host_is_an_https_address_without_a_path() {
        let check = |text, host| assert_eq!(authority_host(text).as_deref(), Ok(host), "{text}");
        check(
            "https://login.microsoftonline.us/",
            "https://login.microsoftonline.us",
        );
        check(
            "login.microsoftonline.us",
            "https://login.microsoftonline.us",
        );
        check("https://localhost:8443", "https://localhost:8443");
        for text in [
            "http://login.microsoftonline.com",
            "https://login.microsoftonline.com/tenant",
            "https://a@b",
            "a b",
            "",
        ] {
            assert_eq!(authority_host(text), Err(NOT_AN_AUTHORITY_HOST), "{text}");
        }
    }

    #[test]
    fn ids_have_the_characters_of_ids() {
        assert!(tenant_id("contoso.onmicrosoft.com").is_ok());
        assert!(client_id("5a3f8e2c-0000-4000-8000-000000000000").is_ok());
        assert_eq!(tenant_id("a/b"), Err(NOT_A_TENANT));
        assert_eq!(client_id("x~y"), Err(NOT_A_CLIENT_ID));
    }
}
