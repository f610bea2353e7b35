//! The store is away for a while.

use std::time::Duration;

use tokio::time::Instant;

use super::scene::{Scene, assert_counted};
use crate::world::{Signal, eventually, get};

const EVENTS: &str = "acs_recording_exporter_events_total";
const UNWRITTEN: &str = "acs_recording_exporter_checkpoint_unwritten_seconds";

/// How the store is away.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Away {
    /// It refuses connections.
    Stopped,
    /// It takes them, and does not answer.
    Frozen,
}

/// More than three leases.
const SHORT: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn reading_goes_on_while_the_store_is_stopped() {
    outage(Away::Stopped, SHORT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_goes_on_while_the_store_is_frozen() {
    outage(Away::Frozen, SHORT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_away_from_the_start_is_named_and_waited_for() {
    let mut scene = Scene::new(&[]).await;
    let _prometheus = scene.prometheus().await;
    scene.azurite.stop().await;
    scene.start("a").await;
    eventually("the cause, and what to do", || async {
        let (status, text) = get(&scene.replicas["a"].address, "/-/ready").await?;
        let named = [
            "partitions are not read: `127.0.0.1:",
            "check the account's name",
        ];
        if status == 503 && named.iter().all(|name| text.contains(name)) {
            Ok(())
        } else {
            Err(format!("{status} {text}"))
        }
    })
    .await;
    let operations = "acs_recording_exporter_store_operations_total";
    let failed = [r#"operation="list""#, r#"result="failed""#];
    assert!(scene.sum(operations, &failed).await > 0.0);
    scene.azurite.start_again().await;
    scene.balanced(1).await;
    scene.replicas["a"].ready().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes: tests/full runs it, and a short form is tested above"]
async fn reading_goes_on_while_the_store_is_stopped_for_two_minutes() {
    outage(Away::Stopped, Duration::from_mins(2)).await;
}

/// Much longer than a lease, in any case.
async fn outage(away: Away, lasts: Duration) {
    let mut scene = Scene::new(&[]).await;
    let prometheus = scene.prometheus().await;
    let load = scene.load(5);
    for name in ["a", "b"] {
        scene.start(name).await;
    }
    scene.balanced(2).await;
    let moves = scene
        .sum("acs_recording_exporter_lease_moves_total", &[])
        .await;
    let before = scene.sum(EVENTS, &[]).await;
    let published_before = load.published();
    let begun = Instant::now();
    match away {
        Away::Stopped => scene.azurite.stop().await,
        Away::Frozen => scene.azurite.signal(Signal::STOP),
    }
    tokio::time::sleep(lasts).await;
    let failed = [r#"result="failed""#];
    let failed = scene
        .sum("acs_recording_exporter_store_operations_total", &failed)
        .await;
    let unwritten = scene.sum(UNWRITTEN, &[]).await;
    let published_meanwhile = f64::from(load.published() - published_before);
    let read = scene.sum(EVENTS, &[]).await - before;
    match away {
        Away::Stopped => scene.azurite.start_again().await,
        Away::Frozen => scene.azurite.signal(Signal::CONT),
    }
    let lasted = begun.elapsed();
    let back = Instant::now();
    eventually("all that is delivered is written", || async {
        let unwritten = scene.sum(UNWRITTEN, &[]).await;
        if unwritten == 0.0 {
            Ok(())
        } else {
            Err(format!("{unwritten} s\n{}", scene.written()))
        }
    })
    .await;
    let caught_up = back.elapsed();
    let (failures, published) = load.stop().await;
    let seen = scene.seen(&prometheus, failures).await;
    println!(
        "store {away:?} for {lasted:.1?}: {read} events read of {published_meanwhile} published meanwhile, {failed} requests failed, checkpoints {:.0} s behind, caught up {caught_up:.1?} after; {} events with {failures} failures, {seen} seen",
        unwritten / 2.0,
        published.iter().sum::<u32>()
    );
    assert!(
        failed > 0.0 && unwritten > 0.0,
        "{failed} failed, {unwritten} s unwritten"
    );
    assert!(
        read >= published_meanwhile / 2.0,
        "reading stood still: {read} of {published_meanwhile}"
    );
    assert_eq!(seen, f64::from(failures));
    assert_counted(&scene.counted(&prometheus).await, &published);
    let moves_after = scene
        .sum("acs_recording_exporter_lease_moves_total", &[])
        .await;
    assert_eq!(
        moves_after,
        moves,
        "partitions changed hands:\n{}",
        scene.written()
    );
}
