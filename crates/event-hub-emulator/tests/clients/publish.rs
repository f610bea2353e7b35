//! Sending, with the Rust SDK.

use std::collections::HashMap;

use azure_core_amqp::message::AmqpMessageBody;
use azure_messaging_eventhubs::EventDataBatchOptions;
use azure_messaging_eventhubs::models::{AmqpMessage, EventData};
use event_hub_emulator::{Emulator, EventHub, MESSAGE_BYTES_MAX};

use crate::support::{
    Clients, body, from_earliest, open, send, sequence_numbers, take, to_partition, with_key,
    within,
};

fn retained(hub: &Emulator, event_hub: &str) -> Vec<usize> {
    let partitions = hub.partitions(event_hub).expect("the event hub");
    partitions
        .iter()
        .map(|partition| partition.retained_events)
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_to_a_partition_is_read_in_its_order() {
    let hub = Emulator::start([EventHub::new("calls", 4)])
        .await
        .expect("started");
    let producer = hub.producer("calls").await.expect("a producer");
    let bodies: Vec<String> = (0..500).map(|number| format!("event {number}")).collect();
    send(&producer, to_partition("2"), bodies.clone())
        .await
        .expect("sent");

    let consumer = hub.consumer("calls").await.expect("a consumer");
    let receiver = open(&consumer, "2", from_earliest())
        .await
        .expect("a receiver");
    let events = take(&receiver, 500).await;
    assert_eq!(events.iter().map(body).collect::<Vec<_>>(), bodies);
    assert_eq!(sequence_numbers(&events), (0..500).collect::<Vec<_>>());
    assert_eq!(retained(&hub, "calls"), [0, 0, 500, 0]);
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_always_goes_to_the_same_partition() {
    let hub = Emulator::start([EventHub::new("calls", 8)])
        .await
        .expect("started");
    let producer = hub.producer("calls").await.expect("a producer");
    for round in 0..10 {
        send(&producer, with_key("a"), [format!("round {round}")])
            .await
            .expect("sent");
    }
    let mut counts = retained(&hub, "calls");
    let partition = counts
        .iter()
        .position(|count| *count == 10)
        .expect("one partition has all");
    let consumer = hub.consumer("calls").await.expect("a consumer");
    let receiver = open(&consumer, &partition.to_string(), from_earliest())
        .await
        .expect("a receiver");
    let events = take(&receiver, 10).await;
    assert_eq!(events[9].partition_key().as_deref(), Some("a"));

    for key in 0..100 {
        send(&producer, with_key(&key.to_string()), ["x".to_owned()])
            .await
            .expect("sent");
    }
    counts = retained(&hub, "calls");
    assert!(
        counts.iter().all(|count| *count >= 4),
        "keys spread over the partitions: {counts:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_partition_and_key_batches_take_turns() {
    let hub = Emulator::start([EventHub::new("calls", 4)])
        .await
        .expect("started");
    let producer = hub.producer("calls").await.expect("a producer");
    for _ in 0..8 {
        send(
            &producer,
            EventDataBatchOptions::default(),
            ["x".to_owned(), "y".to_owned()],
        )
        .await
        .expect("sent");
    }
    assert_eq!(retained(&hub, "calls"), [4, 4, 4, 4]);
}

#[tokio::test(flavor = "multi_thread")]
async fn properties_and_bodies_are_received_as_they_were_sent() {
    let hub = Emulator::start([EventHub::new("calls", 1)])
        .await
        .expect("started");
    let producer = hub.producer("calls").await.expect("a producer");
    let event = EventData::builder()
        .with_body(b"one".to_vec())
        .with_content_type("application/json".to_owned())
        .with_message_id("id-7")
        .add_property("attempt".to_owned(), 3_i64)
        .build();
    within(producer.send_event(event.clone(), None))
        .await
        .expect("sent");
    let sections = AmqpMessage::builder()
        .with_body(vec![b"first".to_vec(), b"second".to_vec()])
        .build();
    within(producer.send_message(sections, None))
        .await
        .expect("sent");

    let consumer = hub.consumer("calls").await.expect("a consumer");
    let receiver = open(&consumer, "0", from_earliest())
        .await
        .expect("a receiver");
    let events = take(&receiver, 2).await;
    let first = events[0].event_data();
    assert_eq!(body(&events[0]), "one");
    assert_eq!(first.content_type(), Some("application/json"));
    assert_eq!(first.message_id(), event.message_id());
    assert_eq!(first.properties().map(HashMap::len), Some(1));
    assert!(events[0].enqueued_time().is_some() && events[0].offset().is_some());
    let sections = AmqpMessageBody::Binary(vec![b"first".to_vec(), b"second".to_vec()]);
    assert_eq!(events[1].raw_amqp_message().body, sections);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_over_the_limit_is_refused_and_the_link_stays_open() {
    let hub = Emulator::start([EventHub::new("calls", 1)])
        .await
        .expect("started");
    let producer = hub.producer("calls").await.expect("a producer");
    let too_large = vec![b'x'; usize::try_from(MESSAGE_BYTES_MAX).expect("fits") + 1];
    let refused =
        within(producer.send_event(EventData::builder().with_body(too_large).build(), None)).await;
    let refused = refused.expect_err("refused").to_string();
    assert!(
        refused.contains("exceeds the limit") || refused.contains("PayloadSizeExceeded"),
        "{refused}"
    );
    within(producer.send_event("small", None))
        .await
        .expect("sent");
    assert_eq!(retained(&hub, "calls"), [1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_event_hub_or_partition_is_not_found() {
    let hub = Emulator::start([EventHub::new("calls", 2), EventHub::new("usage", 1)])
        .await
        .expect("started");
    let elsewhere = hub.producer("nowhere").await.expect("nothing is asked yet");
    let refused = within(elsewhere.send_event("lost", None))
        .await
        .expect_err("refused");
    assert!(format!("{refused:?}").contains("nowhere"), "{refused:?}");

    let producer = hub.producer("calls").await.expect("a producer");
    let refused = send(&producer, to_partition("2"), ["lost".to_owned()])
        .await
        .expect_err("refused");
    assert!(
        format!("{refused:?}").contains("could not be found"),
        "{refused:?}"
    );
    within(
        hub.producer("usage")
            .await
            .expect("a producer")
            .send_event("kept", None),
    )
    .await
    .expect("sent");
    assert_eq!(
        (retained(&hub, "calls"), retained(&hub, "usage")),
        (vec![0, 0], vec![1])
    );
}
