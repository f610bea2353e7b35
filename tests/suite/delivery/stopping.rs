//! An exporter that stops, and scrapers that come too late or not at all.

use std::time::Duration;

use tokio::time::Instant;

use super::scene::{FAILURES, Failure, Scene, reads};
use crate::world::{Exporter, Samples, Signal, eventually};

const EVENTS: &str = "acs_recording_exporter_events_total";

#[tokio::test]
async fn without_a_scraper_it_ends_at_once_and_everything_is_read_again() {
    let mut scene = Scene::new(&[("ACS_RECORDING_EXPORTER__DELIVERY__START_GATE", "0s")]).await;
    let mut first = scene.exporter("pod").await;
    first.ready().await;
    for number in 0..100 {
        scene.fail(number % 2, Failure::Known);
    }
    has_read(&first, 100.0).await;
    assert!(stopped(&mut first).await < Duration::from_secs(5));

    let second = scene.exporter("pod").await;
    has_read(&second, 100.0).await;
}

#[tokio::test]
async fn a_grace_period_shorter_than_the_interval_is_kept_and_the_rest_is_read_again() {
    // As with a scrape each minute: none comes within the grace period of 10 s.
    let mut scene = Scene::new(&[
        ("ACS_RECORDING_EXPORTER__SHUTDOWN__FINAL_SCRAPE", "7s"),
        ("ACS_RECORDING_EXPORTER__SHUTDOWN__DEADLINE", "9s"),
    ])
    .await;
    let mut first = scene.exporter("pod").await;
    first.process.says("waiting for a scrape").await;
    scrape(&first).await;
    reads(&first).await;
    for number in 0..60 {
        scene.fail(number % 2, Failure::Known);
    }
    has_read(&first, 60.0).await;
    scrape(&first).await;
    for number in 0..40 {
        scene.fail(number % 2, Failure::Known);
    }
    has_read(&first, 100.0).await;
    let took = stopped(&mut first).await;
    println!("ended after {took:.1?}, of a grace period of 10 s");
    assert!(took < Duration::from_secs(10));

    let second = scene.exporter("pod").await;
    second.process.says("waiting for a scrape").await;
    scrape(&second).await;
    has_read(&second, 40.0).await;
}

#[tokio::test]
async fn a_last_scrape_lets_it_go() {
    let mut scene = Scene::new(&[]).await;
    let mut first = scene.exporter("pod").await;
    first.process.says("waiting for a scrape").await;
    scrape(&first).await;
    reads(&first).await;
    for _ in 0..10 {
        scene.fail(0, Failure::Known);
    }
    has_read(&first, 10.0).await;
    first.process.signal(Signal::TERM);
    first.process.says("stopping").await;
    scrape(&first).await;
    assert!(first.process.ended().await.success());

    let second = scene.exporter("pod").await;
    second.process.says("waiting for a scrape").await;
    scrape(&second).await;
    reads(&second).await;
    scene.fail(0, Failure::Known);
    has_read(&second, 1.0).await;
}

#[tokio::test]
async fn what_latest_means_is_found_out_once_and_not_again_after_a_crash() {
    let latest = ("ACS_RECORDING_EXPORTER__EVENT_HUB__START", "latest");
    let mut scene = Scene::new(&[latest]).await;
    for _ in 0..5 {
        scene.fail(0, Failure::Known);
    }
    let mut first = scene.exporter("pod").await;
    first.process.says("waiting for a scrape").await;
    eventually("it is written down", || async {
        let samples = first.scrape().await?;
        let written = samples.sum("acs_recording_exporter_checkpoint_sequence_number", &[]);
        if written == 4.0 {
            Ok(())
        } else {
            Err(written.to_string())
        }
    })
    .await;
    scrape(&first).await;
    reads(&first).await;
    for _ in 0..10 {
        scene.fail(0, Failure::Known);
    }
    has_read(&first, 10.0).await;
    first.process.signal(Signal::KILL);
    first.process.ended().await;

    let second = scene.exporter("pod").await;
    second.process.says("waiting for a scrape").await;
    scrape(&second).await;
    has_read(&second, 10.0).await;
}

#[tokio::test]
async fn labels_that_were_seen_before_stand_at_0_from_the_first_scrape_on() {
    let mut scene = Scene::new(&[]).await;
    let mut first = scene.exporter("pod").await;
    first.process.says("waiting for a scrape").await;
    assert_eq!(strange(&scrape(&first).await), None);
    reads(&first).await;
    scene.fail(0, Failure::Strange);
    // It waits, at 0, until this has shown it.
    eventually("the series at 0", || async {
        match strange(&first.scrape().await?) {
            Some(0.0) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    scrape(&first).await;
    has_read(&first, 1.0).await;
    assert_eq!(strange(&scrape(&first).await), Some(1.0));
    stopped(&mut first).await;

    let second = scene.exporter("pod").await;
    second.process.says("waiting for a scrape").await;
    assert_eq!(strange(&scrape(&second).await), Some(0.0));
}

/// The failures under labels that Microsoft does not document, if there is a series of them.
fn strange(samples: &Samples) -> Option<f64> {
    let series = samples
        .0
        .lines()
        .find(|line| line.contains("FlyToMars") && line.starts_with(FAILURES));
    series.map(|line| line.rsplit_once(' ').unwrap().1.parse().unwrap())
}

async fn has_read(exporter: &Exporter, events: f64) {
    eventually("so many events", || async {
        // Without the header of a counted scraper: this acknowledges nothing.
        let seen = exporter.scrape().await?.sum(EVENTS, &[]);
        if seen == events {
            Ok(())
        } else {
            Err(format!(
                "{seen} of {events}\n{}",
                exporter.process.written()
            ))
        }
    })
    .await;
}

/// Scrapes as Prometheus does: a qualifying scrape.
async fn scrape(exporter: &Exporter) -> Samples {
    let asking = reqwest::Client::new()
        .get(format!("http://{}/metrics", exporter.address))
        .header("X-Prometheus-Scrape-Timeout-Seconds", "10")
        .send();
    let answer = asking.await.unwrap().error_for_status().unwrap();
    Samples(answer.text().await.unwrap())
}

/// Stops it with SIGTERM, and waits until it has ended. How long that took.
async fn stopped(exporter: &mut Exporter) -> Duration {
    let told_at = Instant::now();
    exporter.process.signal(Signal::TERM);
    let status = exporter.process.ended().await;
    assert!(status.success(), "{}", exporter.process.written());
    told_at.elapsed()
}
