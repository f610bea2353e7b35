//! One credential for all clients of the process, whose tokens the SDK can renew.
//!
//! The SDK renews a token six minutes before it expires; `azure_identity` hands out the cached one until five minutes
//! before. So a renewal gets the same token back, the SDK takes the credential for one that cannot renew, and the link
//! dies with its token. [`Refreshing`] stands between the two: it keeps a token while it is long from expiring, and asks
//! a new credential, whose cache is empty, for the next.
//!
//! It answers who asks at the same time with the same token, so that a process of many partitions asks the identity
//! service once; and it never asks twice in quick succession, since the SDK asks without pause when a token lives shorter
//! than its six minutes.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use azure_core::credentials::{AccessToken, TokenCredential};
use time::OffsetDateTime;
use tokio::runtime::Handle;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::Audience;
use super::advice::{self, TokenError};
use crate::source::event_hub::identity::Credential;
use crate::telemetry::Telemetry;

/// A token with less than this left is renewed: well before the SDK asks, which is at six minutes.
pub(super) const RENEW_BEFORE: time::Duration = time::Duration::minutes(10);

/// An identity service answers within a second; the rest is for its bad days, and for two more tries.
const FETCH_TIMEOUT: Duration = Duration::from_secs(30);

/// The least time between two fetches. An identity service takes this from one client for as long as it likes.
const PAUSE: Duration = Duration::from_secs(1);

/// A failure is told for this long to whoever asks: the partitions of a hub all ask when they open, and what is wrong is
/// not mended between the first and the last.
const FAILED_FOR: Duration = Duration::from_secs(5);

/// Makes a credential that has no token yet.
type Make = dyn Fn() -> azure_core::Result<Arc<dyn TokenCredential>> + Send + Sync;

/// Gives out tokens for one service.
pub(in crate::source::event_hub) struct Refreshing {
    credential: Credential,
    audience: Audience,
    make: Arc<Make>,
    /// Where tokens are fetched. Who asks lives on the runtime of a connection, which may end at any time and would take
    /// the HTTP connections to the identity service, which all share, with it.
    runtime: Handle,
    telemetry: Option<Arc<Telemetry>>,
    latest: Mutex<Latest>,
}

#[derive(Default)]
struct Latest {
    fetched: Option<Fetched>,
    /// The latest token there was, though a later fetch may have failed.
    token: Option<AccessToken>,
}

/// The outcome of a fetch.
struct Fetched {
    /// When it was there.
    at: Instant,
    result: Result<AccessToken, TokenError>,
}

impl Fetched {
    /// Whether it answers somebody who asked at that time.
    fn answers(&self, asked_at: Instant) -> bool {
        // What was fetched after somebody asked is as new as what would be fetched for them.
        let came_since = self.at > asked_at;
        match &self.result {
            Ok(token) => came_since || left(token) > RENEW_BEFORE,
            Err(_) => came_since || self.at.elapsed() < FAILED_FOR,
        }
    }
}

impl Refreshing {
    pub(super) fn new(
        credential: Credential,
        audience: Audience,
        telemetry: Option<Arc<Telemetry>>,
        make: impl Fn() -> azure_core::Result<Arc<dyn TokenCredential>> + Send + Sync + 'static,
    ) -> Self {
        Self {
            credential,
            audience,
            make: Arc::new(make),
            runtime: Handle::current(),
            telemetry,
            latest: Mutex::default(),
        }
    }

    /// A token that is long from expiring, or one that is as new as can be.
    pub(super) async fn token(&self) -> Result<AccessToken, TokenError> {
        let asked_at = Instant::now();
        let mut latest = self.latest.lock().await;
        if let Some(fetched) = &latest.fetched {
            if fetched.answers(asked_at) {
                return fetched.result.clone();
            }
            tokio::time::sleep_until(fetched.at + PAUSE).await;
        }
        let old = latest.token.as_ref().filter(|token| is_valid(token));
        let mut result = self.fetch().await;
        if let (Some(old), Ok(new)) = (old, &result)
            && new.expires_on <= old.expires_on
        {
            result = Err(advice::same_again(&self.credential));
        }
        self.tell(old, &result);
        if let Ok(token) = &result {
            latest.token = Some(token.clone());
        }
        latest.fetched = Some(Fetched {
            at: Instant::now(),
            result: result.clone(),
        });
        result
    }

    /// The latest token, if it is still good for anything.
    pub(super) async fn old_token(&self) -> Option<AccessToken> {
        let latest = self.latest.lock().await;
        latest.token.clone().filter(is_valid)
    }

