//! A steady stream of requests, failed and not, to all partitions of a hub.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use event_hub_emulator::Handle;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::task::JoinSet;
use tokio::time::interval;

/// Publishes until it is stopped or dropped.
pub(crate) struct Load {
    published: Arc<Published>,
    task: JoinSet<()>,
}

#[derive(Debug)]
struct Published {
    failures: AtomicU32,
    by_partition: Mutex<Vec<u32>>,
}

/// Every fifth is a failure: some under labels that Microsoft does not document.
const FAILS: u32 = 5;

const PER_TICK: u32 = 10;
const TICK: Duration = Duration::from_millis(50);

impl Load {
    pub(crate) fn start(
        handle: Handle,
        event_hub: &'static str,
        partitions: u32,
        seed: u64,
    ) -> Self {
        let published = Arc::new(Published {
            failures: AtomicU32::new(0),
            by_partition: Mutex::new(vec![0; usize::try_from(partitions).unwrap()]),
        });
        let telling = Arc::clone(&published);
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut random = StdRng::seed_from_u64(seed);
            let mut ticks = interval(TICK);
            loop {
                ticks.tick().await;
                for _ in 0..PER_TICK {
                    let partition = random.random_range(0..partitions);
                    let (operation, status) = match random.random_range(0..FAILS * 4) {
                        0 => ("FlyToMars", 499),
                        1..4 => ("StartRecording", 503),
                        _ => ("StartRecording", 202),
                    };
                    // Together, so that all of it is counted when it is stopped.
                    let mut by_partition = telling.by_partition.lock().unwrap();
                    publish(&handle, event_hub, partition, operation, status);
                    *by_partition
                        .get_mut(usize::try_from(partition).unwrap())
                        .unwrap() += 1;
                    if status >= 400 {
                        telling.failures.fetch_add(1, Ordering::Relaxed);
                    }
                }
            }
        });
        Self { published, task }
    }

    /// How many events there were so far.
    pub(crate) fn published(&self) -> u32 {
        self.published.by_partition.lock().unwrap().iter().sum()
    }

    /// Publishes no more, and returns how many failures there were, and how many events of each partition.
    pub(crate) async fn stop(mut self) -> (u32, Vec<u32>) {
        self.task.shutdown().await;
        let by_partition = self.published.by_partition.lock().unwrap().clone();
        (
            self.published.failures.load(Ordering::Relaxed),
            by_partition,
        )
    }
}

/// One request, which went well or not.
pub(crate) fn publish(
    handle: &Handle,
    event_hub: &str,
    partition: u32,
    operation: &str,
    status: u16,
) {
    let result = if status < 400 { "Succeeded" } else { "Failed" };
    let body = format!(
        r#"{{"records":[{{"category":"CallRecordingOperational","resourceId":"/SUBSCRIPTIONS/S/RESOURCEGROUPS/G/PROVIDERS/MICROSOFT.COMMUNICATION/COMMUNICATIONSERVICES/A","operationName":"{operation}","resultType":"{result}","resultSignature":"{status}"}}]}}"#
    );
    handle
        .publish(event_hub, partition, body.as_bytes())
        .unwrap();
}
