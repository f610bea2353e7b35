//! Replicas end in other ways: killed, rolled out, or asleep for longer than their leases last.

use std::collections::BTreeMap;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::fence::container;
use super::load;
use super::python::Lister;
use super::scene::{EVENT_HUB, Scene, assert_counted};
use super::watch::moved;
use crate::prometheus::Prometheus;
use crate::world::{Signal, eventually};

const EVENTS: &str = "acs_recording_exporter_events_total";
const WRITES: &str = "acs_recording_exporter_checkpoint_writes_total";

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_replica_read_is_read_by_the_others() {
    // So that something is delivered and not checkpointed.
    let mut scene = Scene::new(&[("CHECKPOINT__INTERVAL", "2s")]).await;
    let prometheus = scene.prometheus().await;
    let load = scene.load(2);
    for name in ["a", "b", "c"] {
        scene.start(name).await;
    }
    let shares = scene.balanced(3).await;
    // By then it has caught up, and written more than once.
    scene.reaches("b", WRITES, 4.0).await;
    let lister = Lister::start(&scene).await;
    scene.has_more_delivered_than_written("b").await;
    let its_own = scene.watch.read_by("b");
    let killed = Instant::now();
    scene.kill("b").await;
    let at_its_end = lister.listed().await;
    let others = scene.watch.read_by("a");
    assert!(
        at_its_end.owners_of(&its_own).len() == 1
            && at_its_end
                .owners_of(&its_own)
                .is_disjoint(&at_its_end.owners_of(&others)),
        "listed too late: {at_its_end:?}"
    );
    let after = scene.balanced(2).await;
    let moved = moved(&scene.watch.since(killed));
    let unread = moved.values().map(|(unread, _)| *unread).max().unwrap();
    let promised = scene.pace.of_a_death();
    println!(
        "one of three killed: {} partitions read again after {unread:.1?} at most, of {promised:?} (lease and cycle); shares {shares:?}, then {after:?}",
        moved.len()
    );
    let (failures, published) = load.stop().await;
    let seen = scene.seen(&prometheus, failures).await;
    let counted = scene.counted(&prometheus).await;
    // What scrapes of it delivered, and it had not written.
    let delivered = scene.delivered(&prometheus, "b").await;
    let mut twice = Vec::new();
    for (partition, (counted, published)) in counted.iter().zip(&published).enumerate() {
        let name = partition.to_string();
        let repeated = counted - f64::from(*published);
        let unwritten = match (delivered.get(&name), at_its_end.checkpoints.get(&name)) {
            (Some(delivered), Some((_, written))) if its_own.contains(&name) => {
                delivered - f64::from(i32::try_from(*written).unwrap())
            }
            _ => 0.0,
        };
        assert!(repeated >= 0.0, "lost of {name}: {counted} of {published}");
        twice.push((name, repeated, unwritten));
    }
    let repeated: f64 = twice.iter().map(|(_, repeated, _)| repeated).sum();
    println!(
        "{} events with {failures} failures, {seen} seen; {repeated} events counted twice; by partition, counted twice and delivered but not written by the killed one: {twice:?}",
        published.iter().sum::<u32>()
    );
    // What is printed is the promise; opening links takes its time, and so does a machine that runs other tests.
    assert!(unread <= promised * 3, "unread for {unread:?}");
    assert!(
        twice
            .iter()
            .all(|(_, repeated, unwritten)| repeated == unwritten),
        "{twice:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_of_three_replicas_loses_and_repeats_nothing() {
    let mut scene = Scene::new(&[]).await;
    let prometheus = scene.prometheus().await;
    let load = scene.load(3);
    for name in ["old-1", "old-2", "old-3"] {
        scene.start(name).await;
    }
    scene.balanced(3).await;
    let begun = Instant::now();
    // As a Deployment does it that may have one more and none less.
    for number in 1..=3 {
        let new = format!("new-{number}");
        scene.start(&new).await;
        scene.replicas[&new].ready().await;
        scene.stop(&format!("old-{number}")).await;
    }
    let took = begun.elapsed();
    let shares = scene.balanced(3).await;
    let (failures, published) = load.stop().await;
    let seen = scene.seen(&prometheus, failures).await;
    println!(
        "rolled out in {took:.1?}: {} events with {failures} failures, {seen} seen; shares {shares:?}",
        published.iter().sum::<u32>()
    );
    assert_eq!(seen, f64::from(failures));
    assert_counted(&scene.counted(&prometheus).await, &published);
}

/// No scrape comes, and a client keeps its connection for as long as it can: more than the deadline, one after the other.
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_that_takes_its_time_frees_the_leases_before_its_deadline() {
    let mut scene = Scene::new(&[
        ("SHUTDOWN__FINAL_SCRAPE", "2s"),
        ("SHUTDOWN__DEADLINE", "6s"),
    ])
    .await;
    scene.start("a").await;
    scene.gate_opens("a").await;
    scene.balanced(1).await;
    load::publish(&scene.hub.handle(), EVENT_HUB, 0, "StartRecording", 202);
    scene.has_counted("a", 1.0).await;
    let address = scene.replicas["a"].address.clone();
    let mut slow = TcpStream::connect(address).await.unwrap();
    slow.write_all(b"GET /metrics HTTP/1.1\r\nHost: a\r\n")
        .await
        .unwrap();
    let begun = Instant::now();
    scene.stop("a").await;
    println!("stopped after {:.1?} of 6 s", begun.elapsed());
    let blobs = container(&scene.azurite).list("").await.unwrap();
    let leases = blobs
        .iter()
        .filter(|blob| blob.name.contains("/ownership/"));
    let owners: Vec<_> = leases
        .map(|lease| lease.metadata["ownerid"].as_str())
        .collect();
    assert_eq!(owners, [""; 8]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_slept_past_its_lease_stops_what_others_acquired() {
    let mut scene = Scene::new(&[]).await;
    let prometheus = scene.prometheus().await;
    let load = scene.load(4);
    for name in ["a", "b"] {
        scene.start(name).await;
    }
    scene.balanced(2).await;
    let slept = Instant::now();
    scene.replicas["a"].process.signal(Signal::STOP);
    let has_all = || async {
        let samples = scene.replicas["b"].scrape().await?;
        let owned = samples.sum("acs_recording_exporter_partition_owned", &[]);
        if owned == 8.0 {
            Ok(())
        } else {
            Err(format!("{owned}"))
        }
    };
    eventually("the other has all", has_all).await;
    println!("taken over {:.1?} after it fell asleep", slept.elapsed());
    // It gets on with its own business for a while.
    let counted_by_b = scene.replicas["b"].scrape().await.unwrap();
    let counted_by_b = counted_by_b.sum(EVENTS, &[]);
    scene.reaches("b", EVENTS, counted_by_b + 500.0).await;
    scene.replicas["a"].process.signal(Signal::CONT);
    let stolen = || async {
        let samples = scene.replicas["a"].scrape().await?;
        let stolen = samples.sum(
            "acs_recording_exporter_lease_moves_total",
            &[r#"reason="stolen""#],
        );
        if stolen == 4.0 {
            Ok(samples)
        } else {
            Err(format!("{stolen}"))
        }
    };
    let samples = eventually("it has lost all four", stolen).await;
    let refused = samples.sum(
        "acs_recording_exporter_store_operations_total",
        &[r#"operation="write""#, r#"result="refused""#],
    );
    let recounted = samples.by("acs_recording_exporter_recounted_events_total", "partition");
    let shares = scene.balanced(2).await;
    let (failures, published) = load.stop().await;
    let seen = scene.seen(&prometheus, failures).await;
    let counted = scene.counted(&prometheus).await;
    let twice = counted.iter().zip(&published);
    let twice: Vec<_> = twice
        .map(|(counted, published)| counted - f64::from(*published))
        .collect();
    let written = scene.replicas["a"].process.written();
    let checkpoints = written.matches("checkpoint refused").count();
    let recounted: Vec<_> = (0..twice.len())
        .map(|partition| recounted.get(&partition.to_string()).copied())
        .map(Option::unwrap_or_default)
        .collect();
    println!(
        "{} events with {failures} failures, {seen} seen; {refused} writes refused, checkpoints logged as refused {checkpoints} times; {} events counted twice, by partition {twice:?}, reported {recounted:?}; shares {shares:?}",
        published.iter().sum::<u32>(),
        twice.iter().sum::<f64>()
    );
    // What it learns first is chance: that the lease is another's, or that the store refuses its checkpoint.
    assert_eq!(checkpoints > 0, refused > 0.0, "{written}");
    // Nothing is lost, and what is counted twice is reported. If it fell asleep during a write, it may report more: it cannot
    // know that the store has done it.
    let mut reported = twice.iter().zip(&recounted);
    assert!(
        reported.all(|(twice, recounted)| twice <= recounted),
        "{}",
        scene.written()
    );
    assert!(seen >= f64::from(failures));
    let mut replicas = scene.replicas.values();
    assert!(replicas.all(|exporter| !exporter.process.written().contains("panicked")));
}

impl Scene {
    /// Waits until a counter of a replica has come so far.
    async fn reaches(&self, name: &str, counter: &str, wanted: f64) {
        let exporter = self.replicas.get(name).expect("it runs");
        eventually("a counter has come so far", || async {
            let reached = exporter.scrape().await?.sum(counter, &[]);
            if reached >= wanted {
                Ok(())
            } else {
                Err(format!("{counter} is {reached} of {wanted}"))
            }
        })
        .await;
    }

    /// Waits until scrapes of a replica have delivered events that it has not checkpointed.
    async fn has_more_delivered_than_written(&self, name: &str) {
        let exporter = self.replicas.get(name).expect("it runs");
        eventually("more is delivered than is written", || async {
            let samples = exporter.scrape().await?;
            let of_all = |name: &str| samples.sum(&format!("acs_recording_exporter_{name}"), &[]);
            let delivered =
                of_all("partition_last_sequence_number") - of_all("unacknowledged_events");
            let written = of_all("checkpoint_sequence_number");
            if delivered > written {
                Ok(())
            } else {
                Err(format!("{delivered} delivered, {written} written"))
            }
        })
        .await;
    }

    /// The last event of each partition that a scrape of this replica has shown.
    async fn delivered(&self, prometheus: &Prometheus, name: &str) -> BTreeMap<String, f64> {
        let query = format!(
            r#"last_over_time(acs_recording_exporter_partition_last_sequence_number{{instance="{name}"}}[1h])"#
        );
        let answer = prometheus.query(&query, None).await;
        let delivered = answer.iter().map(|series| {
            let partition = series.metric.get("partition").expect("it has one");
            (partition.clone(), series.value())
        });
        delivered.collect()
    }
}
