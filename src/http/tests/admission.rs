//! Who may ask for what, over real sockets.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderValue, header};
use reqwest::{Client, StatusCode};
use rustls::ClientConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

use super::Metrics;
use super::certificate::{Certificate, web};
use super::sockets::Endpoints;
use crate::http::settings::Limits;
use crate::http::web::{ClientAuth, Rate, Web};

fn serve(web: Web) -> Endpoints {
    Endpoints::serve(Metrics::new(1, 0), Limits::default(), web)
}

/// Alice's password is `secret`, and cheap to check.
fn with_alice() -> Web {
    let hash = bcrypt::hash("secret", 4).unwrap();
    web(move |config| {
        config.users.insert("alice".to_owned(), hash.clone());
        let nosniff = HeaderValue::from_static("nosniff");
        config
            .headers
            .insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
    })
}

/// What a client from an address gets with a user and a password, if it has them.
async fn asks(
    endpoints: &Endpoints,
    from: u8,
    path: &str,
    with: Option<(&str, &str)>,
) -> StatusCode {
    let from = IpAddr::from(Ipv4Addr::new(127, 0, 0, from));
    let client = Client::builder().local_address(from).build().unwrap();
    let mut request = client.get(endpoints.url(path));
    if let Some((user, password)) = with {
        request = request.basic_auth(user, Some(password));
    }
    let answer = request.send().await.unwrap();
    assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
    let asks_for_one = answer.headers().contains_key("www-authenticate");
    assert_eq!(asks_for_one, answer.status() == StatusCode::UNAUTHORIZED);
    answer.status()
}

#[tokio::test]
async fn a_user_needs_the_right_password_and_a_probe_needs_none() {
    let endpoints = serve(with_alice());
    let ask = |path, with| asks(&endpoints, 1, path, with);
    for path in ["/-/healthy", "/-/ready"] {
        assert_eq!(ask(path, None).await, 200);
    }
    for path in ["/metrics", "/", "/-/healthy/", "/-/nothing"] {
        assert_eq!(ask(path, None).await, 401, "{path}");
    }
    for wrong in [
        ("alice", "Secret"),
        ("alice", ""),
        ("bob", "secret"),
        ("", ""),
    ] {
        assert_eq!(ask("/metrics", Some(wrong)).await, 401, "{wrong:?}");
    }
    assert_eq!(endpoints.metrics.refused("password"), "8");
    for _ in 0..3 {
        assert_eq!(ask("/metrics", Some(("alice", "secret"))).await, 200);
    }
    let request = Client::new().get(endpoints.url("/metrics"));
    let bearer = request
        .bearer_auth("YWxpY2U6c2VjcmV0")
        .send()
        .await
        .unwrap();
    assert_eq!(bearer.status(), 401);
}

#[tokio::test]
async fn whoever_guesses_passwords_keeps_no_other_client_waiting() {
    let endpoints = Arc::new(serve(with_alice()));
    let mut guesses = JoinSet::new();
    for guess in 0..100 {
        let endpoints = Arc::clone(&endpoints);
        guesses.spawn(async move {
            let guess = guess.to_string();
            asks(&endpoints, 66, "/metrics", Some(("alice", &guess))).await
        });
    }
    let right = Some(("alice", "secret"));
    assert_eq!(asks(&endpoints, 1, "/metrics", right).await, 200);
    let answers = guesses.join_all().await;
    let of = |status: u16| answers.iter().filter(|answer| **answer == status).count();
    assert_eq!(of(401) + of(429), 100, "{answers:?}");
    assert!(of(429) > 50, "{answers:?}");
    // Once it is known, it is not checked: not even the address of the attacker waits.
    assert_eq!(asks(&endpoints, 66, "/metrics", right).await, 200);
}

#[tokio::test]
async fn more_requests_than_allowed_are_refused_and_probes_are_not_counted() {
    let endpoints = serve(web(|config| {
        let interval = Duration::from_hours(1);
        config.rate = Some(Rate { interval, burst: 2 });
    }));
    let client = Client::new();
    let mut answers = Vec::new();
    for path in [
        "/-/ready",
        "/metrics",
        "/-/healthy",
        "/",
        "/metrics",
        "/-/ready",
    ] {
        let answer = client.get(endpoints.url(path)).send().await.unwrap();
        answers.push(answer.status().as_u16());
    }
    assert_eq!(answers, [200, 200, 200, 200, 429, 200]);
    assert_eq!(endpoints.metrics.refused("rate"), "1");
}

/// The status of an answer over TLS, or none if the handshake is refused.
async fn over_tls(endpoints: &Endpoints, client: Arc<ClientConfig>, path: &str) -> Option<u16> {
    let stream = TcpStream::connect(endpoints.address).await.unwrap();
    let name = "localhost".try_into().unwrap();
    let mut stream = TlsConnector::from(client)
        .connect(name, stream)
        .await
        .ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = Vec::new();
    // With TLS 1.3, a client learns of a refusal when it reads.
    stream.read_to_end(&mut answer).await.ok()?;
    let answer = String::from_utf8_lossy(&answer);
    answer.split(' ').nth(1)?.parse().ok()
}

#[tokio::test]
async fn a_client_needs_its_certificate_and_a_probe_needs_none() {
    let (server, client, other) = (Certificate::new(), Certificate::new(), Certificate::new());
    let trusted = client.certificate.clone();
    let of = |client_auth, sans: &[&str]| {
        let (server, trusted) = (Arc::clone(&server), trusted.clone());
        let sans: Vec<_> = sans.iter().map(|san| (*san).to_owned()).collect();
        serve(server.web(move |tls| {
            tls.client_auth = client_auth;
            tls.client_ca = vec![trusted.clone()];
            tls.client_allowed_sans.clone_from(&sans);
        }))
    };
    let cases = [
        (ClientAuth::None, &[][..], [Some(200), Some(200), Some(200)]),
        (ClientAuth::Request, &[], [Some(200), Some(200), Some(200)]),
        (
            ClientAuth::RequireAny,
            &[],
            [Some(403), Some(200), Some(200)],
        ),
        (ClientAuth::VerifyIfGiven, &[], [Some(200), Some(200), None]),
        (
            ClientAuth::RequireAndVerify,
            &[],
            [Some(403), Some(200), None],
        ),
        (
            ClientAuth::RequireAndVerify,
            &["a", "localhost"],
            [Some(403), Some(200), None],
        ),
        (
            ClientAuth::RequireAndVerify,
            &["a", "localhost."],
            [Some(403), None, None],
        ),
    ];
    for (client_auth, sans, expected) in cases {
        let endpoints = of(client_auth, sans);
        let mut answers = Vec::new();
        for own in [None, Some(&*client), Some(&*other)] {
            answers.push(over_tls(&endpoints, server.client(own), "/metrics").await);
        }
        assert_eq!(answers, expected, "{client_auth:?} {sans:?}");
        let probe = over_tls(&endpoints, server.client(None), "/-/healthy").await;
        assert_eq!(probe, Some(200), "{client_auth:?}");
    }
}
