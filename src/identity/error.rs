//! Explains why there is no token, and what to do about it: it translates the answer of the identity service into advice
//! that names the keys of the configuration.
//!
//! The numbers are those of "Microsoft Entra authentication and authorization error codes" (AADSTS...).

use std::error::Error;
use std::iter::successors;
use std::sync::Arc;
use std::time::Duration;

use azure_core::error::ErrorKind;

use super::credential::{Credential, CredentialKind};
use super::entra;
use crate::telemetry::{REDACTED, chain};

/// There is no token. Several callers that wait for the same token get the same error.
#[derive(Clone, Debug, thiserror::Error)]
#[error("no token for `{kind}`: {advice}")]
pub(crate) struct TokenError {
    kind: &'static str,
    advice: String,
    needs_person: bool,
    #[source]
    source: Option<Answer>,
}

/// What the identity library reports, as a text: the error itself contains the answer of the identity service whole, and a
/// service that repeats a request repeats the secret in it.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
struct Answer(Arc<str>);

impl TokenError {
    /// Whether a person must correct something: the identity service refused the credential, or the credential is so
    /// incomplete that no request could be sent. Otherwise the identity service did not answer, and may answer later.
    pub(crate) fn needs_person(&self) -> bool {
        self.needs_person
    }

    /// The identity library returned an error.
    pub(super) fn failed(credential: &Credential, error: &azure_core::Error) -> Self {
        let (needs_person, advice) = explain(credential, error);
        let mut answer = chain(error);
        // The shape of a secret is not enough here: an application may have a short one.
        if let Some(secret) = entra::client_secret(credential) {
            answer = answer.replace(secret.secret(), REDACTED);
        }
        Self {
            needs_person,
            source: Some(Answer(answer.into())),
            ..Self::without_answer(credential, advice)
        }
    }

    /// The identity service did not answer in time.
    pub(super) fn unanswered(credential: &Credential, within: Duration) -> Self {
        let (seconds, advice) = (within.as_secs(), unreachable(credential));
        Self::without_answer(
            credential,
            format!("no answer within {seconds} s: {advice}"),
        )
    }

    /// The identity service returned the previous token again.
    pub(super) fn same_again(credential: &Credential) -> Self {
        let advice = "the identity service returned the same token again; it is asked until it returns a new one";
        Self::without_answer(credential, advice.to_owned())
    }

    fn without_answer(credential: &Credential, advice: String) -> Self {
        Self {
            kind: credential.identity.kind().word(),
            advice,
            needs_person: false,
            source: None,
        }
    }
}

impl From<TokenError> for azure_core::Error {
    fn from(error: TokenError) -> Self {
        Self::new(ErrorKind::Credential, error)
    }
}

/// Whether a person must correct something, and what to do. The identity library wraps the cause in errors of its own.
fn explain(credential: &Credential, error: &azure_core::Error) -> (bool, String) {
    let kind = credential.identity.kind();
    let first: &(dyn Error + 'static) = error;
    let causes = successors(Some(first), |error| Error::source(*error))
        .filter_map(|error| error.downcast_ref())
        .map(azure_core::Error::kind);
    let mut is_unreachable = false;
    for cause in causes {
        match cause {
            ErrorKind::HttpResponse {
                status, error_code, ..
            } => {
                let status = u16::from(*status);
                if status != 429 && status < 500 {
                    let codes = error_code.as_deref().unwrap_or_default();
                    return (true, refused(kind, codes).to_owned());
                }
                let advice =
                    format!("the identity service answered HTTP {status}; it is asked again");
                return (false, advice);
            }
            ErrorKind::Io | ErrorKind::Connection | ErrorKind::DataConversion => {
                is_unreachable = true;
            }
            _ => {}
        }
    }
    if is_unreachable {
        (false, unreachable(credential))
    } else {
        (true, incomplete(kind).to_owned())
    }
}

/// What to do about a refusal: the advice for its code, or for the most frequent mistake.
fn refused(kind: CredentialKind, codes: &str) -> &'static str {
    let known = codes.split(',').find_map(of_code);
    known.unwrap_or(match kind {
        CredentialKind::Managed => {
            "the machine does not have this identity: assign it, or correct `auth.client_id`, which names a user-assigned one"
        }
        CredentialKind::Workload => {
            "the federated token is refused: check `auth.tenant_id`, `auth.client_id` and the identity's federated credentials"
        }
        CredentialKind::ClientSecret => {
            "the secret is refused: check `auth.tenant_id`, `auth.client_id` and the client secret"
        }
        CredentialKind::ClientCertificate => {
            "the certificate is refused: check `auth.tenant_id`, `auth.client_id` and the application's certificates"
        }
        CredentialKind::AzureCli => "sign in again with `az login`",
    })
}

