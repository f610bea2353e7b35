//! Replicas end in other ways: killed, rolled out, or asleep for longer than their leases last.

use tokio::time::Instant;

use super::scene::{CYCLE, LEASE, Scene, assert_counted};
use super::watch::moved;
use crate::world::eventually;

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_replica_read_is_read_by_the_others() {
    let mut scene = Scene::new(&[]).await;
    let prometheus = scene.prometheus().await;
    let load = scene.load(2);
    for name in ["a", "b", "c"] {
        scene.start(name).await;
    }
    let shares = scene.balanced(3).await;
    let killed = Instant::now();
    scene.kill("b").await;
    let after = scene.balanced(2).await;
    let moved = moved(&scene.watch.since(killed));
    let unread = moved.values().map(|(unread, _)| *unread).max().unwrap();
    let promised = LEASE + CYCLE;
    println!(
        "one of three killed: {} partitions read again after {unread:.1?} at most, of {promised:?} (lease and cycle); shares {shares:?}, then {after:?}",
        moved.len()
    );
    let (failures, published) = load.stop().await;
    let seen = scene.seen(&prometheus, failures).await;
    let repeated = seen - f64::from(failures);
    println!(
        "{} events with {failures} failures, {seen} seen, {repeated} repeated",
        published.iter().sum::<u32>()
    );
    // What is printed is the promise; opening links takes its time, and so does a machine that runs other tests.
    assert!(unread <= promised * 3, "unread for {unread:?}");
    // What it had shown to a scrape and not written down: a checkpoint's interval of failures of its partitions.
    assert!(repeated <= 40.0, "{repeated} repeated");
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

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_slept_past_its_lease_lets_go_of_what_others_took() {
    let mut scene = Scene::new(&[]).await;
    let prometheus = scene.prometheus().await;
    let load = scene.load(4);
    for name in ["a", "b"] {
        scene.start(name).await;
    }
    scene.balanced(2).await;
    let slept = Instant::now();
    scene.replicas["a"].process.signal("STOP");
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
    tokio::time::sleep(LEASE).await;
    scene.replicas["a"].process.signal("CONT");
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
    let samples = eventually("it has let go of all four", stolen).await;
    let refused = samples.sum(
        "acs_recording_exporter_store_operations_total",
        &[r#"operation="write""#, r#"result="refused""#],
    );
    let recounted = samples.sum("acs_recording_exporter_recounted_events_total", &[]);
    let shares = scene.balanced(2).await;
    let (failures, published) = load.stop().await;
    let seen = scene.seen(&prometheus, failures).await;
    let counted: f64 = scene.counted(&prometheus).await.iter().sum();
    let events = f64::from(published.iter().sum::<u32>());
    println!(
        "{events} events with {failures} failures, {seen} seen; {refused} writes refused, {recounted} events recounted, {} counted twice; shares {shares:?}",
        counted - events
    );
    assert!(counted >= events, "lost: {counted} of {events}");
    assert!(
        scene
            .replicas
            .values()
            .all(|exporter| !exporter.process.written().contains("panicked"))
    );
}
