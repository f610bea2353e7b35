//! What to do when there is no token: the identity service's answer, in words that name our keys.
//!
//! The numbers are those of "Microsoft Entra authentication and authorization error codes" (AADSTS...).

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use azure_core::error::ErrorKind;

use crate::source::event_hub::error::Cause;
use crate::source::event_hub::identity::{Credential, CredentialKind};

/// No token could be had. It can be told to several who wait for the same one.
#[derive(Clone, Debug, thiserror::Error)]
#[error("no token for `{kind}`: {advice}")]
pub(crate) struct TokenError {
    kind: &'static str,
    advice: String,
    cause: Cause,
    #[source]
    source: Option<Arc<azure_core::Error>>,
}

impl TokenError {
    /// What it means.
    pub(in crate::source::event_hub) fn cause(&self) -> Cause {
        self.cause
    }
}

/// The identity library says why.
pub(super) fn failed(credential: &Credential, error: azure_core::Error) -> TokenError {
    let kind = credential.identity.kind();
    let (advice, cause) = match answer(&error) {
        Answer::Refused { codes } => (refused(kind, &codes).to_owned(), Cause::Unauthorized),
        Answer::Trouble(status) => (
            format!("the identity service is in trouble (HTTP {status}); it is asked again"),
            Cause::Unreachable,
        ),
        Answer::NotReached => (unreachable(credential), Cause::Unreachable),
        Answer::NotAsked => (needs(kind).to_owned(), Cause::Unauthorized),
    };
    TokenError {
        kind: kind.word(),
        advice,
        cause,
        source: Some(Arc::new(error)),
    }
}

/// Nobody says anything.
pub(super) fn unanswered(credential: &Credential, within: Duration) -> TokenError {
    TokenError {
        kind: credential.identity.kind().word(),
        advice: format!(
            "no answer within {} s: {}",
            within.as_secs(),
            unreachable(credential)
        ),
        cause: Cause::Unreachable,
        source: None,
    }
}

/// It gave what it gave before.
pub(super) fn same_again(credential: &Credential) -> TokenError {
    TokenError {
        kind: credential.identity.kind().word(),
        advice:
            "the identity service gave the same token again; it is asked until there is a new one"
                .to_owned(),
        cause: Cause::Unreachable,
        source: None,
    }
}

/// How the identity service took a request.
enum Answer {
    /// It will not give a token, and may have said why.
    Refused { codes: String },
    /// It cannot at the moment.
    Trouble(u16),
    /// No answer came.
    NotReached,
    /// The request was not made: what is needed for it was not there.
    NotAsked,
}

/// What the library's error says of it; the library wraps what happened in errors of its own.
fn answer(error: &azure_core::Error) -> Answer {
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    let mut answer = Answer::NotAsked;
    while let Some(error) = next {
        match error
            .downcast_ref::<azure_core::Error>()
            .map(azure_core::Error::kind)
        {
            Some(ErrorKind::HttpResponse {
                status, error_code, ..
            }) => {
                let status = u16::from(*status);
                return if status == 429 || status >= 500 {
                    Answer::Trouble(status)
                } else {
                    Answer::Refused {
                        codes: error_code.clone().unwrap_or_default(),
                    }
                };
            }
            Some(ErrorKind::Io | ErrorKind::Connection | ErrorKind::DataConversion) => {
                answer = Answer::NotReached;
            }
            _ => {}
        }
        next = error.source();
    }
    answer
}

/// What to do about a refusal: by its code, else by what is wrong most often.
fn refused(kind: CredentialKind, codes: &str) -> &'static str {
    let known = codes.split(',').find_map(|code| {
        REFUSALS
            .iter()
            .find(|(known, _)| *known == code)
            .map(|(_, advice)| *advice)
    });
    known.unwrap_or(match kind {
        CredentialKind::ManagedIdentity => {
            "the machine does not have this identity: assign it, or correct `auth.client_id`, which names a user-assigned one"
        }
        CredentialKind::WorkloadIdentity => {
            "the federated token is refused: check `auth.tenant_id`, `auth.client_id` and the identity's federated credentials"
        }
        CredentialKind::ClientSecret => {
            "the secret is refused: check `auth.tenant_id`, `auth.client_id` and the client secret"
        }
        CredentialKind::ClientCertificate => {
            "the certificate is refused: check `auth.tenant_id`, `auth.client_id` and the application's certificates"
        }
        CredentialKind::AzureCli => "sign in anew with `az login`",
    })
}

