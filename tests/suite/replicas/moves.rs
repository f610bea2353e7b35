//! Replicas come and go in order.

use std::time::Duration;

use tokio::time::Instant;

use super::load;
use super::scene::{EVENT_HUB, PARTITIONS, Pace, Scene, assert_counted};
use super::watch::{Move, moved};
use crate::world::{Exporter, eventually};

const EVENTS: &str = "acs_recording_exporter_events_total";

#[tokio::test(flavor = "multi_thread")]
async fn one_three_two_one_replicas_count_every_event_once() {
    let (pace, times) = (Pace::QUICK, one_three_two_one(Pace::QUICK).await);
    // What is printed is the promise; a machine that runs other tests beside all of this may take three times as long.
    times.are_within(pace.of_a_move() * 3);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes: tests/full runs it, and a short form is tested above"]
async fn one_three_two_one_replicas_at_the_pace_of_the_defaults() {
    let (pace, times) = (Pace::DEFAULT, one_three_two_one(Pace::DEFAULT).await);
    times.are_within(pace.of_a_move());
}

/// How long partitions took to move, at most.
#[derive(Debug, Default)]
struct Times {
    /// From the last event that the one counted to the first that the other did.
    moved: Duration,
    /// From the change to when the last partition was read by whom it belongs to.
    settled: Duration,
    /// From when the one closed its link to when the other opened its own.
    unread: Duration,
}

impl Times {
    fn are_within(&self, bound: Duration) {
        let Self {
            moved,
            settled,
            unread,
        } = self;
        let slowest = moved.max(settled).max(unread);
        assert!(*slowest <= bound, "{self:.1?}, of {bound:?}");
    }
}

/// Starts one replica, two more, and stops two one after the other, under load; checks that every event was counted once.
async fn one_three_two_one(pace: Pace) -> Times {
    let mut scene = Scene::with(PARTITIONS, pace, &[]).await;
    let prometheus = scene.prometheus().await;
    let load = scene.load(1);
    scene.start("a").await;
    println!("1 replica: shares {:?}", scene.balanced(1).await);

    let mut slowest = Times::default();
    for (what, replicas) in [("3", 3), ("2", 2), ("1 again", 1)] {
        let begun = Instant::now();
        let mut changed = begun;
        match replicas {
            3 => {
                scene.start("b").await;
                scene.start("c").await;
                scene.takes_part("b").await;
                scene.takes_part("c").await;
                changed = Instant::now();
            }
            2 => scene.stop("a").await,
            _ => scene.stop("b").await,
        }
        let shares = scene.balanced(replicas).await;
        let settled = changed.elapsed();
        tokio::time::sleep(pace.cycle * 3).await;
        assert_eq!(
            scene.watch.shares().values().copied().collect::<Vec<_>>(),
            shares,
            "it oscillates"
        );
        let moves = scene.watch.moves_since(begun);
        let unread = moved(&scene.watch.since(begun));
        let times = Times {
            moved: moves.iter().map(Move::took).max().unwrap_or_default(),
            settled,
            unread: unread
                .values()
                .map(|(unread, _)| *unread)
                .max()
                .unwrap_or_default(),
        };
        let shown: Vec<_> = moves.iter().map(Move::to_string).collect();
        println!(
            "{what}: shares {shares:?}, balanced {:.1?} after the change; unread for {:.1?} at most; from the last event of the one to the first of the other: {}; of two cycles and two scrapes, {:?}",
            times.settled,
            times.unread,
            shown.join(", "),
            pace.of_a_move()
        );
        assert!(!moves.is_empty(), "nothing moved");
        slowest = Times {
            moved: slowest.moved.max(times.moved),
            settled: slowest.settled.max(times.settled),
            unread: slowest.unread.max(times.unread),
        };
    }
    let (failures, published) = load.stop().await;
    let seen = scene.seen(&prometheus, failures).await;
    println!(
        "{} events with {failures} failures, {seen} seen; at most {slowest:.1?}",
        published.iter().sum::<u32>()
    );
    assert_eq!(seen, f64::from(failures));
    assert_counted(&scene.counted(&prometheus).await, &published);
    assert_eq!(
        scene
            .sum("acs_recording_exporter_recounted_events_total", &[])
            .await,
        0.0
    );
    slowest
}

/// Half of the events were shown by the only scrape; the hand-over waits for another one in vain.
#[tokio::test(flavor = "multi_thread")]
async fn a_partition_whose_counts_no_scrape_delivers_is_kept_and_its_checkpoint_stays_behind() {
    const HALF: u32 = 20;
    let half = f64::from(HALF);
    let mut scene = Scene::new(&[("OWNERSHIP__HAND_OVER_MAX", "5s")]).await;
    let publish = |scene: &Scene| {
        for event in 0..HALF {
            let partition = event % PARTITIONS;
            load::publish(
                &scene.hub.handle(),
                EVENT_HUB,
                partition,
                "StartRecording",
                202,
            );
        }
    };
    scene.start("a").await;
    scene.gate_opens("a").await;
    scene.balanced(1).await;
    publish(&scene);
    scene.has_counted("a", half).await;
    scene.start("b").await;
    scene.replicas["b"]
        .process
        .says("waiting for a scrape")
        .await;
    scene.scrape("a").await;
    publish(&scene);
    scene.has_counted("a", half * 2.0).await;
    scene.gate_opens("b").await;
    let a = &scene.replicas["a"].process;
    a.says("partition kept: no scrape has delivered its counts")
        .await;
    publish(&scene);
    scene.has_counted("a", half * 3.0).await; // it goes on
    scene.kill("a").await;
    scene.has_counted("b", half * 2.0).await;
    scene.balanced(1).await;
    let counted = scene.sum(EVENTS, &[]).await;
    assert_eq!(counted, half * 2.0, "{}", scene.written());
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nobody_scrapes_nothing_is_handed_over() {
    let mut scene = Scene::new(&[("DELIVERY__START_GATE", "0s")]).await;
    scene.start("a").await;
    scene.balanced(1).await;
    scene.start("b").await;
    eventually("each replica has seen the other", || async {
        let seen = scene.sum("acs_recording_exporter_replicas", &[]).await;
        if seen == 4.0 {
            Ok(())
        } else {
            Err(seen.to_string())
        }
    })
    .await;
    tokio::time::sleep(scene.pace.cycle * 3).await;
    let a = scene.watch.shares().remove("a");
    assert_eq!(
        a,
        Some(usize::try_from(PARTITIONS).unwrap()),
        "{}",
        scene.written()
    );
}

impl Scene {
    fn running(&self, name: &str) -> &Exporter {
        self.replicas.get(name).expect("it runs")
    }

    /// Scrapes a replica as Prometheus does: a qualifying scrape.
    pub(crate) async fn scrape(&self, name: &str) {
        let asking = reqwest::Client::new()
            .get(format!("http://{}/metrics", self.running(name).address))
            .header("X-Prometheus-Scrape-Timeout-Seconds", "10")
            .send();
        let answer = asking.await.unwrap().error_for_status().unwrap();
        answer.text().await.unwrap();
    }

    /// Scrapes a replica until a scrape has shown what it restored.
    pub(crate) async fn gate_opens(&self, name: &str) {
        let process = &self.running(name).process;
        process.says("waiting for a scrape").await;
        eventually("reading begins", || async {
            self.scrape(name).await;
            let written = process.written();
            if written.contains("at 0: reading begins") {
                Ok(())
            } else {
                Err(written)
            }
        })
        .await;
    }

    /// Waits until a replica has counted so many events, or more. This is not a qualifying scrape.
    pub(crate) async fn has_counted(&self, name: &str, events: f64) {
        eventually("so many events", || async {
            let counted = self.running(name).scrape().await?.sum(EVENTS, &[]);
            if counted >= events {
                Ok(())
            } else {
                Err(format!("{counted} of {events}\n{}", self.written()))
            }
        })
        .await;
    }
}
