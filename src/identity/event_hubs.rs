//! The tokens of one client of Event Hubs, as the SDK asks for them.
//!
//! Where there is no new token, a client that is opening uses the old one while that is valid. A client that renews gets
//! the error: then the SDK asks again after half a minute, whereas it would give up if it got the same token.

use std::sync::Arc;
use std::time::Duration;

use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use tokio::time::Instant;

use super::error::TokenError;
use super::tokens::Tokens;

/// A client may take this long to open: connecting and the first exchanges have this much time together.
const OPENING: Duration = Duration::from_mins(1);

/// The tokens of one client.
#[derive(Debug)]
pub(crate) struct EventHubsTokens {
    tokens: Arc<Tokens>,
    made_at: Instant,
}

impl EventHubsTokens {
    /// For a client that is about to be opened.
    pub(crate) fn new(tokens: Arc<Tokens>) -> Self {
        Self {
            tokens,
            made_at: Instant::now(),
        }
    }

    /// A token for the client as it is now: opening or renewing.
    pub(crate) async fn token(&self) -> Result<AccessToken, TokenError> {
        match self.tokens.fresh().await {
            Err(error) if self.made_at.elapsed() < OPENING => {
                self.tokens.latest(time::Duration::ZERO).ok_or(error)
            }
            answer => answer,
        }
    }
}

/// The SDK asks for one scope only, which is that of these tokens.
#[async_trait::async_trait]
impl TokenCredential for EventHubsTokens {
    async fn get_token(
        &self,
        _scopes: &[&str],
        _options: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        Ok(self.token().await?)
    }
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::super::tokens::{Audience, tests::tokens};
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_opening_client_uses_the_old_token_and_a_renewing_one_gets_the_error() {
        let expires_on = OffsetDateTime::now_utc() + time::Duration::minutes(5);
        let tokens = tokens(Audience::EVENT_HUBS, move || {
            Ok(Arc::new(Same(AccessToken::new("old", expires_on))))
        });
        let renewing = EventHubsTokens::new(Arc::clone(&tokens));
        assert_eq!(renewing.token().await.unwrap().token.secret(), "old");
        tokio::time::advance(OPENING).await;
        let error = renewing.token().await.unwrap_err().to_string();
        assert!(error.contains("the same token again"), "{error}");
        let opening = EventHubsTokens::new(tokens);
        assert_eq!(opening.token().await.unwrap().token.secret(), "old");
    }

    /// Returns the same token whenever it is asked.
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
