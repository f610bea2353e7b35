//! The tokens of one client, as the SDK asks for them.
//!
//! Where there is no new token, a client that opens gets on with the old one while that is valid. One that renews is told
//! of the error: then the SDK asks again in half a minute, whereas of the same token it would give up.

use std::sync::Arc;
use std::time::Duration;

use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use azure_core::error::ErrorKind;
use tokio::time::Instant;

use super::advice::TokenError;
use super::refreshing::Refreshing;

/// For so long a client may be opening: connecting and the first exchanges have this much time together.
const OPENING: Duration = Duration::from_mins(1);

/// The tokens of one client.
#[derive(Debug)]
pub(in crate::source::event_hub) struct ClientTokens {
    tokens: Arc<Refreshing>,
    made_at: Instant,
}

impl ClientTokens {
    /// For a client that is about to be opened.
    pub(in crate::source::event_hub) fn new(tokens: Arc<Refreshing>) -> Self {
        Self {
            tokens,
            made_at: Instant::now(),
        }
    }

    /// A token for whatever the client is at.
    pub(in crate::source::event_hub) async fn token(&self) -> Result<AccessToken, TokenError> {
        match self.tokens.token().await {
            Err(error) if self.made_at.elapsed() < OPENING => {
                self.tokens.old_token().await.ok_or(error)
            }
            answer => answer,
        }
    }
}

/// The SDK's way to ask. It asks for one scope only, whose tokens these are.
#[async_trait::async_trait]
impl TokenCredential for ClientTokens {
    async fn get_token(
        &self,
        _scopes: &[&str],
        _options: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        self.token()
            .await
            .map_err(|error| azure_core::Error::new(ErrorKind::Credential, error))
    }
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::super::Audience;
    use super::*;
    use crate::source::event_hub::identity::{Credential, Identity};

    #[tokio::test(start_paused = true)]
    async fn an_opening_client_gets_on_with_the_old_token_and_a_renewing_one_is_told() {
        let expires_on = OffsetDateTime::now_utc() + time::Duration::minutes(5);
        let credential = Credential {
            identity: Identity::AzureCli { tenant_id: None },
            authority_host: "https://localhost".to_owned(),
            reason: String::new(),
        };
        let tokens = Refreshing::new(credential, Audience::EventHubs, None, move || {
            Ok(Arc::new(Same(AccessToken::new("old", expires_on))))
        });
        let tokens = Arc::new(tokens);
        let renewing = ClientTokens::new(Arc::clone(&tokens));
        assert_eq!(renewing.token().await.unwrap().token.secret(), "old");
        tokio::time::advance(OPENING).await;
        let error = renewing.token().await.unwrap_err().to_string();
        assert!(error.contains("the same token again"), "{error}");
        let opening = ClientTokens::new(tokens);
        assert_eq!(opening.token().await.unwrap().token.secret(), "old");
    }

    /// Gives the same token whenever it is asked.
    #[derive(Debug)]
    struct Same(AccessToken);

    #[async_trait::async_trait]
    impl TokenCredential for Same {
        async fn get_token(
            &self,
            _: &[&str],
            _: Option<TokenRequestOptions<'_>>,
        ) -> azure_core::Result<AccessToken> {
            Ok(self.0.clone())
        }
    }
}
