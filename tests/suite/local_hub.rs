//! The local Event Hub as the command `hub`, a process of its own: faults over HTTP, TLS, and the exporter at the port
//! where Azure would be.

use acs_recording_exporter::inside::source::event_hub::ConnectionString;
use azure_messaging_eventhubs::{ConsumerClient, RetryOptions};
use event_hub_emulator::admin::HEADER;
use futures_util::StreamExt;
use reqwest::header::HOST;
use serde_json::json;

use crate::azure::LocalHub;
use crate::support::within;
use crate::world::{Exporter, Process, eventually, get, interop, python};

#[tokio::test]
async fn a_link_is_cut_over_http_and_what_does_not_exist_is_said() {
    let hub = Process::exporter(
        &[
            "hub",
            "--listen",
            "127.0.0.1:0",
            "--event-hub",
            "logs",
            "--partitions",
            "2",
            "--admin",
            "127.0.0.1:0",
        ],
        &[],
    );
    let connection: ConnectionString = hub.says("connection string: ").await.parse().unwrap();
    let admin = hub.says("faults: POST to http://").await;

    let namespace = connection.into_namespace();
    let client = within(
        ConsumerClient::builder()
            .with_custom_endpoint(namespace.endpoint.clone().unwrap())
            .with_retry_options(RetryOptions {
                max_retries: 0,
                ..RetryOptions::default()
            })
            .open_with_connection_string(
                "Endpoint=sb://127.0.0.1/;SharedAccessKeyName=any;SharedAccessKey=a2V5",
                Some("logs"),
            ),
    )
    .await
    .unwrap();
    let receiver = within(client.open_receiver_on_partition("0".to_owned(), None))
        .await
        .unwrap();
    let mut events = std::pin::pin!(receiver.stream_events());
    let next = async { events.next().await };
    let detach = async {
        eventually("a reader is shown", || async {
            let (_, partitions) = get(&admin, "/").await?;
            if partitions.contains(r#""readers":1"#) {
                Ok(())
            } else {
                Err(partitions)
            }
        })
        .await;
        post(
            &admin,
            "/event-hubs/logs/partitions/0/detach?condition=amqp:link:detach-forced",
        )
        .await
    };
    let (next, (status, answer)) = within(async { tokio::join!(next, detach) }).await;
    assert_eq!((status, answer.as_str()), (200, "readers detached: 1\n"));
    assert!(
        next.is_none_or(|event| event.is_err()),
        "the stream goes on"
    );

    faults_answer(&admin).await;
    web_pages_are_refused(&admin).await;
    let (status, answer) = post(&admin, "/event-hubs/logs/partitions/7/corrupt-next").await;
    assert_eq!(status, 404, "{answer}");
    let (status, answer) = post(&admin, "/event-hubs/logs/grow?partitions=1").await;
    assert_eq!(status, 400, "{answer}");
}

