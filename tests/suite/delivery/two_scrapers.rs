//! Two Prometheus servers, one of which is away for a while.

use std::time::Duration;

use event_hub_emulator::{Emulator, EventHub};
use tokio::time::Instant;

use super::scene::{FAILURES, Failure, PARTITIONS, Scene, reads};
use crate::world::{Exporter, Signal, eventually, get};

/// Scrapes as Prometheus does, from an address of this machine, and returns the number of scrapers that it shows.
async fn scrape_from(address: [u8; 4], exporter: &Exporter, query: &str) -> Result<String, String> {
    let client = reqwest::Client::builder().local_address(Some(address.into()));
    let request = client
        .build()
        .unwrap()
        .get(format!("http://{}/metrics{query}", exporter.address))
        .header("X-Prometheus-Scrape-Timeout-Seconds", "10");
    let answer = async { request.send().await?.text().await };
    let text: Result<_, reqwest::Error> = answer.await;
    let text = text.map_err(|error| error.to_string())?;
    let mut lines = text.lines();
    let line = lines.find_map(|line| line.strip_prefix("acs_recording_exporter_scrapers "));
    line.map(str::to_owned).ok_or(text)
}

/// The replicas of a Prometheus operator share all of their configuration; only their addresses differ.
#[tokio::test]
async fn two_servers_of_one_configuration_are_two_by_their_addresses_and_one_by_a_name() {
    let hub = Emulator::start([EventHub::new("logs", 1)]).await.unwrap();
    let variables = [
        ("ACS_RECORDING_EXPORTER__DELIVERY__SCRAPERS", "2"),
        ("ACS_RECORDING_EXPORTER__DELIVERY__START_GATE", "1h"),
    ];
    let exporter = Exporter::reading(hub.connection_string(), &variables).await;
    let (first, second) = ([127, 0, 0, 2], [127, 0, 0, 3]);
    for (query, scrapers) in [("?scraper=prometheus", "1"), ("", "3")] {
        let has_begun = exporter.process.written().contains("at 0: reading begins");
        assert!(!has_begun, "one scraper is not two");
        eventually("the number of scrapers", || async {
            scrape_from(first, &exporter, query).await?;
            scrape_from(second, &exporter, query).await?;
            match scrape_from(first, &exporter, query).await? {
                seen if seen == scrapers => Ok(()),
                seen => Err(seen),
            }
        })
        .await;
    }
    exporter.process.says("at 0: reading begins").await;
    let (status, text) = get(&exporter.address, "/metrics").await.unwrap();
    assert_eq!(status, 200);
    assert!(text.contains("\nacs_recording_exporter_scrapers_expected 2\n"));
}

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
