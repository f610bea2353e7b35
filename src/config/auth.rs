//! The section `auth`: as whom a token is asked for. `auto` is decided here, once, so that what its kind lacks is a
//! fault at the start.

use std::path::PathBuf;

use azure_core::credentials::Secret;

use super::fault::Origin;
use super::reader::Reader;
use crate::identity::{self, Application, Credential, CredentialKind, Identity, SecretSource};

/// What the section holds, each key right in itself.
pub(super) struct Auth {
    /// `None` for `auto`.
    kind: Option<CredentialKind>,
    tenant_id: Option<String>,
    client_id: Option<String>,
    client_secret: Option<Secret>,
    client_secret_file: Option<PathBuf>,
    client_certificate_file: Option<PathBuf>,
    federated_token_file: Option<PathBuf>,
    authority_host: Option<String>,
}

/// Takes every key of the section.
pub(super) fn take(reader: &mut Reader) -> Auth {
    let mut kinds = vec![("auto", None)];
    kinds.extend(CredentialKind::ALL.map(|kind| (kind.word(), Some(kind))));
    Auth {
        kind: reader.one_of(KIND, &kinds).flatten(),
        tenant_id: reader.text(TENANT_ID, identity::tenant_id),
        client_id: reader.text(CLIENT_ID, identity::client_id),
        client_secret: reader.text(CLIENT_SECRET, |text| {
            Ok::<_, &str>(Secret::new(text.to_owned()))
        }),
        client_secret_file: reader.path(CLIENT_SECRET_FILE),
        client_certificate_file: reader.path(CLIENT_CERTIFICATE_FILE),
        federated_token_file: reader.path(FEDERATED_TOKEN_FILE),
        authority_host: reader.text(AUTHORITY_HOST, identity::authority_host),
    }
}

/// Notes that a connection string leaves nothing for this section to do.
pub(super) fn contradict(reader: &mut Reader, auth: &Auth, connection: &str, origin: &Origin) {
    let problem = format!(
        "has no effect with `{connection}` ({origin}): use `event_hub.namespace` in its stead, or leave this out"
    );
    // `auto` may stand there: the reference file spells it out, and it asks for nothing.
    let kind = auth.kind.map(|_| KIND);
    for key in kind.into_iter().chain(KEYS) {
        if reader.origin(key).is_some() {
            reader.contradiction(key, problem.clone());
        }
    }
}

/// The credential that the section comes to, for a namespace of this host.
pub(super) fn credential(reader: &mut Reader, auth: Auth, host: &str) -> Option<Credential> {
    let (kind, reason) = decide(reader, auth.kind);
    leave_nothing_out(reader, kind, &reason);
    let application = application(reader, kind, auth.tenant_id.clone(), auth.client_id.clone());
    let identity = match kind {
        CredentialKind::ManagedIdentity => Identity::Managed {
            client_id: auth.client_id,
        },
        CredentialKind::AzureCli => Identity::AzureCli {
            tenant_id: auth.tenant_id,
        },
        CredentialKind::WorkloadIdentity => {
            require(reader, kind, FEDERATED_TOKEN_FILE);
            Identity::Workload {
                application: application?,
                token_file: auth.federated_token_file?,
            }
        }
        CredentialKind::ClientSecret => {
            let secret = secret(reader, auth.client_secret, auth.client_secret_file);
            Identity::ClientSecret {
                application: application?,
                secret: secret?,
            }
        }
        CredentialKind::ClientCertificate => {
            require(reader, kind, CLIENT_CERTIFICATE_FILE);
            Identity::ClientCertificate {
                application: application?,
                file: auth.client_certificate_file?,
            }
        }
    };
    Some(Credential {
        identity,
        authority_host: auth
            .authority_host
            .unwrap_or_else(|| identity::authority_of(host).to_owned()),
        reason,
    })
}

/// Which kind it is, and why. Our own keys say more than Azure's variables, which may be there for other programs.
fn decide(reader: &Reader, kind: Option<CredentialKind>) -> (CredentialKind, String) {
    let set = |key: &str| {
        reader
            .origin(key)
            .map(|origin| format!("`{key}` is set ({origin})"))
    };
    if let Some(kind) = kind {
        return (kind, set(KIND).unwrap_or_default());
    }
    for is_azures in [false, true] {
        for (key, kind) in EVIDENCE {
            let counts = |origin: &Origin| origin.is_azures() == is_azures;
            if reader.origin(key).is_some_and(counts) {
                return (kind, set(key).unwrap_or_default());
            }
        }
    }
    let reason = "neither a federated token, a secret nor a certificate is set".to_owned();
    (CredentialKind::ManagedIdentity, reason)
}

