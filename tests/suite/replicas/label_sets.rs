//! What one replica has counted stands at 0 in the next, before it reads.

use super::scene::{EVENT_HUB, Scene};
use crate::world::eventually;

const USAGE: &str = "acs_usage_quantity_total";

#[tokio::test(flavor = "multi_thread")]
async fn a_label_set_that_a_replica_has_seen_rises_from_0_in_the_next() {
    let mut scene = Scene::new(&[]).await;
    let prometheus = scene.prometheus().await;
    scene.start("a").await;
    scene.balanced(1).await;
    publish(&scene);
    eventually("the usage is shown", || async {
        let shown = scene.sum(USAGE, &[]).await;
        (shown == 1.0).then_some(()).ok_or(shown.to_string())
    })
    .await;
    scene.stop("a").await;

    scene.start("b").await;
    scene.takes_part("b").await;
    assert_eq!(scene.sum(USAGE, &[]).await, 0.0);
    scene.balanced(1).await;
    publish(&scene);
    eventually("the usage rises", || async {
        let rise = prometheus
            .rise(&format!(r#"{USAGE}{{instance="b"}}"#))
            .await;
        (rise == 1.0)
            .then_some(())
            .ok_or_else(|| format!("{rise}\n{}", scene.written()))
    })
    .await;
    let unshown = scene
        .sum("acs_recording_exporter_born_unshown_total", &[USAGE])
        .await;
    assert_eq!(unshown, 0.0);
}

fn publish(scene: &Scene) {
    let body = r#"{"records":[{"category":"Usage","resourceId":"/SUBSCRIPTIONS/S/RESOURCEGROUPS/G/PROVIDERS/MICROSOFT.COMMUNICATION/COMMUNICATIONSERVICES/A","level":"Informational","usageType":"CallRecording","unitType":"minutes","quantity":1}]}"#;
    scene.hub.publish(EVENT_HUB, 0, body.as_bytes()).unwrap();
}
