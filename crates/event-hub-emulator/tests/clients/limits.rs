//! What is retained, which readers are accepted, and for how long, with the Rust SDK.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use azure_core::time::OffsetDateTime;
use event_hub_emulator::{Emulator, EventHub, Settings};

use crate::support::{
    Clients, body, error_of, eventually, from_earliest, open, owned, sequence_numbers, take, within,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_group_that_is_not_listed_is_not_found() {
    let hub = Emulator::start([EventHub::new("calls", 1).with_consumer_groups(["exporter"])])
        .await
        .expect("started");
    hub.publish("calls", 0, b"one").expect("published");
    for group in ["exporter", "EXPORTER", "$Default"] {
        let consumer = hub.consumer_in("calls", group).await.expect("a consumer");
        let receiver = open(&consumer, "0", from_earliest())
            .await
            .expect("a receiver");
        assert_eq!(take(&receiver, 1).await.len(), 1, "{group}");
    }
    let consumer = hub
        .consumer_in("calls", "other")
        .await
        .expect("nothing is asked yet");
    let receiver = open(&consumer, "0", from_earliest())
        .await
        .expect("nothing is asked yet");
    let refused = format!("{:?}", error_of(&receiver).await);
    assert!(
        refused.contains("could not be found") && refused.contains("other"),
        "{refused}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sixth_reader_without_an_owner_level_is_refused_until_one_ends() {
    let hub = Emulator::start([EventHub::new("calls", 1)])
        .await
        .expect("started");
    hub.publish("calls", 0, b"one").expect("published");
    let mut readers = Vec::new();
    for _ in 0..5 {
        let consumer = hub.consumer("calls").await.expect("a consumer");
        let receiver = open(&consumer, "0", from_earliest())
            .await
            .expect("a receiver");
        take(&receiver, 1).await;
        readers.push((consumer, receiver));
    }
    let sixth = hub.consumer("calls").await.expect("a consumer");
    let receiver = open(&sixth, "0", from_earliest())
        .await
        .expect("nothing is asked yet");
    let refused = format!("{:?}", error_of(&receiver).await);
    assert!(
        refused.contains("maximum number of allowed receivers"),
        "{refused}"
    );

    readers.pop();
    eventually(4, || {
        hub.partitions("calls").expect("the event hub")[0].readers
    })
    .await;
    let sixth = hub.consumer("calls").await.expect("a consumer");
    let receiver = open(&sixth, "0", from_earliest())
        .await
        .expect("a receiver");
    take(&receiver, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_oldest_events_are_dropped_first_and_a_late_reader_starts_with_what_is_retained() {
    let mut settings = Settings::local([EventHub::new("calls", 2)]);
    settings.retain_bytes = 1024 * 1024;
    let hub = Emulator::start_with(settings).await.expect("started");
    let kilobyte = vec![b'x'; 1024];
    for partition in [0, 1, 1, 1] {
        for _ in 0..500 {
            hub.publish("calls", partition, &kilobyte)
                .expect("published");
        }
    }
    let partitions = hub.partitions("calls").expect("the event hub");
    let kept: usize = partitions
        .iter()
        .map(|partition| partition.retained_bytes)
        .sum();
    assert!(
        (1_000_000..=1024 * 1024).contains(&kept),
        "{kept} bytes are retained"
    );
    assert_eq!(
        (
            partitions[0].retained_events,
            partitions[0].first_sequence_number
        ),
        (0, None)
    );
    assert_eq!(
        partitions[0].last_sequence_number,
        Some(499),
        "the end is still known"
    );
    let first = partitions[1]
        .first_sequence_number
        .expect("some are retained");

    let consumer = hub.consumer("calls").await.expect("a consumer");
    let receiver = open(&consumer, "1", from_earliest())
        .await
        .expect("a receiver");
    assert_eq!(sequence_numbers(&take(&receiver, 1).await), [first]);
    let properties = within(consumer.get_partition_properties("1"))
        .await
        .expect("properties");
    assert_eq!(properties.beginning_sequence_number, first);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_hub_grows_while_it_is_used() {
    let hub = Emulator::start([EventHub::new("calls", 1)])
        .await
        .expect("started");
    let consumer = hub.consumer("calls").await.expect("a consumer");
    let before = open(&consumer, "0", owned(0)).await.expect("a receiver");
    hub.publish("calls", 0, b"before").expect("published");
    take(&before, 1).await;

    hub.grow("calls", 3).expect("grown");
    assert!(hub.grow("calls", 2).is_err(), "it cannot shrink");
    let properties = within(consumer.get_eventhub_properties())
        .await
        .expect("properties");
    assert_eq!(properties.partition_ids, ["0", "1", "2"]);
    hub.publish("calls", 2, b"new").expect("published");
    let grown = open(&consumer, "2", owned(0)).await.expect("a receiver");
    assert_eq!(body(&take(&grown, 1).await[0]), "new");
    hub.publish("calls", 0, b"after").expect("published");
    assert_eq!(body(&take(&before, 1).await[0]), "after");
}

/// Tokens whose expiry the emulator can read, while the SDK takes them to be valid for longer.
#[derive(Debug)]
struct ShortLived {
    lifetime: Duration,
}

#[async_trait::async_trait]
impl TokenCredential for ShortLived {
    #[expect(
        clippy::disallowed_methods,
        reason = "a token expires at a time of the day"
    )]
    async fn get_token(
        &self,
        _scopes: &[&str],
        _options: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        let expires_at = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("after 1970")
            + self.lifetime;
        let claims = format!("{{\"exp\":{}}}", expires_at.as_secs());
        let token = format!("e30.{}.", azure_core::base64::encode_url_safe(claims));
        Ok(AccessToken::new(
            token,
            OffsetDateTime::now_utc() + Duration::from_hours(1),
        ))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_whose_token_expires_is_closed() {
    let hub = Emulator::start([EventHub::new("calls", 1)])
        .await
        .expect("started");
    hub.publish("calls", 0, b"one").expect("published");
    let credential = Arc::new(ShortLived {
        lifetime: Duration::from_secs(2),
    });
    let consumer = hub
        .consumer_with("calls", credential)
        .await
        .expect("a consumer");
    let receiver = open(&consumer, "0", from_earliest())
        .await
        .expect("a receiver");
    take(&receiver, 1).await;
    let expired = format!("{:?}", error_of(&receiver).await);
    assert!(expired.contains("ExpiredToken"), "{expired}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_has_expired_already_is_refused() {
    let hub = Emulator::start([EventHub::new("calls", 1)])
        .await
        .expect("started");
    let credential = Arc::new(ShortLived {
        lifetime: Duration::ZERO,
    });
    let consumer = hub
        .consumer_with("calls", credential)
        .await
        .expect("nothing is asked yet");
    let receiver = open(&consumer, "0", from_earliest())
        .await
        .expect("nothing is asked yet");
    let refused = format!("{:?}", error_of(&receiver).await);
    assert!(refused.contains("401"), "{refused}");
}
