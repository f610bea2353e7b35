//! What may be wrong with the checkpoint store, and with the clock, which its answers show.

use std::time::{Duration, SystemTime};

use acs_recording_exporter::inside::blobs::{Container, Settings};
use acs_recording_exporter::inside::telemetry::Telemetry;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::header::{CONTENT_LENGTH, DATE, TRANSFER_ENCODING};
use axum::http::{HeaderValue, Response};
use event_hub_emulator::Emulator;
use object_store::azure::{AzureAccessKey, AzureAuthorizer, AzureCredential};
use object_store::client::HttpRequest;
use prometheus::Registry;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::{CONNECTION_STRING, Checked, STORE, check, hub};
use crate::azurite::Azurite;
use crate::blobs::authentication::{ACCOUNT, KEY, policy_sas};

/// A hub, and a store with a container or without.
struct World {
    hub: Emulator,
    azurite: Azurite,
    container: Container,
}

impl World {
    async fn start() -> Self {
        let azurite = Azurite::start().await;
        let string = azurite.connection_string();
        let settings = Settings::of_connection_string(&string, "recordings").unwrap();
        let telemetry = std::sync::Arc::new(Telemetry::new(&Registry::new(), ""));
        Self {
            hub: hub().await,
            container: Container::open(&settings, None, telemetry).unwrap(),
            azurite,
        }
    }

    /// Checks with a connection string of the store.
    async fn check(&self, store: &str) -> Checked {
        self.check_with(&[
            (
                "ACS_RECORDING_EXPORTER__CHECKPOINT__CONNECTION_STRING",
                store,
            ),
            (
                "ACS_RECORDING_EXPORTER__CHECKPOINT__CONTAINER",
                "recordings",
            ),
        ])
        .await
    }

    async fn check_with(&self, variables: &[(&str, &str)]) -> Checked {
        let own = [
            (CONNECTION_STRING, self.hub.connection_string()),
            (STORE, "blob"),
        ];
        check(&[&own, variables].concat()).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_hub_and_a_store_all_is_green_and_nothing_is_left_behind() {
    let world = World::start().await;
    let string = world.azurite.connection_string();
    let missing = world.check(&string).await;
    missing.is(
        &[(
            "store_read",
            "container `recordings` does not exist: create it",
        )],
        &["store_write", "store_condition"],
    );
    world.container.create().await.unwrap();
    world.check(&string).await.is(&[], &[]);
    assert_eq!(world.container.list("").await.unwrap(), []);
    let partitions = world.hub.handle().partitions("logs").unwrap();
    assert!(partitions.iter().all(|partition| partition.readers == 0));

    let wrong = string.replace("AccountKey=E", "AccountKey=F");
    world.check(&wrong).await.is(
        &[("store_read", "the account key is wrong")],
        &["store_write", "store_condition"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_may_only_be_read_cannot_be_written() {
    let world = World::start().await;
    world.container.create().await.unwrap();
    give_policy(&world.azurite, "reader", "rl").await;
    let url = format!(
        "{}/recordings?{}",
        world.azurite.url(),
        policy_sas("reader")
    );
    let checked = world
        .check_with(&[("ACS_RECORDING_EXPORTER__CHECKPOINT__CONTAINER_URL", &url)])
        .await;
    checked.is(
        &[(
            "store_write",
            "it must be for the container and its blobs, and allow to read, write",
        )],
        &["store_condition"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_ten_minutes_off_is_noticed_by_the_answers_of_the_store() {
    let world = World::start().await;
    world.container.create().await.unwrap();
    let mut serving = JoinSet::new();
    let ahead = relay(&world.azurite, Duration::from_mins(10), &mut serving).await;
    let string = world.azurite.connection_string();
    let string = string.replace(&world.azurite.url(), &ahead);
    let checked = world.check(&string).await;
    checked.is(&[("clock", "behind the server's: synchronise it")], &[]);
    let text = checked.text("clock");
    assert!(
        text.contains("clock is 9m 5") || text.contains("clock is 10m"),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_cannot_be_written_or_does_not_exist_is_named() {
    let hub = hub().await;
    let folder = tempfile::tempdir().unwrap();
    let check_file = async |path: &str| {
        check(&[
            (CONNECTION_STRING, hub.connection_string()),
            (STORE, "file"),
            ("ACS_RECORDING_EXPORTER__CHECKPOINT__PATH", path),
        ])
        .await
    };
    let path = folder.path().join("checkpoint");
    let path = path.to_str().unwrap();
    check_file(path).await.is(&[], &["clock"]);
    assert_eq!(
        folder.path().read_dir().unwrap().count(),
        0,
        "nothing is left"
    );

    std::fs::write(path, "something else").unwrap();
    let checked = check_file(path).await;
    checked.is(
        &[("store_read", "cannot be read as a checkpoint file")],
        &["clock"],
    );

    // Root may write everywhere but here.
    let checked = check_file("/proc/checkpoint").await;
    checked.is(&[("store_write", "cannot be written")], &["clock"]);
}

/// Gives the container a policy with these rights: a SAS that names it has them.
async fn give_policy(azurite: &Azurite, name: &str, rights: &str) {
    let body = format!(
        "<SignedIdentifiers><SignedIdentifier><Id>{name}</Id><AccessPolicy><Start>2020-01-01T00:00:00Z</Start>\
         <Expiry>2099-01-01T00:00:00Z</Expiry><Permission>{rights}</Permission></AccessPolicy></SignedIdentifier>\
         </SignedIdentifiers>"
    );
    let url = format!("{}/recordings?restype=container&comp=acl", azurite.url());
    let mut request = HttpRequest::new(body.clone().into());
    *request.method_mut() = reqwest::Method::PUT;
    *request.uri_mut() = url.parse().unwrap();
    let length = HeaderValue::from(body.len());
    request.headers_mut().insert(CONTENT_LENGTH, length);
    let key = AzureCredential::AccessKey(AzureAccessKey::try_new(KEY).unwrap());
    let authorizer = AzureAuthorizer::new(&key, ACCOUNT);
    authorizer.try_authorize(&mut request).unwrap();
    let sent = reqwest::Client::new()
        .put(url)
        .headers(request.headers().clone())
        .body(body)
        .send();
    let answer = sent.await.unwrap();
    assert!(answer.status().is_success(), "{answer:?}");
}

/// The address of a server that passes everything on to Azurite, and whose clock is ahead of Azurite's.
async fn relay(azurite: &Azurite, ahead: Duration, serving: &mut JoinSet<()>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let to = azurite.url().replace(&format!("/{ACCOUNT}"), "");
    let pass_on = move |request: Request| {
        let to = to.clone();
        async move {
            let (parts, body) = request.into_parts();
            let body = to_bytes(body, 1 << 20).await.unwrap();
            let request = reqwest::Client::new()
                .request(parts.method, format!("{to}{}", parts.uri))
                .headers(parts.headers)
                .body(body);
            let mut answer = request.send().await.unwrap();
            let now = SystemTime::from(time::OffsetDateTime::now_utc()) + ahead;
            let date = httpdate::fmt_http_date(now).parse().unwrap();
            answer.headers_mut().insert(DATE, date);
            answer.headers_mut().remove(TRANSFER_ENCODING);
            let mut relayed = Response::builder().status(answer.status());
            *relayed.headers_mut().unwrap() = answer.headers().clone();
            relayed
                .body(Body::from(answer.bytes().await.unwrap()))
                .unwrap()
        }
    };
    serving.spawn(async move {
        let router = Router::new().fallback(pass_on);
        axum::serve(listener, router).await.unwrap();
    });
    format!("http://{address}/{ACCOUNT}")
}
