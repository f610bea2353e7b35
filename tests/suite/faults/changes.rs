//! A hub that has more partitions than before, or other events, or fewer, or one that nobody can read.

use std::time::Duration;

use tokio::time::Instant;

use super::scene::{EVENT_HUB, RESTARTS, Scene, report, restarts};
use super::{Fault, check};
use crate::world::{Samples, eventually};

const LOST: &str = "acs_recording_exporter_positions_lost_total";

#[tokio::test]
async fn an_event_that_is_garbled_once() {
    check(Fault {
        name: "a message garbled once in each partition",
        begin: |hub| {
            for partition in 0..2 {
                hub.corrupt_next(EVENT_HUB, partition).unwrap();
            }
        },
        undone: None,
        causes: &["poison", "closed", "unreachable"],
    })
    .await;
}

#[tokio::test]
async fn an_event_that_nobody_can_decode() {
    let mut scene = Scene::start(2, &[]).await;
    scene.publish(100);
    scene.calm().await;
    scene.faults().poison(EVENT_HUB, 0, 250).unwrap();
    let since = Instant::now();
    scene.publish(300);
    scene.watched.lose(0, 1);
    scene.watched.observed().await;
    let recovered = since.elapsed();
    let scrape = scene.settled().await;
    assert_eq!(of_partition(&scrape, "poison_events_total", 0), 1.0);
    assert_eq!(of_partition(&scrape, "poison_events_total", 1), 0.0);
    report(
        "a poisoned event",
        recovered,
        scene.watched,
        &restarts(&scrape),
    )
    .await;
}

#[tokio::test]
async fn a_hub_with_more_partitions_than_before() {
    let mut scene = Scene::start(2, &[]).await;
    scene.publish(100);
    scene.calm().await;
    scene.faults().grow(EVENT_HUB, 4).unwrap();
    let since = Instant::now();
    scene.publish(300);
    scene.watched.observed().await;
    let recovered = since.elapsed();
    let scrape = scene.settled().await;
    report(
        "partitions grown from 2 to 4",
        recovered,
        scene.watched,
        &restarts(&scrape),
    )
    .await;
}

#[tokio::test]
async fn a_hub_that_is_made_anew() {
    let mut scene = Scene::start(2, &[]).await;
    scene.publish(100);
    scene.calm().await;
    scene.faults().recreate(EVENT_HUB).unwrap();
    let since = Instant::now();
    // Fewer than before: the position of before lies behind the end.
    scene.publish(50);
    scene.watched.observed().await;
    let recovered = since.elapsed();
    let scrape = scene.settled().await;
    assert_noticed(&scrape);
    report(
        "hub made anew",
        recovered,
        scene.watched,
        &restarts(&scrape),
    )
    .await;
}

#[tokio::test]
async fn a_hub_that_is_made_anew_and_has_more_events_than_before() {
    let mut scene = Scene::start(2, &[]).await;
    scene.publish(100);
    scene.calm().await;
    // While nobody reads, so that there are more events than before when somebody does.
    scene.faults().away(true);
    scene.faults().recreate(EVENT_HUB).unwrap();
    scene.publish(300);
    scene.faults().away(false);
    let since = Instant::now();
    scene.watched.observed().await;
    let recovered = since.elapsed();
    let scrape = scene.settled().await;
    assert_noticed(&scrape);
    report(
        "hub made anew, with more events than before",
        recovered,
        scene.watched,
        &restarts(&scrape),
    )
    .await;
}

#[tokio::test]
async fn events_that_are_gone_before_they_are_read() {
    let mut scene = Scene::start(2, &[]).await;
    scene.publish(100);
    scene.calm().await;
    scene.faults().away(true);
    scene.publish(200);
    for partition in 0..2 {
        let gone = scene.faults().trim(EVENT_HUB, partition, 150).unwrap();
        assert_eq!(gone, 150);
        scene.watched.lose(partition, 50);
    }
    scene.publish_for(Duration::from_secs(1)).await;
    scene.faults().away(false);
    let since = Instant::now();
    scene.watched.observed().await;
    let recovered = since.elapsed();
    let scrape = scene.settled().await;
    for partition in 0..2 {
        let gaps = of_partition(&scrape, "sequence_gaps_total", partition);
        assert!(gaps > 0.0, "of partition {partition}");
    }
    report(
        "50 events of each partition gone unread",
        recovered,
        scene.watched,
        &restarts(&scrape),
    )
    .await;
}

#[tokio::test]
async fn a_hub_whose_end_falls_back_for_one_answer() {
    let mut scene = Scene::start(2, &[]).await;
    scene.publish(100);
    scene.calm().await;
    scene.faults().answer_stale(EVENT_HUB, 0, 1, 40).unwrap();
    doubted(&scene, "doubted", 1.0).await;
    let scrape = scene.settled().await;
    assert_eq!(scrape.sum(LOST, &[]), 0.0);
}

#[tokio::test]
async fn answers_with_nulls_skip_nothing_and_lose_nothing() {
    let mut scene = Scene::start(1, &[]).await;
    scene.publish(100);
    scene.calm().await;
    for times in 1..=4 {
        scene.faults().answer_null(1);
        doubted(&scene, "panicked", f64::from(times)).await;
        scene.calm().await;
    }
    let scrape = scene.settled().await;
    assert_eq!(scrape.sum(LOST, &[]), 0.0);
    assert_eq!(of_partition(&scrape, "poison_events_total", 0), 0.0);
}

#[tokio::test]
async fn positions_that_are_refused_now_and_then() {
    let mut scene = Scene::start(1, &[]).await;
    scene.publish(100);
    scene.calm().await;
    for times in 1..=4 {
        scene.faults().refuse_positions(1);
        scene.faults().detach_readers(EVENT_HUB, 0, None).unwrap();
        doubted(&scene, "argument", f64::from(times)).await;
        scene.calm().await;
    }
    let scrape = scene.settled().await;
    assert_eq!(scrape.sum(LOST, &[]), 0.0);
}

/// Waits until links ended so often for this cause.
async fn doubted(scene: &Scene, cause: &str, times: f64) {
    eventually("a link that ends", || async {
        let scrape = scene.watched.exporter.scrape().await?;
        let ended = scrape.sum(RESTARTS, &[&format!("cause=\"{cause}\"")]);
        if ended >= times {
            Ok(())
        } else {
            Err(restarts(&scrape))
        }
    })
    .await;
}

/// That the positions of before mean nothing any more.
fn assert_noticed(scrape: &Samples) {
    for partition in 0..2 {
        let lost = of_partition(scrape, "positions_lost_total", partition);
        assert!(lost > 0.0, "of partition {partition}");
    }
}

fn of_partition(scrape: &Samples, metric: &str, partition: u32) -> f64 {
    scrape.sum(
        &format!("acs_recording_exporter_{metric}"),
        &[&format!("partition=\"{partition}\"")],
    )
}
