//! Replicas come and go in order.

use std::time::Duration;

use tokio::time::Instant;

use super::scene::{CYCLE, SCRAPE, Scene, assert_counted};
use super::watch::moved;
use crate::world::eventually;

/// What the promise leaves room for: two cycles until each side has seen the other, two scrapes to deliver.
const BOUND: Duration = Duration::from_secs(2 * (CYCLE.as_secs() + SCRAPE.as_secs()));

#[tokio::test(flavor = "multi_thread")]
async fn one_three_two_one_replicas_count_every_event_once() {
    let mut scene = Scene::new(&[]).await;
    let prometheus = scene.prometheus().await;
    let load = scene.load(1);
    scene.start("a").await;
    println!("1 replica: shares {:?}", scene.balanced(1).await);

    let mut slowest = Duration::ZERO;
    let mut longest_unread = Duration::ZERO;
    for (what, replicas) in [("3", 3), ("2", 2), ("1 again", 1)] {
        let since = match replicas {
            3 => {
                scene.start("b").await;
                scene.start("c").await;
                scene.takes_part("b").await;
                scene.takes_part("c").await;
                Instant::now()
            }
            2 => {
                let since = Instant::now();
                scene.stop("a").await;
                since
            }
            _ => {
                let since = Instant::now();
                scene.stop("b").await;
                since
            }
        };
        let shares = scene.balanced(replicas).await;
        let moved = moved(&scene.watch.since(since.checked_sub(BOUND).unwrap()));
        let unread = moved.values().map(|(unread, _)| *unread).max();
        let settled = moved
            .values()
            .map(|(_, at)| at.saturating_duration_since(since))
            .max();
        let (unread, settled) = (unread.unwrap_or_default(), settled.unwrap_or_default());
        println!(
            "{what}: {} moved, the last {settled:.1?} after the change ({:.1} of two cycles and two scrapes), unread for {unread:.1?} at most; shares {shares:?}",
            moved.len(),
            settled.as_secs_f64() / BOUND.as_secs_f64(),
        );
        slowest = slowest.max(settled);
        longest_unread = longest_unread.max(unread);
        tokio::time::sleep(CYCLE * 3).await;
        assert_eq!(
            scene.watch.shares().values().copied().collect::<Vec<_>>(),
            shares,
            "it oscillates"
        );
    }
    let (failures, published) = load.stop().await;
    let seen = scene.seen(&prometheus, failures).await;
    println!(
        "{} events with {failures} failures, {seen} seen; slowest move {slowest:.1?}, longest unread {longest_unread:.1?}",
        published.iter().sum::<u32>()
    );
    assert_eq!(seen, f64::from(failures));
    assert_counted(&scene.counted(&prometheus).await, &published);
    // What is printed is the promise; a machine that runs other tests beside all of this may take three times as long.
    assert!(slowest <= BOUND * 3, "moved after {slowest:?}");
    assert!(longest_unread <= BOUND * 3, "unread for {longest_unread:?}");
    assert_eq!(
        scene
            .sum("acs_recording_exporter_recounted_events_total", &[])
            .await,
        0.0
    );
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
    // Both live, and show what they counted to whoever comes.
    assert_eq!(counted, all);
}
