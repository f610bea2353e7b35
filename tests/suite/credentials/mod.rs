//! Every way to authenticate, through the program itself: tokens of a stand-in for Microsoft Entra ID, and connection
//! strings that change. The hub ends links whose token has expired, as Azure does.

mod connection_strings;
mod identities;
mod secrets;

use std::sync::Arc;
use std::time::Duration;

use azure_core::base64::encode_url_safe;
use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use event_hub_emulator::{Emulator, EventHub};
use serde_json::json;
use tempfile::NamedTempFile;
use time::OffsetDateTime;
use tokio::time::Instant;

use crate::azure::{Certificate, IdentityService, LocalHub};
use crate::azurite::Azurite;
use crate::support::{self, Clients};
use crate::world::{Exporter, eventually};
use secrets::{MARKED_EVENT, has_no_secret};

const HOUR: Duration = Duration::from_hours(1);
const EVENT: &[u8] = br#"{"records":[{"category":"Usage","properties":{"usageType":"chat","unitType":"messages","quantity":1}}]}"#;

/// An exporter of one event hub with a namespace and an identity, which nothing in the machine's own environment decides.
async fn exporter(
    hub: &LocalHub,
    service: &IdentityService,
    event_hub: &str,
    identity: &[(&str, &str)],
) -> Exporter {
    let ca_file = hub.ca_file(&service.ca_certificate);
    let mut variables = vec![
        ("SSL_CERT_FILE", ca_file.path().to_str().unwrap()),
        ("ACS_RECORDING_EXPORTER__EVENT_HUB__NAMESPACE", "localhost"),
        ("ACS_RECORDING_EXPORTER__EVENT_HUB__NAMES", event_hub),
        (
            "ACS_RECORDING_EXPORTER__EVENT_HUB__CONSUMER_GROUP",
            "exporter",
        ),
        ("ACS_RECORDING_EXPORTER__EVENT_HUB__START", "earliest"),
    ];
    variables.extend(identity);
    let mut exporter = Exporter::start(&variables).await;
    exporter.keep(ca_file);
    exporter
}

/// Publishes an event and waits until it is counted.
async fn reads_an_event(exporter: &Exporter, hub: &LocalHub, event_hub: &str) {
    hub.handle.publish(event_hub, 0, EVENT).unwrap();
    counts(exporter, 1.0).await;
}

async fn counts(exporter: &Exporter, events: f64) {
    eventually(&format!("{events} events"), || async {
        let seen = exporter
            .scrape()
            .await?
            .sum("acs_recording_exporter_events_total", &[]);
        if seen >= events {
            Ok(())
        } else {
            Err(format!("{seen}\n{}", exporter.process.written()))
        }
    })
    .await;
}

