//! Replicas come and go in order.

use std::time::Duration;

use tokio::time::Instant;

use super::scene::{PARTITIONS, Pace, Scene, assert_counted};
use super::watch::{Move, moved};
use crate::world::eventually;

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

#[tokio::test(flavor = "multi_thread")]
async fn where_nobody_scrapes_what_was_counted_is_handed_over_after_a_while() {
    let variables = [
        ("DELIVERY__START_GATE", "0s"),
        ("OWNERSHIP__HAND_OVER_MAX", "1s"),
    ];
    let mut scene = Scene::new(&variables).await;
    let load = scene.load(6);
    scene.start("a").await;
    scene.balanced(1).await;
    scene.start("b").await;
    let shares = scene.balanced(2).await;
    let (_, published) = load.stop().await;
    let all = f64::from(published.iter().sum::<u32>());
    let counted = || async {
        let counted = scene.sum("acs_recording_exporter_events_total", &[]).await;
        if counted >= all {
            Ok(counted)
        } else {
            Err(format!("{counted} of {all}"))
        }
    };
    let counted = eventually("all is counted", counted).await;
    println!("{all} events, {counted} counted; shares {shares:?}");
    // Both are alive, and show what they counted to every scraper.
    assert_eq!(counted, all);
}
