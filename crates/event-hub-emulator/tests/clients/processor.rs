//! The Rust SDK's event processor: it shares the partitions of an event hub among its like, and checkpoints.

use std::collections::HashSet;
use std::sync::Arc;

use azure_core::time::Duration;
use azure_messaging_eventhubs::error::ErrorKind;
use azure_messaging_eventhubs::models::StartPositions;
use azure_messaging_eventhubs::processor::PartitionClient;
use azure_messaging_eventhubs::{EventProcessor, ProcessorStrategy, StartLocation, StartPosition};
use event_hub_emulator::{Emulator, EventHub};
use futures_util::StreamExt;
use tokio::task::JoinSet;

use crate::store::Store;
use crate::support::{Clients, SdkError, body, within};

const PARTITIONS: usize = 4;
const EVENTS_EACH: usize = 100;

/// A hub with events, each with its own body.
async fn filled_hub() -> Emulator {
    let hub = Emulator::start([EventHub::new("calls", 4)])
        .await
        .expect("started");
    for (partition, first) in (0..).zip((0..PARTITIONS).map(|index| index * EVENTS_EACH)) {
        for number in first..first + EVENTS_EACH {
            hub.publish("calls", partition, number.to_string().as_bytes())
                .expect("published");
        }
    }
    hub
}

/// A processor at work.
struct Running {
    processor: Arc<EventProcessor>,
    work: JoinSet<Result<(), SdkError>>,
}

impl Running {
    async fn start(hub: &Emulator, store: &Arc<Store>) -> Self {
        let start = StartPosition {
            location: StartLocation::Earliest,
            inclusive: false,
        };
        let processor = EventProcessor::builder()
            .with_load_balancing_strategy(ProcessorStrategy::Greedy)
            .with_update_interval(Duration::milliseconds(200))
            // A processor never releases its partitions: the next acquires them when they expire. Sooner than this, they
            // expire on a busy machine while the processor still works.
            .with_partition_expiration_duration(Duration::seconds(5))
            .with_start_positions(StartPositions {
                default: start,
                ..Default::default()
            })
            .build(
                hub.consumer("calls").await.expect("a consumer"),
                Arc::<Store>::clone(store),
            );
        let processor = within(processor).await.expect("a processor");
        let mut work = JoinSet::new();
        let at_work = Arc::clone(&processor);
        work.spawn(async move { at_work.run().await });
        Self { processor, work }
    }

    async fn partitions(&self, count: usize) -> Vec<Arc<PartitionClient>> {
        let mut clients = Vec::new();
        while clients.len() < count {
            let client = within(self.processor.next_partition_client()).await;
            clients.push(client.expect("a partition"));
        }
        clients
    }

    async fn stop(mut self) {
        within(self.processor.shutdown()).await.expect("stopping");
        let ended = within(self.work.join_next()).await;
        ended
            .expect("it runs")
            .expect("no panic")
            .expect("no failure");
    }
}

/// The bodies of the next events; the last of them becomes the checkpoint.
async fn take(client: &PartitionClient, count: usize) -> Vec<String> {
    let mut bodies = Vec::new();
    let mut stream = client.stream_events();
    while bodies.len() < count {
        let event = within(stream.next()).await.expect("the stream goes on");
        let event = event.expect("an event");
        bodies.push(body(&event));
        if bodies.len() == count {
            within(client.update_checkpoint(&event))
                .await
                .expect("a checkpoint");
        }
    }
    bodies
}

#[tokio::test(flavor = "multi_thread")]
async fn a_processor_resumes_at_the_checkpoints_of_the_one_before() {
    let hub = filled_hub().await;
    let store = Arc::new(Store::default());
    let mut seen = HashSet::new();
    for share in [30, EVENTS_EACH - 30] {
        let processor = Running::start(&hub, &store).await;
        for client in processor.partitions(PARTITIONS).await {
            for body in take(&client, share).await {
                assert!(!seen.contains(&body), "{body} came twice");
                seen.insert(body);
            }
        }
        processor.stop().await;
    }
    assert_eq!(seen.len(), PARTITIONS * EVENTS_EACH);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_processor_notices_which_partitions_another_has_acquired() {
    let hub = filled_hub().await;
    let store = Arc::new(Store::default());
    let first = Running::start(&hub, &store).await;
    let of_first = first.partitions(PARTITIONS).await;
    for client in &of_first {
        take(client, 1).await;
    }

    let second = Running::start(&hub, &store).await;
    for client in second.partitions(PARTITIONS / 2).await {
        take(&client, EVENTS_EACH - 1).await;
        let before = of_first
            .iter()
            .find(|before| before.get_partition_id() == client.get_partition_id())
            .expect("the first had all");
        let mut stream = before.stream_events();
        let stolen = loop {
            match within(stream.next()).await.expect("an error, not an end") {
                Ok(_) => {}
                Err(error) => break error,
            }
        };
        // The emulator detaches it, unless the processor has noticed by itself.
        assert!(
            matches!(stolen.kind, ErrorKind::ConsumerDisconnected(_)),
            "{stolen:?}"
        );
    }
    first.stop().await;
    second.stop().await;
}
