//! Every way into a namespace, through the program itself: tokens of a stand-in for Microsoft Entra ID, and connection
//! strings that change. The hub ends links whose token has expired, as Azure does.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::signature::{RSA_PSS_2048_8192_SHA256, UnparsedPublicKey};
use azure_core::base64::{decode_url_safe, encode_url_safe};
use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use event_hub_emulator::{Emulator, EventHub};
use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256};
use serde_json::{Value, json};
use tempfile::NamedTempFile;
use time::OffsetDateTime;
use tokio::time::Instant;

use crate::azure::{Certificate, IdentityService, LocalHub};
use crate::azurite::Azurite;
use crate::support::{self, Clients};
use crate::world::{Exporter, Process, eventually};

const HOUR: Duration = Duration::from_hours(1);
const EVENT: &[u8] = br#"{"records":[{"category":"Usage","properties":{"usageType":"chat","unitType":"messages","quantity":1}}]}"#;

/// An exporter of one event hub that is given the namespace and an identity; nothing of the machine's own environment
/// decides as whom.
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

/// The hub and the container are entered by the same identity, as a workload identity in a cluster enters both.
#[tokio::test(flavor = "multi_thread")]
async fn a_container_is_entered_with_tokens_of_the_same_identity() {
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
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_renewed_and_every_event_is_counted_once() {
    const READ_FOR: Duration = Duration::from_secs(32);
    let hub = LocalHub::shared().await;
    let service = IdentityService::start(Duration::from_secs(8)).await;
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
    println!("{published} events, {restarts} restarts, {fetched} tokens of 8 s in {lived:?}");
    assert_eq!(restarts, 0.0, "{}", exporter.process.written());
    let asked = service.requests().len();
    assert!(
        (4..=60).contains(&asked),
        "{asked} tokens in {lived:?}: one a second at most, and a new one before 8 s are over"
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
async fn a_secret_in_a_file_can_be_replaced_and_a_wrong_one_is_explained() {
    let hub = LocalHub::shared().await;
    let service = IdentityService::start(Duration::from_secs(3)).await;
    let file = NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "right\n").unwrap();
    let exporter = exporter(
        &hub,
        &service,
        "secret",
        &[
            ("ACS_RECORDING_EXPORTER__AUTH__TENANT_ID", "tenant"),
            ("ACS_RECORDING_EXPORTER__AUTH__CLIENT_ID", "client"),
            (
                "ACS_RECORDING_EXPORTER__AUTH__CLIENT_SECRET_FILE",
                file.path().to_str().unwrap(),
            ),
            (
                "ACS_RECORDING_EXPORTER__AUTH__AUTHORITY_HOST",
                &service.address,
            ),
        ],
    )
    .await;
    reads_an_event(&exporter, &hub, "secret").await;
    let first = &service.requests()[0];
    assert_eq!(first.tenant, "tenant");
    for (field, value) in [
        ("grant_type", "client_credentials"),
        ("client_id", "client"),
        ("client_secret", "right"),
        ("scope", "https://eventhubs.azure.net/.default"),
    ] {
        assert_eq!(first.fields[field], value, "{field}");
    }

    // The new one stands in the file before the old one is refused, as whoever rotates it would do it.
    std::fs::write(file.path(), "new\n").unwrap();
    eventually("the new secret", || async {
        let requests = service.requests();
        let last = &requests.last().unwrap().fields["client_secret"];
        if last == "new" {
            Ok(())
        } else {
            Err(format!("{last} of {}", requests.len()))
        }
    })
    .await;
    // It was refused: until now the service knows the old one only.
    let line = exporter.process.says("the client secret is wrong").await;
    assert!(line.contains("`auth.client_secret` must be"), "{line}");
    assert!(!exporter.process.written().contains("right"));
    service.takes_secret("new");
    hub.handle.publish("secret", 0, EVENT).unwrap();
    counts(&exporter, 2.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_signs_what_it_asks_for_a_token_with() {
    let key = KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap();
    let certificate = CertificateParams::new(Vec::new())
        .unwrap()
        .self_signed(&key)
        .unwrap();
    let file = NamedTempFile::new().unwrap();
    std::fs::write(
        file.path(),
        format!("{}{}", certificate.pem(), key.serialize_pem()),
    )
    .unwrap();
    let hub = LocalHub::shared().await;
    let service = IdentityService::start(HOUR).await;
    let exporter = exporter(
        &hub,
        &service,
        "certificate",
        &[
            ("AZURE_TENANT_ID", "tenant"),
            ("AZURE_CLIENT_ID", "client"),
            (
                "AZURE_CLIENT_CERTIFICATE_PATH",
                file.path().to_str().unwrap(),
            ),
            ("AZURE_AUTHORITY_HOST", &service.address),
        ],
    )
    .await;
    reads_an_event(&exporter, &hub, "certificate").await;
    let fields = &service.requests()[0].fields;
    assert_eq!(
        fields["client_assertion_type"],
        "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    );
    let (signed, signature) = fields["client_assertion"].rsplit_once('.').unwrap();
    UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, key.public_key_raw())
        .verify(signed.as_bytes(), &decode_url_safe(signature).unwrap())
        .expect("the key of the certificate has signed it");
    let claims = decode_url_safe(signed.split_once('.').unwrap().1).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    let audience = format!("{}/tenant/oauth2/v2.0/token", service.address);
    assert_eq!(claims["aud"], audience);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_account_gives_its_token_for_one_of_the_workload_identity() {
    let file = NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "federated").unwrap();
    let hub = LocalHub::shared().await;
    let service = IdentityService::start(HOUR).await;
    // As Azure's webhook sets them.
    let exporter = exporter(
        &hub,
        &service,
        "workload",
        &[
            ("AZURE_TENANT_ID", "tenant"),
            ("AZURE_CLIENT_ID", "client"),
            ("AZURE_FEDERATED_TOKEN_FILE", file.path().to_str().unwrap()),
            ("AZURE_AUTHORITY_HOST", &format!("{}/", service.address)),
        ],
    )
    .await;
    reads_an_event(&exporter, &hub, "workload").await;
    assert_eq!(
        service.requests()[0].fields["client_assertion"],
        "federated"
    );
    let chosen = exporter.process.says("credential chosen").await;
    let written = exporter.process.written();
    for field in [
        r#""kind":"workload_identity""#,
        "auth.federated_token_file` is set (variable AZURE_FEDERATED_TOKEN_FILE)",
        &format!(r#""authority_host":"{}""#, service.address),
    ] {
        assert!(written.contains(field), "no {field}: {chosen}\n{written}");
    }
    assert_eq!(written.matches("credential chosen").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_gives_the_token_of_its_managed_identity() {
    let hub = LocalHub::shared().await;
    let service = IdentityService::start(HOUR).await;
    let exporter = exporter(
        &hub,
        &service,
        "managed",
        &[
            ("AZURE_CLIENT_ID", "client"),
            ("IDENTITY_ENDPOINT", &format!("{}/managed", service.address)),
            ("IDENTITY_HEADER", "header"),
        ],
    )
    .await;
    reads_an_event(&exporter, &hub, "managed").await;
    let first = &service.requests()[0];
    assert_eq!(first.tenant, "managed");
    assert_eq!(first.fields["client_id"], "client");
    assert_eq!(first.fields["resource"], "https://eventhubs.azure.net");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identity_service_that_is_down_is_named_and_asked_again() {
    let hub = LocalHub::shared().await;
    let service = IdentityService::start(HOUR).await;
    let exporter = exporter(
        &hub,
        &service,
        "refused",
        &[
            ("AZURE_TENANT_ID", "tenant"),
            ("AZURE_CLIENT_ID", "client"),
            ("AZURE_CLIENT_SECRET", "right"),
            // Nobody listens at the port that is for nothing.
            ("AZURE_AUTHORITY_HOST", "https://localhost:9"),
        ],
    )
    .await;
    exporter.process.says("event hub does not answer").await;
    let written = exporter.process.written();
    for part in [
        r#""cause":"unreachable""#,
        "no token for `client_secret`: `https://localhost:9` is unreachable",
        "`auth.authority_host`",
    ] {
        assert!(written.contains(part), "no {part}:\n{written}");
    }
    let scrape = exporter.scrape().await.unwrap();
    let failed = scrape.sum(
        "acs_recording_exporter_token_fetches_total",
        &[r#"result="failed""#],
    );
    assert!(failed >= 1.0, "{failed}");
}

#[tokio::test]
async fn what_an_identity_lacks_is_told_at_the_start() {
    let mut process = Process::exporter(
        &["run", "--listen", "127.0.0.1:0"],
        &[
            ("ACS_RECORDING_EXPORTER__EVENT_HUB__NAMESPACE", "contoso"),
            ("ACS_RECORDING_EXPORTER__EVENT_HUB__NAMES", "logs"),
            (
                "ACS_RECORDING_EXPORTER__EVENT_HUB__CONSUMER_GROUP",
                "exporter",
            ),
            ("AZURE_CLIENT_SECRET", "c2VjcmV0"),
        ],
    );
    assert_eq!(process.ended().await.code(), Some(2));
    assert_eq!(
        process.written(),
        "config: 2 faults\n  \
         auth.tenant_id (not set): `client_secret` needs it: set it, or the variable AZURE_TENANT_ID\n  \
         auth.client_id (not set): `client_secret` needs it: set it, or the variable AZURE_CLIENT_ID"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ready_made_signature_is_replaced_before_it_expires() {
    let hub = Emulator::start([EventHub::new("logs", 1)]).await.unwrap();
    let (endpoint, _) = hub
        .connection_string()
        .split_once("SharedAccessKeyName")
        .unwrap();
    let signed_for = |seconds: i64| {
        let expires_at = OffsetDateTime::now_utc().unix_timestamp() + seconds;
        let signature = format!("SharedAccessSignature sr=logs&sig=x&se={expires_at}&skn=listen");
        format!(
            "{endpoint}SharedAccessSignature={signature};EntityPath=logs;UseDevelopmentEmulator=true"
        )
    };
    let file = NamedTempFile::new().unwrap();
    std::fs::write(file.path(), signed_for(4)).unwrap();
    let exporter = exporter_of_a_file(&file).await;
    exporter.ready().await;
    hub.publish("logs", 0, EVENT).unwrap();
    counts(&exporter, 1.0).await;

    std::fs::write(file.path(), signed_for(3600)).unwrap();
    let restarts = eventually("the end of the first signature", || async {
        let restarts = exporter.scrape().await?.sum(
            "acs_recording_exporter_receiver_restarts_total",
            &[r#"cause="unauthorized""#],
        );
        if restarts > 0.0 {
            Ok(restarts)
        } else {
            Err(exporter.process.written())
        }
    })
    .await;
    hub.publish("logs", 0, EVENT).unwrap();
    let expired_at = Instant::now();
    counts(&exporter, 2.0).await;
    let away = expired_at.elapsed();
    println!("{restarts} restart, read again after {away:?}");
    assert!(away < Duration::from_secs(10), "{away:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_read_is_told_which_right_is_missing() {
    let hub = Emulator::start([EventHub::new("logs", 1)]).await.unwrap();
    hub.refuse_tokens(Some(401));
    let file = NamedTempFile::new().unwrap();
    std::fs::write(file.path(), hub.connection_string()).unwrap();
    let exporter = exporter_of_a_file(&file).await;
    exporter
        .process
        .says("the role `Azure Event Hubs Data Receiver`")
        .await;
    let written = exporter.process.written();
    assert!(written.contains(r#""cause":"unauthorized""#), "{written}");
}

/// An exporter whose connection string is in a file.
async fn exporter_of_a_file(file: &NamedTempFile) -> Exporter {
    Exporter::start(&[
        (
            "ACS_RECORDING_EXPORTER__EVENT_HUB__CONNECTION_STRING_FILE",
            file.path().to_str().unwrap(),
        ),
        (
            "ACS_RECORDING_EXPORTER__EVENT_HUB__CONSUMER_GROUP",
            "exporter",
        ),
        ("ACS_RECORDING_EXPORTER__EVENT_HUB__START", "earliest"),
    ])
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_string_in_a_file_is_read_for_every_connection() {
    let hub = Emulator::start([EventHub::new("logs", 1)]).await.unwrap();
    let file = NamedTempFile::new().unwrap();
    std::fs::write(file.path(), hub.connection_string()).unwrap();
    let path = file.path().to_str().unwrap();
    let exporter = exporter_of_a_file(&file).await;
    exporter.ready().await;
    hub.publish("logs", 0, EVENT).unwrap();
    counts(&exporter, 1.0).await;

    std::fs::write(path, "c2VjcmV0").unwrap();
    hub.sever_connections();
    let problem = format!("`event_hub.connection_string_file` `{path}`: its content must be");
    exporter.process.says(&problem).await;
    let written = exporter.process.written();
    assert!(
        written.contains(r#""cause":"unauthorized""#) && !written.contains("c2VjcmV0"),
        "{written}"
    );

    // Another hub at another port of the same host: only who reads the file again finds it.
    let second = Emulator::start([EventHub::new("logs", 1)]).await.unwrap();
    std::fs::write(path, second.connection_string()).unwrap();
    for _ in 0..2 {
        second.publish("logs", 0, EVENT).unwrap();
    }
    eventually("the second hub", || async {
        let readers = second.partitions("logs").unwrap()[0].readers;
        if readers > 0 {
            Ok(())
        } else {
            Err(exporter.process.written())
        }
    })
    .await;
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
    ])
    .await;
    reads_an_event(&exporter, &hub, "calls").await;
}
