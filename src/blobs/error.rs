//! What goes wrong with blobs, and what to do about it. No error repeats a key, a signature or a token.
//!
//! The codes are those of "Blob Storage error codes" and "Common REST API error codes".

use std::path::PathBuf;
use std::time::Duration;

use object_store::azure::AzureCredential;
use object_store::client::HttpError;

use crate::identity::connection_string::UnusableFile;

/// Why an operation on a container failed.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// The service would refuse it, or not return it as it was.
    #[error(
        "`{0}` cannot be the name of a blob here: up to 1024 letters, digits, `-`, `.`, `_`, `~`, `:` and `$`, in parts with `/` between them that do not end in `.`"
    )]
    Name(String),
    /// A header cannot contain it.
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
    /// The container needs tokens, and was opened without a credential.
    #[error("the container needs tokens, and there is no credential to request them with")]
    NoCredential,
    /// The key, the signature or the token cannot sign a request.
    #[error("a request cannot be signed: the {0} is malformed")]
    Unsignable(&'static str),
    /// The HTTP library cannot start.
    #[error("the HTTP client cannot be created")]
    NoClient(#[source] object_store::Error),
    /// The file with the connection string cannot be used now.
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
        "`{host}` is unreachable: check the account's name, the network, its proxy (HTTPS_PROXY) and its certificate authority (SSL_CERT_FILE)"
    )]
    Unreachable {
        /// The account's host.
        host: String,
        /// What the HTTP library reports.
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
    /// The connection ended during the request or the answer.
    #[error("`{host}` closed the connection before its answer was complete")]
    Disconnected {
        /// The account's host.
        host: String,
        /// What the HTTP library reports.
        #[source]
        source: HttpError,
    },
    /// The container is missing.
    #[error("container `{0}` does not exist: create it, or use an identity or key that may")]
    NoContainer(String),
    /// An answer with an error.
    #[error("`{host}` answered HTTP {status} ({code}): {advice}")]
    Status {
        /// The account's host.
        host: String,
        /// The HTTP status.
        status: u16,
        /// Azure's word for it.
        code: String,
        /// What to do.
        advice: &'static str,
    },
    /// An answer that no such service gives.
    #[error("`{host}` answered with {problem}: check that it is an account's Blob endpoint")]
    Malformed {
        /// The account's host.
        host: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A list that is not XML as it should be.
    #[error("the list of container `{container}` cannot be read")]
    Unreadable {
        /// The container.
        container: String,
        /// What the XML library reports.
        #[source]
        source: quick_xml::DeError,
    },
}

impl BlobError {
    /// The status and the code of an answer with an error.
    pub(super) fn answer(&self) -> Option<(u16, &str)> {
        match self {
            Self::Status { status, code, .. } => Some((*status, code)),
            _ => None,
        }
    }

    /// Whether a write that ended with this error may have been done all the same: its request was on the way.
    pub(super) fn leaves_open_whether_done(&self) -> bool {
        match self {
            Self::TimedOut { .. } | Self::Disconnected { .. } => true,
            Self::Status { status, code, .. } => is_temporary(*status, code),
            _ => false,
        }
    }
}

/// Stands for the code of an answer that has none.
pub(super) const NO_CODE: &str = "no code";

/// What an error in an answer means, and what to do about it.
pub(super) fn of_answer(
    host: String,
    container: &str,
    credential: &AzureCredential,
    status: u16,
    code: Option<&str>,
) -> BlobError {
    let code = code.unwrap_or(NO_CODE);
    let advice = match (status, code) {
        (404, "ContainerNotFound") => return BlobError::NoContainer(container.to_owned()),
        (401 | 403, _) | (400, "InvalidAuthenticationInfo") => denied(credential, code),
        _ if is_temporary(status, code) => "the service has a problem; it is asked again",
        _ => "this is not expected: check that it is an account's Blob endpoint",
    };
    BlobError::Status {
        host,
        status,
        code: code.to_owned(),
        advice,
    }
}

fn is_temporary(status: u16, code: &str) -> bool {
    matches!(
        (status, code),
        (408 | 429 | 500.., _) | (409, "ContainerBeingDeleted")
    )
}

/// What to do about a refusal.
fn denied(credential: &AzureCredential, code: &str) -> &'static str {
    use AzureCredential::{AccessKey, BearerToken, SASToken};
    match (code, credential) {
        ("AuthorizationPermissionMismatch", BearerToken(_)) => {
            "give the identity the role `Storage Blob Data Contributor` for the container or its account; it takes up to ten minutes to take effect"
        }
        ("AuthorizationPermissionMismatch" | "AuthorizationResourceTypeMismatch", _) => {
            "the SAS lacks a right: it must be for the container and its blobs, and allow to read, write, delete and list"
        }
        ("AuthorizationFailure", AccessKey(_)) => {
            "the account's network rules exclude this machine: allow its network in the account's firewall, or make a private endpoint; or the account key is wrong"
        }
        ("AuthorizationFailure", SASToken(_)) => {
            "the account's network rules exclude this machine: allow its network in the account's firewall, or make a private endpoint; or the SAS is wrong or has expired"
        }
        ("AuthorizationFailure", BearerToken(_)) => {
            "the account's network rules exclude this machine: allow its network in the account's firewall, or make a private endpoint"
        }
        ("AuthorizationSourceIPMismatch" | "AuthorizationProtocolMismatch", _) => {
            "the SAS is for other addresses or another protocol than these: make one without these limits, or for https"
        }
        ("KeyBasedAuthenticationNotPermitted", _) => {
            "the account accepts neither keys nor a SAS made from them: use an identity, by `checkpoint.container_url` without a SAS"
        }
        (_, AccessKey(_)) => {
            "the account key is wrong or was rotated, or this machine's clock is wrong: copy the connection string again"
        }
        (_, SASToken(_)) => {
            "the SAS is wrong, has expired or was revoked, or this machine's clock is wrong: make a new one"
        }
        (_, BearerToken(_)) => {
            "the token is not accepted: check that the identity is of the account's tenant, and has the role `Storage Blob Data Contributor`"
        }
    }
}

