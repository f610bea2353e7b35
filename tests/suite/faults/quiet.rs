//! Nothing comes because nothing is sent, and nothing comes because a link is dead: the exporter tells them apart.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::{Instant, sleep};

use super::scene::{EVENT_HUB, RESTARTS, Scene, report, restarts};
use crate::world::{eventually, get};

/// When the hub was last known to have no more than what was counted, by partition.
const PROOF: &str = "acs_recording_exporter_partition_last_proof_timestamp_seconds";

/// Longer than every time-out of the exporter here.
const QUIET: Duration = Duration::from_secs(15);

/// The watchdog's interval here, an answer, and a machine that is busy.
const FRESH: f64 = 5.0;

#[tokio::test]
async fn a_quiet_hub_is_no_fault_and_a_link_that_gives_nothing_is_one() {
    let mut scene = Scene::start(2, &[]).await;
    scene.publish(10);
    scene.calm().await;
    let before = restarts(&scene.watched.scrape().await);
    let began = Instant::now();
    while began.elapsed() < QUIET {
        for path in ["/-/ready", "/-/healthy"] {
            let (status, text) = get(&scene.watched.exporter.address, path).await.unwrap();
            assert_eq!(status, 200, "{text}");
        }
        sleep(Duration::from_millis(500)).await;
    }
    let scrape = scene.watched.scrape().await;
    for partition in ["0", "1"] {
        let proof = scrape.sum(PROOF, &[&format!("partition=\"{partition}\"")]);
        let age = unix_seconds() - proof;
        assert!(age < FRESH, "partition {partition}: proof is {age} s old");
    }
    assert_eq!(restarts(&scrape), before, "nothing is opened again");

    assert_eq!(scene.faults().freeze_readers(EVENT_HUB, 0).unwrap(), 1);
    let since = Instant::now();
    scene.publish_to(0, 1);
    scene.watched.observed().await;
    let recovered = since.elapsed();
    assert!(recovered < Duration::from_mins(1), "{recovered:?}");
    let scrape = scene.settled().await;
    report(
        "a link frozen after 15 s of quiet",
        recovered,
        scene.watched,
        &restarts(&scrape),
    )
    .await;
}

#[tokio::test]
async fn a_link_that_is_idle_for_long_is_opened_again() {
    let idle = ("ACS_RECORDING_EXPORTER__WATCHDOG__REATTACH_IDLE", "3s");
    let mut scene = Scene::start(2, &[idle]).await;
    scene.publish(10);
    scene.calm().await;
    for partition in 0..2 {
        scene.faults().freeze_readers(EVENT_HUB, partition).unwrap();
    }
    let since = Instant::now();
    eventually("both links opened again", || async {
        let scrape = scene.watched.exporter.scrape().await?;
        let idle = |partition| scrape.sum(RESTARTS, &[partition, "cause=\"idle\""]);
        if idle("partition=\"0\"") > 0.0 && idle("partition=\"1\"") > 0.0 {
            Ok(())
        } else {
            Err(restarts(&scrape))
        }
    })
    .await;
    let reopened = since.elapsed();
    scene.publish(10);
    scene.watched.observed().await;
    let scrape = scene.settled().await;
    report(
        "links frozen on a quiet hub, idle for 3 s",
        reopened,
        scene.watched,
        &restarts(&scrape),
    )
    .await;
}

#[expect(
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    clippy::as_conversions,
    reason = "a time in a sample is compared with the time"
)]
fn unix_seconds() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    since.as_millis() as f64 / 1000.0
}
