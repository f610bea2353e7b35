//! Two thousand starts of the Rust client in a row: each opens a connection, reads ten events and goes.

use std::time::Duration;

use tokio::time::{Instant, timeout};

use crate::process::{HubProcess, PARTITIONS, Sender};
use crate::support::{SdkError, from_earliest, open, take, to_partition};

const STARTS: usize = 2000;

/// In each partition.
const EVENTS: usize = 10;

/// A thousand times what a start takes.
const START_TIME_OUT: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_starts_in_a_row() {
    let hub = HubProcess::start("64MiB").await;
    let mut sender = Sender::open(&hub).await;
    for partition in 0..PARTITIONS {
        let bodies = vec![b"x".to_vec(); EVENTS];
        sender
            .send(bodies, to_partition(&partition.to_string()))
            .await;
    }
    let (mut hung, mut failed, mut took) = (0, Vec::new(), Vec::new());
    for number in 0..STARTS {
        let started = Instant::now();
        match timeout(START_TIME_OUT, start(&hub, number)).await {
            Ok(Ok(())) => took.push(started.elapsed()),
            Ok(Err(error)) => failed.push(format!("start {number}: {error:?}")),
            Err(_) => hung += 1,
        }
    }
    took.sort();
    println!(
        "{STARTS} starts: {hung} hung, {} failed; median {:?}, slowest {:?}; the hub has {} files open and {} MiB",
        failed.len(),
        took[took.len() / 2],
        took.last().unwrap(),
        hub.open_files(),
        hub.memory_mib("VmRSS"),
    );
    assert_eq!((hung, failed), (0, Vec::new()));
}

/// Every second client is dropped instead of closed, as by a program that ends.
async fn start(hub: &HubProcess, number: usize) -> Result<(), SdkError> {
    let consumer = hub.consumer().await?;
    let partition = (number % PARTITIONS).to_string();
    let receiver = open(&consumer, &partition, from_earliest()).await?;
    take(&receiver, EVENTS).await;
    if number.is_multiple_of(2) {
        receiver.close().await?;
        consumer.close().await?;
    }
    Ok(())
}
