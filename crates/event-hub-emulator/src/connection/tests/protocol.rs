//! Credit, windows, times and tokens.

use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::{Client, attach, flow, open, transfer};
use crate::amqp::frame::Frame;
use crate::amqp::message::SectionKind;
use crate::amqp::performative::{
    Detach, End, Flow, Open, Performative, ROLE_RECEIVER, ROLE_SENDER, Transfer,
};
use crate::amqp::{Symbol, Value};
use crate::connection::handshake::IDLE_TIME_OUT;

#[tokio::test(start_paused = true)]
async fn without_a_token_nothing_but_cbs_can_be_attached() {
    let mut client = Client::connect(100, None).await;
    for address in ["calls", "calls/Partitions/0", "$management", "nowhere"] {
        client.send(&attach(0, ROLE_SENDER, address), &[]).await;
        let Performative::Attach(answer) = client.receive().await else {
            panic!("no attach")
        };
        assert_eq!(answer.target, None, "the terminus does not exist");
        match client.receive().await {
            Performative::Detach(detach) => {
                assert_eq!(
                    detach.error.unwrap().condition.as_str(),
                    "amqp:unauthorized-access"
                );
            }
            other => panic!("{other:?}"),
        }
    }
    client.authorize().await;
}

/// After how many milliseconds each disposition of an event comes, and whether it settles it.
async fn settlements(mut client: Client, count: usize) -> Vec<(u128, bool)> {
    client.authorize().await;
    client.send(&attach(1, ROLE_SENDER, "calls"), &[]).await;
    assert!(matches!(client.receive().await, Performative::Attach(_)));
    assert!(matches!(client.receive().await, Performative::Flow(_)));
    let sent = Instant::now();
    let event = Transfer {
        delivery_id: Some(1), // 0 was the token
        ..transfer(1)
    };
    client
        .send(&event, &[0x00, 0x53, 0x77, 0xa1, 1, b'x'])
        .await;
    let mut received = Vec::new();
    while received.len() < count {
        match client.receive().await {
            Performative::Disposition(disposition) if disposition.first == 1 => {
                received.push((sent.elapsed().as_millis(), disposition.settled.unwrap()));
            }
            Performative::Disposition(_) => {}
            other => panic!("{other:?}"),
        }
    }
    received
}

#[tokio::test(start_paused = true)]
async fn a_settlement_waits() {
    let client = Client::connect(100, None).await;
    assert_eq!(settlements(client, 1).await, [(5, true)]);
}

