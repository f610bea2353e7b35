//! Who we are to Microsoft Entra ID.
//!
//! The SDK renews its token six minutes before it expires; `azure_identity` hands out the cached one until five
//! minutes before. So a renewal gets the same token back, the SDK takes the credential for one that cannot renew, and
//! the link dies with its token. [`Refreshing`] stands between the two.

use std::fmt;
use std::sync::Arc;

use azure_core::credentials::{AccessToken, Secret, TokenCredential, TokenRequestOptions};
use azure_identity::{
    AzureCliCredential, ClientSecretCredential, ManagedIdentityCredential,
    ManagedIdentityCredentialOptions, UserAssignedId, WorkloadIdentityCredential,
};
use time::{Duration, OffsetDateTime};
use tokio::sync::Mutex;

use super::error::SourceError;
use super::settings::CredentialKind;

/// A token with less than this left is renewed: well before the SDK asks, which is at six minutes.
const RENEW_BEFORE: Duration = Duration::minutes(10);

/// Makes the credential of a kind from what the environment holds.
pub(super) fn make(kind: CredentialKind) -> Result<Arc<dyn TokenCredential>, SourceError> {
    let kind = if kind == CredentialKind::Auto {
        detect()
    } else {
        kind
    };
    // Made once for its errors: what is missing is told at the start, not at the first token.
    fresh(kind)?;
    Ok(Arc::new(Refreshing {
        make: move || fresh(kind),
        cached: Mutex::new(None),
    }))
}

/// What Azure's webhook for workload identity and its pipelines leave in the environment; else the managed identity.
fn detect() -> CredentialKind {
    if variable("AZURE_FEDERATED_TOKEN_FILE").is_some() {
        CredentialKind::WorkloadIdentity
    } else if variable("AZURE_CLIENT_SECRET").is_some() {
        CredentialKind::ClientSecret
    } else {
        CredentialKind::ManagedIdentity
    }
}

fn fresh(kind: CredentialKind) -> Result<Arc<dyn TokenCredential>, SourceError> {
    let failed = |kind, needs| {
        move |source| SourceError::Credential {
            kind,
            needs,
            source: Some(source),
        }
    };
    Ok(match kind {
        CredentialKind::Auto | CredentialKind::ManagedIdentity => {
            let options = ManagedIdentityCredentialOptions {
                user_assigned_id: variable("AZURE_CLIENT_ID").map(UserAssignedId::ClientId),
                ..ManagedIdentityCredentialOptions::default()
            };
            ManagedIdentityCredential::new(Some(options))
                .map_err(failed("managed_identity", "the machine must have a managed identity"))?
        }
        CredentialKind::WorkloadIdentity => WorkloadIdentityCredential::new(None).map_err(failed(
            "workload_identity",
            "set `AZURE_TENANT_ID`, `AZURE_CLIENT_ID` and `AZURE_FEDERATED_TOKEN_FILE`, as Azure's webhook does for a pod labelled `azure.workload.identity/use`",
        ))?,
        CredentialKind::ClientSecret => {
            const NEEDS: &str = "set `AZURE_TENANT_ID`, `AZURE_CLIENT_ID` and `AZURE_CLIENT_SECRET`";
            let missing = || SourceError::Credential { kind: "client_secret", needs: NEEDS, source: None };
            ClientSecretCredential::new(
                &variable("AZURE_TENANT_ID").ok_or_else(missing)?,
                variable("AZURE_CLIENT_ID").ok_or_else(missing)?,
                Secret::new(variable("AZURE_CLIENT_SECRET").ok_or_else(missing)?),
                None,
            )
            .map_err(failed("client_secret", NEEDS))?
        }
        CredentialKind::AzureCli => {
            AzureCliCredential::new(None).map_err(failed("azure_cli", "sign in with `az login`"))?
        }
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "these variables belong to Azure's tools, not to our configuration"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Gives out a token while it is long from expiring, and asks a new credential, whose cache is empty, for the next.
struct Refreshing<M> {
    make: M,
    cached: Mutex<Option<AccessToken>>,
}

impl<M> fmt::Debug for Refreshing<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refreshing").finish_non_exhaustive()
    }
}

#[async_trait::async_trait]
impl<M> TokenCredential for Refreshing<M>
where
    M: Fn() -> Result<Arc<dyn TokenCredential>, SourceError> + Send + Sync,
{
    async fn get_token(
        &self,
        scopes: &[&str],
        options: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        let mut cached = self.cached.lock().await;
        let renew_at = OffsetDateTime::now_utc() + RENEW_BEFORE;
        if let Some(token) = cached.as_ref().filter(|token| token.expires_on > renew_at) {
            return Ok(token.clone());
        }
        let credential = (self.make)().map_err(|error| {
            azure_core::Error::new(azure_core::error::ErrorKind::Credential, error)
        })?;
        let token = credential.get_token(scopes, options).await?;
        *cached = Some(token.clone());
        Ok(token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// An identity service whose tokens live for the given time and are numbered.
    #[derive(Debug)]
    struct Numbered {
        number: u64,
        lifetime: Duration,
    }

    #[async_trait::async_trait]
    impl TokenCredential for Numbered {
        async fn get_token(
            &self,
            _: &[&str],
            _: Option<TokenRequestOptions<'_>>,
        ) -> azure_core::Result<AccessToken> {
            let expires_on = OffsetDateTime::now_utc() + self.lifetime;
            Ok(AccessToken::new(self.number.to_string(), expires_on))
        }
    }

    async fn tokens(lifetime: Duration) -> [String; 2] {
        let made = AtomicU64::new(0);
        let refreshing = Refreshing {
            make: move || {
                let number = made.fetch_add(1, Ordering::Relaxed);
                let credential: Arc<dyn TokenCredential> = Arc::new(Numbered { number, lifetime });
                Ok(credential)
            },
            cached: Mutex::new(None),
        };
        let first = refreshing.get_token(&[], None).await.unwrap();
        let second = refreshing.get_token(&[], None).await.unwrap();
        [
            first.token.secret().to_owned(),
            second.token.secret().to_owned(),
        ]
    }

    #[tokio::test]
    async fn a_token_that_lives_long_is_kept() {
        assert_eq!(tokens(Duration::minutes(60)).await, ["0", "0"]);
    }

    #[tokio::test]
    async fn a_token_near_its_end_is_renewed_by_a_new_credential() {
        assert_eq!(tokens(Duration::minutes(9)).await, ["0", "1"]);
    }
}
