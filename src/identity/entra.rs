//! Makes the credentials of `azure_identity`. Each token needs a new credential: a credential keeps its token for longer than
//! the SDK can use it (see `tokens`), and the content of a file may have changed.
//!
//! The SDK's HTTP client follows no redirect, so only the configured identity service gets a secret or an assertion.

use std::sync::Arc;

use azure_core::cloud::{CloudConfiguration, CustomConfiguration};
use azure_core::credentials::{self, TokenCredential};
use azure_core::http::{ClientOptions, ExponentialRetryOptions, RetryOptions};
use azure_identity::{
    AzureCliCredential, AzureCliCredentialOptions, ClientAssertionCredential,
    ClientAssertionCredentialOptions, ClientSecretCredential, ClientSecretCredentialOptions,
    ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId,
    WorkloadIdentityCredential, WorkloadIdentityCredentialOptions,
};

use super::assertion::SignedAssertion;
use super::credential::{Credential, Identity, SecretSource};
use super::{Secret, secret_file};

/// A credential that has no token yet, made from the current content of the files.
pub(super) fn without_token(
    credential: &Credential,
) -> azure_core::Result<Arc<dyn TokenCredential>> {
    let client_options = client_options(credential);
    let assertion_options = |client_options| ClientAssertionCredentialOptions { client_options };
    Ok(match &credential.identity {
        Identity::Managed { client_id } => {
            ManagedIdentityCredential::new(Some(ManagedIdentityCredentialOptions {
                user_assigned_id: client_id.clone().map(UserAssignedId::ClientId),
                client_options,
            }))?
        }
        Identity::Workload {
            application,
            token_file,
        } => WorkloadIdentityCredential::new(Some(WorkloadIdentityCredentialOptions {
            credential_options: assertion_options(client_options),
            client_id: Some(application.client_id.clone()),
            tenant_id: Some(application.tenant_id.clone()),
            token_file_path: Some(token_file.clone()),
            ..WorkloadIdentityCredentialOptions::default()
        }))?,
        Identity::ClientSecret {
            application,
            secret,
        } => ClientSecretCredential::new(
            &application.tenant_id,
            application.client_id.clone(),
            credentials::Secret::new(current(secret)?.secret().to_owned()),
            Some(ClientSecretCredentialOptions { client_options }),
        )?,
        Identity::ClientCertificate { application, file } => {
            let (host, tenant_id) = (&credential.authority_host, &application.tenant_id);
            let assertion = SignedAssertion {
                client_id: application.client_id.clone(),
                audience: format!("{host}/{tenant_id}/oauth2/v2.0/token"),
                file: file.clone(),
            };
            ClientAssertionCredential::new(
                tenant_id.clone(),
                application.client_id.clone(),
                assertion,
                Some(assertion_options(client_options)),
            )?
        }
        Identity::AzureCli { tenant_id } => {
            AzureCliCredential::new(Some(AzureCliCredentialOptions {
                tenant_id: tenant_id.clone(),
                ..AzureCliCredentialOptions::default()
            }))?
        }
    })
}

/// The client secret that is sent to the identity service, if one is.
pub(super) fn client_secret(credential: &Credential) -> Option<Secret> {
    match &credential.identity {
        Identity::ClientSecret { secret, .. } => current(secret).ok(),
        _ => None,
    }
}

fn current(secret: &SecretSource) -> azure_core::Result<Secret> {
    match secret {
        SecretSource::Value(secret) => Ok(secret.clone()),
        SecretSource::File(path) => secret_file::read_for_credential(path),
    }
}

/// By default the SDK retries for a minute before it returns an error. The callers of this module try again anyway.
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
