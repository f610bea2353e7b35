//! Provides the SDK with tokens for one client of Event Hubs.
//!
//! If there is no new token, a client that is opening uses the old token while it is valid. A client that renews its token
//! gets the error instead: after an error, the SDK asks again half a minute later, but if it gets the same token, it gives
//! up.
//!
//! The SDK renews a token six minutes before it expires, and without pause if it lives for less than that. So it sees such a
//! token expire six minutes after the next one is due, and asks for that one in time. The event hub goes by what the token
//! itself contains.

use std::sync::Arc;
use std::time::Duration;

use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use tokio::time::Instant;

use super::error::TokenError;
use super::tokens::Tokens;

/// How long a client may take to open: to connect, and to exchange the first messages.
const OPENING: Duration = Duration::from_mins(1);

/// How long before the expiry the SDK asks for the next token, at the earliest.
const SDK_RENEWS_BEFORE: time::Duration = time::Duration::seconds(6 * 60 + 5);

/// The tokens of one client.
#[derive(Debug)]
pub(crate) struct EventHubsTokens {
    tokens: Arc<Tokens>,
    made_at: Instant,
}

impl EventHubsTokens {
    /// The tokens for a client that is about to be opened.
    pub(crate) fn new(tokens: Arc<Tokens>) -> Self {
        Self {
            tokens,
            made_at: Instant::now(),
        }
    }

    /// A token for the client, which is either opening or renewing its token.
    pub(crate) async fn token(&self) -> Result<AccessToken, TokenError> {
        let token = match self.tokens.fresh().await {
            Err(error) if self.made_at.elapsed() < OPENING => {
                self.tokens.latest(time::Duration::ZERO).ok_or(error)
            }
            answer => answer,
        }?;
        let mut access = token.access;
        access.expires_on += (SDK_RENEWS_BEFORE - token.renewed_before).max(time::Duration::ZERO);
        Ok(access)
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
    async fn the_sdk_asks_for_the_next_token_when_that_is_due() {
        for (lives, shown) in [(3600, 3600), (540, 540), (200, 50 + 365)] {
            let expires_on = OffsetDateTime::now_utc() + time::Duration::seconds(lives);
            let tokens = tokens(Audience::EVENT_HUBS, move || {
                Ok(Arc::new(Same(AccessToken::new("short", expires_on))))
            });
            let token = EventHubsTokens::new(tokens).token().await.unwrap();
            let later = token.expires_on - expires_on;
            let expected = time::Duration::seconds(shown - lives);
            let rounded = (later - expected).abs();
            assert!(rounded < time::Duration::SECOND, "{lives}: {later}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_opening_client_uses_the_old_token_and_a_renewing_one_gets_the_error() {
        let expires_on = OffsetDateTime::now_utc() + time::Duration::minutes(5);
        let tokens = tokens(Audience::EVENT_HUBS, move || {
            Ok(Arc::new(Same(AccessToken::new("old", expires_on))))
        });
        let renewing = EventHubsTokens::new(Arc::clone(&tokens));
        assert_eq!(renewing.token().await.unwrap().token.secret(), "old");
        tokio::time::advance(OPENING * 2).await; // the next one is due
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
