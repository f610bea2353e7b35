//! Python's own store for checkpoints and leases reads ours, and we read its.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::load::publish;
use super::scene::{EVENT_HUB, PARTITIONS, Scene};
use crate::world::{Process, eventually, interop, python};

/// What the script prints of a store.
#[derive(Debug, Deserialize)]
struct Listed {
    /// None where it is free.
    owners: BTreeMap<String, Option<String>>,
    checkpoints: BTreeMap<String, (String, i64)>,
}

/// An event that the script has consumed.
#[derive(Debug, Deserialize)]
struct Consumed {
    partition: String,
    sequence_number: i64,
}

impl Scene {
    fn script(&self, arguments: &[&str]) -> Process {
        let script = interop("python/replica.py");
        let mut all = vec![script.as_str()];
        all.extend(arguments);
        let storage = self.azurite.connection_string();
        let variables = [
            (
                "EVENT_HUB_CONNECTION_STRING",
                self.hub.connection_string.clone(),
            ),
            ("STORAGE_CONNECTION_STRING", storage),
        ];
        let variables: Vec<_> = variables
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        Process::start(Path::new(&python()), &all, &variables)
    }

    async fn listed(&self) -> Listed {
        let mut process = self.script(&["list"]);
        let status = process.ended().await;
        let written = process.written();
        assert!(status.success(), "{written}");
        serde_json::from_str(written.lines().last().unwrap())
            .unwrap_or_else(|_| panic!("{written}"))
    }

    fn publish_to_all(&self, each: u32) {
        for number in 0..each * PARTITIONS {
            publish(
                &self.hub.handle,
                EVENT_HUB,
                number % PARTITIONS,
                "StartRecording",
                503,
            );
        }
    }

    /// Lets the script consume so many of each partition, and gives what it consumed.
    async fn consume(&self, each: usize) -> BTreeMap<String, Vec<i64>> {
        let process = self.script(&["consume"]);
        let expected = each * usize::try_from(PARTITIONS).unwrap();
        let consumed = || async {
            let written = process.written();
            let consumed = written
                .lines()
                .filter_map(|line| serde_json::from_str::<Consumed>(line).ok());
            let consumed: Vec<_> = consumed.collect();
            if consumed.len() >= expected {
                Ok(consumed)
            } else {
                Err(written)
            }
        };
        let consumed = eventually("Python has consumed all", consumed).await;
        process.signal("TERM");
        let mut process = process;
        assert!(process.ended().await.success(), "{}", process.written());
        let mut by_partition: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for event in consumed {
            by_partition
                .entry(event.partition)
                .or_default()
                .push(event.sequence_number);
        }
        by_partition
    }

    /// Waits until a replica has counted so many events.
    async fn counts(&self, events: f64) {
        eventually("events are counted", || async {
            let counted = self.sum("acs_recording_exporter_events_total", &[]).await;
            if counted == events {
                Ok(())
            } else {
                Err(format!("{counted}\n{}", self.written()))
            }
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn python_goes_on_where_we_stopped_and_we_where_it_did() {
    let mut scene = Scene::new(&[]).await;
    let prometheus = scene.prometheus().await;
    scene.start("a").await;
    scene.balanced(1).await;
    scene.publish_to_all(5);
    assert_eq!(
        scene.seen(&prometheus, 5 * PARTITIONS).await,
        f64::from(5 * PARTITIONS)
    );
    let ours = scene.listed().await;
    println!("Python reads of ours: {ours:?}");
    let is_ours = |owner: &Option<String>| {
        let owner = owner.as_deref().unwrap_or_default();
        owner.starts_with("acs-recording-exporter-")
    };
    assert!(ours.owners.values().all(is_ours), "{ours:?}");
    assert_eq!(ours.owners.len(), 8);
    scene.stop("a").await;
    let given_up = scene.listed().await;
    assert!(
        given_up.owners.values().flatten().all(String::is_empty),
        "{given_up:?}"
    );
    assert_eq!(given_up.checkpoints.len(), 8);
    assert!(
        given_up
            .checkpoints
            .values()
            .all(|(_, number)| *number == 4),
        "{given_up:?}"
    );

    scene.publish_to_all(3);
    let consumed = scene.consume(3).await;
    println!("Python went on with {consumed:?}");
    assert_eq!(consumed.len(), 8);
    assert!(
        consumed.values().all(|numbers| *numbers == [5, 6, 7]),
        "{consumed:?}"
    );

    scene.publish_to_all(2);
    scene.start("b").await;
    scene.balanced(1).await;
    scene.counts(f64::from(2 * PARTITIONS)).await;
    let samples = scene.replicas["b"].scrape().await.unwrap();
    let gaps = samples.sum("acs_recording_exporter_sequence_gaps_total", &[]);
    let refused = samples.sum("acs_recording_exporter_refused_events_total", &[]);
    assert_eq!((gaps, refused), (0.0, 0.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_owner_is_told_and_names_that_were_not_folded_are_read_once() {
    let mut scene = Scene::new(&[]).await;
    scene.publish_to_all(5);
    // As Go, Java and Rust write it: upper case is left as it is.
    let mut process = scene.script(&["write-unfolded", "0", "3"]);
    assert!(process.ended().await.success(), "{}", process.written());
    let mut other = scene.script(&["own", "1"]);
    other.says("held").await;
    let prometheus = scene.prometheus().await;
    scene.start("a").await;
    scene.takes_part("a").await;
    let foreign = || async {
        let foreign = scene
            .sum("acs_recording_exporter_leases", &[r#"held_by="foreign""#])
            .await;
        if foreign == 1.0 {
            Ok(())
        } else {
            Err(format!("{foreign}\n{}", scene.written()))
        }
    };
    eventually("a foreign owner is told", foreign).await;
    other.signal("TERM");
    assert!(other.ended().await.success(), "{}", other.written());
    // It does not renew any more, so after a lease's time it is ours, as is what it had not read.
    scene.balanced(1).await;
    scene.counts(f64::from(5 * PARTITIONS) - 4.0).await;
    drop(prometheus);
}