fn of_code(code: &str) -> Option<&'static str> {
    Some(match code {
        "7000215" => {
            "the client secret is wrong: `auth.client_secret` must be the secret's value, not its id"
        }
        "7000222" => {
            "the client secret has expired: make a new one and set `auth.client_secret`, or write it to `auth.client_secret_file`"
        }
        "700016" => {
            "the tenant has no such application: check `auth.client_id` and `auth.tenant_id`"
        }
        "90002" => {
            "there is no such tenant: check `auth.tenant_id`, and `auth.authority_host` if it is in another cloud"
        }
        "700027" => {
            "the certificate is not the application's, or has expired: upload that of `auth.client_certificate_file` to the application"
        }
        "70021" | "700211" | "700212" | "700213" => {
            "no federated credential matches the service account: give the identity one with the cluster's issuer and the subject `system:serviceaccount:NAMESPACE:NAME`"
        }
        "700024" => "the assertion is not valid at this time: correct this machine's clock",
        "500011" => {
            "the tenant does not know the service that the token is for: check `auth.tenant_id` and `auth.authority_host`"
        }
        _ => return None,
    })
}

fn unreachable(credential: &Credential) -> String {
    match credential.identity.kind() {
        CredentialKind::Managed => {
            "no identity endpoint answers on this machine: assign a managed identity to it, keep a proxy off its requests (NO_PROXY=169.254.169.254), or choose another `auth.kind`".to_owned()
        }
        kind @ CredentialKind::AzureCli => incomplete(kind).to_owned(),
        CredentialKind::Workload
        | CredentialKind::ClientSecret
        | CredentialKind::ClientCertificate => format!(
            "`{}` is unreachable: check the network, its proxy (HTTPS_PROXY), its certificate authority (SSL_CERT_FILE) and `auth.authority_host`",
            credential.authority_host
        ),
    }
}

/// What a credential needs before a request to the identity service is possible.
fn incomplete(kind: CredentialKind) -> &'static str {
    match kind {
        CredentialKind::Managed => {
            "the machine must have a managed identity that `azure_identity` knows: of a virtual machine, App Service or Azure Arc"
        }
        CredentialKind::Workload => {
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
    use crate::identity::{Application, Identity, SecretSource};

    fn credential(secret: SecretSource) -> Credential {
        let application = Application {
            tenant_id: "t".to_owned(),
            client_id: "c".to_owned(),
        };
        Credential {
            identity: Identity::ClientSecret {
                application,
                secret,
            },
            authority_host: "https://login.example".to_owned(),
            reason: String::new(),
        }
    }

    fn check(error: azure_core::Error, expected: &str, needs_person: bool) {
        let credential = credential(SecretSource::Value("c2VjcmV0".into()));
        let wrapped = azure_core::Error::with_error(ErrorKind::Credential, error, "it failed");
        let error = TokenError::failed(&credential, &wrapped);
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!(error.needs_person(), needs_person, "{error}");
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
    fn an_answer_that_repeats_what_was_sent_is_stripped_and_shortened() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "c2VjcmV0\n").unwrap();
        let sent =
            "AADSTS1: c2VjcmV0 is wrong, client_secret=c2VjcmV0&x and eyJhbGciOiJub25lIn0.e30.c2ln";
        for secret in [
            SecretSource::Value("c2VjcmV0".into()),
            SecretSource::File(file.path().to_owned()),
        ] {
            let answer = azure_core::Error::with_message(ErrorKind::Other, sent);
            let error = TokenError::failed(&credential(secret), &answer);
            let logged = chain(&error);
            let expected = "AADSTS1: <redacted> is wrong, <redacted> and <redacted>";
            assert!(logged.ends_with(expected), "{logged}");
            assert!(!format!("{error:?}").contains("c2VjcmV0"), "{error:?}");
        }
        let answer = azure_core::Error::with_message(ErrorKind::Other, "AADSTS1. ".repeat(1000));
        let managed = Credential {
            identity: Identity::Managed { client_id: None },
            ..credential(SecretSource::Value("c2VjcmV0".into()))
        };
        let logged = chain(&TokenError::failed(&managed, &answer));
        assert!(logged.len() < 2000, "{} bytes", logged.len());
    }

    #[test]
    fn an_answer_is_translated_into_what_to_do() {
        let refused = |codes, expected| {
            check(response(StatusCode::Unauthorized, codes), expected, true);
        };
        refused(Some("7000215"), "the client secret is wrong");
        refused(Some("1,7000222"), "the client secret has expired");
        refused(Some("1"), "the secret is refused");
        refused(None, "the secret is refused");
        check(
            response(StatusCode::ServiceUnavailable, None),
            "HTTP 503",
            false,
        );
        check(
            azure_core::Error::with_message(ErrorKind::Connection, "refused"),
            "`https://login.example` is unreachable",
            false,
        );
        check(
            azure_core::Error::with_message(ErrorKind::Credential, "no file"),
            "`auth.client_secret_file` must hold",
            true,
        );
    }
}
