//! The first failure of its kind is one for `increase()`.

use tokio::time::Instant;

use super::scene::{FAILURES, Failure, Scene, reads};
use crate::world::eventually;

#[tokio::test(flavor = "multi_thread")]
async fn the_first_failure_is_seen_under_labels_known_and_strange() {
    let mut scene = Scene::new(&[]).await;
    let prometheus = scene.prometheus("a").await;
    let exporter = scene.exporter("pod-1").await;
    reads(&exporter).await;
    // A Prometheus that has just started takes some seconds until it scrapes steadily.
    eventually("some quiet seconds", || async {
        let scrapes = prometheus.sum("count_over_time(up[1m])").await;
        if scrapes >= 5.0 {
            Ok(())
        } else {
            Err(scrapes.to_string())
        }
    })
    .await;
    for (failure, operation) in [
        (Failure::Known, "StartRecording"),
        (Failure::Strange, "FlyToMars"),
    ] {
        let published_at = Instant::now();
        scene.fail(0, failure);
        let query = format!(r#"sum(increase({FAILURES}{{operation="{operation}"}}[1m]))"#);
        let increase = eventually("an increase", || async {
            let increase = prometheus.sum(&query).await;
            if increase > 0.0 {
                Ok(increase)
            } else {
                Err(format!("{increase}\n{}", exporter.process.written()))
            }
        })
        .await;
        println!(
            "{failure:?}: increase() is {increase:.2}, {:.1} s after it was published",
            published_at.elapsed().as_secs_f64()
        );
    }
    assert_eq!(scene.seen(&prometheus, &exporter).await, 2.0);
}
