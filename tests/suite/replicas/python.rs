//! Python's own store for checkpoints and leases, and its consumer, each in a process of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;

use super::scene::{PARTITIONS, Scene};
use crate::world::{Process, Signal, eventually, interop, python};

/// What the script prints of a store.
#[derive(Debug, Deserialize)]
pub(super) struct Listed {
    /// None if it is released.
    pub(super) owners: BTreeMap<String, Option<String>>,
    /// Offset and sequence number.
    pub(super) checkpoints: BTreeMap<String, (String, i64)>,
}

impl Listed {
    /// Who has any of these partitions.
    pub(super) fn owners_of(&self, partitions: &BTreeSet<String>) -> BTreeSet<&str> {
        let owners = self.owners.iter();
        let owners = owners.filter(|(partition, _)| partitions.contains(*partition));
        owners.filter_map(|(_, owner)| owner.as_deref()).collect()
    }
}

/// A consumer that runs.
pub(super) struct Consumer(Process);

/// An event that it has consumed.
#[derive(Debug, Deserialize)]
struct Consumed {
    partition: String,
    sequence_number: i64,
}

impl Consumer {
    /// The sequence numbers that it has consumed so far, in their order, by partition.
    pub(super) fn consumed(&self) -> BTreeMap<String, Vec<i64>> {
        let written = self.0.written();
        let consumed = written
            .lines()
            .filter_map(|line| serde_json::from_str::<Consumed>(line).ok());
        let mut by_partition: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for event in consumed {
            by_partition
                .entry(event.partition)
                .or_default()
                .push(event.sequence_number);
        }
        by_partition
    }

    /// Waits until it has consumed at least so many events of so many partitions.
    pub(super) async fn has_consumed(&self, partitions: usize, each: usize) {
        eventually("Python has consumed enough", || async {
            let consumed = self.consumed();
            if consumed.len() >= partitions
                && consumed.values().all(|numbers| numbers.len() >= each)
            {
                Ok(())
            } else {
                Err(self.0.written())
            }
        })
        .await;
    }

    /// Tells it to stop, waits until it has given up what it had, and gives all that it has consumed.
    pub(super) async fn stop(mut self) -> BTreeMap<String, Vec<i64>> {
        self.0.signal(Signal::TERM);
        let status = self.0.ended().await;
        assert!(status.success(), "{}", self.0.written());
        self.consumed()
    }
}

impl Scene {
    /// What the script does in the course of this command, which runs until it is stopped.
    pub(super) fn script(&self, arguments: &[&str]) -> Process {
        let script = interop("python/replica.py");
        let mut all = vec![script.as_str()];
        all.extend(arguments);
        let storage = self.azurite.connection_string();
        let variables = [
            ("EVENT_HUB_CONNECTION_STRING", self.hub.connection_string()),
            ("STORAGE_CONNECTION_STRING", storage.as_str()),
        ];
        Process::start(Path::new(&python()), &all, &variables)
    }

    /// The same for a command that ends by itself; gives what it has written.
    pub(super) async fn script_to_its_end(&self, arguments: &[&str]) -> String {
        let mut process = self.script(arguments);
        let status = process.ended().await;
        assert!(status.success(), "{}", process.written());
        process.written()
    }

    pub(super) async fn listed(&self) -> Listed {
        let written = self.script_to_its_end(&["list"]).await;
        listed(&written)
    }

    /// A consumer of Python's in our group.
    pub(super) fn consumer(&self) -> Consumer {
        Consumer(self.script(&["consume"]))
    }

    /// Lets such a consumer take so many events of each partition, and gives what it took.
    pub(super) async fn consume(&self, each: usize) -> BTreeMap<String, Vec<i64>> {
        let consumer = self.consumer();
        let partitions = usize::try_from(PARTITIONS).unwrap();
        consumer.has_consumed(partitions, each).await;
        consumer.stop().await
    }
}

/// Lists when it is asked to, a moment later: the script has started by then.
pub(super) struct Lister(Process);

impl Lister {
    pub(super) async fn start(scene: &Scene) -> Self {
        let process = scene.script(&["list-when-told"]);
        process.says("ready").await;
        Self(process)
    }

    pub(super) async fn listed(self) -> Listed {
        self.0.signal(Signal::USR1);
        listed(&self.0.says("listed: ").await)
    }
}

fn listed(written: &str) -> Listed {
    let line = written.lines().last().unwrap_or_default();
    let line = line.trim_start_matches("listed: ");
    serde_json::from_str(line).unwrap_or_else(|_| panic!("{written}"))
}
