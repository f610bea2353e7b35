//! A Rust producer with live consumers: ten times 100,000 events, read while they are sent.

use azure_messaging_eventhubs::{ConsumerClient, EventDataBatchOptions};
use futures_util::StreamExt;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::process::{HubProcess, PARTITIONS, Sender};
use crate::support::{from_earliest, open, to_partition, within};

const ROUNDS: usize = 10;

const EVENTS: usize = 100_000;

/// So that there are many sends to go wrong: a thousand a round.
const BATCH: usize = 100;

/// The last event of each partition, by which a consumer knows that it has all.
const END: &[u8] = b"end";

#[tokio::test(flavor = "multi_thread")]
async fn a_producer_with_live_consumers_ten_times() {
    let (mut sends, mut hung) = (0, 0);
    for round in 1..=ROUNDS {
        let hub = HubProcess::start("1GiB").await;
        let mut consumers = JoinSet::new();
        for partition in 0..PARTITIONS {
            let client = hub.consumer().await.unwrap();
            consumers.spawn(async move { (partition, consume(client, partition).await) });
        }

        let mut sender = Sender::open(&hub).await;
        let started = Instant::now();
        for _ in 0..EVENTS / BATCH {
            let bodies = vec![vec![b'x'; 1000]; BATCH];
            sender.send(bodies, EventDataBatchOptions::default()).await;
        }
        let sent_in = started.elapsed();
        let confirmed = sender.confirmed;
        let published: Vec<i64> = hub.held().await.iter().map(|(_, last)| last + 1).collect();
        for partition in 0..PARTITIONS {
            let to_it = || to_partition(&partition.to_string());
            while !sender.send(vec![END.to_vec()], to_it()).await {}
        }
        let mut consumed = vec![0; PARTITIONS];
        while let Some(done) = within(consumers.join_next()).await {
            let (partition, count) = done.unwrap();
            consumed[partition] = count;
        }
        let consumed_in = started.elapsed();

        let total = usize::try_from(published.iter().sum::<i64>()).unwrap();
        println!(
            "round {round}: {total} events held after {sent_in:.1?}, all consumed after {consumed_in:.1?}; {} of {} sends hung, the slowest other took {:.1?}",
            sender.hung, sender.sends, sender.slowest
        );
        assert_eq!(consumed, published, "each event once and in order");
        assert!(
            (confirmed..=EVENTS).contains(&total),
            "{confirmed} confirmed, {total} held"
        );
        sends += sender.sends;
        hung += sender.hung;
    }
    println!("{ROUNDS} rounds of {EVENTS} events: {hung} of {sends} sends hung");
}

/// How many events came before the end, each the next in its partition.
async fn consume(client: ConsumerClient, partition: usize) -> i64 {
    let receiver = open(&client, &partition.to_string(), from_earliest())
        .await
        .unwrap();
    let mut stream = Box::pin(receiver.stream_events());
    let mut next = 0;
    loop {
        let event = within(stream.next()).await.unwrap().unwrap();
        assert_eq!(
            event.sequence_number(),
            Some(next),
            "of partition {partition}"
        );
        if event.event_data().body() == Some(END) {
            return next;
        }
        next += 1;
    }
}
