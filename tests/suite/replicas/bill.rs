//! What the store is asked for, counted while two replicas share a hub under load: the figures of docs/replicas-design.md.

use std::time::Duration;

use tokio::time::Instant;

use super::scene::{Pace, Scene};

const OPERATIONS: &str = "acs_recording_exporter_store_operations_total";

/// Cycles that are counted.
const CYCLES: u32 = 10;

#[tokio::test(flavor = "multi_thread")]
async fn the_bill_of_four_partitions() {
    bill(4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bill_of_thirty_two_partitions() {
    bill(32).await;
}

/// With the default of ten seconds a cycle, and a scrape every 15 s, under which every partition moves.
async fn bill(partitions: u32) {
    let mut scene = Scene::with(partitions, Pace::QUICK, &[]).await;
    let _prometheus = scene.prometheus().await;
    let _load = scene.load(7);
    for name in ["a", "b"] {
        scene.start(name).await;
    }
    scene.balanced(2).await;
    let count = async |operation: &str| {
        let label = format!("operation=\"{operation}\"");
        scene.sum(OPERATIONS, &[&label]).await
    };
    let begun = Instant::now();
    let before = (
        count("list").await,
        count("write").await,
        count("read").await,
    );
    let Pace { cycle, scrape, .. } = scene.pace;
    tokio::time::sleep(cycle * CYCLES).await;
    let after = (
        count("list").await,
        count("write").await,
        count("read").await,
    );
    let cycles = begun.elapsed().as_secs_f64() / cycle.as_secs_f64();
    let (lists, writes) = ((after.0 - before.0) / cycles, (after.1 - before.1) / cycles);
    // A cycle, and a scrape, are a second here: what is not of the one is of the other.
    let of_cycles = f64::from(partitions + 2);
    let of_scrapes = writes - of_cycles;
    let hour = |every: Duration| 3600.0 / every.as_secs_f64();
    let hourly = (lists + of_cycles) * hour(Duration::from_secs(10))
        + of_scrapes * hour(Duration::from_secs(15));
    println!(
        "{partitions} partitions, 2 replicas: in a cycle {lists:.1} lists, {of_cycles} renewals and presences; for a scrape each {scrape:?} {of_scrapes:.1} checkpoints; reads {}; with the defaults and a scrape every 15 s {hourly:.0} operations an hour",
        after.2 - before.2
    );
    assert!((lists - 2.0).abs() <= 0.5, "{lists} lists a cycle");
    let most = f64::from(partitions) * 1.5;
    assert!(
        (0.0..=most).contains(&of_scrapes),
        "{of_scrapes} checkpoints a scrape"
    );
}
