//! Python's own store for checkpoints and leases reads the exporter's, and the other way round; its consumer continues
//! where the exporter stopped, and reads beside it.

use std::collections::BTreeMap;

use super::load::publish;
use super::scene::{EVENT_HUB, PARTITIONS, Scene};
use crate::world::{Signal, eventually};

const COUNTED: &str = "acs_recording_exporter_events_total";

#[tokio::test(flavor = "multi_thread")]
async fn python_continues_where_the_exporter_stopped_and_the_other_way_round() {
    let mut scene = Scene::new(&[]).await;
    let prometheus = scene.prometheus().await;
    scene.start("a").await;
    scene.balanced(1).await;
    scene.publish_to_all(5);
    let published = f64::from(5 * PARTITIONS);
    assert_eq!(scene.seen(&prometheus, 5 * PARTITIONS).await, published);
    let ours = scene.listed().await;
    println!("Python reads of the exporter's: {ours:?}");
    let is_ours = |owner: &Option<String>| {
        let owner = owner.as_deref().unwrap_or_default();
        owner.starts_with("acs-recording-exporter-")
    };
    assert!(ours.owners.values().all(is_ours), "{ours:?}");
    assert_eq!(ours.owners.len(), 8);
    scene.stop("a").await;
    let released = scene.listed().await;
    let mut owners = released.owners.values().flatten();
    assert!(owners.all(String::is_empty), "{released:?}");
    assert_eq!(released.checkpoints.len(), 8);
    let mut checkpoints = released.checkpoints.values();
    assert!(checkpoints.all(|(_, number)| *number == 4), "{released:?}");

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
async fn a_consumer_of_pythons_joins_the_group_and_leaves_it() {
    let mut scene = Scene::new(&[]).await;
    let prometheus = scene.prometheus().await;
    let load = scene.load(8);
    scene.start("a").await;
    scene.balanced(1).await;
    let foreigner = scene.consumer();
    // It takes half of them by force, one after the other, and keeps them.
    scene.foreign(4.0).await;
    foreigner.has_consumed(4, 20).await;
    scene.foreign(4.0).await;
    let consumed = foreigner.stop().await;
    scene.balanced(1).await;
    scene.foreign(0.0).await;
    let (_, published) = load.stop().await;
    eventually("every event is counted or consumed", || async {
        let counted = scene.counted(&prometheus).await;
        let missing = missing(&published, &counted, &consumed);
        if missing.is_empty() {
            Ok(())
        } else {
            Err(format!("{missing:?}\n{}", scene.written()))
        }
    })
    .await;
    let written = scene.written();
    for (partition, numbers) in &consumed {
        let follow = numbers
            .windows(2)
            .all(|pair| matches!(pair, [one, next] if *next == one + 1));
        assert!(follow, "{consumed:?}");
        let last = numbers.last().unwrap();
        let goes_on = format!(
            r#""reading partition","event_hub":"Logs","partition":"{partition}","after":{last},"#
        );
        assert!(
            written.contains(&goes_on),
            "not after {last} of {partition}:\n{written}"
        );
    }
    let by_python: usize = consumed.values().map(Vec::len).sum();
    let samples = scene.replicas["a"].scrape().await.unwrap();
    let recounted = samples.sum("acs_recording_exporter_recounted_events_total", &[]);
    let moves = samples.by("acs_recording_exporter_lease_moves_total", "reason");
    let counted: f64 = scene.counted(&prometheus).await.iter().sum();
    println!(
        "{} events, {counted} counted by the exporter, {by_python} consumed by Python meanwhile, {recounted} reported as counted by both; lease moves by reason: {moves:?}",
        published.iter().sum::<u32>(),
    );
    assert!(!written.contains("panicked"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_owner_is_reported_and_names_that_were_not_folded_are_read_once() {
    let mut scene = Scene::new(&[]).await;
    scene.publish_to_all(5);
    // As Go, Java and Rust write it: upper case is left as it is.
    scene.script_to_its_end(&["write-unfolded", "0", "3"]).await;
    let mut other = scene.script(&["own", "1"]);
    other.says("held").await;
    let prometheus = scene.prometheus().await;
    scene.start("a").await;
    scene.takes_part("a").await;
    scene.foreign(1.0).await;
    other.signal(Signal::TERM);
    assert!(other.ended().await.success(), "{}", other.written());
    // It renews no more, so after a lease's time the exporter reads the partition, and what Python had not read.
    scene.balanced(1).await;
    scene.counts(f64::from(5 * PARTITIONS) - 4.0).await;
    scene.stop("a").await;

    // From now on the exporter's checkpoint counts, whatever the other has.
    scene.script_to_its_end(&["write-unfolded", "0", "1"]).await;
    scene.publish_to_all(1);
    scene.start("b").await;
    scene.balanced(1).await;
    scene.counts(f64::from(PARTITIONS)).await;
    drop(prometheus);
}

impl Scene {
    fn publish_to_all(&self, each: u32) {
        for number in 0..each * PARTITIONS {
            let partition = number % PARTITIONS;
            publish(&self.hub, EVENT_HUB, partition, "StartRecording", 503);
        }
    }

    /// Waits until the replicas that run have counted so many events, and not more.
    async fn counts(&self, events: f64) {
        eventually("events are counted", || async {
            let counted = self.sum(COUNTED, &[]).await;
            assert!(counted <= events, "{counted} of {events}");
            if counted == events {
                Ok(())
            } else {
                Err(format!("{counted}\n{}", self.written()))
            }
        })
        .await;
    }

    /// Waits until so many leases are reported as a foreign program's.
    async fn foreign(&self, expected: f64) {
        let labels = [r#"held_by="foreign""#];
        eventually("foreign owners are reported", || async {
            let foreign = self.sum("acs_recording_exporter_leases", &labels).await;
            if foreign == expected {
                Ok(())
            } else {
                Err(format!("{foreign}\n{}", self.written()))
            }
        })
        .await;
    }
}

/// How many events of each partition were neither counted nor consumed.
fn missing(
    published: &[u32],
    counted: &[f64],
    consumed: &BTreeMap<String, Vec<i64>>,
) -> BTreeMap<usize, f64> {
    let all = published.iter().zip(counted).enumerate();
    let missing = all.map(|(partition, (published, counted))| {
        let consumed = consumed.get(&partition.to_string()).map_or(0, Vec::len);
        let consumed = f64::from(u32::try_from(consumed).unwrap());
        (partition, f64::from(*published) - counted - consumed)
    });
    missing.filter(|(_, missing)| *missing > 0.0).collect()
}
