//! Who we are to Microsoft Entra ID: from the checked settings to tokens.
//!
//! `refreshing` keeps the tokens, `client_tokens` hands them to the SDK and `storage_tokens` to whoever uses Blob Storage, `assertion` proves an identity by a certificate, `advice` says what to do when there is
//! no token. Here the credentials of `azure_identity` are made: a new one for each token, since each keeps the token that
//! it got for longer than the SDK can use (see `refreshing`), and since what a file holds may have changed.

mod advice;
mod assertion;
mod client_tokens;
mod refreshing;
mod storage_tokens;

use std::path::PathBuf;
use std::sync::Arc;

use azure_core::cloud::{CloudConfiguration, CustomConfiguration};
use azure_core::credentials::{Secret, TokenCredential};
use azure_core::error::ErrorKind;
use azure_core::http::{ClientOptions, ExponentialRetryOptions, RetryOptions};
use azure_identity::{
    AzureCliCredential, AzureCliCredentialOptions, ClientAssertionCredential,
    ClientAssertionCredentialOptions, ClientSecretCredential, ClientSecretCredentialOptions,
    ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId,
    WorkloadIdentityCredential, WorkloadIdentityCredentialOptions,
};

pub(super) use advice::TokenError;
use assertion::SignedAssertion;
pub(super) use client_tokens::ClientTokens;
pub(super) use refreshing::Refreshing;
use storage_tokens::StorageTokens;

use super::identity::{Application, Credential, Identity, SecretSource};
use crate::secret_file;
use crate::telemetry::Telemetry;

/// What tokens are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Audience {
    EventHubs,
    Storage,
}

impl Audience {
    /// What a token for it is asked for with, in every cloud.
    fn scope(self) -> &'static str {
        match self {
            Self::EventHubs => "https://eventhubs.azure.net/.default",
            Self::Storage => "https://storage.azure.com/.default",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::EventHubs => "Event Hubs",
            Self::Storage => "Blob Storage",
        }
    }
}

/// Tokens of this credential, for all clients of the process. What they cost is told to `telemetry`, if there is one.
pub(super) fn tokens(
    credential: &Credential,
    audience: Audience,
    telemetry: Option<Arc<Telemetry>>,
) -> Refreshing {
    if let Some(telemetry) = &telemetry {
        telemetry.credential_chosen(
            credential.identity.kind().word(),
            &credential.reason,
            &credential.authority_host,
            audience.name(),
        );
    }
    let made_of = credential.clone();
    Refreshing::new(credential.clone(), audience, telemetry, move || {
        fresh(&made_of)
    })
}

/// Tokens of this credential for Blob Storage, each kept for as long as it is good. What they cost is told to
/// `telemetry`. Asked for on the runtime on which they are then fetched.
pub fn storage_tokens(
    credential: &Credential,
    telemetry: Arc<Telemetry>,
) -> Arc<dyn TokenCredential> {
    let tokens = tokens(credential, Audience::Storage, Some(telemetry));
    Arc::new(StorageTokens::new(tokens))
}

/// A credential without a token, made of what is in the files now.
fn fresh(credential: &Credential) -> azure_core::Result<Arc<dyn TokenCredential>> {
    Ok(match &credential.identity {
        Identity::Managed { client_id } => {
            let options = ManagedIdentityCredentialOptions {
                user_assigned_id: client_id.clone().map(UserAssignedId::ClientId),
                client_options: client_options(credential),
            };
            ManagedIdentityCredential::new(Some(options))?
        }
        Identity::Workload {
            application,
            token_file,
        } => {
            let options = WorkloadIdentityCredentialOptions {
                credential_options: assertion_options(credential),
                client_id: Some(application.client_id.clone()),
                tenant_id: Some(application.tenant_id.clone()),
                token_file_path: Some(token_file.clone()),
                ..WorkloadIdentityCredentialOptions::default()
            };
            WorkloadIdentityCredential::new(Some(options))?
        }
        Identity::ClientSecret {
            application,
            secret,
        } => {
            let options = ClientSecretCredentialOptions {
                client_options: client_options(credential),
            };
            ClientSecretCredential::new(
                &application.tenant_id,
                application.client_id.clone(),
                current(secret)?,
                Some(options),
            )?
        }
        Identity::ClientCertificate { application, file } => {
            let Application {
                tenant_id,
                client_id,
            } = application.clone();
            let assertion = SignedAssertion {
                application: application.clone(),
                audience: format!(
                    "{}/{tenant_id}/oauth2/v2.0/token",
                    credential.authority_host
                ),
                file: file.clone(),
            };
            let options = Some(assertion_options(credential));
            ClientAssertionCredential::new(tenant_id, client_id, assertion, options)?
        }
        Identity::AzureCli { tenant_id } => {
            let options = AzureCliCredentialOptions {
                tenant_id: tenant_id.clone(),
                ..AzureCliCredentialOptions::default()
            };
            AzureCliCredential::new(Some(options))?
        }
    })
}

/// A file with a secret that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("file `{}` cannot be read", path.display())]
struct UnreadableSecret {
    path: PathBuf,
    source: std::io::Error,
}

fn current(secret: &SecretSource) -> azure_core::Result<Secret> {
    match secret {
        SecretSource::Value(secret) => Ok(secret.clone()),
        SecretSource::File(path) => secret_file::read(path).map(Secret::new).map_err(|source| {
            let path = path.clone();
            azure_core::Error::new(ErrorKind::Credential, UnreadableSecret { path, source })
        }),
    }
}

fn assertion_options(credential: &Credential) -> ClientAssertionCredentialOptions {
    ClientAssertionCredentialOptions {
        client_options: client_options(credential),
    }
}

/// The SDK's own retries go on for a minute before they say what is wrong; whoever asks us tries again anyway.
const RETRIES: u32 = 2;

fn client_options(credential: &Credential) -> ClientOptions {
    let mut cloud = CustomConfiguration::default();
    cloud.authority_host.clone_from(&credential.authority_host);
    ClientOptions {
        cloud: Some(Arc::new(CloudConfiguration::Custom(cloud))),
        retry: RetryOptions::exponential(ExponentialRetryOptions {
            max_retries: RETRIES,
            ..ExponentialRetryOptions::default()
        }),
        ..ClientOptions::default()
    }
}