/// With one connection open.
async fn faults_answer(admin: &str) {
    for (path, expected) in [
        (
            "/event-hubs/logs/partitions/1/publish?times=3",
            "events published: 3\n",
        ),
        (
            "/event-hubs/logs/partitions/1/publish",
            "events published: 1\n",
        ),
        (
            "/event-hubs/logs/partitions/1/trim?before=3",
            "events dropped: 3\n",
        ),
        (
            "/event-hubs/logs/partitions/1/freeze-readers",
            "readers frozen: 0\n",
        ),
        (
            "/event-hubs/logs/partitions/1/poison?sequence_number=5",
            "done\n",
        ),
        ("/mute-connections", "connections muted: 1\n"),
        ("/silence?on=true", "done\n"),
        ("/silence?on=false", "done\n"),
        ("/away?on=true", "done\n"),
        ("/away?on=false", "done\n"),
        ("/be-busy-to-readers?times=1", "done\n"),
        ("/refuse-positions?times=1", "done\n"),
        ("/answer-null?times=1", "done\n"),
        (
            "/event-hubs/logs/partitions/0/answer-stale?times=1&events=1",
            "done\n",
        ),
        ("/event-hubs/logs/partitions/0/fall-back?events=1", "done\n"),
        ("/shorten-tokens?seconds=3", "done\n"),
        ("/shorten-tokens", "done\n"),
    ] {
        assert_eq!(
            post(admin, path).await,
            (200, expected.to_owned()),
            "{path}"
        );
    }
    let (_, partitions) = get(admin, "/").await.unwrap();
    assert!(
        partitions.contains(r#""first_sequence_number":3,"last_sequence_number":3"#),
        "{partitions}"
    );
}

/// A page in a browser can send a POST without a header of its own, and can give its own name this machine's address.
async fn web_pages_are_refused(admin: &str) {
    let client = reqwest::Client::new();
    let url = format!("http://{admin}/event-hubs/logs/recreate");
    let cross_site = client.post(&url).header("content-type", "text/plain");
    let (status, text) = answer(cross_site).await;
    assert_eq!(status, 403, "{text}");
    assert!(text.contains("`X-Event-Hub-Emulator: 1`"), "{text}");
    for host in ["evil.example:80", "localhost.evil.example", "10.0.0.1", ""] {
        for request in [
            client.post(&url).header(HEADER, "1"),
            client.get(format!("http://{admin}/")),
        ] {
            let (status, text) = answer(request.header(HOST, host)).await;
            assert_eq!(status, 403, "{host}: {text}");
            assert!(text.contains("`Host`"), "{text}");
        }
    }
    for host in ["localhost", "LOCALHOST:80", "127.1.2.3:80", "[::1]:80"] {
        let request = client.get(format!("http://{admin}/")).header(HOST, host);
        assert_eq!(answer(request).await.0, 200, "{host}");
    }
    let (status, text) = post(admin, "/be-busy?times=10001").await;
    assert_eq!(
        (status, text.as_str()),
        (400, "`times` has to be 10000 at most\n")
    );
}

async fn post(address: &str, path: &str) -> (u16, String) {
    let url = format!("http://{address}{path}");
    answer(reqwest::Client::new().post(url).header(HEADER, "1")).await
}

async fn answer(request: reqwest::RequestBuilder) -> (u16, String) {
    let response = within(request.send()).await.unwrap();
    (
        response.status().as_u16(),
        within(response.text()).await.unwrap(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn the_exporter_reads_over_tls_where_azure_would_be() {
    // The connection string has no port, so it is Azure's.
    let hub = LocalHub::shared().await;
    let ca_file = hub.ca_file("");
    let exporter = Exporter::start(&[
        ("SSL_CERT_FILE", ca_file.path().to_str().expect("UTF-8")),
        (
            "ACS_RECORDING_EXPORTER__EVENT_HUB__CONNECTION_STRING",
            &hub.connection_string,
        ),
        ("ACS_RECORDING_EXPORTER__EVENT_HUB__NAMES", "calls"),
        (
            "ACS_RECORDING_EXPORTER__EVENT_HUB__CONSUMER_GROUP",
            "exporter",
        ),
    ])
    .await;
    exporter.ready().await;
    let record = json!({"category": "Usage", "properties": {"usageType": "mark", "unitType": "marks", "quantity": 1}});
    let event = json!({ "records": [record] }).to_string();
    hub.handle
        .publish("calls", 0, event.as_bytes())
        .expect("published");
    eventually("the record", || async {
        let seen = exporter
            .scrape()
            .await?
            .sum("acs_usage_records_total", &[r#"usage_type="mark""#]);
        if seen >= 1.0 {
            Ok(())
        } else {
            Err(exporter.process.written())
        }
    })
    .await;
}

#[tokio::test]
async fn python_publishes_and_reads_over_tls_and_over_a_websocket() {
    let folder = tempfile::tempdir().expect("a folder");
    let ca_file = folder.path().join("ca.pem");
    let ca_file = ca_file.to_str().expect("UTF-8");
    let hub = Process::exporter(
        &[
            "hub",
            "--listen",
            "127.0.0.1:0",
            "--tls",
            "127.0.0.1:0",
            "--tls-ca-file",
            ca_file,
        ],
        &[],
    );
    let mut client = Process::start(
        &python(),
        &[&interop("python/tls.py")],
        &[
            ("EVENT_HUB_CONNECTION_STRING", &hub.says("over TLS: ").await),
            ("EVENT_HUB_ENDPOINT", &hub.says("custom endpoint: ").await),
            ("EVENT_HUB_CA_FILE", ca_file),
        ],
    );
    assert!(client.ended().await.success(), "{}", client.written());
}
