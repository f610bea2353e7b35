//! Who may ask for what: a client certificate, a password, and not too often. Probes of the kubelet have none of these.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use azure_core::base64;
use tokio::time::Instant;

use super::passwords::Busy;
use super::{Current, Web};
use crate::http::connection::Connection;
use crate::metrics::Exposition;
use crate::telemetry::RefusedFor;

/// What needs neither password nor certificate.
const PROBES: [&str; 2] = ["/-/healthy", "/-/ready"];

/// What admission needs.
#[derive(Clone, Debug)]
pub(crate) struct Door {
    pub(crate) web: Arc<Web>,
    pub(crate) exposition: Arc<Exposition>,
}

/// Answers a request, or says why not, with the configured headers.
pub(crate) async fn admit(
    State(door): State<Door>,
    Extension(connection): Extension<Arc<Connection>>,
    request: Request,
    next: Next,
) -> Response {
    let current = door.web.current();
    let refused = if PROBES.contains(&request.uri().path()) {
        None
    } else {
        door.web
            .refuses(&current, &connection, request.headers())
            .await
    };
    let mut answer = match refused {
        None => next.run(request).await,
        Some(refused_for) => {
            door.exposition.telemetry().request_refused(refused_for);
            refusal(refused_for)
        }
    };
    let headers = current.config.headers.iter();
    answer
        .headers_mut()
        .extend(headers.map(|(name, value)| (name.clone(), value.clone())));
    answer
}

impl Web {
    /// Why a request is refused, if it is.
    async fn refuses(
        &self,
        current: &Current,
        connection: &Connection,
        headers: &HeaderMap,
    ) -> Option<RefusedFor> {
        if current
            .bucket
            .as_ref()
            .is_some_and(|bucket| !bucket.take(Instant::now()))
        {
            return Some(RefusedFor::Rate);
        }
        let tls = current.config.tls.as_ref();
        let needs_certificate = tls.is_some_and(|tls| tls.client_auth.requires());
        if needs_certificate && !connection.has_certificate() {
            return Some(RefusedFor::Certificate);
        }
        let users = &current.config.users;
        if users.is_empty() {
            return None;
        }
        let Some((user, password)) = credentials(headers) else {
            return Some(RefusedFor::Password);
        };
        let hash = users.get(&user).map(String::as_str);
        match self
            .passwords
            .is_right(connection.peer, &user, hash, password)
            .await
        {
            Ok(true) => None,
            Ok(false) => Some(RefusedFor::Password),
            Err(Busy) => Some(RefusedFor::Passwords),
        }
    }
}

/// The user and password of `Authorization: Basic` (RFC 7617).
fn credentials(headers: &HeaderMap) -> Option<(String, String)> {
    let (scheme, coded) = headers
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?
        .split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(base64::decode(coded.trim()).ok()?).ok()?;
    let (user, password) = text.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

fn refusal(refused_for: RefusedFor) -> Response {
    let (status, text) = match refused_for {
        RefusedFor::Rate => (
            StatusCode::TOO_MANY_REQUESTS,
            "too many requests: `rate_limit` of the web configuration\n",
        ),
        RefusedFor::Passwords => (
            StatusCode::TOO_MANY_REQUESTS,
            "passwords of this address are being checked: try again\n",
        ),
        RefusedFor::Certificate => (StatusCode::FORBIDDEN, "a client certificate is needed\n"),
        RefusedFor::Password => (
            StatusCode::UNAUTHORIZED,
            "a user and a password are needed, and these are not right\n",
        ),
    };
    let mut answer = (status, text).into_response();
    if refused_for == RefusedFor::Password {
        let basic =
            HeaderValue::from_static("Basic realm=\"acs-recording-exporter\", charset=\"UTF-8\"");
        answer.headers_mut().insert(header::WWW_AUTHENTICATE, basic);
    }
    answer
}
