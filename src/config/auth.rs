//! The section `auth`: the identity that tokens are requested for. `auto` is decided here, once, so that what its kind
//! lacks is a fault at the start.

use std::path::PathBuf;

use super::keys;
use super::reader::Reader;
use crate::identity::{
    Application, Credential, CredentialKind, Identity, Secret, SecretSource, authority_host,
    authority_of, client_id, tenant_id,
};
use crate::setting::{path, settings, text, words};

settings! {
    /// Authentication
    ///
    /// The identity for which the exporter requests tokens of Microsoft Entra ID. It needs tokens for
    /// `event_hub.namespace`, and for a `checkpoint.container_url` without a SAS. It needs no token for a connection string.
    /// docs/authentication.md describes what each kind needs in Azure. To trust a private certificate authority, for
    /// example that of a proxy, set the variables `SSL_CERT_FILE` and `SSL_CERT_DIR`.
    #[derive(Clone, Debug, PartialEq)]
    pub(super) struct Auth in "auth" {
        /// The kind of identity.
        ///
        /// - `auto`: the kind whose key is set: a federated token, a secret or a certificate, in this order. If none is set,
        ///   the managed identity. At startup, the log reports which kind was chosen, and why.
        /// - `managed_identity`: the managed identity of the machine, or the user-assigned one that `client_id` names
        /// - `workload_identity`: a Kubernetes service account; needs `tenant_id`, `client_id`, `federated_token_file`
        /// - `client_secret`: an application; needs `tenant_id`, `client_id`, and `client_secret` or `client_secret_file`
        /// - `client_certificate`: an application; needs `tenant_id`, `client_id`, `client_certificate_file`
        /// - `azure_cli`: the user who is signed in to `az`, for a developer's machine
        kind: Option<CredentialKind> = words(kinds()).default("auto"),
        /// The tenant that the identity is in: its id or its domain.
        tenant_id: Option<String> = text("an id or a domain", tenant_id).optional().or_variable("AZURE_TENANT_ID"),
        /// The client id of the application, or of a user-assigned managed identity.
        client_id: Option<String> = text("an id", client_id).optional().or_variable("AZURE_CLIENT_ID"),
        /// The secret of the application: its value, not its id.
        ///
        /// Do not write it into a file: set the variable from a Secret.
        client_secret: Option<Secret> = text("any text", |text| Ok::<_, &str>(Secret::new(text.to_owned())))
            .optional().secret().or_variable("AZURE_CLIENT_SECRET"),
        /// A file that contains the secret of the application.
        ///
        /// The file is read again for each token, so the secret can be replaced at any time.
        client_secret_file: Option<PathBuf> = path().optional().secret_file(),
        /// A file that contains a certificate of the application and its private key.
        ///
        /// PEM, with an RSA key without a passphrase. The file is read again for each token.
        client_certificate_file: Option<PathBuf> = path().optional().secret_file()
            .or_variable("AZURE_CLIENT_CERTIFICATE_PATH"),
        /// A file that contains the token of a Kubernetes service account.
        ///
        /// Azure's webhook for workload identity sets the variable. The file is read again for each token.
        federated_token_file: Option<PathBuf> = path().optional().secret_file()
            .or_variable("AZURE_FEDERATED_TOKEN_FILE"),
        /// The identity service, if it is not the one of the namespace's cloud.
        ///
        /// The default is `https://login.microsoftonline.com`. For a namespace in servicebus.usgovcloudapi.net it is
        /// `https://login.microsoftonline.us`, and for one in servicebus.chinacloudapi.cn
        /// `https://login.chinacloudapi.cn`.
        authority_host: Option<String> = text("an https address without a path", authority_host)
            .optional().or_variable("AZURE_AUTHORITY_HOST"),
    }
}

