//! Partitions that somebody reads: by the exporter itself it is well, by a stranger it is not, and nobody is disturbed.

use std::pin::pin;

use azure_messaging_eventhubs::OpenReceiverOptions;
use event_hub_emulator::{Emulator, EventHub};
use futures_util::StreamExt;

use super::{CONNECTION_STRING, STORE, check, hub};
use crate::azurite::Azurite;
use crate::support::{Clients, body, within};
use crate::world::{Exporter, eventually};

const EVENT: &[u8] = br#"{"records":[{"category":"Usage","properties":{"usageType":"chat","unitType":"messages","quantity":1}}]}"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_is_an_owner_too_many_and_reads_on() {
    let hub = Emulator::start([EventHub::new("logs", 2)]).await.unwrap();
    let consumer = hub.consumer_in("logs", "exporter").await.unwrap();
    let options = OpenReceiverOptions {
        owner_level: Some(0),
        ..OpenReceiverOptions::default()
    };
    let receiver = within(consumer.open_receiver_on_partition("1".to_owned(), Some(options)));
    let receiver = receiver.await.unwrap();
    let mut events = pin!(receiver.stream_events());
    let handle = hub.handle();
    let checking = async {
        eventually("a reader", || async {
            match handle.partitions("logs").unwrap()[1].readers {
                1 => Ok(()),
                readers => Err(readers.to_string()),
            }
        })
        .await;
        let checked = check(&[(CONNECTION_STRING, hub.connection_string())]).await;
        checked.is(
            &[("owner", "another receiver owns the partitions 1")],
            &["clock"],
        );
        handle.publish("logs", 1, b"an event").unwrap();
    };
    let (event, ()) = tokio::join!(events.next(), checking);
    assert_eq!(body(&event.unwrap().unwrap()), "an event");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_exporter_that_runs_with_this_configuration_is_known_and_reads_on() {
    let azurite = Azurite::start().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint");
    let store = azurite.connection_string();
    for (variables, expected, clock) in [
        (
            [
                (STORE, "file"),
                (
                    "ACS_RECORDING_EXPORTER__CHECKPOINT__PATH",
                    path.to_str().unwrap(),
                ),
                ("NONE", ""),
            ],
            "the partitions 0, 1 are owned by the exporter that uses the checkpoint file",
            &["clock"][..],
        ),
        (
            [
                (STORE, "blob"),
                (
                    "ACS_RECORDING_EXPORTER__CHECKPOINT__CONNECTION_STRING",
                    &store,
                ),
                (
                    "ACS_RECORDING_EXPORTER__CHECKPOINT__CONTAINER",
                    "recordings",
                ),
            ],
            "the partitions 0, 1 are owned by replicas with leases",
            &[],
        ),
    ] {
        let hub = hub().await;
        let exporter = Exporter::reading(hub.connection_string(), &variables).await;
        exporter.ready().await;
        let string = (CONNECTION_STRING, hub.connection_string());
        let checked = check(&[&[string][..], &variables].concat()).await;
        checked.is(&[], clock);
        assert_eq!(checked.text("owner"), expected);

        hub.handle().publish("logs", 0, EVENT).unwrap();
        eventually("the event", || async {
            let scrape = exporter.scrape().await?;
            let events = scrape.sum("acs_recording_exporter_events_total", &[]);
            (events == 1.0).then_some(()).ok_or(scrape.0)
        })
        .await;
        let scrape = exporter.scrape().await.unwrap();
        let restarts = scrape.sum("acs_recording_exporter_receiver_restarts_total", &[]);
        assert_eq!(restarts, 0.0);
    }
}
