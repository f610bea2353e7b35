//! What goes wrong with blobs, and what to do about it. Nothing here repeats a key, a signature or a token.
//!
//! The codes are those of "Blob Storage error codes" and "Common REST API error codes".

use std::path::PathBuf;
use std::time::Duration;

use hyper::StatusCode;
use object_store::client::HttpError;

use super::settings::UnusableFile;

/// Why a container does not do as it is asked.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// The service would not take it, or not give it back as it was.
    #[error(
        "`{0}` is no name for a blob here: up to 1024 letters, digits, `-`, `.`, `_`, `~`, `:` and `$`, in parts with `/` between them that do not end in `.`"
    )]
    Name(String),
    /// A header cannot carry it.
    #[error(
        "metadata `{0}` cannot be written: names are lower case letters, digits and `_`, values printable ASCII, 8 KiB in all"
    )]
    Metadata(String),
    /// More than is read or written.
    #[error("`{name}` has more than {bytes_max} bytes")]
    TooLarge {
        /// The blob.
        name: String,
        /// How many it may have.
        bytes_max: usize,
    },
    /// More than is read.
    #[error(
        "the list of `{prefix}` in container `{container}` has more than {bytes_max} bytes: give the exporters a container of their own"
    )]
    ListTooLong {
        /// The container.
        container: String,
        /// What the names begin with.
        prefix: String,
        /// How many it may have.
        bytes_max: usize,
    },
    /// The container wants tokens, and whoever opened it has no credential.
    #[error("the container is entered with tokens, and there is no credential to ask for them")]
    NoCredential,
    /// The key, the signature or the token is nothing that a request can be signed with.
    #[error("a request cannot be signed: the {0} is malformed")]
    Unsignable(&'static str),
    /// The HTTP library cannot start.
    #[error("no HTTP client can be made")]
    NoClient(#[source] object_store::Error),
    /// The connection string is not there now.
    #[error("connection string file `{}`", path.display())]
    ConnectionStringFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: UnusableFile,
    },
    /// There is no token.
    #[error("no token for Blob Storage")]
    NoToken(#[source] azure_core::Error),
    /// No connection.
    #[error(
        "`{host}` cannot be reached: check the account's name, the network, its proxy (HTTPS_PROXY) and its certificate authority (SSL_CERT_FILE)"
    )]
    Unreachable {
        /// The account's host.
        host: String,
        /// What the HTTP library says.
        #[source]
        source: HttpError,
    },
    /// No answer.
    #[error(
        "`{host}` did not answer within {after:?}: check the network and its proxy (HTTPS_PROXY)"
    )]
    TimedOut {
        /// The account's host.
        host: String,
        /// How long it had.
        after: Duration,
    },
    /// The connection ended in the middle.
    #[error("`{host}` broke the connection off")]
    BrokenOff {
        /// The account's host.
        host: String,
        /// What the HTTP library says.
        #[source]
        source: HttpError,
    },
    /// There is none.
    #[error("container `{0}` does not exist: make it, or use an identity or key that may")]
    NoContainer(String),
    /// The service does not let us.
    #[error("`{host}` refuses (HTTP {status}, {code}): {advice}")]
    Denied {
        /// The account's host.
        host: String,
        /// The HTTP status.
        status: u16,
        /// Azure's word for it.
        code: String,
        /// What to do.
        advice: &'static str,
    },
    /// The service cannot at the moment.
    #[error("`{host}` is in trouble (HTTP {status}, {code}); it is asked again")]
    Trouble {
        /// The account's host.
        host: String,
        /// The HTTP status.
        status: u16,
        /// Azure's word for it.
        code: String,
    },
    /// An answer that is not foreseen.
    #[error(
        "`{host}` gives an answer that is not understood (HTTP {status}, {code}): check that it is an account's Blob endpoint"
    )]
    Unexpected {
        /// The account's host.
        host: String,
        /// The HTTP status.
        status: u16,
        /// Azure's word for it.
        code: String,
    },
    /// An answer lacks what every such answer has.
    #[error("an answer of `{host}` has no `{header}`: check that it is an account's Blob endpoint")]
    Incomplete {
        /// The account's host.
        host: String,
        /// What it lacks.
        header: &'static str,
    },
    /// A list is not as it should be.
    #[error("the list of container `{container}` cannot be read")]
    Unreadable {
        /// The container.
        container: String,
        /// What the XML library says.
        #[source]
        source: quick_xml::DeError,
    },
}

