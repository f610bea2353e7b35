//! Clients that mean harm, or are broken: the connection ends, and says why.

use tokio::io::AsyncWriteExt;

use super::{Client, attach, begin, transfer};
use crate::hub::amqp::performative::{Begin, Performative, ROLE_SENDER, Transfer};
use crate::hub::connection::CHANNEL_MAX;
use crate::hub::connection::session::HANDLE_MAX;

/// Hears until the connection is closed, and checks with which condition.
async fn check_closed(client: &mut Client, condition: &str) {
    loop {
        if let Performative::Close(close) = client.hear().await {
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
        client.hear_frame().await,
        None,
        "nothing comes after a close"
    );
}

#[tokio::test(start_paused = true)]
async fn bytes_that_are_no_frames_end_the_connection_and_say_why() {
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
    client.say_on(CHANNEL_MAX + 1, &begin(100), &[]).await;
    check_closed(&mut client, "amqp:not-allowed").await;

    let mut client = Client::connect(100, None).await;
    client
        .say(&attach(HANDLE_MAX + 1, ROLE_SENDER, "$cbs"), &[])
        .await;
    check_closed(&mut client, "amqp:not-allowed").await;

    let mut client = Client::connect(100, None).await;
    let twice: &Begin = &begin(100);
    client.say(twice, &[]).await;
    check_closed(&mut client, "amqp:not-allowed").await;
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_links_ends_the_connection() {
    let mut client = Client::connect(100, None).await;
    'flood: for channel in 1..20 {
        client.say_if_open(channel, &begin(100), &[]).await;
        for handle in 0..=HANDLE_MAX {
            let attach = attach(handle, ROLE_SENDER, "$cbs");
            if !client.say_if_open(channel, &attach, &[]).await {
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
            .say_if_open(0, &attach(handle, ROLE_SENDER, "calls"), &[])
            .await;
        for _ in 0..17 {
            let part = Transfer {
                handle,
                ..part.clone()
            };
            if !client.say_if_open(0, &part, &payload).await {
                break 'flood;
            }
        }
    }
    check_closed(&mut client, "amqp:resource-limit-exceeded").await;
}
