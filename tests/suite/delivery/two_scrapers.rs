//! Two Prometheus servers, one of which is away for a while.

use std::time::Duration;

use tokio::time::Instant;

use super::scene::{FAILURES, Failure, PARTITIONS, Scene, reads};
use crate::world::{Signal, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn both_see_every_failure_though_one_is_away_and_the_exporter_crashes() {
    let hold_max = Duration::from_secs(6);
    let mut scene = Scene::new(&[
        ("ACS_RECORDING_EXPORTER__DELIVERY__SCRAPERS", "2"),
        ("ACS_RECORDING_EXPORTER__DELIVERY__HOLD_MAX", "6s"),
        ("ACS_RECORDING_EXPORTER__CHECKPOINT__INTERVAL", "100ms"),
    ])
    .await;
    let (near, far) = (
        scene.prometheus("here").await,
        scene.prometheus("away").await,
    );
    let mut exporter = scene.exporter("pod").await;
    reads(&exporter).await;
    for number in 0..50 {
        scene.fail(number % PARTITIONS, Failure::Known);
    }
    for prometheus in [&near, &far] {
        assert_eq!(scene.seen(prometheus, &exporter).await, 50.0);
    }

    drop(far);
    // Labels that neither has seen: the event is held until the one that is here has, or `hold_max` is over.
    let published_at = Instant::now();
    scene.fail(0, Failure::Strange);
    eventually(
        "the failure is not withheld from the one that is here",
        || async {
            let seen = near.rise(FAILURES).await;
            if seen >= 51.0 {
                Ok(())
            } else {
                Err(seen.to_string())
            }
        },
    )
    .await;
    let withheld = published_at.elapsed();
    println!(
        "one of two is away: a first failure is seen after {withheld:.1?}, of at most {hold_max:?} and a scrape"
    );
    assert!(withheld < hold_max + Duration::from_secs(4));
    for number in 0..50 {
        scene.fail(number % PARTITIONS, Failure::Known);
    }
    assert_eq!(scene.seen(&near, &exporter).await, 101.0);

    let far = scene.prometheus("away").await;
    // Series that were born while it was away it first saw above 0; it saw all others rise.
    eventually("the other one catches up", || async {
        let seen = far.rise(FAILURES).await;
        if seen >= 100.0 {
            Ok(())
        } else {
            Err(seen.to_string())
        }
    })
    .await;
    for number in 0..20 {
        scene.fail(number % PARTITIONS, Failure::Known);
    }
    exporter.process.signal(Signal::KILL);
    exporter.process.ended().await;
    exporter = scene.exporter("pod").await;
    reads(&exporter).await;
    for number in 0..50 {
        scene.fail(number % PARTITIONS, Failure::Known);
    }
    let published = f64::from(scene.published.failures);
    let by_near = scene.seen(&near, &exporter).await;
    scene.published.failures -= 1;
    let by_far = scene.seen(&far, &exporter).await;
    println!(
        "{published} failures: {} repeated here, {} there",
        by_near - published,
        by_far - published + 1.0
    );
    assert!(by_near - published <= 20.0, "{by_near}");
}
