//! Answers over which the SDK panics: it expects a time where the hub has something else.

use std::sync::{Arc, Mutex};

use event_hub_emulator::{Emulator, EventHub};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::scene::{EVENT, EVENT_HUB};
use crate::world::{Exporter, eventually, get};

const CREATED_AT: &str = "created_at";
const LAST_ENQUEUED_AT: &str = "last_enqueued_time_utc";

#[tokio::test]
async fn a_search_for_partitions_that_panics_is_tried_again() {
    let hub = spoilt_hub(Some(CREATED_AT)).await;
    let exporter = Exporter::reading(&hub.connection_string, &[]).await;
    exporter.process.says("event hub does not answer").await;
    assert!(exporter.process.written().contains(r#""cause":"panicked""#));
    *hub.spoilt.lock().unwrap() = None;
    reads(&exporter, &hub).await;
}

#[tokio::test]
async fn a_partition_whose_end_cannot_be_asked_for_is_tried_again() {
    let hub = spoilt_hub(Some(LAST_ENQUEUED_AT)).await;
    // Until a scrape comes, readers stand by at the end of their partition.
    let gate = ("ACS_RECORDING_EXPORTER__DELIVERY__START_GATE", "2s");
    let exporter = Exporter::reading(&hub.connection_string, &[gate]).await;
    exporter.process.says("receiver failed").await;
    assert!(exporter.process.written().contains(r#""cause":"panicked""#));
    assert_eq!(get(&exporter.address, "/-/healthy").await.unwrap().0, 200);
    *hub.spoilt.lock().unwrap() = None;
    reads(&exporter, &hub).await;
}

/// A hub behind a proxy that spoils answers.
struct SpoiltHub {
    hub: Emulator,
    /// By way of the proxy.
    connection_string: String,
    /// The field of answers that is a number instead of a time.
    spoilt: Arc<Mutex<Option<&'static str>>>,
    _proxy: JoinSet<()>,
}

async fn spoilt_hub(field: Option<&'static str>) -> SpoiltHub {
    let hub = Emulator::start([EventHub::new(EVENT_HUB, 1)])
        .await
        .unwrap();
    let hub_address = hub.address();
    let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy_address = proxy.local_addr().unwrap().to_string();
    let connection_string = hub.connection_string();
    let connection_string = connection_string.replace(&hub_address.to_string(), &proxy_address);
    let spoilt = Arc::new(Mutex::new(field));
    let field = Arc::clone(&spoilt);
    let mut running = JoinSet::new();
    running.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((client, _)) = proxy.accept().await {
            let hub = TcpStream::connect(hub_address).await.unwrap();
            connections.spawn(pass_on(client, hub, Arc::clone(&field)));
        }
    });
    SpoiltHub {
        hub,
        connection_string,
        spoilt,
        _proxy: running,
    }
}

async fn pass_on(client: TcpStream, hub: TcpStream, spoilt: Arc<Mutex<Option<&str>>>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_hub, mut to_hub) = hub.into_split();
    let answers = async {
        let mut answer = Vec::with_capacity(64 * 1024);
        while let Ok(1..) = from_hub.read_buf(&mut answer).await {
            if let Some(field) = *spoilt.lock().unwrap() {
                spoil(&mut answer, field);
            }
            if to_client.write_all(&answer).await.is_err() {
                return;
            }
            answer.clear();
        }
    };
    tokio::select! {
        _ended = copy(&mut from_client, &mut to_hub) => {}
        () = answers => {}
    }
}

/// Makes a 64-bit number of the time that follows the name of a field, in AMQP's encoding.
fn spoil(answer: &mut [u8], field: &str) {
    const TIME: u8 = 0x83;
    const NUMBER: u8 = 0x81;
    let name = [field.as_bytes(), &[TIME]].concat();
    let found = answer.windows(name.len()).position(|window| window == name);
    let kind = found.and_then(|at| answer.get_mut(at + field.len()));
    if let Some(kind) = kind {
        *kind = NUMBER;
    }
}

/// Publishes until an event is counted: before a partition is read from its end, what is published does not count.
async fn reads(exporter: &Exporter, hub: &SpoiltHub) {
    exporter.ready().await;
    eventually("an event is counted", || async {
        hub.hub.publish(EVENT_HUB, 0, EVENT).unwrap();
        let scrape = exporter.scrape().await?;
        let counted = scrape.sum("acs_recording_exporter_events_total", &[]);
        if counted > 0.0 {
            Ok(())
        } else {
            Err(exporter.process.written())
        }
    })
    .await;
}
