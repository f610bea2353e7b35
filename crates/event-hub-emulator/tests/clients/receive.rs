//! Receiving, with the Rust SDK.

use std::time::Duration;

use azure_messaging_eventhubs::{OpenReceiverOptions, StartLocation};
use event_hub_emulator::{Emulator, EventHub};

use crate::support::{
    Clients, assert_stolen, at, body, error_of, eventually, from_earliest, open, owned,
    sequence_numbers, take, within,
};

async fn hub_with(events: usize) -> Emulator {
    let hub = Emulator::start([EventHub::new("calls", 1)])
        .await
        .expect("started");
    for number in 0..events {
        hub.publish("calls", 0, format!("event {number}").as_bytes())
            .expect("published");
    }
    hub
}

#[tokio::test(flavor = "multi_thread")]
async fn properties_of_an_event_hub_and_its_partitions_are_read() {
    let hub = hub_with(3).await;
    let consumer = hub.consumer("calls").await.expect("a consumer");
    let properties = within(consumer.get_eventhub_properties())
        .await
        .expect("properties");
    assert_eq!(
        (properties.name.as_str(), properties.partition_ids),
        ("calls", vec!["0".to_owned()])
    );
    let partition = within(consumer.get_partition_properties("0"))
        .await
        .expect("properties");
    assert_eq!(
        (
            partition.beginning_sequence_number,
            partition.last_enqueued_sequence_number
        ),
        (0, 2)
    );
    assert!(!partition.is_empty);
    let unknown = within(consumer.get_partition_properties("7"))
        .await
        .expect_err("refused");
    assert!(
        format!("{unknown:?}").contains("between 0 and 0"),
        "{unknown:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_starts_where_it_asks_to() {
    let hub = hub_with(10).await;
    let consumer = hub.consumer("calls").await.expect("a consumer");
    let first = open(&consumer, "0", from_earliest())
        .await
        .expect("a receiver");
    let events = take(&first, 10).await;
    let offset = events[4].offset().clone().expect("an offset");

    let check = async |options: OpenReceiverOptions, expected: i64| {
        let shown = format!("{options:?}");
        // The SDK keeps one link per partition and client, wherever it started.
        let consumer = hub.consumer("calls").await.expect("a consumer");
        let receiver = open(&consumer, "0", options).await.expect("a receiver");
        assert_eq!(
            sequence_numbers(&take(&receiver, 1).await),
            [expected],
            "{shown}"
        );
    };
    check(at(StartLocation::Offset(offset.clone()), false), 5).await;
    check(at(StartLocation::Offset(offset), true), 4).await;
    check(at(StartLocation::SequenceNumber(6), false), 7).await;
    check(at(StartLocation::SequenceNumber(6), true), 6).await;
    let published_at = events[0].enqueued_time().expect("a time");
    let hour = Duration::from_hours(1);
    check(
        at(StartLocation::EnqueuedTime(published_at - hour), false),
        0,
    )
    .await;

    let consumer = hub.consumer("calls").await.expect("a consumer");
    let latest = open(&consumer, "0", at(StartLocation::Latest, false))
        .await
        .expect("a receiver");
    let readers = || hub.partitions("calls").expect("the event hub")[0].readers;
    let before = readers();
    let publish = async {
        eventually(before + 1, readers).await;
        hub.publish("calls", 0, b"new").expect("published");
    };
    // The SDK attaches when the stream is first asked.
    let (events, ()) = tokio::join!(take(&latest, 1), publish);
    assert_eq!(
        (body(&events[0]).as_str(), sequence_numbers(&events)),
        ("new", vec![10])
    );
    let enqueued = events[0].enqueued_time().expect("a time");
    let ago = Duration::from_millis(1);
    check(at(StartLocation::EnqueuedTime(enqueued - ago), false), 10).await;
    check(at(StartLocation::EnqueuedTime(enqueued), true), 10).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_position_behind_the_end_is_refused() {
    let hub = hub_with(10).await;
    for location in [
        StartLocation::SequenceNumber(10),
        StartLocation::Offset("99999".to_owned()),
    ] {
        let consumer = hub.consumer("calls").await.expect("a consumer");
        let receiver = open(&consumer, "0", at(location, false))
            .await
            .expect("nothing is asked yet");
        let refused = error_of(&receiver).await;
        assert!(
            format!("{refused:?}").contains("is invalid. The last"),
            "{refused:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_published_while_a_reader_waits_comes_at_once() {
    let hub = hub_with(0).await;
    let consumer = hub.consumer("calls").await.expect("a consumer");
    let receiver = open(&consumer, "0", from_earliest())
        .await
        .expect("a receiver");
    for number in 0..20 {
        hub.publish("calls", 0, b"x").expect("published");
        assert_eq!(sequence_numbers(&take(&receiver, 1).await), [number]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_higher_owner_level_displaces_a_reader_and_a_lower_is_refused() {
    let hub = hub_with(1).await;
    let consumer = hub.consumer("calls").await.expect("a consumer");
    let first = open(&consumer, "0", owned(1)).await.expect("a receiver");
    take(&first, 1).await;
    let other = hub.consumer("calls").await.expect("a consumer");
    let second = open(&other, "0", owned(2)).await.expect("a receiver");
    take(&second, 1).await;
    assert_stolen(&error_of(&first).await);

    for options in [owned(1), from_earliest()] {
        let consumer = hub.consumer("calls").await.expect("a consumer");
        let receiver = open(&consumer, "0", options)
            .await
            .expect("nothing is asked yet");
        assert_stolen(&error_of(&receiver).await);
    }
    let elsewhere = hub.consumer_in("calls", "other").await.expect("a consumer");
    take(
        &open(&elsewhere, "0", owned(0)).await.expect("a receiver"),
        1,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_equal_owner_level_displaces_a_reader_too() {
    let hub = hub_with(1).await;
    let (first, second) = (
        hub.consumer("calls").await.expect("one"),
        hub.consumer("calls").await.expect("two"),
    );
    let receiver = open(&first, "0", owned(0)).await.expect("a receiver");
    take(&receiver, 1).await;
    take(&open(&second, "0", owned(0)).await.expect("a receiver"), 1).await;
    assert_stolen(&error_of(&receiver).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_ends_is_removed() {
    let hub = hub_with(1).await;
    let readers = || hub.partitions("calls").expect("the event hub")[0].readers;
    let consumer = hub.consumer("calls").await.expect("a consumer");
    let receiver = open(&consumer, "0", from_earliest())
        .await
        .expect("a receiver");
    take(&receiver, 1).await;
    assert_eq!(readers(), 1);
    within(receiver.close()).await.expect("closed");
    eventually(0, readers).await;
    let other = hub.consumer("calls").await.expect("a consumer");
    let receiver = open(&other, "0", from_earliest())
        .await
        .expect("a receiver");
    take(&receiver, 1).await;
    drop((receiver, other));
    eventually(0, readers).await;
}
