//! Each fault has its effect, as the Rust SDK sees it.

use std::time::Duration;

use azure_messaging_eventhubs::{ConsumerClient, EventReceiver, StartLocation};
use event_hub_emulator::{Emulator, EventHub};
use futures_util::StreamExt;
use tokio::time::{Instant, timeout};

use crate::support::{
    Clients, at, body, error_of, eventually, from_earliest, open, sequence_numbers, take,
    to_partition, within,
};

/// Long enough for an event to come, if it is not withheld.
const A_WHILE: Duration = Duration::from_millis(300);

/// A hub with two partitions, and a reader of the first that has read its one event.
async fn reading() -> (Emulator, ConsumerClient, EventReceiver) {
    let hub = Emulator::start([EventHub::new("calls", 2)])
        .await
        .expect("started");
    hub.publish("calls", 0, b"first").expect("published");
    let consumer = hub.consumer("calls").await.expect("a consumer");
    let receiver = open(&consumer, "0", from_earliest())
        .await
        .expect("a receiver");
    take(&receiver, 1).await;
    (hub, consumer, receiver)
}

/// A new client reads the next event after that one.
async fn reads_on(hub: &Emulator) {
    hub.publish("calls", 0, b"second").expect("published");
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
async fn a_severed_connection_ends_its_readers() {
    let (hub, _consumer, receiver) = reading().await;
    assert_eq!(hub.sever_connections(), 1);
    error_of(&receiver).await;
    reads_on(&hub).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_connection_ends_its_readers() {
    let (hub, _consumer, receiver) = reading().await;
    assert_eq!(hub.close_connections("amqp:connection:forced").unwrap(), 1);
    error_of(&receiver).await;
    reads_on(&hub).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_detached_reader_receives_the_condition() {
    let (hub, _consumer, receiver) = reading().await;
    let detached = hub.detach_readers("calls", 0, Some("amqp:internal-error"));
    assert_eq!(detached.expect("the partition"), 1);
    check(&error_of(&receiver).await, "InternalError");
    reads_on(&hub).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_can_be_detached_without_a_condition() {
    let (hub, _consumer, receiver) = reading().await;
    hub.detach_readers("calls", 0, None).expect("the partition");
    error_of(&receiver).await;
    reads_on(&hub).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_hub_accepts_and_never_answers() {
    let (hub, _consumer, receiver) = reading().await;
    hub.never_answer(true);
    let silent = timeout(
        A_WHILE,
        Box::pin(async {
            let consumer = hub.consumer("calls").await.expect("a consumer");
            consumer.get_eventhub_properties().await
        }),
    );
    assert!(silent.await.is_err(), "no answer comes");
    hub.publish("calls", 0, b"more").expect("published");
    assert_eq!(
        body(&take(&receiver, 1).await[0]),
        "more",
        "the open connection goes on"
    );
    hub.never_answer(false);
    let consumer = hub.consumer("calls").await.expect("a consumer");
    within(consumer.get_eventhub_properties())
        .await
        .expect("an answer");
}

/// No event comes for a while, and no error.
async fn nothing_comes(receiver: &EventReceiver) {
    let mut stream = Box::pin(receiver.stream_events());
    let next = timeout(A_WHILE, stream.next()).await;
    assert!(next.is_err(), "{next:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_muted_connection_stays_open_and_others_are_served() {
    let (hub, _consumer, receiver) = reading().await;
    assert_eq!(hub.mute_connections(), 1);
    hub.publish("calls", 0, b"lost").expect("published");
    nothing_comes(&receiver).await;
    let consumer = hub.consumer("calls").await.expect("a consumer");
    let other = open(&consumer, "0", from_earliest())
        .await
        .expect("a receiver");
    assert_eq!(sequence_numbers(&take(&other, 2).await), [0, 1]);
}

#[tokio::test]
async fn a_muted_connection_ends_when_its_client_hangs_up() {
    let hub = Emulator::start([EventHub::new("calls", 1)])
        .await
        .expect("started");
    let address = hub.address();
    let client = tokio::net::TcpStream::connect(address)
        .await
        .expect("connected");
    eventually(1, || hub.mute_connections()).await;
    // What the client sends before it hangs up is never read, and must not hide that it has hung up.
    client.try_write(b"AMQP").expect("written");
    tokio::time::sleep(A_WHILE).await;
    assert_eq!(hub.mute_connections(), 1, "it is open");
    drop(client);
    eventually(0, || hub.mute_connections()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_silence_every_connection_goes_on_where_it_stood() {
    let (hub, consumer, receiver) = reading().await;
    hub.silence(true);
    hub.publish("calls", 0, b"later").expect("published");
    nothing_comes(&receiver).await;
    let newcomer = async {
        let consumer = hub.consumer("calls").await.expect("a consumer");
        within(consumer.get_eventhub_properties()).await
    };
    let asked = within(consumer.get_eventhub_properties());
    let ended = async {
        tokio::time::sleep(A_WHILE).await;
        hub.silence(false);
        Instant::now()
    };
    let answered = async {
        let (newcomer, asked) = tokio::join!(Box::pin(newcomer), asked);
        newcomer.expect("an answer");
        asked.expect("an answer");
        Instant::now()
    };
    let (ended, answered) = tokio::join!(ended, answered);
    assert!(answered > ended, "no answer comes before");
    assert_eq!(body(&take(&receiver, 1).await[0]), "later");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_is_silent_and_mute_can_be_stopped() {
    let (hub, _consumer, _muted) = reading().await;
    assert_eq!(hub.mute_connections(), 1);
    let consumer = hub.consumer("calls").await.expect("a consumer");
    let receiver = open(&consumer, "0", from_earliest())
        .await
        .expect("a receiver");
    take(&receiver, 1).await;
    hub.silence(true);
    nothing_comes(&receiver).await;
    hub.stop().await;
    error_of(&receiver).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_is_away_refuses_and_comes_back_with_its_events() {
    let (hub, _consumer, receiver) = reading().await;
    let address = hub.address();
    for _ in 0..2 {
        hub.away(true);
        let refused = async {
            while tokio::net::TcpStream::connect(&address).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        within(refused).await;
        hub.away(false);
        let taken = async {
            while tokio::net::TcpStream::connect(&address).await.is_err() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        within(taken).await;
    }
    error_of(&receiver).await;
    reads_on(&hub).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn frozen_readers_get_nothing_and_newcomers_are_served() {
    let (hub, _consumer, receiver) = reading().await;
    assert_eq!(hub.freeze_readers("calls", 0).unwrap(), 1);
    hub.publish("calls", 0, b"frozen").expect("published");
    nothing_comes(&receiver).await;
    let consumer = hub.consumer("calls").await.expect("a consumer");
    let other = open(&consumer, "0", from_earliest())
        .await
        .expect("a receiver");
    assert_eq!(sequence_numbers(&take(&other, 2).await), [0, 1]);
    nothing_comes(&receiver).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_partition_sends_nothing_and_the_others_go_on() {
    let (hub, consumer, receiver) = reading().await;
    hub.freeze("calls", 0, true).expect("the partition");
    hub.publish("calls", 0, b"frozen").expect("published");
    let mut stream = Box::pin(receiver.stream_events());
    assert!(
        timeout(A_WHILE, stream.next()).await.is_err(),
        "nothing comes"
    );
    hub.publish("calls", 1, b"other").expect("published");
    let other = open(&consumer, "1", from_earliest())
        .await
        .expect("a receiver");
    assert_eq!(body(&take(&other, 1).await[0]), "other");
    hub.freeze("calls", 0, false).expect("the partition");
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
        hub.refuse_tokens(Some(status));
        let consumer = hub.consumer("calls").await.expect("nothing is asked yet");
        let receiver = open(&consumer, "0", from_earliest())
            .await
            .expect("nothing is asked yet");
        check(&error_of(&receiver).await, &status.to_string());
    }
    hub.refuse_tokens(None);
    reads_on(&hub).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_hub_refuses_so_many_sends() {
    let (hub, _consumer, _receiver) = reading().await;
    let producer = hub.producer("calls").await.expect("a producer");
    hub.be_busy(2);
    for _ in 0..2 {
        let busy = within(producer.send_event("refused", None)).await;
        check(&busy.expect_err("busy"), "ServerBusy");
    }
    within(producer.send_event("taken", None))
        .await
        .expect("sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_is_busy_to_readers_refuses_so_many() {
    let (hub, _consumer, receiver) = reading().await;
    hub.be_busy_to_readers(2);
    for _ in 0..2 {
        let consumer = hub.consumer("calls").await.expect("a consumer");
        let refused = open(&consumer, "0", from_earliest())
            .await
            .expect("nothing is asked yet");
        check(&error_of(&refused).await, "ServerBusy");
    }
    reads_on(&hub).await;
    assert_eq!(body(&take(&receiver, 1).await[0]), "second");
}

#[tokio::test(flavor = "multi_thread")]
async fn shortened_tokens_end_their_links_whatever_they_say() {
    let (hub, _consumer, unshortened) = reading().await;
    hub.shorten_tokens(Some(Duration::from_secs(1)));
    let consumer = hub.consumer("calls").await.expect("a consumer");
    let receiver = open(&consumer, "0", from_earliest())
        .await
        .expect("a receiver");
    let opened = Instant::now();
    take(&receiver, 1).await;
    check(&error_of(&receiver).await, "ExpiredToken");
    assert!(opened.elapsed() > A_WHILE, "not at once");
    hub.shorten_tokens(None);
    reads_on(&hub).await;
    assert_eq!(body(&take(&unshortened, 1).await[0]), "second");
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_late_by_the_delay() {
    let (hub, consumer, _receiver) = reading().await;
    within(consumer.get_eventhub_properties())
        .await
        .expect("properties");
    hub.delay_answers(A_WHILE);
    let asked = Instant::now();
    within(consumer.get_eventhub_properties())
        .await
        .expect("properties");
    assert!(asked.elapsed() >= A_WHILE, "{:?}", asked.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recreated_event_hub_begins_at_zero() {
    let (hub, _consumer, receiver) = reading().await;
    hub.recreate("calls").expect("the event hub");
    check(&error_of(&receiver).await, "etach");
    let consumer = hub.consumer("calls").await.expect("a consumer");
    let stale = open(&consumer, "0", at(StartLocation::SequenceNumber(0), false))
        .await
        .expect("nothing is asked yet");
    check(&error_of(&stale).await, "is invalid. The last");
    hub.publish("calls", 0, b"first again").expect("published");
    let consumer = hub.consumer("calls").await.expect("a consumer");
    let receiver = open(&consumer, "0", from_earliest())
        .await
        .expect("a receiver");
    let events = take(&receiver, 1).await;
    assert_eq!(
        (body(&events[0]).as_str(), sequence_numbers(&events)),
        ("first again", vec![0])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_corrupt_message_fails_its_reader_once() {
    let (hub, _consumer, receiver) = reading().await;
    hub.corrupt_next("calls", 0).expect("the partition");
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

#[tokio::test(flavor = "multi_thread")]
async fn a_poisoned_event_fails_every_reader_and_the_next_are_whole() {
    let hub = Emulator::start([EventHub::new("calls", 1)])
        .await
        .expect("started");
    hub.poison("calls", 0, 1).expect("the partition");
    for body in ["first", "poisoned", "last"] {
        hub.publish("calls", 0, body.as_bytes()).expect("published");
    }
    for _ in 0..3 {
        let consumer = hub.consumer("calls").await.expect("a consumer");
        let receiver = open(&consumer, "0", from_earliest())
            .await
            .expect("a receiver");
        assert_eq!(body(&take(&receiver, 1).await[0]), "first");
        error_of(&receiver).await;
    }
    let consumer = hub.consumer("calls").await.expect("a consumer");
    let behind = open(&consumer, "0", at(StartLocation::SequenceNumber(1), false))
        .await
        .expect("a receiver");
    assert_eq!(body(&take(&behind, 1).await[0]), "last");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trimmed_partition_begins_later() {
    let hub = Emulator::start([EventHub::new("calls", 1)])
        .await
        .expect("started");
    for number in 0..10 {
        hub.publish("calls", 0, &[number]).expect("published");
    }
    assert_eq!(hub.trim("calls", 0, 4).unwrap(), 4);
    assert_eq!(hub.trim("calls", 0, 4).unwrap(), 0, "they are gone");
    let consumer = hub.consumer("calls").await.expect("a consumer");
    let properties = within(consumer.get_partition_properties("0"))
        .await
        .expect("properties");
    assert_eq!(properties.beginning_sequence_number, 4);
    let late = open(&consumer, "0", at(StartLocation::SequenceNumber(1), false))
        .await
        .expect("a receiver");
    assert_eq!(sequence_numbers(&take(&late, 1).await), [4]);
    assert_eq!(hub.trim("calls", 0, i64::MAX).unwrap(), 6);
    let state = hub.partitions("calls").unwrap()[0];
    assert_eq!(
        (state.first_sequence_number, state.last_sequence_number),
        (None, Some(9))
    );
    assert_eq!(state.retained_bytes, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_that_were_added_are_shown_at_once_and_can_be_read() {
    let (hub, consumer, _receiver) = reading().await;
    hub.grow("calls", 4).expect("more");
    let properties = within(consumer.get_eventhub_properties())
        .await
        .expect("properties");
    assert_eq!(properties.partition_ids, ["0", "1", "2", "3"]);
    hub.publish("calls", 3, b"new").expect("published");
    let receiver = open(&consumer, "3", from_earliest())
        .await
        .expect("a receiver");
    assert_eq!(body(&take(&receiver, 1).await[0]), "new");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recreated_event_hub_has_a_new_time_of_creation() {
    let (hub, consumer, _receiver) = reading().await;
    let created_on = async || {
        let properties = within(consumer.get_eventhub_properties()).await;
        properties.expect("properties").created_on
    };
    let before = created_on().await;
    assert_eq!(created_on().await, before);
    hub.recreate("calls").expect("the event hub");
    assert!(created_on().await > before);
}
