//! Provides each request to the container with a token.
//!
//! Leases are renewed every few seconds, and must not wait for an identity service that hangs. So while a token is valid, a
//! request gets it at once, and the next token is fetched in the background.

use std::sync::Arc;

use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};

use super::credential::Credential;
use super::tokens::{Audience, Tokens};
use crate::telemetry::Telemetry;

/// A token that expires within this time is not used any more: a request takes some time, and clocks differ.
const USED_UNTIL: time::Duration = time::Duration::seconds(30);

/// The tokens of a credential for Blob Storage. They are fetched on the runtime on which this is called.
pub fn storage_tokens(
    credential: &Credential,
    telemetry: Arc<Telemetry>,
) -> Arc<dyn TokenCredential> {
    let tokens = Tokens::new(credential, Audience::STORAGE, telemetry);
    Arc::new(StorageTokens(tokens))
}

#[derive(Debug)]
struct StorageTokens(Arc<Tokens>);

/// The container asks for one scope only, which is that of these tokens.
#[async_trait::async_trait]
impl TokenCredential for StorageTokens {
    async fn get_token(
        &self,
        _scopes: &[&str],
        _options: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        match self.0.latest(USED_UNTIL) {
            Some(token) => {
                self.0.renew_ahead(&token);
                Ok(token.access)
            }
            None => Ok(self.0.fresh().await?.access),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use time::OffsetDateTime;

    use super::super::tokens::tests::tokens;
    use super::*;

    /// An identity service whose first token lives for the given time; the second takes 20 s and lives an hour.
    #[derive(Debug)]
    struct Slower {
        number: u64,
        first_lives: time::Duration,
    }

    #[async_trait::async_trait]
    impl TokenCredential for Slower {
        async fn get_token(
            &self,
            scopes: &[&str],
            _: Option<TokenRequestOptions<'_>>,
        ) -> azure_core::Result<AccessToken> {
            assert_eq!(scopes, ["https://storage.azure.com/.default"]);
            let mut lives = self.first_lives;
            if self.number > 0 {
                tokio::time::sleep(Duration::from_secs(20)).await;
                lives = time::Duration::HOUR;
            }
            let expires_on = OffsetDateTime::now_utc() + lives;
            Ok(AccessToken::new(self.number.to_string(), expires_on))
        }
    }

    fn storage_tokens(first_lives: time::Duration) -> StorageTokens {
        let made = AtomicU64::new(0);
        StorageTokens(tokens(Audience::STORAGE, move || {
            let number = made.fetch_add(1, Ordering::Relaxed);
            Ok(Arc::new(Slower {
                number,
                first_lives,
            }))
        }))
    }

    /// The token that a request gets, and after how many seconds.
    async fn ask(tokens: &StorageTokens) -> (String, u64) {
        let asked = tokio::time::Instant::now();
        let token = tokens.get_token(&[], None).await.unwrap();
        (token.token.secret().to_owned(), asked.elapsed().as_secs())
    }

    #[tokio::test(start_paused = true)]
    async fn no_request_waits_for_the_next_token_while_one_is_valid() {
        let tokens = storage_tokens(time::Duration::minutes(5));
        assert_eq!(ask(&tokens).await, ("0".to_owned(), 0));
        tokio::time::advance(Duration::from_secs(75)).await; // a quarter of its life
        for _ in 0..15 {
            assert_eq!(ask(&tokens).await, ("0".to_owned(), 0));
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_eq!(ask(&tokens).await, ("1".to_owned(), 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_at_its_end_is_not_used() {
        let tokens = storage_tokens(time::Duration::seconds(20));
        assert_eq!(ask(&tokens).await, ("0".to_owned(), 0));
        tokio::time::advance(Duration::from_secs(5)).await; // the next one is due
        let (token, waited) = ask(&tokens).await;
        assert_eq!(token, "1");
        assert!(waited >= 20, "{waited}");
    }
}
