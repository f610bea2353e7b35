//! Events that come again, and another reader in the same consumer group.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::scene::{EVENT_HUB, RESTARTS, Scene};
use crate::support::{Clients, open, owned};
use crate::world::eventually;

#[tokio::test]
async fn events_that_come_again_over_a_living_link() {
    let mut scene = Scene::start(2, &[]).await;
    scene.publish(500);
    scene.calm().await;
    let before = scene
        .watched
        .exporter
        .scrape()
        .await
        .unwrap()
        .sum(RESTARTS, &[]);
    scene.faults().repeat(EVENT_HUB, 0, 300).unwrap();
    scene.publish(100);
    scene.watched.observed().await;
    let scrape = scene.settled().await;
    let refused = scrape.sum("acs_recording_exporter_refused_events_total", &[]);
    println!("300 events come again: {refused} refused");
    assert_eq!(refused, 300.0);
    // The link lives, and shall.
    assert_eq!(scrape.sum(RESTARTS, &[]), before);
}

#[tokio::test]
async fn another_reader_that_takes_the_partition_is_given_way_and_time() {
    let mut scene = Scene::start(2, &[]).await;
    scene.publish(100);
    scene.calm().await;
    let taken_at = Instant::now();
    let consumer = scene.hub.consumer_in(EVENT_HUB, "exporter").await.unwrap();
    let stolen = open(&consumer, "0", owned(0)).await.unwrap();
    let reading = Box::pin(crate::support::error_of(&stolen));
    let publishing = async {
        loop {
            scene.publish(1);
            sleep(Duration::from_millis(50)).await;
        }
    };
    // Whoever took it reads until it is taken back, and is told so.
    tokio::select! {
        error = reading => crate::support::assert_stolen(&error),
        () = publishing => {}
    }
    let given_way = taken_at.elapsed();
    println!("a partition was taken: given way for {given_way:.1?}");
    assert!(given_way > Duration::from_secs(4), "{given_way:?}");
    scene.watched.observed().await;
    let scrape = scene.settled().await;
    assert_eq!(scrape.sum(RESTARTS, &[r#"cause="stolen""#]), 1.0);
    eventually("it reads again", || async {
        let owned = scene
            .watched
            .exporter
            .scrape()
            .await?
            .sum("acs_recording_exporter_partition_owned", &[]);
        if owned == 2.0 {
            Ok(())
        } else {
            Err(owned.to_string())
        }
    })
    .await;
}
