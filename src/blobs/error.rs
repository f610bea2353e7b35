//! What goes wrong with blobs, and what to do about it. No error repeats a key, a signature or a token.
//!
//! The codes are those of "Blob Storage error codes" and "Common REST API error codes".

use std::path::PathBuf;

use object_store::azure::AzureCredential;
use object_store::client::HttpError;

use super::requests::TIMEOUT;
use super::{BLOB_BYTES_MAX, LIST_BYTES_MAX};
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
    #[error("`{0}` has more than {BLOB_BYTES_MAX} bytes")]
    TooLarge(String),
    /// More than is read of the blobs whose names begin so, in this container.
    #[error(
        "the list of `{0}` in container `{1}` has more than {LIST_BYTES_MAX} bytes: give the exporters a container of their own"
    )]
    ListTooLong(String, String),
    /// The container needs tokens, and was opened without a credential.
    #[error("the container needs tokens, and there is no credential to request them with")]
    NoCredential,
    /// The key, the signature or the token cannot sign a request.
    #[error("a request cannot be signed: the {0} is malformed")]
    Unsignable(&'static str),
    /// The HTTP library cannot start.
    #[error("the HTTP client cannot be created")]
    NoClient(#[source] reqwest::Error),
    /// The file with the connection string cannot be used now.
    #[error("connection string file `{}`", .0.display())]
    ConnectionStringFile(PathBuf, #[source] UnusableFile),
    /// There is no token.
    #[error("no token for Blob Storage")]
    NoToken(#[source] azure_core::Error),
    /// No connection with the account's host.
    #[error(
        "`{0}` is unreachable: check the account's name, the network, its proxy (HTTPS_PROXY) and its certificate authority (SSL_CERT_FILE)"
    )]
    Unreachable(String, #[source] HttpError),
    /// No answer of the account's host.
    #[error(
        "`{0}` did not answer within {TIMEOUT:?}: check the network and its proxy (HTTPS_PROXY)"
    )]
    TimedOut(String),
    /// The account's host ended the connection during the request or the answer.
    #[error("`{0}` closed the connection before its answer was complete")]
    Disconnected(String, #[source] HttpError),
    /// The container is missing.
    #[error("container `{0}` does not exist: create it, or use an identity or key that may")]
    NoContainer(String),
    /// There is no such blob, though there is the container.
    #[error("there is no such blob")]
    NoBlob,
    /// The condition of a write does not hold, or what should be created exists.
    #[error("the condition of the write does not hold")]
    Refused,
    /// Another answer with an error.
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
    /// An answer of the account's host that no such service gives.
    #[error("`{0}` answered with {1}: check that it is an account's Blob endpoint")]
    Malformed(String, &'static str),
    /// The list of this container is not XML as it should be.
    #[error("the list of container `{0}` cannot be read")]
    Unreadable(String, #[source] quick_xml::DeError),
}

impl BlobError {
    /// Whether a write that ended with this error may have been done all the same: its request was on the way.
    pub(super) fn leaves_open_whether_done(&self) -> bool {
        match self {
            Self::TimedOut { .. } | Self::Disconnected { .. } => true,
            Self::Status { status, code, .. } => is_temporary(*status, code),
            _ => false,
        }
    }
}

/// What an error in an answer means, and what to do about it.
pub(super) fn of_answer(
    host: String,
    container: &str,
    credential: &AzureCredential,
    status: u16,
    code: Option<&str>,
) -> BlobError {
    let code = code.unwrap_or("no code");
    let advice = match (status, code) {
        (404, "ContainerNotFound") => return BlobError::NoContainer(container.to_owned()),
        (404, "BlobNotFound") => return BlobError::NoBlob,
        (409, "BlobAlreadyExists" | "ContainerAlreadyExists")
        | (412, "ConditionNotMet" | "TargetConditionNotMet" | "no code") => {
            return BlobError::Refused;
        }
        (401 | 403, _) | (400, "InvalidAuthenticationInfo") => denied(credential, code),
        (300..400, _) => {
            "redirects are not followed, since the next host would get the SAS: check the account's Blob endpoint and the proxies on the way"
        }
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
        let error = check(307, "no code", sas(), "redirects are not followed");
        assert!(!error.leaves_open_whether_done(), "{error}");
        check(418, "Teapot", key(), "HTTP 418 (Teapot)");
    }

    #[test]
    fn a_blob_that_is_not_there_and_a_condition_that_does_not_hold_are_no_problem_of_the_service() {
        let read = |status: u16, code: Option<&str>| {
            let credential = AzureCredential::SASToken(Vec::new());
            of_answer("a.b".to_owned(), "c", &credential, status, code)
        };
        assert!(matches!(read(404, Some("BlobNotFound")), BlobError::NoBlob));
        for (status, code) in [
            (409, Some("BlobAlreadyExists")),
            (409, Some("ContainerAlreadyExists")),
            (412, Some("ConditionNotMet")),
            (412, Some("TargetConditionNotMet")),
            (412, None),
        ] {
            let error = read(status, code);
            assert!(matches!(error, BlobError::Refused), "{code:?}: {error}");
        }
        // Anybody may answer without a code that nothing is there, and a lease is no other version.
        for (status, code) in [(404, None), (412, Some("LeaseIdMissing"))] {
            let error = read(status, code);
            let is_unexpected = matches!(error, BlobError::Status { .. });
            assert!(is_unexpected, "{code:?}: {error}");
        }
    }
}
