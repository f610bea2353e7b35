//! `$cbs`: where a client puts the tokens that let it in.
//!
//! A token must be there, look like one and not have expired; its signature is not checked, for there is no secret
//! between this hub and its clients.

use crate::hub::amqp::Value;
use crate::hub::clock::Timestamp;

use super::request::{Answer, Request};

/// The tokens of a connection.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    any: bool,
}

impl Tokens {
    /// Whether a token was put.
    pub(super) fn any(&self) -> bool {
        self.any
    }

    /// Carries out a request to `$cbs`.
    pub(super) fn put(&mut self, request: &Request, now: Timestamp) -> Answer {
        if request.text("operation") != "put-token" {
            return Answer::failed(400, "The operation must be `put-token`.".to_owned(), None);
        }
        let token = request.body.as_text().unwrap_or_default();
        match expiry(request.text("type"), token) {
            None => Answer::failed(
                401,
                "InvalidToken: this is neither a shared access signature nor a JWT.".to_owned(),
                None,
            ),
            Some(expires_at) if expires_at <= now => {
                Answer::failed(401, "ExpiredToken: the token has expired.".to_owned(), None)
            }
            Some(_) => {
                self.any = true;
                Answer::ok(202, "Accepted", Value::Null)
            }
        }
    }
}

/// When a token expires; none if it is no token.
fn expiry(kind: &str, token: &str) -> Option<Timestamp> {
    match kind {
        "servicebus.windows.net:sastoken" => signature_expiry(token),
        "jwt" => (!token.is_empty()).then_some(Timestamp::MAX),
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
