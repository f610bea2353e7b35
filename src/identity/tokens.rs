//! Keeps the tokens of one credential for one service, and renews them early enough for the SDK.
//!
//! The SDK renews a token six minutes before it expires, but `azure_identity` returns its cached token until five minutes
//! before. So the SDK gets the same token again, concludes that the credential cannot renew it, and the link ends when the
//! token expires. [`Tokens`] prevents this: it keeps a token while it is far from expiring, and requests the next one from a
//! new credential, whose cache is empty.
//!
//! Callers that ask at the same time share one answer, so that a process with many partitions sends one request to the
//! identity service. A token that lives for less than the margin of a usual one is renewed when a quarter of its life is
//! over, and not at each request. There is a pause between two requests in any case.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use azure_core::credentials::{AccessToken, TokenCredential};
use time::OffsetDateTime;
use tokio::runtime::Handle;
use tokio::time::Instant;

use super::credential::Credential;
use super::entra;
use super::error::TokenError;
use crate::telemetry::Telemetry;

/// A token that expires within this time is renewed, if it lived for longer when it was fetched. The SDK renews later, six
/// minutes before the expiry.
const RENEW_BEFORE: time::Duration = time::Duration::minutes(10);

/// An identity service usually answers within a second. The rest allows for slow answers, and for two retries.
const FETCH_TIMEOUT: Duration = Duration::from_secs(30);

/// The minimum time between two fetches. An identity service accepts this rate from one client without a time limit.
const PAUSE: Duration = Duration::from_secs(1);

/// For this long, every caller gets the same failure. All partitions of an event hub ask when they open, and nobody corrects
/// the cause between the first and the last of them.
const FAILED_FOR: Duration = Duration::from_secs(5);

/// The service that tokens are for.
#[derive(Debug)]
pub(crate) struct Audience {
    /// The scope of a request for a token, the same in every cloud.
    scope: &'static str,
    name: &'static str,
}

impl Audience {
    pub(crate) const EVENT_HUBS: Self = Self {
        scope: "https://eventhubs.azure.net/.default",
        name: "Event Hubs",
    };
    pub(crate) const STORAGE: Self = Self {
        scope: "https://storage.azure.com/.default",
        name: "Blob Storage",
    };
}

/// A token, and when the next one is fetched.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) access: AccessToken,
    /// How long before its expiry it is renewed.
    pub(super) renewed_before: time::Duration,
    /// The same moment by the clock that nobody sets.
    renewed_at: Instant,
}

impl Token {
    fn new(access: AccessToken) -> Self {
        let life = left(&access).max(time::Duration::ZERO);
        let renewed_before = RENEW_BEFORE.min(life * 3 / 4);
        Self {
            access,
            renewed_before,
            renewed_at: Instant::now() + (life - renewed_before).unsigned_abs(),
        }
    }

    /// Whether the next token should be fetched.
    fn is_due(&self) -> bool {
        Instant::now() >= self.renewed_at || left(&self.access) <= self.renewed_before
    }
}

/// Makes a credential that has no token yet.
type Make = dyn Fn() -> azure_core::Result<Arc<dyn TokenCredential>> + Send + Sync;

/// The tokens for one service, shared by all its clients in the process.
pub(crate) struct Tokens {
    credential: Credential,
    audience: Audience,
    make: Arc<Make>,
    /// The runtime on which tokens are fetched. A caller runs on the runtime of a connection, which may end at any time. The
    /// HTTP connections to the identity service, which all callers share, would end with it.
    runtime: Handle,
    telemetry: Arc<Telemetry>,
    /// The latest token. A later fetch may have failed.
    latest: Mutex<Option<Token>>,
    /// The latest fetch. Locked while a fetch is in progress.
    fetched: tokio::sync::Mutex<Option<Fetched>>,
}

/// The outcome of a fetch.
struct Fetched {
    at: Instant,
    result: Result<Token, TokenError>,
}

impl Fetched {
    /// Whether a caller that asked at that time gets this outcome, instead of a new fetch.
    fn answers(&self, asked_at: Instant) -> bool {
        // The outcome of a fetch that ended after the caller asked is as new as the caller needs.
        self.at > asked_at
            || match &self.result {
                Ok(token) => !token.is_due(),
                Err(_) => self.at.elapsed() < FAILED_FOR,
            }
    }
}

impl Tokens {
    /// The tokens of a credential for a service. They are fetched on the runtime on which this is called.
    pub(crate) fn new(
        credential: &Credential,
        audience: Audience,
        telemetry: Arc<Telemetry>,
    ) -> Arc<Self> {
        telemetry.credential_chosen(
            credential.identity.kind().word(),
            &credential.reason,
            &credential.authority_host,
            audience.name,
        );
        let of = credential.clone();
        let make = Arc::new(move || entra::without_token(&of));
        Self::made_by(make, credential, audience, telemetry)
    }

