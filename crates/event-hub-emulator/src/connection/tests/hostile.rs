//! Hostile or broken clients: the connection is closed with a reason.

use bytes::BytesMut;
use tokio::io::AsyncWriteExt;

use super::{Client, attach, begin, transfer};
use crate::amqp::Value;
use crate::amqp::message::{SectionKind, put_section};
use crate::amqp::performative::{
    Attach, Begin, Performative, ROLE_RECEIVER, ROLE_SENDER, Transfer,
};
use crate::connection::handshake::CHANNEL_MAX;
use crate::connection::session::HANDLE_MAX;

/// Receives until the connection is closed, and checks with which condition.
async fn check_closed(client: &mut Client, condition: &str) {
    loop {
        if let Performative::Close(close) = client.receive().await {
            let error = close.error.expect("an error");
            assert_eq!(
                error.condition.as_str(),
                condition,
                "{:?}",
                error.description
            );
            break;
        }
    }
    assert_eq!(
        client.receive_frame().await,
        None,
        "nothing comes after a close"
    );
}

#[tokio::test(start_paused = true)]
async fn bytes_that_are_not_frames_close_the_connection_with_a_reason() {
    let mut client = Client::connect(100, None).await;
    client
        .stream
        .write_all(&[0xff; 100])
        .await
        .expect("written");
    check_closed(&mut client, "amqp:connection:framing-error").await;
}

#[tokio::test(start_paused = true)]
async fn a_session_or_a_handle_beyond_the_limit_ends_the_connection() {
    let mut client = Client::connect(100, None).await;
    client.send_on(CHANNEL_MAX + 1, &begin(100), &[]).await;
    check_closed(&mut client, "amqp:not-allowed").await;

    let mut client = Client::connect(100, None).await;
    client
        .send(&attach(HANDLE_MAX + 1, ROLE_SENDER, "$cbs"), &[])
        .await;
    check_closed(&mut client, "amqp:not-allowed").await;

    let mut client = Client::connect(100, None).await;
    let twice: &Begin = &begin(100);
    client.send(twice, &[]).await;
    check_closed(&mut client, "amqp:not-allowed").await;
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_links_ends_the_connection() {
    let mut client = Client::connect(100, None).await;
    'flood: for channel in 1..20 {
        client.send_if_open(channel, &begin(100), &[]).await;
        for handle in 0..=HANDLE_MAX {
            let attach = attach(handle, ROLE_SENDER, "$cbs");
            if !client.send_if_open(channel, &attach, &[]).await {
                break 'flood;
            }
        }
    }
    check_closed(&mut client, "amqp:not-allowed").await;
}

#[tokio::test(start_paused = true)]
async fn messages_that_are_never_whole_end_the_connection_before_they_cost_too_much() {
    let mut client = Client::connect(100, None).await;
    client.authorize().await;
    let part = Transfer {
        more: Some(true),
        ..transfer(0)
    };
    // The largest message, less its end, on each of 80 links.
    let payload = vec![0; 60_000];
    'flood: for handle in 1..=80 {
        client
            .send_if_open(0, &attach(handle, ROLE_SENDER, "calls"), &[])
            .await;
        for _ in 0..17 {
            let part = Transfer {
                handle,
                ..part.clone()
            };
            if !client.send_if_open(0, &part, &payload).await {
                break 'flood;
            }
        }
    }
    check_closed(&mut client, "amqp:resource-limit-exceeded").await;
}

#[tokio::test(start_paused = true)]
async fn answers_without_credit_end_the_connection_before_they_cost_too_much() {
    let mut client = Client::connect(100, None).await;
    client.send(&attach(0, ROLE_SENDER, "$cbs"), &[]).await;
    client.send(&attach(1, ROLE_RECEIVER, "$cbs"), &[]).await;
    // The answer repeats the id. No credit is given for any answer.
    let id = Value::Binary(vec![0; 60_000].into());
    let mut request = BytesMut::new();
    put_section(
        &mut request,
        SectionKind::Properties,
        &Value::List(vec![id]),
    );
    put_section(&mut request, SectionKind::Value, &Value::Null);
    for _ in 0..100 {
        if !client.send_if_open(0, &transfer(0), &request).await {
            break;
        }
    }
    check_closed(&mut client, "amqp:resource-limit-exceeded").await;
}

#[tokio::test(start_paused = true)]
async fn a_link_of_a_long_name_or_address_ends_the_connection() {
    let long = "x".repeat(2000);
    let named = Attach {
        name: long.clone(),
        ..attach(1, ROLE_SENDER, "$cbs")
    };
    for attach in [named, attach(1, ROLE_SENDER, &long)] {
        let mut client = Client::connect(100, None).await;
        client.send(&attach, &[]).await;
        check_closed(&mut client, "amqp:not-allowed").await;
    }
}