/// The same identity is used for the hub and the container, as with a workload identity in a cluster.
#[tokio::test(flavor = "multi_thread")]
async fn a_container_is_used_with_tokens_of_the_same_identity() {
    let hub = LocalHub::shared().await;
    let service = IdentityService::start(HOUR).await;
    let certificate = Certificate::new();
    let azurite = Azurite::start_with_tokens(&certificate).await;
    let authorities = format!("{}{}", service.ca_certificate, certificate.authority);
    let ca_file = hub.ca_file(&authorities);
    let assertion = NamedTempFile::new().unwrap();
    std::fs::write(assertion.path(), "the pod's token").unwrap();
    let container = format!("{}/leases", azurite.url());
    let exporter = Exporter::start(&[
        ("SSL_CERT_FILE", ca_file.path().to_str().unwrap()),
        ("ACS_RECORDING_EXPORTER__EVENT_HUB__NAMESPACE", "localhost"),
        ("ACS_RECORDING_EXPORTER__EVENT_HUB__NAMES", "leased"),
        (
            "ACS_RECORDING_EXPORTER__EVENT_HUB__CONSUMER_GROUP",
            "exporter",
        ),
        ("ACS_RECORDING_EXPORTER__CHECKPOINT__STORE", "blob"),
        (
            "ACS_RECORDING_EXPORTER__CHECKPOINT__CONTAINER_URL",
            &container,
        ),
        ("AZURE_TENANT_ID", "tenant"),
        ("AZURE_CLIENT_ID", "client"),
        (
            "AZURE_FEDERATED_TOKEN_FILE",
            assertion.path().to_str().unwrap(),
        ),
        ("AZURE_AUTHORITY_HOST", &service.address),
    ])
    .await;
    reads_an_event(&exporter, &hub, "leased").await;
    exporter.ready().await;
    let asked = service.requests().into_iter();
    let mut scopes: Vec<_> = asked.map(|asked| asked.fields["scope"].clone()).collect();
    scopes.sort();
    // One for each service, however often they are used.
    assert_eq!(
        scopes,
        [
            "https://eventhubs.azure.net/.default",
            "https://storage.azure.com/.default"
        ]
    );
    let samples = exporter.scrape().await.unwrap();
    let leased = samples.sum("acs_recording_exporter_leases", &[r#"held_by="self""#]);
    assert_eq!(leased, 1.0);
    samples.event_hubs_are_of("localhost");
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_renewed_and_every_event_is_counted_once() {
    /// Two lives of a token. The SDK renews it after a quarter of its life, or up to ten seconds later.
    const READ_FOR: Duration = Duration::from_secs(32);
    let hub = LocalHub::shared().await;
    let service = IdentityService::start(Duration::from_secs(16)).await;
    let exporter = exporter(
        &hub,
        &service,
        "renewed",
        &[
            ("AZURE_TENANT_ID", "tenant"),
            ("AZURE_CLIENT_ID", "client"),
            ("AZURE_CLIENT_SECRET", "right"),
            ("AZURE_AUTHORITY_HOST", &service.address),
        ],
    )
    .await;
    exporter.ready().await;
    let (started, mut published) = (Instant::now(), 0);
    while started.elapsed() < READ_FOR {
        for partition in 0..2 {
            hub.handle.publish("renewed", partition, EVENT).unwrap();
            published += 1;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let published = f64::from(published);
    counts(&exporter, published).await;
    let scrape = exporter.scrape().await.unwrap();
    assert_eq!(scrape.sum("acs_usage_quantity_total", &[]), published);
    let restarts = scrape.sum("acs_recording_exporter_receiver_restarts_total", &[]);
    let fetched = scrape.sum(
        "acs_recording_exporter_token_fetches_total",
        &[r#"result="ok""#],
    );
    let lived = started.elapsed();
    println!("{published} events, {restarts} restarts, {fetched} tokens of 16 s in {lived:?}");
    assert_eq!(restarts, 0.0, "{}", exporter.process.written());
    let asked = service.requests().len();
    assert!(
        (3..=10).contains(&asked),
        "{asked} tokens in {lived:?}: a new one after 4 s at the earliest, and before 16 s are over"
    );
}

/// What the wrapper is there for. The SDK asks for the next token six minutes before the end of one; `azure_identity`
/// gives out the same one until five minutes before. Here the times are shorter, and the same: a credential that gives
/// out the same token for as long as it is valid, asked by an SDK that is within its six minutes from the start.
#[tokio::test(flavor = "multi_thread")]
async fn without_the_wrapper_a_link_dies_with_its_token() {
    #[derive(Debug)]
    struct Caching(AccessToken);

    #[async_trait::async_trait]
    impl TokenCredential for Caching {
        async fn get_token(
            &self,
            _: &[&str],
            _: Option<TokenRequestOptions<'_>>,
        ) -> azure_core::Result<AccessToken> {
            Ok(self.0.clone())
        }
    }

    let hub = Emulator::start([EventHub::new("logs", 1)]).await.unwrap();
    let expires_on = OffsetDateTime::now_utc() + time::Duration::seconds(4);
    let claims = encode_url_safe(json!({ "exp": expires_on.unix_timestamp() }).to_string());
    let token = AccessToken::new(format!("e30.{claims}."), expires_on);
    let client = hub.consumer_with("logs", Arc::new(Caching(token))).await;
    let client = client.expect("the token is valid");
    let receiver = support::open(&client, "0", support::from_earliest()).await;
    let receiver = receiver.expect("the token is valid");
    hub.publish("logs", 0, EVENT).unwrap();
    let error = support::error_of(&receiver).await;
    assert!(OffsetDateTime::now_utc() >= expires_on - time::Duration::SECOND);
    assert!(format!("{error:?}").contains("nauthorized"), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_two_partitions_ask_for_one_token() {
    let hub = LocalHub::shared().await;
    let service = IdentityService::start(HOUR).await;
    let exporter = exporter(
        &hub,
        &service,
        "many",
        &[
            ("AZURE_TENANT_ID", "tenant"),
            ("AZURE_CLIENT_ID", "client"),
            ("AZURE_CLIENT_SECRET", "right"),
            ("AZURE_AUTHORITY_HOST", &service.address),
        ],
    )
    .await;
    exporter.ready().await;
    reads_an_event(&exporter, &hub, "many").await;
    assert_eq!(service.requests().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_exporter_reads_over_a_websocket_where_azure_would_be() {
    let hub = match LocalHub::start(443).await {
        Ok(hub) => hub,
        Err(error) => {
            println!("not run: {error}");
            return;
        }
    };
    let ca_file = hub.ca_file("");
    let exporter = Exporter::start(&[
        ("SSL_CERT_FILE", ca_file.path().to_str().unwrap()),
        (
            "ACS_RECORDING_EXPORTER__EVENT_HUB__CONNECTION_STRING",
            &hub.connection_string,
        ),
        ("ACS_RECORDING_EXPORTER__EVENT_HUB__NAMES", "calls"),
        (
            "ACS_RECORDING_EXPORTER__EVENT_HUB__CONSUMER_GROUP",
            "exporter",
        ),
        ("ACS_RECORDING_EXPORTER__EVENT_HUB__TRANSPORT", "websocket"),
        ("ACS_RECORDING_EXPORTER__EVENT_HUB__START", "earliest"),
        ("ACS_RECORDING_EXPORTER__LOG__LEVEL", "trace"),
    ])
    .await;
    hub.handle.publish("calls", 0, MARKED_EVENT).unwrap();
    counts(&exporter, 1.0).await;
    has_no_secret(&exporter.process.written(), &hub.connection_string);
}