    pub(super) fn made_by(
        make: Arc<Make>,
        credential: &Credential,
        audience: Audience,
        telemetry: Arc<Telemetry>,
    ) -> Arc<Self> {
        Arc::new(Self {
            credential: credential.clone(),
            audience,
            make,
            runtime: Handle::current(),
            telemetry,
            latest: Mutex::default(),
            fetched: tokio::sync::Mutex::default(),
        })
    }

    /// A token as the identity service has issued it, if that answers in time.
    pub(crate) async fn issued(&self, within: Duration) -> Result<AccessToken, TokenError> {
        let fetched = tokio::time::timeout(within, self.fresh()).await;
        let fetched = fetched.map_err(|_| TokenError::unanswered(&self.credential, within))?;
        Ok(fetched?.access)
    }

    /// The kept token if it is far from expiring, or else a new one.
    pub(super) async fn fresh(&self) -> Result<Token, TokenError> {
        let asked_at = Instant::now();
        let mut fetched = self.fetched.lock().await;
        if let Some(fetched) = &*fetched {
            if fetched.answers(asked_at) {
                return fetched.result.clone();
            }
            tokio::time::sleep_until(fetched.at + PAUSE).await;
        }
        let old = self.latest(time::Duration::ZERO);
        let mut result = self.fetch().await;
        if let (Some(old), Ok(new)) = (&old, &result)
            && new.access.expires_on <= old.access.expires_on
        {
            result = Err(TokenError::same_again(&self.credential));
        }
        match &result {
            Ok(token) => {
                *self.latest.lock().unwrap_or_else(PoisonError::into_inner) = Some(token.clone());
                self.telemetry.token_fetched();
            }
            Err(error) => {
                let valid_for_s = old
                    .as_ref()
                    .map(|token| left(&token.access).whole_seconds());
                self.telemetry.token_not_fetched(error, valid_for_s);
            }
        }
        *fetched = Some(Fetched {
            at: Instant::now(),
            result: result.clone(),
        });
        result
    }

    /// The latest token, if it is valid for longer than this.
    pub(super) fn latest(&self, at_least: time::Duration) -> Option<Token> {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        latest
            .clone()
            .filter(|token| left(&token.access) > at_least)
    }

    /// Starts to fetch the next token if that is due for this one, the latest. It does not wait for the fetch, which has a
    /// timeout.
    pub(super) fn renew_ahead(self: &Arc<Self>, latest: &Token) {
        let is_under_way = self.fetched.try_lock().is_err();
        if latest.is_due() && !is_under_way {
            let tokens = Arc::clone(self);
            // A failure is logged where the fetch fails.
            self.runtime
                .spawn(async move { drop(tokens.fresh().await) });
        }
    }

    async fn fetch(&self) -> Result<Token, TokenError> {
        let (make, scope) = (Arc::clone(&self.make), self.audience.scope);
        let fetching = async move { make()?.get_token(&[scope], None).await };
        // The fetch has a timeout, so it ends even if no caller waits for it.
        let fetching = self
            .runtime
            .spawn(tokio::time::timeout(FETCH_TIMEOUT, fetching));
        match fetching.await {
            Ok(Ok(Ok(token))) => Ok(Token::new(token)),
            Ok(Ok(Err(error))) => Err(TokenError::failed(&self.credential, &error)),
            // A panic of the identity library counts as no answer.
            Ok(Err(_)) | Err(_) => Err(TokenError::unanswered(&self.credential, FETCH_TIMEOUT)),
        }
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").finish_non_exhaustive()
    }
}

