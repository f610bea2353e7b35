//! The Rust SDK's buffered producer: it makes batches of its own, for each partition.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use azure_core::time::Duration;
use azure_messaging_eventhubs::{BufferedProducerClient, EnqueueEventOptions};
use event_hub_emulator::{Emulator, EventHub};

use crate::support::{
    Clients, body, connection_string, from_earliest, no_retries, open, take, within,
};

const EVENTS: usize = 3000;

#[tokio::test(flavor = "multi_thread")]
async fn a_buffered_producer_publishes_each_event_once_where_it_belongs() {
    let hub = Emulator::start([EventHub::new("calls", 4)])
        .await
        .expect("started");
    let accepted = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&accepted);
    let connection_string = connection_string("calls");
    let producer = BufferedProducerClient::builder()
        .with_custom_endpoint(hub.endpoint())
        .with_retry_options(no_retries())
        .with_max_wait_time(Duration::milliseconds(50))
        .with_on_send_succeeded(move |context| {
            counter.fetch_add(context.events.len(), Ordering::SeqCst);
            async {}
        })
        .with_on_send_failed(|context| async move { panic!("not sent: {}", context.error) })
        .open_with_connection_string(&connection_string, None);
    let producer = within(producer).await.expect("a producer");

    // A third goes where the client likes, a third by key and a third to partition 3.
    for number in 0..EVENTS {
        let options = match number % 3 {
            0 => EnqueueEventOptions::default(),
            1 => EnqueueEventOptions {
                partition_key: Some("a".to_owned()),
                ..Default::default()
            },
            _ => EnqueueEventOptions {
                partition_id: Some("3".to_owned()),
                ..Default::default()
            },
        };
        within(producer.enqueue_event(number.to_string(), Some(options)))
            .await
            .expect("enqueued");
    }
    within(producer.flush()).await.expect("flushed");
    within(producer.close()).await.expect("closed");
    assert_eq!(accepted.load(Ordering::SeqCst), EVENTS);

    let mut numbers = HashSet::new();
    let mut partitions_of_key = HashSet::new();
    for partition in hub.partitions("calls").expect("the event hub") {
        let consumer = hub.consumer("calls").await.expect("a consumer");
        let id = partition.partition.to_string();
        let receiver = open(&consumer, &id, from_earliest())
            .await
            .expect("a receiver");
        for event in take(&receiver, partition.retained_events).await {
            let number: usize = body(&event).parse().expect("a number");
            assert!(numbers.insert(number), "{number} came twice");
            match number % 3 {
                0 => {}
                1 => {
                    partitions_of_key.insert(partition.partition);
                }
                _ => assert_eq!(partition.partition, 3, "event {number}"),
            }
        }
    }
    assert_eq!((numbers.len(), partitions_of_key.len()), (EVENTS, 1));
}
