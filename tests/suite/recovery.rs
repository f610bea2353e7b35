//! What the exporter does when its links break: it goes on after the last event, and counts nothing twice.

use acs_recording_exporter::hub::EventHub;

use crate::hub::support::RunningHub;
use crate::world::{Exporter, eventually};

const PARTITIONS: u32 = 2;
const EVENT: &[u8] = br#"{"records":[{"category":"Usage","properties":{"usageType":"chat","unitType":"messages","quantity":2}}]}"#;

#[tokio::test]
async fn links_that_break_in_every_way_lose_nothing_and_count_nothing_twice() {
    let hub = RunningHub::start([EventHub::new("logs", PARTITIONS)]).await;
    let exporter = Exporter::start(&[
        (
            "ACS_RECORDING_EXPORTER__EVENT_HUB__CONNECTION_STRING",
            &hub.connection_string,
        ),
        (
            "ACS_RECORDING_EXPORTER__EVENT_HUB__CONSUMER_GROUP",
            "exporter",
        ),
        ("ACS_RECORDING_EXPORTER__EVENT_HUB__START", "earliest"),
    ])
    .await;
    exporter.ready().await;

    let mut published = 0;
    let breaks: [&dyn Fn(); 5] = [
        &|| assert!(hub.handle.cut_connections() > 0),
        &|| {
            assert_ne!(
                hub.handle
                    .close_connections("amqp:connection:forced")
                    .unwrap(),
                0
            );
        },
        &|| detach(&hub, Some("amqp:link:detach-forced")),
        &|| detach(&hub, Some("amqp:internal-error")),
        &|| detach(&hub, None),
    ];
    for (round, break_links) in breaks.iter().enumerate() {
        publish(&hub, 300);
        break_links();
        publish(&hub, 200);
        published += 500 * PARTITIONS;
        eventually(&format!("all events after break {round}"), || async {
            let seen = exporter
                .scrape()
                .await?
                .sum("acs_recording_exporter_events_total", &[]);
            if seen >= f64::from(published) {
                Ok(())
            } else {
                Err(format!("{seen} of {published}"))
            }
        })
        .await;
    }
    // An event in each partition that comes after all others: whatever would be counted twice has been by then.
    publish(&hub, 1);
    published += PARTITIONS;
    let scrape = eventually("the last events", || async {
        let scrape = exporter.scrape().await?;
        let last = [r#"partition="0""#, r#"partition="1""#].map(|partition| {
            scrape.sum(
                "acs_recording_exporter_partition_last_sequence_number",
                &[partition],
            )
        });
        if last == [2500.0, 2500.0] {
            Ok(scrape)
        } else {
            Err(format!("{last:?}"))
        }
    })
    .await;
    let published = f64::from(published);
    assert_eq!(
        scrape.sum("acs_recording_exporter_events_total", &[]),
        published
    );
    assert_eq!(
        scrape.sum("acs_usage_quantity_total", &[]),
        (2.0 * published)
    );
    let restarts = scrape.sum("acs_recording_exporter_receiver_restarts_total", &[]);
    assert!(
        restarts >= 10.0,
        "five breaks on two partitions, but {restarts} restarts"
    );
    println!("{published} events, {restarts} restarts, nothing lost, nothing twice");
    exporter.ready().await;
}

#[tokio::test]
async fn a_link_that_stays_open_and_gives_nothing_is_opened_again() {
    let hub = RunningHub::start([EventHub::new("logs", PARTITIONS)]).await;
    publish(&hub, 1);
    hub.handle.freeze("logs", 0, true).unwrap();
    let exporter = Exporter::start(&[
        (
            "ACS_RECORDING_EXPORTER__EVENT_HUB__CONNECTION_STRING",
            &hub.connection_string,
        ),
        (
            "ACS_RECORDING_EXPORTER__EVENT_HUB__CONSUMER_GROUP",
            "exporter",
        ),
        ("ACS_RECORDING_EXPORTER__EVENT_HUB__START", "earliest"),
    ])
    .await;
    let frozen = [r#"partition="0""#, r#"cause="stalled""#];
    eventually("the frozen link is given up", || async {
        let restarts = exporter
            .scrape()
            .await?
            .sum("acs_recording_exporter_receiver_restarts_total", &frozen);
        if restarts > 0.0 {
            Ok(())
        } else {
            Err(exporter.process.written())
        }
    })
    .await;
    hub.handle.freeze("logs", 0, false).unwrap();
    eventually("both events", || async {
        let seen = exporter
            .scrape()
            .await?
            .sum("acs_recording_exporter_events_total", &[]);
        if seen == 2.0 {
            Ok(())
        } else {
            Err(format!("{seen} of 2"))
        }
    })
    .await;
}

fn publish(hub: &RunningHub, events: u32) {
    for partition in 0..PARTITIONS {
        for _ in 0..events {
            hub.handle.publish("logs", partition, EVENT).unwrap();
        }
    }
}

fn detach(hub: &RunningHub, condition: Option<&'static str>) {
    for partition in 0..PARTITIONS {
        assert_eq!(
            hub.handle
                .detach_readers("logs", partition, condition)
                .unwrap(),
            1
        );
    }
}
