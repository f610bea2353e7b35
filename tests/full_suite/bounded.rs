//! 1 GiB through a hub that may keep 64 MiB: its memory stays bounded, and who comes too late sees that events are gone.
//!
//! Such a reader starts at the oldest event that is kept, and sees a gap in the sequence numbers. That Azure does the
//! same when its retention has passed is assumed: its documents say that expired events cannot be read, and not what
//! becomes of a position before them.

use azure_messaging_eventhubs::{EventDataBatchOptions, OpenReceiverOptions, StartLocation};
use tokio::time::Instant;

use crate::process::{HubProcess, PARTITIONS, Sender};
use crate::support::{at, from_earliest, open, sequence_numbers, take, to_partition};

/// Of the whole process, with sockets and allocator.
const MEMORY_MAX_MIB: u64 = 200;

const EVENT_BYTES: usize = 1024;

const GIB: usize = 1024 * 1024 * 1024;

const BATCH: usize = 500;

/// What a slow reader has asked for when it stops reading.
const PREFETCH: u32 = 300;

#[tokio::test(flavor = "multi_thread")]
async fn one_gib_through_a_bound_of_64_mib() {
    let hub = HubProcess::start("64MiB").await;
    let mut sender = Sender::open(&hub).await;
    sender
        .send(vec![b"first".to_vec(); BATCH], to_partition("0"))
        .await;

    // A reader that stops after one event, and is still there when the next that it wants is gone.
    let slow_client = hub.consumer().await.unwrap();
    let options = OpenReceiverOptions {
        prefetch: Some(PREFETCH),
        ..from_earliest()
    };
    let slow = open(&slow_client, "0", options).await.unwrap();
    assert_eq!(sequence_numbers(&take(&slow, 1).await), [0]);

    let started = Instant::now();
    let mut memory = Vec::new();
    for number in 0..GIB / EVENT_BYTES / BATCH + 1 {
        let bodies = vec![vec![b'x'; EVENT_BYTES]; BATCH];
        sender.send(bodies, EventDataBatchOptions::default()).await;
        if number % 100 == 0 {
            memory.push(hub.memory_mib("VmRSS"));
        }
    }
    let took = started.elapsed();
    let held = hub.held().await;
    let published: i64 = held.iter().map(|(_, last)| last + 1).sum();
    let kept: i64 = held.iter().map(|(first, last)| last - first + 1).sum();
    println!(
        "{published} events of 1 KiB published in {took:.1?}, {kept} kept; memory at most {} MiB, at the end {} MiB, on the way {memory:?}; {} of {} sends hung",
        hub.memory_mib("VmHWM"),
        hub.memory_mib("VmRSS"),
        sender.hung,
        sender.sends,
    );
    assert!(
        usize::try_from(published).unwrap() * EVENT_BYTES >= GIB - sender.in_doubt * EVENT_BYTES
    );
    assert!(hub.memory_mib("VmHWM") < MEMORY_MAX_MIB);

    for (partition, (first, _)) in (0..PARTITIONS).zip(&held) {
        assert!(*first > 0, "nothing is gone from partition {partition}");
        let client = hub.consumer().await.unwrap();
        let wanted = at(StartLocation::SequenceNumber(0), true);
        let late = open(&client, &partition.to_string(), wanted).await.unwrap();
        let got = sequence_numbers(&take(&late, 1).await);
        println!(
            "a late reader of partition {partition} wants event 0 and gets {}",
            got[0]
        );
        assert_eq!(got, [*first]);
    }

    let rest = sequence_numbers(&take(&slow, usize::try_from(PREFETCH).unwrap() * 2).await);
    let gap = rest.windows(2).find(|pair| pair[1] != pair[0] + 1).unwrap();
    println!("the slow reader gets event {} after {}", gap[1], gap[0]);
    assert_eq!(gap[1], held[0].0);
}