#[tokio::test(start_paused = true)]
async fn the_rust_client_receives_the_outcome_twice() {
    let client = Client::connect_with(100, rust_sdk()).await;
    assert_eq!(settlements(client, 2).await, [(5, false), (1005, true)]);
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_drains_receives_what_there_is_and_returns_the_rest_of_its_credit() {
    let mut client = Client::connect(100, None).await;
    client.authorize().await;
    client.publish(3, &Value::from("event"));
    client.read_with(10, true).await;
    for _ in 0..3 {
        assert!(matches!(client.receive().await, Performative::Transfer(_)));
    }
    match client.receive().await {
        Performative::Flow(Flow {
            delivery_count: Some(10),
            link_credit: Some(0),
            drain: Some(true),
            ..
        }) => {}
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn no_more_frames_are_sent_than_the_window_allows() {
    let mut client = Client::connect(5, None).await;
    client.authorize().await;
    client
        .send(
            &attach(1, ROLE_RECEIVER, "calls/ConsumerGroups/g/Partitions/0"),
            &[],
        )
        .await;
    assert!(matches!(client.receive().await, Performative::Attach(_)));
    client.publish(10, &Value::from("x".repeat(1500).as_str()));
    // Each event takes two frames, of which the window has room for five.
    client.send(&flow(Some(1), 100, false, 5), &[]).await;
    for _ in 0..4 {
        assert!(matches!(client.receive().await, Performative::Transfer(_)));
    }
    assert!(
        timeout(Duration::from_secs(10), client.receive_frame())
            .await
            .is_err()
    );
    client
        .send(
            &Flow {
                next_incoming_id: Some(5),
                ..flow(None, 0, false, 2)
            },
            &[],
        )
        .await;
    for _ in 0..2 {
        assert!(matches!(client.receive().await, Performative::Transfer(_)));
    }
    assert!(
        timeout(Duration::from_secs(10), client.receive_frame())
            .await
            .is_err()
    );
}

#[tokio::test(start_paused = true)]
async fn events_show_the_end_of_the_partition_where_the_client_desires_it() {
    let mut client = Client::connect(100, None).await;
    client.authorize().await;
    client.publish(7, &Value::List(vec![Value::Null]));
    client.read_with(1, false).await;
    let Some(Frame::Amqp { payload, .. }) = client.receive_frame().await else {
        panic!("no transfer")
    };
    let sections: Vec<_> = crate::amqp::message::Sections::of(payload)
        .map(Result::unwrap)
        .collect();
    assert_eq!(sections[0].kind, SectionKind::DeliveryAnnotations);
    let annotations = sections[0].value().unwrap();
    assert_eq!(
        annotations.get("last_enqueued_sequence_number"),
        Some(&Value::Long(6))
    );
    assert_eq!(
        sections[2].value().unwrap(),
        Value::List(vec![Value::Null]),
        "the body is unchanged"
    );
}

#[tokio::test(start_paused = true)]
async fn an_idle_client_receives_heartbeats_and_is_closed_when_it_is_dead() {
    let mut client = Client::connect(100, Some(60_000)).await;
    let (started, mut heartbeats) = (Instant::now(), 0);
    loop {
        match client.receive_frame().await {
            Some(Frame::Empty) => heartbeats += 1,
            Some(Frame::Amqp {
                performative: Performative::Close(close),
                ..
            }) => {
                assert_eq!(
                    close.error.unwrap().condition.as_str(),
                    "amqp:resource-limit-exceeded"
                );
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(
        started.elapsed() >= IDLE_TIME_OUT,
        "{:?}",
        started.elapsed()
    );
    assert!(heartbeats >= 15, "one each half minute: {heartbeats}");
}

fn rust_sdk() -> Open {
    let agent = Value::from("azsdk-rust-messaging_eventhubs/0.16.0");
    let properties = vec![(Value::from(Symbol::from_static("user-agent")), agent)];
    Open {
        properties: Some(Value::Map(properties)),
        ..open(None)
    }
}

#[tokio::test(start_paused = true)]
async fn a_detach_is_answered_in_its_kind() {
    let mut client = Client::connect(100, None).await;
    client.authorize().await;
    for closed in [None, Some(false), Some(true)] {
        client.send(&attach(1, ROLE_SENDER, "calls"), &[]).await;
        assert!(matches!(client.receive().await, Performative::Attach(_)));
        assert!(matches!(client.receive().await, Performative::Flow(_)));
        let detach = Detach {
            handle: 1,
            closed,
            error: None,
        };
        client.send(&detach, &[]).await;
        let expected = Detach {
            closed: Some(closed == Some(true)),
            ..detach
        };
        assert_eq!(client.receive().await, Performative::Detach(expected));
    }
}

/// After putting a token it detaches both links and ends the session, however long it waits for a processor in between.
#[tokio::test(start_paused = true)]
async fn the_rust_client_receives_no_detach_from_cbs_before_it_has_ended_the_session() {
    let mut client = Client::connect_with(100, rust_sdk()).await;
    for (handle, role) in [(0, ROLE_SENDER), (1, ROLE_RECEIVER)] {
        client.send(&attach(handle, role, "$cbs"), &[]).await;
        while !matches!(client.receive().await, Performative::Attach(_)) {}
    }
    for handle in [0, 1] {
        let detach = Detach {
            handle,
            closed: Some(true),
            error: None,
        };
        client.send(&detach, &[]).await;
    }
    tokio::time::sleep(Duration::from_millis(900)).await;
    client.send(&End { error: None }, &[]).await;
    loop {
        match client.receive().await {
            Performative::Flow(_) => {}
            Performative::End(_) => return,
            other => panic!("{other:?}"),
        }
    }
}
