//! `$cbs`: where a client puts the tokens that allow its links.
//!
//! A token must have the form of one and not have expired. A signature is checked if the namespace has policies; the
//! signature of a JWT never is. A token counts for the whole event hub that its audience names, whatever partition or consumer group follows.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use crate::amqp::Value;
use crate::clock::Timestamp;
use crate::namespace::EventHubId;
use crate::policy::{Claim, Rights};

use super::request::{Answer, Request};

/// The tokens of a connection, the latest of each audience.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    latest: BTreeMap<Audience, Token>,
}

#[derive(Clone, Copy, Debug)]
struct Token {
    expires_at: Timestamp,
    rights: Rights,
}

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Audience {
    Namespace,
    EventHub(EventHubId),
}

impl Tokens {
    /// Whether there is any token.
    pub(super) fn any(&self) -> bool {
        !self.latest.is_empty()
    }

    /// Whether there is a token for this event hub.
    pub(super) fn any_for(&self, event_hub: EventHubId) -> bool {
        self.for_event_hub(event_hub).next().is_some()
    }

    /// Whether there is a token that allows this on this event hub.
    pub(super) fn allow(&self, event_hub: EventHubId, claim: Claim) -> bool {
        self.for_event_hub(event_hub)
            .any(|token| token.rights.include(claim))
    }

    fn for_event_hub(&self, event_hub: EventHubId) -> impl Iterator<Item = &Token> {
        let audiences = [Audience::EventHub(event_hub), Audience::Namespace];
        audiences
            .into_iter()
            .filter_map(|audience| self.latest.get(&audience))
    }

    /// When the next of them expires.
    pub(super) fn next_expiry(&self) -> Option<Timestamp> {
        self.latest.values().map(|token| token.expires_at).min()
    }

    /// Removes those that have expired; false if none has.
    pub(super) fn expire(&mut self, now: Timestamp) -> bool {
        let before = self.latest.len();
        self.latest.retain(|_, token| token.expires_at > now);
        self.latest.len() < before
    }

    /// Carries out a request to `$cbs`. `rights` are those of a signature. With a `lifetime` no token is good for longer.
    pub(super) fn put(
        &mut self,
        audience: Audience,
        request: &Request,
        rights: impl FnOnce(&str) -> Option<Rights>,
        now: Timestamp,
        lifetime: Option<Duration>,
    ) -> Answer {
        if request.text("operation") != "put-token" {
            return refused(400, "The operation must be `put-token`.");
        }
        let token = request.body.as_text().unwrap_or_default();
        let kind = request.text("type");
        let Some(expires_at) = expiry(kind, token) else {
            let description = "InvalidToken: this is neither a shared access signature nor a JWT.";
            return refused(401, description);
        };
        if expires_at <= now {
            return refused(401, "ExpiredToken: the token has expired.");
        }
        let rights = if kind == SIGNATURE {
            rights(token)
        } else {
            Some(Rights::ALL)
        };
        let Some(rights) = rights else {
            let description = "InvalidSignature: The token has an invalid signature.";
            return refused(401, description);
        };
        let lifetime_ms = lifetime.map_or(Timestamp::MAX, |lifetime| {
            Timestamp::try_from(lifetime.as_millis()).unwrap_or(Timestamp::MAX)
        });
        let expires_at = expires_at.min(now.saturating_add(lifetime_ms));
        self.latest.insert(audience, Token { expires_at, rights });
        Answer::ok(202, "Accepted", Value::Null)
    }
}

/// The type of a token that is a shared access signature.
const SIGNATURE: &str = "servicebus.windows.net:sastoken";

/// The answer to a token that is refused.
pub(super) fn refused(status: i32, description: &str) -> Answer {
    Answer::failed(status, description.to_owned(), None)
}

/// When a token expires; `None` if it is not a token.
fn expiry(kind: &str, token: &str) -> Option<Timestamp> {
    match kind {
        SIGNATURE => signature_expiry(token),
        "jwt" if !token.is_empty() => Some(jwt_expiry(token).unwrap_or(Timestamp::MAX)),
        _ => None,
    }
}

/// The `se` of `SharedAccessSignature sr=..&sig=..&se=..&skn=..`, which is in seconds.
fn signature_expiry(token: &str) -> Option<Timestamp> {
    let fields = token.strip_prefix("SharedAccessSignature ")?;
    let seconds: i64 = fields
        .split('&')
        .find_map(|field| field.strip_prefix("se="))?
        .parse()
        .ok()?;
    seconds.checked_mul(1000)
}

/// The `exp` claim of a JWT, which is in seconds. Any other text passes as a token that never expires: tests of other
/// programs use such texts.
fn jwt_expiry(token: &str) -> Option<Timestamp> {
    #[derive(Deserialize)]
    struct Claims {
        exp: i64,
    }
    let claims = token.split('.').nth(1)?;
    let claims = URL_SAFE_NO_PAD.decode(claims).ok()?;
    let claims: Claims = serde_json::from_slice(&claims).ok()?;
    claims.exp.checked_mul(1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: &str, token: &str, expected: Option<Timestamp>) {
        assert_eq!(expiry(kind, token), expected, "{kind} {token}");
    }

    #[test]
    fn the_expiry_of_each_kind_of_token_is_found() {
        let signature =
            "SharedAccessSignature sr=sb%3a%2f%2fhost%2fcalls&sig=abc%3d&se=1700000000&skn=Root";
        check(
            "servicebus.windows.net:sastoken",
            signature,
            Some(1_700_000_000_000),
        );
        check(
            "servicebus.windows.net:sastoken",
            "SharedAccessSignature sr=x&sig=y",
            None,
        );
        check("servicebus.windows.net:sastoken", "", None);
        // {"alg":"none"}.{"exp":1700000000}.
        check(
            "jwt",
            "eyJhbGciOiJub25lIn0.eyJleHAiOjE3MDAwMDAwMDB9.",
            Some(1_700_000_000_000),
        );
        check("jwt", "opaque", Some(Timestamp::MAX));
        check("jwt", "", None);
        check("other", "token", None);
    }
}
