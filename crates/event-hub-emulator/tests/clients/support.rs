//! Clients of the Rust SDK.
//!
//! Every wait has a time-out: the SDK can hang, and a test that hangs reports nothing.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use azure_core::credentials::TokenCredential;
use azure_core_amqp::error::AmqpErrorCondition;
use azure_messaging_eventhubs::error::ErrorKind;
use azure_messaging_eventhubs::models::{EventData, ReceivedEventData};
use azure_messaging_eventhubs::{
    ConsumerClient, EventDataBatchOptions, EventReceiver, OpenReceiverOptions, ProducerClient,
    RetryOptions, StartLocation, StartPosition,
};
use event_hub_emulator::Emulator;
use futures_util::StreamExt;
use tokio::time::timeout;

/// Far longer than anything here takes, far shorter than a person waits.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// What the SDK's calls fail with.
pub(crate) type SdkError = azure_messaging_eventhubs::EventHubsError;

/// Clients of an emulator. Their errors are seen by the test, not retried.
pub(crate) trait Clients {
    async fn producer(&self, event_hub: &str) -> Result<ProducerClient, SdkError>;

    async fn consumer(&self, event_hub: &str) -> Result<ConsumerClient, SdkError> {
        self.consumer_in(event_hub, "$Default").await
    }

    async fn consumer_in(&self, event_hub: &str, group: &str) -> Result<ConsumerClient, SdkError>;

    /// A consumer with tokens in place of a key.
    async fn consumer_with(
        &self,
        event_hub: &str,
        credential: Arc<dyn TokenCredential>,
    ) -> Result<ConsumerClient, SdkError>;
}

impl Clients for Emulator {
    async fn producer(&self, event_hub: &str) -> Result<ProducerClient, SdkError> {
        within(
            ProducerClient::builder()
                .with_custom_endpoint(self.endpoint())
                .with_retry_options(no_retries())
                .open_with_connection_string(&connection_string(event_hub), None),
        )
        .await
    }

    async fn consumer_in(&self, event_hub: &str, group: &str) -> Result<ConsumerClient, SdkError> {
        within(
            ConsumerClient::builder()
                .with_custom_endpoint(self.endpoint())
                .with_retry_options(no_retries())
                .with_consumer_group(group.to_owned())
                .open_with_connection_string(&connection_string(event_hub), None),
        )
        .await
    }

    async fn consumer_with(
        &self,
        event_hub: &str,
        credential: Arc<dyn TokenCredential>,
    ) -> Result<ConsumerClient, SdkError> {
        within(
            ConsumerClient::builder()
                .with_custom_endpoint(self.endpoint())
                .with_retry_options(no_retries())
                .open("127.0.0.1", event_hub.to_owned(), credential),
        )
        .await
    }
}

/// What the SDK needs besides the endpoint.
pub(crate) fn connection_string(event_hub: &str) -> String {
    format!(
        "Endpoint=sb://127.0.0.1/;SharedAccessKeyName=Any;SharedAccessKey=c2VjcmV0;EntityPath={event_hub}"
    )
}

/// Errors are seen, not retried.
pub(crate) fn no_retries() -> RetryOptions {
    RetryOptions {
        max_retries: 0,
        ..Default::default()
    }
}

/// Waits, but not for ever.
pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, Box::pin(future)).await.expect("no hang")
}

/// Asks again and again until the answer is the expected one.
pub(crate) async fn eventually<T: PartialEq + std::fmt::Debug>(
    expected: T,
    mut ask: impl FnMut() -> T,
) {
    let mut last = ask();
    let came = timeout(PATIENCE, async {
        while last != expected {
            tokio::time::sleep(Duration::from_millis(5)).await;
            last = ask();
        }
    })
    .await;
    assert!(came.is_ok(), "expected {expected:?}, last saw {last:?}");
}

/// Sends one batch of events with these bodies.
pub(crate) async fn send(
    producer: &ProducerClient,
    options: EventDataBatchOptions,
    bodies: impl IntoIterator<Item = String>,
) -> Result<(), SdkError> {
    let batch = within(producer.create_batch(Some(options))).await?;
    for body in bodies {
        let event = EventData::builder().with_body(body.into_bytes()).build();
        assert!(batch.try_add_event_data(event, None)?, "the batch has room");
    }
    within(producer.send_batch(batch, None)).await
}

/// To this partition.
pub(crate) fn to_partition(partition: &str) -> EventDataBatchOptions {
    EventDataBatchOptions {
        partition_id: Some(partition.to_owned()),
        ..Default::default()
    }
}

/// With this partition key.
pub(crate) fn with_key(key: &str) -> EventDataBatchOptions {
    EventDataBatchOptions {
        partition_key: Some(key.to_owned()),
        ..Default::default()
    }
}

pub(crate) fn at(location: StartLocation, inclusive: bool) -> OpenReceiverOptions {
    OpenReceiverOptions {
        start_position: Some(StartPosition {
            location,
            inclusive,
        }),
        ..Default::default()
    }
}

pub(crate) fn from_earliest() -> OpenReceiverOptions {
    at(StartLocation::Earliest, false)
}

pub(crate) fn owned(owner_level: i64) -> OpenReceiverOptions {
    OpenReceiverOptions {
        owner_level: Some(owner_level),
        ..from_earliest()
    }
}

pub(crate) async fn open(
    consumer: &ConsumerClient,
    partition: &str,
    options: OpenReceiverOptions,
) -> Result<EventReceiver, SdkError> {
    within(consumer.open_receiver_on_partition(partition.to_owned(), Some(options))).await
}

/// The next `count` events.
pub(crate) async fn take(receiver: &EventReceiver, count: usize) -> Vec<ReceivedEventData> {
    let mut events = Vec::with_capacity(count);
    let mut stream = Box::pin(receiver.stream_events());
    while events.len() < count {
        let event = within(stream.next()).await.expect("the stream goes on");
        events.push(event.expect("an event"));
    }
    events
}

/// The error that ends the stream, after any number of events.
pub(crate) async fn error_of(receiver: &EventReceiver) -> SdkError {
    let mut stream = Box::pin(receiver.stream_events());
    loop {
        match within(stream.next()).await.expect("an error, not an end") {
            Ok(_) => {}
            Err(error) => return error,
        }
    }
}

/// What the SDK makes of `amqp:link:stolen`.
pub(crate) fn assert_stolen(error: &SdkError) {
    let ErrorKind::ConsumerDisconnected(Some(described)) = &error.kind else {
        panic!("not disconnected: {error:?}");
    };
    assert_eq!(
        described.condition,
        AmqpErrorCondition::LinkStolen,
        "{error:?}"
    );
}

pub(crate) fn body(event: &ReceivedEventData) -> String {
    String::from_utf8(event.event_data().body().unwrap_or_default().to_vec()).expect("text")
}

pub(crate) fn sequence_numbers(events: &[ReceivedEventData]) -> Vec<i64> {
    events
        .iter()
        .map(|event| event.sequence_number().expect("a sequence number"))
        .collect()
}