/// The credential that the section comes to, for a namespace of this host.
pub(super) fn credential(reader: &mut Reader, auth: Auth, host: &str) -> Option<Credential> {
    let (kind, reason) = decide(reader, auth.kind);
    let (names, proofs): (&[&str], &[&'static str]) = match kind {
        CredentialKind::Managed => (&[CLIENT_ID], &[]),
        CredentialKind::AzureCli => (&[TENANT_ID], &[]),
        CredentialKind::Workload => (&APPLICATION, &[FEDERATED_TOKEN_FILE]),
        CredentialKind::ClientSecret => (&APPLICATION, &[CLIENT_SECRET, CLIENT_SECRET_FILE]),
        CredentialKind::ClientCertificate => (&APPLICATION, &[CLIENT_CERTIFICATE_FILE]),
    };
    let unused = keys::section("auth")
        .map(|key| key.name)
        .filter(|key| *key != KIND && !names.contains(key) && !proofs.contains(key));
    let word = kind.word();
    let why = format!("with a credential of the kind `{word}`, chosen because {reason}");
    reader.no_effect(unused, &why);
    reader.only_one(proofs);
    if let [proof, others @ ..] = proofs {
        if proofs.iter().all(|key| reader.origin(key).is_none()) {
            require(reader, kind, proof, others.first().copied());
        }
        require(reader, kind, TENANT_ID, None);
        require(reader, kind, CLIENT_ID, None);
    }

    let application = |auth: &Auth| {
        Some(Application {
            tenant_id: auth.tenant_id.clone()?,
            client_id: auth.client_id.clone()?,
        })
    };
    let identity = match kind {
        CredentialKind::Managed => Identity::Managed {
            client_id: auth.client_id,
        },
        CredentialKind::AzureCli => Identity::AzureCli {
            tenant_id: auth.tenant_id,
        },
        CredentialKind::Workload => Identity::Workload {
            application: application(&auth)?,
            token_file: auth.federated_token_file?,
        },
        // A file of ours overrides a variable of Azure's.
        CredentialKind::ClientSecret => Identity::ClientSecret {
            application: application(&auth)?,
            secret: match auth.client_secret_file {
                Some(file) => SecretSource::File(file),
                None => SecretSource::Value(auth.client_secret?),
            },
        },
        CredentialKind::ClientCertificate => Identity::ClientCertificate {
            application: application(&auth)?,
            file: auth.client_certificate_file?,
        },
    };
    let authority_host = auth.authority_host;
    Some(Credential {
        identity,
        authority_host: authority_host.unwrap_or_else(|| authority_of(host).to_owned()),
        reason,
    })
}

/// Which kind it is, and why. Our own keys are stronger evidence than Azure's variables, which may be there for other
/// programs.
fn decide(reader: &Reader, kind: Option<CredentialKind>) -> (CredentialKind, String) {
    let set = |key: &str| {
        let origin = reader.origin(key)?;
        Some(format!("`{key}` is set ({origin})"))
    };
    if let Some(kind) = kind {
        return (kind, set(KIND).unwrap_or_default());
    }
    let ours = EVIDENCE.iter().find(|(key, _)| reader.is_set(key));
    let azures = || {
        EVIDENCE
            .iter()
            .find(|(key, _)| reader.origin(key).is_some())
    };
    if let Some((key, kind)) = ours.or_else(azures) {
        return (*kind, set(key).unwrap_or_default());
    }
    let reason = "neither a federated token, a secret nor a certificate is set";
    (CredentialKind::Managed, reason.to_owned())
}

/// Notes that one of these keys must be set.
fn require(reader: &mut Reader, kind: CredentialKind, key: &'static str, other: Option<&str>) {
    let other = other.map(|other| format!(" or `{other}`"));
    let variable = keys::named(key).and_then(|key| key.azure_variable);
    let problem = format!(
        "`{}` needs it: set it{}, or the variable {}",
        kind.word(),
        other.unwrap_or_default(),
        variable.unwrap_or_default()
    );
    reader.require(key, problem);
}

fn kinds() -> Vec<(&'static str, Option<CredentialKind>)> {
    let kinds = CredentialKind::ALL
        .iter()
        .map(|kind| (kind.word(), Some(*kind)));
    [("auto", None)].into_iter().chain(kinds).collect()
}

const KIND: &str = "auth.kind";
const TENANT_ID: &str = "auth.tenant_id";
const CLIENT_ID: &str = "auth.client_id";
const CLIENT_SECRET: &str = "auth.client_secret";
const CLIENT_SECRET_FILE: &str = "auth.client_secret_file";
const CLIENT_CERTIFICATE_FILE: &str = "auth.client_certificate_file";
const FEDERATED_TOKEN_FILE: &str = "auth.federated_token_file";

/// What names an application.
const APPLICATION: [&str; 3] = [TENANT_ID, CLIENT_ID, "auth.authority_host"];

/// What `auto` goes by, in this order.
const EVIDENCE: [(&str, CredentialKind); 4] = [
    (FEDERATED_TOKEN_FILE, CredentialKind::Workload),
    (CLIENT_SECRET, CredentialKind::ClientSecret),
    (CLIENT_SECRET_FILE, CredentialKind::ClientSecret),
    (CLIENT_CERTIFICATE_FILE, CredentialKind::ClientCertificate),
];