/// Notes the keys of ours that this kind does nothing with: whoever set them meant another.
fn leave_nothing_out(reader: &mut Reader, kind: CredentialKind, reason: &str) {
    let used: &[&str] = match kind {
        CredentialKind::ManagedIdentity => &[CLIENT_ID],
        CredentialKind::AzureCli => &[TENANT_ID],
        CredentialKind::WorkloadIdentity => {
            &[TENANT_ID, CLIENT_ID, FEDERATED_TOKEN_FILE, AUTHORITY_HOST]
        }
        CredentialKind::ClientSecret => &[
            TENANT_ID,
            CLIENT_ID,
            CLIENT_SECRET,
            CLIENT_SECRET_FILE,
            AUTHORITY_HOST,
        ],
        CredentialKind::ClientCertificate => &[
            TENANT_ID,
            CLIENT_ID,
            CLIENT_CERTIFICATE_FILE,
            AUTHORITY_HOST,
        ],
    };
    for key in KEYS {
        let is_ours = reader.origin(key).is_some_and(|origin| !origin.is_azures());
        if is_ours && !used.contains(&key) && !reader.is_faulty(key) {
            let problem = format!(
                "has no effect: `{KIND}` is, or comes to, `{}`, since {reason}",
                kind.word()
            );
            reader.contradiction(key, problem);
        }
    }
}

/// The application, which these kinds cannot do without.
fn application(
    reader: &mut Reader,
    kind: CredentialKind,
    tenant_id: Option<String>,
    client_id: Option<String>,
) -> Option<Application> {
    if matches!(
        kind,
        CredentialKind::ManagedIdentity | CredentialKind::AzureCli
    ) {
        return None;
    }
    require(reader, kind, TENANT_ID);
    require(reader, kind, CLIENT_ID);
    Some(Application {
        tenant_id: tenant_id?,
        client_id: client_id?,
    })
}

/// Exactly one of the two; a file of ours overrides a variable of Azure's.
fn secret(
    reader: &mut Reader,
    secret: Option<Secret>,
    file: Option<PathBuf>,
) -> Option<SecretSource> {
    let is_ours = |origin: &&Origin| !origin.is_azures();
    let Some(file) = file else {
        if reader.origin(CLIENT_SECRET_FILE).is_none() {
            require(reader, CredentialKind::ClientSecret, CLIENT_SECRET);
        }
        return secret.map(SecretSource::Value);
    };
    if let Some(origin) = reader.origin(CLIENT_SECRET).filter(is_ours) {
        let problem = format!("`{CLIENT_SECRET}` is set too ({origin}): keep one of the two");
        reader.contradiction(CLIENT_SECRET_FILE, problem);
    }
    Some(SecretSource::File(file))
}

fn require(reader: &mut Reader, kind: CredentialKind, key: &'static str) {
    let or_file = if key == CLIENT_SECRET {
        format!(" or `{CLIENT_SECRET_FILE}`")
    } else {
        String::new()
    };
    let azures = super::keys::Key::named(key).and_then(|key| key.azure_variable);
    reader.require(
        key,
        &format!(
            "`{}` needs it: set it{or_file}, or the variable {}",
            kind.word(),
            azures.unwrap_or_default()
        ),
    );
}

const KIND: &str = "auth.kind";
const TENANT_ID: &str = "auth.tenant_id";
const CLIENT_ID: &str = "auth.client_id";
const CLIENT_SECRET: &str = "auth.client_secret";
const CLIENT_SECRET_FILE: &str = "auth.client_secret_file";
const CLIENT_CERTIFICATE_FILE: &str = "auth.client_certificate_file";
const FEDERATED_TOKEN_FILE: &str = "auth.federated_token_file";
const AUTHORITY_HOST: &str = "auth.authority_host";

/// All but `auth.kind`.
const KEYS: [&str; 7] = [
    TENANT_ID,
    CLIENT_ID,
    CLIENT_SECRET,
    CLIENT_SECRET_FILE,
    CLIENT_CERTIFICATE_FILE,
    FEDERATED_TOKEN_FILE,
    AUTHORITY_HOST,
];

/// What `auto` goes by, in this order.
const EVIDENCE: [(&str, CredentialKind); 4] = [
    (FEDERATED_TOKEN_FILE, CredentialKind::WorkloadIdentity),
    (CLIENT_SECRET, CredentialKind::ClientSecret),
    (CLIENT_SECRET_FILE, CredentialKind::ClientSecret),
    (CLIENT_CERTIFICATE_FILE, CredentialKind::ClientCertificate),
];