impl BlobError {
    /// Its class, as a label: one of [`BlobError::LABELS`].
    pub fn label(&self) -> &'static str {
        match self {
            Self::Name(_) | Self::Metadata(_) => "invalid",
            Self::TooLarge { .. } | Self::ListTooLong { .. } => "too_large",
            Self::NoCredential | Self::NoToken(_) => "no_token",
            Self::NoClient(_) | Self::Unreachable { .. } | Self::BrokenOff { .. } => "unreachable",
            Self::TimedOut { .. } => "timeout",
            Self::NoContainer(_) => "no_container",
            Self::Denied { .. } | Self::Unsignable(_) | Self::ConnectionStringFile { .. } => {
                "denied"
            }
            Self::Trouble { .. } => "server_error",
            Self::Unexpected { .. } | Self::Incomplete { .. } | Self::Unreadable { .. } => {
                "unexpected"
            }
        }
    }

    /// Every label.
    pub const LABELS: [&'static str; 9] = [
        "invalid",
        "too_large",
        "no_token",
        "unreachable",
        "timeout",
        "no_container",
        "denied",
        "server_error",
        "unexpected",
    ];

    /// Whether a write that ended so may have been done all the same: its request was on the way.
    pub(super) fn leaves_open_whether_done(&self) -> bool {
        matches!(
            self,
            Self::TimedOut { .. } | Self::BrokenOff { .. } | Self::Trouble { .. }
        )
    }
}

/// How a container is entered, for what to say of a refusal.
#[derive(Clone, Copy, Debug)]
pub(super) enum Means {
    Key,
    Sas,
    Token,
}

/// What an answer means that is not the one hoped for.
pub(super) fn refusal(
    host: &str,
    container: &str,
    means: Means,
    status: StatusCode,
    code: Option<&str>,
) -> BlobError {
    let host = host.to_owned();
    let code = code.unwrap_or("no code").to_owned();
    let status = status.as_u16();
    match (status, code.as_str()) {
        (404, "ContainerNotFound") => BlobError::NoContainer(container.to_owned()),
        (401 | 403, _) | (400, "InvalidAuthenticationInfo") => BlobError::Denied {
            host,
            status,
            advice: advice(means, &code),
            code,
        },
        (408 | 429 | 500.., _) | (409, "ContainerBeingDeleted") => {
            BlobError::Trouble { host, status, code }
        }
        _ => BlobError::Unexpected { host, status, code },
    }
}

fn advice(means: Means, code: &str) -> &'static str {
    match (code, means) {
        ("AuthorizationPermissionMismatch", Means::Token) => {
            "give the identity the role `Storage Blob Data Contributor` for the container or its account; it takes up to ten minutes to hold"
        }
        ("AuthorizationPermissionMismatch" | "AuthorizationResourceTypeMismatch", _) => {
            "the SAS lacks a right: it must be for the container and its blobs, and allow to read, write, delete and list"
        }
        ("AuthorizationFailure", Means::Key) => {
            "the account's network rules keep this machine out: allow its network in the account's firewall, or make a private endpoint; or the account key is wrong"
        }
        ("AuthorizationFailure", Means::Sas) => {
            "the account's network rules keep this machine out: allow its network in the account's firewall, or make a private endpoint; or the SAS is wrong or has expired"
        }
        ("AuthorizationFailure", Means::Token) => {
            "the account's network rules keep this machine out: allow its network in the account's firewall, or make a private endpoint"
        }
        ("AuthorizationSourceIPMismatch" | "AuthorizationProtocolMismatch", _) => {
            "the SAS is for other addresses or another protocol than these: make one without, or for https"
        }
        ("KeyBasedAuthenticationNotPermitted", _) => {
            "the account takes no keys and no SAS made of them: use an identity, by `checkpoint.container_url` without a SAS"
        }
        (_, Means::Key) => {
            "the account key is wrong or was rotated, or this machine's clock is: copy the connection string anew"
        }
        (_, Means::Sas) => {
            "the SAS is wrong, has expired or was revoked, or this machine's clock is wrong: make a new one"
        }
        (_, Means::Token) => {
            "the token is not taken: check that the identity is of the account's tenant, and has the role `Storage Blob Data Contributor`"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_translated_into_what_to_do() {
        let check = |status: u16, code: &str, means: Means, label: &str, expected: &str| {
            let status = StatusCode::from_u16(status).unwrap();
            let error = refusal("a.b", "c", means, status, Some(code));
            assert!(error.to_string().contains(expected), "{error}");
            assert_eq!(error.label(), label, "{error}");
            assert!(BlobError::LABELS.contains(&label));
        };
        let denied = |code, means, expected| check(403, code, means, "denied", expected);
        denied(
            "AuthorizationPermissionMismatch",
            Means::Token,
            "`Storage Blob Data Contributor`",
        );
        denied(
            "AuthorizationPermissionMismatch",
            Means::Sas,
            "the SAS lacks a right",
        );
        denied("AuthorizationFailure", Means::Token, "firewall");
        denied(
            "AuthenticationFailed",
            Means::Key,
            "the account key is wrong",
        );
        denied("AuthenticationFailed", Means::Sas, "has expired");
        check(
            404,
            "ContainerNotFound",
            Means::Key,
            "no_container",
            "container `c` does not exist",
        );
        check(
            503,
            "ServerBusy",
            Means::Key,
            "server_error",
            "HTTP 503, ServerBusy",
        );
        check(418, "Teapot", Means::Key, "unexpected", "HTTP 418, Teapot");
    }
}