#[cfg(test)]
mod tests {
    use object_store::azure::AzureAccessKey;

    use super::*;

    #[test]
    fn an_answer_is_translated_into_what_to_do() {
        let key = || AzureCredential::AccessKey(AzureAccessKey::try_new("a2V5").unwrap());
        let sas = || AzureCredential::SASToken(Vec::new());
        let token = || AzureCredential::BearerToken(String::new());
        let check = |status: u16, code: &str, credential: AzureCredential, expected: &str| {
            let error = of_answer("a.b".to_owned(), "c", &credential, status, Some(code));
            assert!(error.to_string().contains(expected), "{error}");
            error
        };
        for (code, credential, expected) in [
            (
                "AuthorizationPermissionMismatch",
                token(),
                "`Storage Blob Data Contributor`",
            ),
            (
                "AuthorizationPermissionMismatch",
                sas(),
                "the SAS lacks a right",
            ),
            ("AuthorizationFailure", token(), "firewall"),
            ("AuthenticationFailed", key(), "the account key is wrong"),
            ("AuthenticationFailed", sas(), "has expired"),
        ] {
            let error = check(403, code, credential, expected);
            assert!(!error.leaves_open_whether_done(), "{error}");
        }
        let error = check(
            404,
            "ContainerNotFound",
            key(),
            "container `c` does not exist",
        );
        assert!(!error.leaves_open_whether_done(), "{error}");
        let error = check(503, "ServerBusy", key(), "HTTP 503 (ServerBusy)");
        assert!(error.leaves_open_whether_done(), "{error}");
        check(418, "Teapot", key(), "HTTP 418 (Teapot)");
    }
}