const REFUSALS: [(&str, &str); 11] = [
    (
        "7000215",
        "the client secret is wrong: `auth.client_secret` must be the secret's value, not its id",
    ),
    (
        "7000222",
        "the client secret has expired: make a new one and set `auth.client_secret`, or write it to `auth.client_secret_file`",
    ),
    (
        "700016",
        "the tenant has no such application: check `auth.client_id` and `auth.tenant_id`",
    ),
    (
        "90002",
        "there is no such tenant: check `auth.tenant_id`, and `auth.authority_host` if it is in another cloud",
    ),
    (
        "700027",
        "the certificate is not the application's, or has expired: upload that of `auth.client_certificate_file` to the application",
    ),
    ("70021", FEDERATION),
    ("700211", FEDERATION),
    ("700212", FEDERATION),
    ("700213", FEDERATION),
    (
        "700024",
        "the assertion is not valid at this time: set this machine's clock right",
    ),
    (
        "500011",
        "the tenant does not know the service that the token is for: check `auth.tenant_id` and `auth.authority_host`",
    ),
];

const FEDERATION: &str = "no federated credential matches the service account: give the identity one with the cluster's issuer and the subject `system:serviceaccount:NAMESPACE:NAME`";

fn unreachable(
    Credential {
        identity,
        authority_host,
        ..
    }: &Credential,
) -> String {
    match identity.kind() {
        CredentialKind::ManagedIdentity => {
            "no identity endpoint answers on this machine: assign a managed identity to it, keep a proxy off its requests (NO_PROXY=169.254.169.254), or choose another `auth.kind`".to_owned()
        }
        CredentialKind::AzureCli => needs(CredentialKind::AzureCli).to_owned(),
        CredentialKind::WorkloadIdentity
        | CredentialKind::ClientSecret
        | CredentialKind::ClientCertificate => format!(
            "`{authority_host}` cannot be asked: check the network, its proxy (HTTPS_PROXY), its certificate authority (SSL_CERT_FILE) and `auth.authority_host`"
        ),
    }
}

fn needs(kind: CredentialKind) -> &'static str {
    match kind {
        CredentialKind::ManagedIdentity => {
            "the machine must have a managed identity that `azure_identity` knows: of a virtual machine, App Service or Azure Arc"
        }
        CredentialKind::WorkloadIdentity => {
            "`auth.federated_token_file` must be the file that Azure's webhook mounts into a pod labelled `azure.workload.identity/use: \"true\"`"
        }
        CredentialKind::ClientSecret => "`auth.client_secret_file` must hold the client secret",
        CredentialKind::ClientCertificate => {
            "`auth.client_certificate_file` must hold a certificate and its RSA key in PEM"
        }
        CredentialKind::AzureCli => "install the Azure CLI and sign in with `az login`",
    }
}

#[cfg(test)]
mod tests {
    use azure_core::http::StatusCode;

    use super::*;
    use crate::source::event_hub::identity::{Application, Identity, SecretSource};

    fn check(error: azure_core::Error, expected: &str, cause: Cause) {
        let application = Application {
            tenant_id: "t".to_owned(),
            client_id: "c".to_owned(),
        };
        let credential = Credential {
            identity: Identity::ClientSecret {
                application,
                secret: SecretSource::Value("c2VjcmV0".into()),
            },
            authority_host: "https://login.example".to_owned(),
            reason: String::new(),
        };
        let wrapped = azure_core::Error::with_error(ErrorKind::Credential, error, "it failed");
        let error = failed(&credential, wrapped);
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!(error.cause(), cause);
    }

    fn response(status: StatusCode, codes: Option<&str>) -> azure_core::Error {
        let kind = ErrorKind::HttpResponse {
            status,
            error_code: codes.map(str::to_owned),
            raw_response: None,
        };
        azure_core::Error::with_message(kind, "AADSTS")
    }

    #[test]
    fn an_answer_is_translated_into_what_to_do() {
        let refused = |codes, expected| {
            check(
                response(StatusCode::Unauthorized, codes),
                expected,
                Cause::Unauthorized,
            );
        };
        refused(Some("7000215"), "the client secret is wrong");
        refused(Some("1,7000222"), "the client secret has expired");
        refused(Some("1"), "the secret is refused");
        refused(None, "the secret is refused");
        check(
            response(StatusCode::ServiceUnavailable, None),
            "HTTP 503",
            Cause::Unreachable,
        );
        check(
            azure_core::Error::with_message(ErrorKind::Connection, "refused"),
            "`https://login.example` cannot be asked",
            Cause::Unreachable,
        );
        check(
            azure_core::Error::with_message(ErrorKind::Credential, "no file"),
            "`auth.client_secret_file` must hold",
            Cause::Unauthorized,
        );
    }
}
