//! The tokens of one container, as each request to it asks for one.
//!
//! Leases are renewed every few seconds and must not wait for an identity service that hangs: while a token is good, it is
//! given out at once, and the next one is fetched aside.

use std::sync::{Arc, Mutex, PoisonError};

use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use azure_core::error::ErrorKind;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::advice::TokenError;
use super::refreshing::{self, RENEW_BEFORE, Refreshing};

/// A token with less than this left is not used any more: a request takes its time, and clocks differ.
const USED_UNTIL: time::Duration = time::Duration::seconds(30);

/// The tokens of one container.
#[derive(Debug)]
pub(super) struct StorageTokens {
    shared: Arc<Shared>,
    /// Where the next one is fetched. It ends by the time-out of a fetch, so nobody has to wait for it.
    runtime: Handle,
    renewal: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug)]
struct Shared {
    tokens: Refreshing,
    latest: Mutex<Option<AccessToken>>,
}

impl StorageTokens {
    pub(super) fn new(tokens: Refreshing) -> Self {
        Self {
            shared: Arc::new(Shared {
                tokens,
                latest: Mutex::default(),
            }),
            runtime: Handle::current(),
            renewal: Mutex::default(),
        }
    }

    async fn token(&self) -> Result<AccessToken, TokenError> {
        let Some(token) = self.shared.latest(USED_UNTIL) else {
            return self.shared.next().await;
        };
        if refreshing::left(&token) <= RENEW_BEFORE {
            self.renew_aside();
        }
        Ok(token)
    }

    fn renew_aside(&self) {
        let mut renewal = self.renewal.lock().unwrap_or_else(PoisonError::into_inner);
        if renewal.as_ref().is_none_or(JoinHandle::is_finished) {
            let shared = Arc::clone(&self.shared);
            *renewal = Some(self.runtime.spawn(async move {
                // That there is none was told where it was asked for.
                drop(shared.next().await);
            }));
        }
    }
}

impl Shared {
    /// The latest token, if it has more than this left.
    fn latest(&self, at_least: time::Duration) -> Option<AccessToken> {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        latest
            .clone()
            .filter(|token| refreshing::left(token) > at_least)
    }

    async fn next(&self) -> Result<AccessToken, TokenError> {
        let token = self.tokens.token().await?;
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        *latest = Some(token.clone());
        Ok(token)
    }
}

/// It is asked for one scope only, whose tokens these are.
#[async_trait::async_trait]
impl TokenCredential for StorageTokens {
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
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use time::OffsetDateTime;

    use super::super::Audience;
    use super::*;
    use crate::source::event_hub::identity::{Credential, Identity};

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
        let credential = Credential {
            identity: Identity::AzureCli { tenant_id: None },
            authority_host: "https://localhost".to_owned(),
            reason: String::new(),
        };
        let made = AtomicU64::new(0);
        StorageTokens::new(Refreshing::new(
            credential,
            Audience::Storage,
            None,
            move || {
                let number = made.fetch_add(1, Ordering::Relaxed);
                Ok(Arc::new(Slower {
                    number,
                    first_lives,
                }))
            },
        ))
    }

    /// The token that is given out, and after how many seconds.
    async fn ask(tokens: &StorageTokens) -> (String, u64) {
        let asked = tokio::time::Instant::now();
        let token = tokens.token().await.unwrap();
        (token.token.secret().to_owned(), asked.elapsed().as_secs())
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_the_next_token_while_one_is_good() {
        let tokens = storage_tokens(time::Duration::minutes(5));
        assert_eq!(ask(&tokens).await, ("0".to_owned(), 0));
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
        let (token, waited) = ask(&tokens).await;
        assert_eq!(token, "1");
        assert!(waited >= 20, "{waited}");
    }
}