/// How long a token is valid from now on, by the wall clock: the identity service and the event hub use it too.
fn left(token: &AccessToken) -> time::Duration {
    token.expires_on - OffsetDateTime::now_utc()
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use azure_core::credentials::TokenRequestOptions;
    use azure_core::error::ErrorKind;
    use prometheus::Registry;
    use tokio::task::JoinSet;

    use super::*;
    use crate::identity::Identity;

    /// An identity service whose tokens live for the given time and are numbered; it takes 100 ms for one.
    #[derive(Debug)]
    struct Numbered {
        number: u64,
        lifetime: time::Duration,
    }

    #[async_trait::async_trait]
    impl TokenCredential for Numbered {
        async fn get_token(
            &self,
            scopes: &[&str],
            _: Option<TokenRequestOptions<'_>>,
        ) -> azure_core::Result<AccessToken> {
            assert_eq!(scopes, ["https://eventhubs.azure.net/.default"]);
            tokio::time::sleep(Duration::from_millis(100)).await;
            if self.lifetime.is_negative() {
                return Err(azure_core::Error::with_message(ErrorKind::Other, "no"));
            }
            let expires_on = OffsetDateTime::now_utc() + self.lifetime;
            Ok(AccessToken::new(self.number.to_string(), expires_on))
        }
    }

    pub(in crate::identity) fn tokens(
        audience: Audience,
        make: impl Fn() -> azure_core::Result<Arc<dyn TokenCredential>> + Send + Sync + 'static,
    ) -> Arc<Tokens> {
        let credential = Credential {
            identity: Identity::AzureCli { tenant_id: None },
            authority_host: "https://localhost".to_owned(),
            reason: String::new(),
        };
        let telemetry = Arc::new(Telemetry::new(&Registry::new(), ""));
        Tokens::made_by(Arc::new(make), &credential, audience, telemetry)
    }

    fn numbered(lifetime: time::Duration) -> Arc<Tokens> {
        let made = AtomicU64::new(0);
        tokens(Audience::EVENT_HUBS, move || {
            let number = made.fetch_add(1, Ordering::Relaxed);
            Ok(Arc::new(Numbered { number, lifetime }))
        })
    }

    /// The number of the token, or the error, that a caller gets now.
    async fn ask(tokens: &Tokens) -> String {
        match tokens.fresh().await {
            Ok(token) => token.access.token.secret().to_owned(),
            Err(error) => error.to_string(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_that_lives_long_is_kept() {
        let tokens = numbered(time::Duration::minutes(60));
        assert_eq!(ask(&tokens).await, "0");
        assert_eq!(ask(&tokens).await, "0");
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_near_its_end_is_renewed_by_a_new_credential() {
        for (life, renewed_after) in [(20, 10 * 60), (9, 135)] {
            let tokens = numbered(time::Duration::minutes(life));
            assert_eq!(ask(&tokens).await, "0");
            tokio::time::advance(Duration::from_secs(renewed_after - 5)).await;
            assert_eq!(ask(&tokens).await, "0");
            tokio::time::advance(Duration::from_secs(5)).await;
            assert_eq!(ask(&tokens).await, "1");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_that_lives_for_less_than_the_margin_is_not_renewed_at_each_request() {
        let tokens = numbered(time::Duration::seconds(200));
        let mut numbers = Vec::new();
        for _ in 0..45 {
            numbers.push(ask(&tokens).await);
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        assert_eq!(numbers, vec!["0"; 45]);
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!(ask(&tokens).await, "1");
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_that_asks_without_pause_has_to_wait() {
        let (tokens, started) = (numbered(time::Duration::ZERO), Instant::now());
        for number in 0..30 {
            assert_eq!(ask(&tokens).await, number.to_string());
        }
        assert!(
            started.elapsed() >= PAUSE * 29,
            "after {:?}",
            started.elapsed()
        );
    }

    #[tokio::test(start_paused = true)]
    async fn many_callers_at_once_share_one_fetch() {
        for (lifetime, expected) in [
            (60, "0"),
            (1, "0"),
            (
                -1,
                "no token for `azure_cli`: install the Azure CLI and sign in with `az login`",
            ),
        ] {
            let tokens = numbered(time::Duration::minutes(lifetime));
            let mut asking = JoinSet::new();
            for _ in 0..32 {
                let tokens = Arc::clone(&tokens);
                asking.spawn(async move { ask(&tokens).await });
            }
            assert_eq!(asking.join_all().await, vec![expected; 32]);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_the_answer_for_a_while_and_then_it_is_tried_again() {
        let tries = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&tries);
        let tokens = tokens(Audience::EVENT_HUBS, move || {
            counted.fetch_add(1, Ordering::Relaxed);
            Err(azure_core::Error::with_message(ErrorKind::Other, "no"))
        });
        let first = ask(&tokens).await;
        tokio::time::advance(FAILED_FOR / 2).await;
        assert_eq!(ask(&tokens).await, first);
        assert_eq!(tries.load(Ordering::Relaxed), 1);
        tokio::time::advance(FAILED_FOR).await;
        assert_eq!(ask(&tokens).await, first);
        assert_eq!(tries.load(Ordering::Relaxed), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_that_never_answers_is_an_error_in_time() {
        #[derive(Debug)]
        struct Silent;

        #[async_trait::async_trait]
        impl TokenCredential for Silent {
            async fn get_token(
                &self,
                _: &[&str],
                _: Option<TokenRequestOptions<'_>>,
            ) -> azure_core::Result<AccessToken> {
                std::future::pending().await
            }
        }

        let answer = ask(&tokens(Audience::EVENT_HUBS, || Ok(Arc::new(Silent)))).await;
        assert!(answer.contains("no answer within 30 s"), "{answer}");
    }
}