    async fn fetch(&self) -> Result<AccessToken, TokenError> {
        let make = Arc::clone(&self.make);
        let scope = self.audience.scope();
        let fetching = async move { make()?.get_token(&[scope], None).await };
        // It ends by its time-out, so nobody has to wait for it.
        let fetching = self
            .runtime
            .spawn(tokio::time::timeout(FETCH_TIMEOUT, fetching));
        match fetching.await {
            Ok(Ok(Ok(token))) => Ok(token),
            Ok(Ok(Err(error))) => Err(advice::failed(&self.credential, error)),
            // A panic of the identity library is no answer either.
            Ok(Err(_)) | Err(_) => Err(advice::unanswered(&self.credential, FETCH_TIMEOUT)),
        }
    }

    fn tell(&self, old: Option<&AccessToken>, result: &Result<AccessToken, TokenError>) {
        let Some(telemetry) = &self.telemetry else {
            return;
        };
        match result {
            Ok(_) => telemetry.token_fetched(),
            Err(error) => {
                let valid_for_s = old.map(|token| left(token).whole_seconds());
                telemetry.token_not_fetched(error, valid_for_s);
            }
        }
    }
}

impl fmt::Debug for Refreshing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refreshing")
            .field("credential", &self.credential)
            .field("audience", &self.audience)
            .finish_non_exhaustive()
    }
}

/// How long a token is valid from now on. The clock is the service's and the broker's, so it is the wall's.
pub(super) fn left(token: &AccessToken) -> time::Duration {
    token.expires_on - OffsetDateTime::now_utc()
}

fn is_valid(token: &AccessToken) -> bool {
    left(token).is_positive()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use azure_core::credentials::TokenRequestOptions;
    use azure_core::error::ErrorKind;
    use tokio::task::JoinSet;

    use super::*;
    use crate::source::event_hub::identity::Identity;

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

    fn refreshing(
        make: impl Fn() -> azure_core::Result<Arc<dyn TokenCredential>> + Send + Sync + 'static,
    ) -> Arc<Refreshing> {
        let credential = Credential {
            identity: Identity::AzureCli { tenant_id: None },
            authority_host: "https://localhost".to_owned(),
            reason: String::new(),
        };
        Arc::new(Refreshing::new(credential, Audience::EventHubs, None, make))
    }

    fn numbered(lifetime: time::Duration) -> Arc<Refreshing> {
        let made = AtomicU64::new(0);
        refreshing(move || {
            let number = made.fetch_add(1, Ordering::Relaxed);
            Ok(Arc::new(Numbered { number, lifetime }))
        })
    }

    /// The number of the token, or the error, that somebody gets who asks now.
    async fn ask(refreshing: &Refreshing) -> String {
        match refreshing.token().await {
            Ok(token) => token.token.secret().to_owned(),
            Err(error) => error.to_string(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_that_lives_long_is_kept() {
        let refreshing = numbered(time::Duration::minutes(60));
        assert_eq!(ask(&refreshing).await, "0");
        assert_eq!(ask(&refreshing).await, "0");
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_near_its_end_is_renewed_by_a_new_credential() {
        let refreshing = numbered(time::Duration::minutes(9));
        assert_eq!(ask(&refreshing).await, "0");
        assert_eq!(ask(&refreshing).await, "1");
    }

    #[tokio::test(start_paused = true)]
    async fn who_asks_without_pause_is_made_to_wait() {
        let (refreshing, started) = (numbered(time::Duration::seconds(8)), Instant::now());
        for number in 0..30 {
            assert_eq!(ask(&refreshing).await, number.to_string());
        }
        assert!(
            started.elapsed() >= PAUSE * 29,
            "after {:?}",
            started.elapsed()
        );
    }

    #[tokio::test(start_paused = true)]
    async fn many_who_ask_at_once_share_one_fetch() {
        for (lifetime, expected) in [
            (60, "0"),
            (1, "0"),
            (
                -1,
                "no token for `azure_cli`: install the Azure CLI and sign in with `az login`",
            ),
        ] {
            let refreshing = numbered(time::Duration::minutes(lifetime));
            let mut asking = JoinSet::new();
            for _ in 0..32 {
                let refreshing = Arc::clone(&refreshing);
                asking.spawn(async move { ask(&refreshing).await });
            }
            assert_eq!(asking.join_all().await, vec![expected; 32]);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_told_again_for_a_while_and_then_tried_again() {
        let tries = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&tries);
        let refreshing = refreshing(move || {
            counted.fetch_add(1, Ordering::Relaxed);
            Err(azure_core::Error::with_message(ErrorKind::Other, "no"))
        });
        let first = ask(&refreshing).await;
        tokio::time::advance(FAILED_FOR / 2).await;
        assert_eq!(ask(&refreshing).await, first);
        assert_eq!(tries.load(Ordering::Relaxed), 1);
        tokio::time::advance(FAILED_FOR).await;
        assert_eq!(ask(&refreshing).await, first);
        assert_eq!(tries.load(Ordering::Relaxed), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_that_never_answers_is_given_up_on() {
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

        let answer = ask(&refreshing(|| Ok(Arc::new(Silent)))).await;
        assert!(answer.contains("no answer within 30 s"), "{answer}");
    }
}
