//! What a web configuration file says, checked and with the files that it names.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use axum::http::HeaderMap;
use rustls::SupportedProtocolVersion;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// The web configuration. The default is no TLS, no passwords, no headers.
#[derive(Debug, Default)]
pub(crate) struct WebConfig {
    /// None: plain HTTP.
    pub(crate) tls: Option<TlsConfig>,
    /// The users and their bcrypt hashes. If there are none, nobody needs a password.
    pub(crate) users: BTreeMap<String, String>,
    /// Of every answer.
    pub(crate) headers: HeaderMap,
    /// None: as many requests as come.
    pub(crate) rate: Option<Rate>,
    /// The files that were read: if one of them changes, the configuration has changed.
    pub(crate) files: Vec<PathBuf>,
}

/// How often requests may come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rate {
    /// So often one more is allowed.
    pub(crate) interval: Duration,
    /// So many may come at once.
    pub(crate) burst: u32,
}

/// What TLS is made of.
#[derive(Debug)]
pub(crate) struct TlsConfig {
    /// The server's certificate first.
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) key: PrivateKeyDer<'static>,
    pub(crate) client_auth: ClientAuth,
    /// Who signs certificates of clients.
    pub(crate) client_ca: Vec<CertificateDer<'static>>,
    /// If there are any, a client's certificate needs one of these names.
    pub(crate) client_allowed_sans: Vec<String>,
    pub(crate) versions: Vec<&'static SupportedProtocolVersion>,
    /// Those of TLS 1.2; none: all.
    pub(crate) cipher_suites: Option<Vec<String>>,
    /// None: the usual ones.
    pub(crate) curves: Option<Vec<rustls::NamedGroup>>,
    pub(crate) prefer_server_cipher_suites: bool,
}

/// Which certificates clients need. The names are those of Go's `tls.ClientAuthType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClientAuth {
    None,
    Request,
    RequireAny,
    VerifyIfGiven,
    RequireAndVerify,
}

impl ClientAuth {
    /// Whether a client must have one.
    pub(super) fn requires(self) -> bool {
        matches!(self, Self::RequireAny | Self::RequireAndVerify)
    }

    /// Whether it must be signed by `client_ca`.
    pub(super) fn verifies(self) -> bool {
        matches!(self, Self::VerifyIfGiven | Self::RequireAndVerify)
    }
}
