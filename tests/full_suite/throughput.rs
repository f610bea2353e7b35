//! How fast events of 1 KiB go through the hub with the Rust SDK, and which of the two works for it.
//!
//! A benchmark of a consumer measures the hub instead, where the hub is the busier. So what counts is the processor
//! time that each of them takes for an event; events in a second are as many as the machine has to give.

use azure_messaging_eventhubs::ConsumerClient;
use futures_util::StreamExt;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::process::{HubProcess, PARTITIONS, Sender, processor_seconds};
use crate::support::{from_earliest, open, to_partition, within};

const ROUNDS: usize = 3;

/// In all partitions.
const EVENTS: usize = 360_000;

const EVENT_BYTES: usize = 1024;

/// Nearly the megabyte that a batch can have.
const BATCH: usize = 900;

/// For each partition. The hub holds settlements back, and each sender waits for its own: one alone would measure that.
const SENDERS: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn events_of_a_kibibyte_and_who_works_for_them() {
    for round in 1..=ROUNDS {
        let hub = HubProcess::start("1GiB").await;

        let clock = Clock::start(&hub);
        let hung: usize = futures_util::future::join_all(
            (0..PARTITIONS * SENDERS).map(|sender| publish(&hub, sender % PARTITIONS)),
        )
        .await
        .into_iter()
        .sum();
        clock.print(&format!("round {round}: published, {hung} sends hung"));

        let held = hub.held().await;
        let clock = Clock::start(&hub);
        let mut consumers = JoinSet::new();
        for (partition, (_, last)) in held.into_iter().enumerate() {
            let client = hub.consumer().await.unwrap();
            consumers.spawn(consume(client, partition, last));
        }
        while let Some(consumed) = consumers.join_next().await {
            consumed.unwrap();
        }
        clock.print(&format!("round {round}: consumed"));
    }
}

/// How many sends hung.
async fn publish(hub: &HubProcess, partition: usize) -> usize {
    let mut sender = Sender::open(hub).await;
    for _ in 0..EVENTS / BATCH / PARTITIONS / SENDERS {
        let bodies = vec![vec![b'x'; EVENT_BYTES]; BATCH];
        sender
            .send(bodies, to_partition(&partition.to_string()))
            .await;
    }
    sender.hung
}

async fn consume(client: ConsumerClient, partition: usize, last: i64) {
    let receiver = open(&client, &partition.to_string(), from_earliest())
        .await
        .unwrap();
    let mut stream = Box::pin(receiver.stream_events());
    for expected in 0..=last {
        let event = within(stream.next()).await.unwrap().unwrap();
        assert_eq!(event.sequence_number(), Some(expected));
    }
}

/// The time since a moment, and the processor time of client and hub.
struct Clock<'hub> {
    hub: &'hub HubProcess,
    started: Instant,
    client_seconds: f64,
    hub_seconds: f64,
}

impl<'hub> Clock<'hub> {
    fn start(hub: &'hub HubProcess) -> Self {
        Self {
            hub,
            started: Instant::now(),
            client_seconds: processor_seconds("self"),
            hub_seconds: hub.processor_seconds(),
        }
    }

    #[expect(
        clippy::cast_precision_loss,
        clippy::as_conversions,
        reason = "some hundred thousand"
    )]
    fn print(&self, what: &str) {
        let seconds = self.started.elapsed().as_secs_f64();
        let (events, bytes) = (EVENTS as f64, (EVENTS * EVENT_BYTES) as f64);
        let client = processor_seconds("self") - self.client_seconds;
        let hub = self.hub.processor_seconds() - self.hub_seconds;
        println!(
            "{what}: {:.0} events/s, {:.0} MB/s; processor time for an event: client {:.1} us, hub {:.1} us, {:.0} % of the client's",
            events / seconds,
            bytes / seconds / 1e6,
            client / events * 1e6,
            hub / events * 1e6,
            hub / client * 100.0,
        );
    }
}
