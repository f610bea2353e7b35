//! Faults over HTTP, asked of the program's own process.

use acs_recording_exporter::source::event_hub::ConnectionString;
use azure_messaging_eventhubs::{ConsumerClient, RetryOptions};
use futures_util::StreamExt;

use super::support::within;
use crate::world::{Process, get};

#[tokio::test]
async fn a_link_is_cut_over_http_and_what_does_not_exist_is_said() {
    let hub = Process::exporter(
        &[
            "hub",
            "--listen",
            "127.0.0.1:0",
            "--event-hub",
            "logs",
            "--partitions",
            "2",
            "--admin",
            "127.0.0.1:0",
        ],
        &[],
    );
    let connection: ConnectionString = hub.says("connection string: ").await.parse().unwrap();
    let admin = hub.says("faults: POST to http://").await;

    let namespace = connection.into_namespace();
    let client = within(
        ConsumerClient::builder()
            .with_custom_endpoint(namespace.endpoint.clone().unwrap())
            .with_retry_options(RetryOptions {
                max_retries: 0,
                ..RetryOptions::default()
            })
            .open_with_connection_string(
                "Endpoint=sb://127.0.0.1/;SharedAccessKeyName=any;SharedAccessKey=a2V5",
                Some("logs"),
            ),
    )
    .await
    .unwrap();
    let receiver = within(client.open_receiver_on_partition("0".to_owned(), None))
        .await
        .unwrap();
    let mut events = std::pin::pin!(receiver.stream_events());
    let next = async { events.next().await };
    let detach = async {
        crate::world::eventually("a reader is shown", || async {
            let (_, partitions) = get(&admin, "/").await?;
            if partitions.contains(r#""readers":1"#) {
                Ok(())
            } else {
                Err(partitions)
            }
        })
        .await;
        post(
            &admin,
            "/event-hubs/logs/partitions/0/detach?condition=amqp:link:detach-forced",
        )
        .await
    };
    let (next, (status, answer)) = within(async { tokio::join!(next, detach) }).await;
    assert_eq!((status, answer.as_str()), (200, "readers detached: 1\n"));
    assert!(
        next.is_none_or(|event| event.is_err()),
        "the stream goes on"
    );

    faults_answer(&admin).await;
    let (status, answer) = post(&admin, "/event-hubs/logs/partitions/7/corrupt-next").await;
    assert_eq!(status, 404, "{answer}");
    let (status, answer) = post(&admin, "/event-hubs/logs/grow?partitions=1").await;
    assert_eq!(status, 400, "{answer}");
}

/// With one connection open.
async fn faults_answer(admin: &str) {
    for (path, expected) in [
        (
            "/event-hubs/logs/partitions/1/publish?times=3",
            "events published: 3\n",
        ),
        (
            "/event-hubs/logs/partitions/1/publish",
            "events published: 1\n",
        ),
        (
            "/event-hubs/logs/partitions/1/trim?before=3",
            "events dropped: 3\n",
        ),
        (
            "/event-hubs/logs/partitions/1/freeze-readers",
            "readers frozen: 0\n",
        ),
        (
            "/event-hubs/logs/partitions/1/poison?sequence_number=5",
            "done\n",
        ),
        ("/mute-connections", "connections muted: 1\n"),
        ("/silence?on=true", "done\n"),
        ("/silence?on=false", "done\n"),
        ("/away?on=true", "done\n"),
        ("/away?on=false", "done\n"),
        ("/be-busy-to-readers?times=1", "done\n"),
        ("/shorten-tokens?seconds=3", "done\n"),
        ("/shorten-tokens", "done\n"),
    ] {
        assert_eq!(
            post(admin, path).await,
            (200, expected.to_owned()),
            "{path}"
        );
    }
    let (_, partitions) = get(admin, "/").await.unwrap();
    assert!(
        partitions.contains(r#""first_sequence_number":3,"last_sequence_number":3"#),
        "{partitions}"
    );
}

async fn post(address: &str, path: &str) -> (u16, String) {
    let response = within(
        reqwest::Client::new()
            .post(format!("http://{address}{path}"))
            .send(),
    )
    .await
    .unwrap();
    (
        response.status().as_u16(),
        within(response.text()).await.unwrap(),
    )
}
