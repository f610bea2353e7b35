//! TLS, with AMQP inside it or a WebSocket.
//!
//! The clients find the certificate authority through `SSL_CERT_FILE`, a variable of their process; so they run
//! in processes of their own. The Rust SDK's is this test binary again.

use std::io::ErrorKind;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use azure_core_amqp::AmqpTransport;
use azure_messaging_eventhubs::models::StartPositions;
use azure_messaging_eventhubs::{
    BufferedProducerClient, ConsumerClient, EventProcessor, ProducerClient, StartLocation,
    StartPosition,
};
use event_hub_emulator::{Emulator, EmulatorError, EventHub, Settings, Tls, TlsSettings};
use futures_util::StreamExt;
use tempfile::NamedTempFile;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::{JoinSet, spawn_blocking};

use crate::store::Store;
use crate::support::{body, from_earliest, no_retries, open, send, take, to_partition, within};

/// An emulator with TLS, and a file with its certificate authority.
async fn start(tls: TlsSettings) -> Result<(Emulator, NamedTempFile), EmulatorError> {
    let settings = Settings {
        tls: Some(tls),
        ..Settings::local([EventHub::new("calls", 1)])
    };
    let hub = Emulator::start_with(settings).await?;
    let ca_file = NamedTempFile::new().expect("a file");
    std::fs::write(&ca_file, tls_of(&hub).ca_certificate()).expect("written");
    Ok((hub, ca_file))
}

fn tls_of(hub: &Emulator) -> &Tls {
    hub.tls().expect("it is in the settings")
}

/// Set where the test is the client: the endpoint of the emulator.
const ENDPOINT: &str = "ACS_TEST_TLS_ENDPOINT";

