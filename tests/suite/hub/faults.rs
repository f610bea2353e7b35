//! Each fault does what it says, seen from the Rust SDK.

use std::time::Duration;

use acs_recording_exporter::hub::EventHub;
use azure_messaging_eventhubs::{ConsumerClient, EventReceiver, StartLocation};
use futures_util::StreamExt;
use tokio::time::{Instant, timeout};

use super::support::{
    RunningHub, at, body, error_of, from_earliest, open, sequence_numbers, take, to_partition,
    within,
};

/// Long enough for an event that is there to come, were it not withheld.
const A_WHILE: Duration = Duration::from_millis(300);

/// A hub with two partitions, and a reader of the first that has read its one event.
async fn reading() -> (RunningHub, ConsumerClient, EventReceiver) {
    let hub = RunningHub::start([EventHub::new("calls", 2)]).await;
    hub.handle.publish("calls", 0, b"first").expect("published");
    let consumer = hub.consumer("calls").await.expect("a consumer");
    let receiver = open(&consumer, "0", from_earliest())
        .await
        .expect("a receiver");
    take(&receiver, 1).await;
    (hub, consumer, receiver)
}

/// A new client reads on after that one event.
async fn reads_on(hub: &RunningHub) {
    hub.handle
        .publish("calls", 0, b"second")
        .expect("published");
    let consumer = hub.consumer("calls").await.expect("a consumer");
    let after = at(StartLocation::SequenceNumber(0), false);
    let receiver = open(&consumer, "0", after).await.expect("a receiver");
    assert_eq!(sequence_numbers(&take(&receiver, 1).await), [1]);
}

fn check(error: &azure_messaging_eventhubs::EventHubsError, expected: &str) {
    let shown = format!("{error:?}");
    assert!(
        shown.contains(expected),
        "expected `{expected}` in: {shown}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_connection_ends_its_readers() {
    let (hub, _consumer, receiver) = reading().await;
    assert_eq!(hub.handle.cut_connections(), 1);
    error_of(&receiver).await;
    reads_on(&hub).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_connection_ends_its_readers() {
    let (hub, _consumer, receiver) = reading().await;
    assert_eq!(
        hub.handle
            .close_connections("amqp:connection:forced")
            .unwrap(),
        1
    );
    error_of(&receiver).await;
    reads_on(&hub).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_detached_reader_is_told_the_condition() {
    let (hub, _consumer, receiver) = reading().await;
    let detached = hub
        .handle
        .detach_readers("calls", 0, Some("amqp:internal-error"));
    assert_eq!(detached.expect("the partition"), 1);
    check(&error_of(&receiver).await, "InternalError");
    reads_on(&hub).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_can_be_detached_without_a_word() {
    let (hub, _consumer, receiver) = reading().await;
    hub.handle
        .detach_readers("calls", 0, None)
        .expect("the partition");
    error_of(&receiver).await;
    reads_on(&hub).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_hub_accepts_and_never_answers() {
    let (hub, _consumer, receiver) = reading().await;
    hub.handle.never_answer(true);
    let silent = timeout(
        A_WHILE,
        Box::pin(async {
            let consumer = hub.consumer("calls").await.expect("a consumer");
            consumer.get_eventhub_properties().await
        }),
    );
    assert!(silent.await.is_err(), "no answer comes");
    hub.handle.publish("calls", 0, b"more").expect("published");
    assert_eq!(
        body(&take(&receiver, 1).await[0]),
        "more",
        "the open connection goes on"
    );
    hub.handle.never_answer(false);
    let consumer = hub.consumer("calls").await.expect("a consumer");
    within(consumer.get_eventhub_properties())
        .await
        .expect("an answer");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_partition_sends_nothing_and_the_others_go_on() {
    let (hub, consumer, receiver) = reading().await;
    hub.handle.freeze("calls", 0, true).expect("the partition");
    hub.handle
        .publish("calls", 0, b"frozen")
        .expect("published");
    let mut stream = Box::pin(receiver.stream_events());
    assert!(
        timeout(A_WHILE, stream.next()).await.is_err(),
        "nothing comes"
    );
    hub.handle.publish("calls", 1, b"other").expect("published");
    let other = open(&consumer, "1", from_earliest())
        .await
        .expect("a receiver");
    assert_eq!(body(&take(&other, 1).await[0]), "other");
    hub.handle.freeze("calls", 0, false).expect("the partition");
    let thawed = within(stream.next())
        .await
        .expect("goes on")
        .expect("an event");
    assert_eq!(body(&thawed), "frozen");
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_refused_with_the_status_that_was_asked_for() {
    let (hub, _consumer, _receiver) = reading().await;
    for status in [401, 403] {
        hub.handle.refuse_tokens(Some(status));
        let consumer = hub.consumer("calls").await.expect("nothing is asked yet");
        let receiver = open(&consumer, "0", from_earliest())
            .await
            .expect("nothing is asked yet");
        check(&error_of(&receiver).await, &status.to_string());
    }
    hub.handle.refuse_tokens(None);
    reads_on(&hub).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_hub_refuses_so_many_sends() {
    let (hub, _consumer, _receiver) = reading().await;
    let producer = hub.producer("calls").await.expect("a producer");
    hub.handle.be_busy(2);
    for _ in 0..2 {
        let busy = within(producer.send_event("refused", None)).await;
        check(&busy.expect_err("busy"), "ServerBusy");
    }
    within(producer.send_event("taken", None))
        .await
        .expect("sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_come_later_by_the_delay() {
    let (hub, consumer, _receiver) = reading().await;
    within(consumer.get_eventhub_properties())
        .await
        .expect("properties");
    hub.handle.delay_answers(A_WHILE);
    let asked = Instant::now();
    within(consumer.get_eventhub_properties())
        .await
        .expect("properties");
    assert!(asked.elapsed() >= A_WHILE, "{:?}", asked.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_made_anew_begins_again() {
    let (hub, _consumer, receiver) = reading().await;
    hub.handle
        .forget_everything("calls")
        .expect("the event hub");
    check(&error_of(&receiver).await, "etach");
    let consumer = hub.consumer("calls").await.expect("a consumer");
    let stale = open(&consumer, "0", at(StartLocation::SequenceNumber(0), false))
        .await
        .expect("nothing is asked yet");
    check(&error_of(&stale).await, "is invalid. The last");
    hub.handle.publish("calls", 0, b"anew").expect("published");
    let consumer = hub.consumer("calls").await.expect("a consumer");
    let receiver = open(&consumer, "0", from_earliest())
        .await
        .expect("a receiver");
    let events = take(&receiver, 1).await;
    assert_eq!(
        (body(&events[0]).as_str(), sequence_numbers(&events)),
        ("anew", vec![0])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_corrupt_message_fails_its_reader_once() {
    let (hub, _consumer, receiver) = reading().await;
    hub.handle.corrupt_next("calls", 0).expect("the partition");
    let producer = hub.producer("calls").await.expect("a producer");
    super::support::send(&producer, to_partition("0"), ["whole".to_owned()])
        .await
        .expect("sent");
    error_of(&receiver).await;
    let consumer = hub.consumer("calls").await.expect("a consumer");
    let again = open(&consumer, "0", at(StartLocation::SequenceNumber(0), false))
        .await
        .expect("a receiver");
    assert_eq!(body(&take(&again, 1).await[0]), "whole");
}