#[tokio::test(flavor = "multi_thread")]
async fn the_rust_sdk_publishes_and_reads_over_tls() {
    check_rust_sdk(
        "the_rust_sdk_publishes_and_reads_over_tls",
        async |endpoint| publish_and_read(endpoint, AmqpTransport::Tcp).await,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rust_sdk_publishes_and_reads_over_a_websocket() {
    check_rust_sdk(
        "the_rust_sdk_publishes_and_reads_over_a_websocket",
        async |endpoint| publish_and_read(endpoint, AmqpTransport::WebSocket).await,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_buffered_producer_and_the_event_processor_work_over_tls() {
    check_rust_sdk(
        "the_buffered_producer_and_the_event_processor_work_over_tls",
        async |endpoint| buffer_and_process(endpoint).await,
    )
    .await;
}

/// Starts the test of this name again as the client of a hub; or is that client.
#[expect(
    clippy::disallowed_methods,
    reason = "a variable makes the same test the client"
)]
async fn check_rust_sdk(test: &str, client: impl AsyncFnOnce(&str)) {
    if let Ok(endpoint) = std::env::var(ENDPOINT) {
        return client(&endpoint).await;
    }
    let (hub, ca_file) = start(TlsSettings::local()).await.expect("started");
    let mut client = Command::new(std::env::current_exe().expect("this test binary"));
    client
        .args(["--exact", &format!("tls::{test}"), "--nocapture"])
        .env(ENDPOINT, tls_of(&hub).endpoint())
        .env("SSL_CERT_FILE", ca_file.path());
    let ended = spawn_blocking(move || client.output())
        .await
        .expect("no panic")
        .expect("it starts");
    assert!(ended.status.success(), "{ended:?}");
    let partitions = hub.partitions("calls").expect("the event hub");
    let last: Vec<_> = partitions
        .iter()
        .map(|partition| partition.last_sequence_number)
        .collect();
    assert_eq!(last, [Some(19)]);
}

const CONNECTION_STRING: &str =
    "Endpoint=sb://localhost/;SharedAccessKeyName=Any;SharedAccessKey=c2VjcmV0;EntityPath=calls";

async fn publish_and_read(endpoint: &str, transport: AmqpTransport) {
    let connection_string = CONNECTION_STRING;
    let producer = within(
        ProducerClient::builder()
            .with_custom_endpoint(endpoint.to_owned())
            .with_retry_options(no_retries())
            .with_transport(transport)
            .open_with_connection_string(connection_string, None),
    )
    .await
    .expect("a producer");
    // Each nearly a frame of AMQP, a batch of them several, and all more than a socket buffers.
    let bodies: Vec<_> = (0..20).map(|number| format!("{number:060000}")).collect();
    for batch in bodies.chunks(5) {
        send(&producer, to_partition("0"), batch.to_vec())
            .await
            .expect("sent");
    }
    let consumer = within(
        ConsumerClient::builder()
            .with_custom_endpoint(endpoint.to_owned())
            .with_retry_options(no_retries())
            .with_transport(transport)
            .open_with_connection_string(connection_string, None),
    )
    .await
    .expect("a consumer");
    let receiver = open(&consumer, "0", from_earliest())
        .await
        .expect("a receiver");
    let read: Vec<_> = take(&receiver, 20).await.iter().map(body).collect();
    assert_eq!(read, bodies);
    within(consumer.close()).await.expect("closed");
    within(producer.close()).await.expect("closed");
}

async fn buffer_and_process(endpoint: &str) {
    let producer = BufferedProducerClient::builder()
        .with_custom_endpoint(endpoint.to_owned())
        .with_retry_options(no_retries())
        .with_max_wait_time(azure_core::time::Duration::milliseconds(50))
        .with_on_send_failed(|context| async move { panic!("not sent: {}", context.error) })
        .open_with_connection_string(CONNECTION_STRING, None);
    let producer = within(producer).await.expect("a producer");
    let bodies: Vec<_> = (0..20).map(|number| number.to_string()).collect();
    for body in &bodies {
        within(producer.enqueue_event(body.clone(), None))
            .await
            .expect("enqueued");
    }
    within(producer.flush()).await.expect("flushed");
    within(producer.close()).await.expect("closed");

    let consumer = ConsumerClient::builder()
        .with_custom_endpoint(endpoint.to_owned())
        .with_retry_options(no_retries())
        .open_with_connection_string(CONNECTION_STRING, None);
    let start = StartPosition {
        location: StartLocation::Earliest,
        inclusive: false,
    };
    let processor = EventProcessor::builder()
        .with_update_interval(azure_core::time::Duration::milliseconds(200))
        .with_start_positions(StartPositions {
            default: start,
            ..Default::default()
        })
        .build(
            within(consumer).await.expect("a consumer"),
            Arc::new(Store::default()),
        );
    let processor = within(processor).await.expect("a processor");
    let mut work = JoinSet::new();
    let at_work = Arc::clone(&processor);
    work.spawn(async move { at_work.run().await });
    let partition = within(processor.next_partition_client())
        .await
        .expect("the partition");
    let mut stream = partition.stream_events();
    let mut read = Vec::new();
    while read.len() < bodies.len() {
        let event = within(stream.next())
            .await
            .expect("the stream goes on")
            .expect("an event");
        read.push(body(&event));
    }
    assert_eq!(read, bodies);
}

/// What a client receives that sends these bytes, until the emulator hangs up.
async fn received_after(opening: &[u8]) -> Vec<u8> {
    let (hub, _) = start(TlsSettings::local()).await.expect("started");
    let address = tls_of(&hub).endpoint().trim_start_matches("amqps://");
    let mut socket = TcpStream::connect(address).await.expect("connected");
    socket.write_all(opening).await.expect("sent");
    let mut received = Vec::new();
    // In small steps: paused time jumps to the next timer, and the socket is looked at only between two jumps.
    let patience = async {
        for _ in 0..6000 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let hung_up = tokio::select! {
        hung_up = socket.read_to_end(&mut received) => hung_up,
        () = patience => panic!("it does not hang up within a minute"),
    };
    if let Err(error) = hung_up {
        // Linux resets the connection when it discards what was sent.
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }
    received
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_shake_hands_is_disconnected() {
    assert_eq!(received_after(b"").await, b"", "after a while");
    assert_eq!(received_after(b"\x16\x03\x01").await, b"", "after a while");
    // An alert: fatal, and what it is.
    assert!(
        received_after(b"AMQP\x00\x01\x00\x00")
            .await
            .starts_with(&[0x15, 3])
    );
    assert!(received_after(&[0xff; 10_000]).await.len() < 100);
}

#[tokio::test]
async fn a_host_that_a_certificate_cannot_have_is_refused() {
    let refused = start(TlsSettings {
        host: "kölle".to_owned(),
        ..TlsSettings::local()
    })
    .await;
    let error = refused
        .map(|_| ())
        .expect_err("no certificate has such a name");
    assert_eq!(error.to_string(), "cannot make a certificate for `kölle`");
}
