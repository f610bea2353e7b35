//! A real Prometheus, a probe, and hundreds of clients that try to keep them out, for 150 seconds each.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use crate::attack::{Attack, CLIENTS, exporter_of, honest};
use crate::prometheus::Prometheus;
use crate::world::eventually;

const LASTING: Duration = Duration::from_secs(150);

/// Prometheus waits for a scrape as long: half of its default. All clients together ask for gigabytes meanwhile.
const INTERVAL: Duration = Duration::from_secs(5);

async fn survives(attack: Attack) {
    let (_hub, exporter) = exporter_of(100).await;
    let folder = tempfile::tempdir().unwrap();
    let interval = INTERVAL.as_secs();
    let config = format!(
        "global: {{scrape_interval: {interval}s, scrape_timeout: {interval}s}}\n\
         scrape_configs: [{{job_name: exporter, static_configs: [{{targets: ['{}']}}]}}]\n",
        exporter.address
    );
    let prometheus = Prometheus::start(folder.path(), &config).await;
    eventually("the first scrape", || async {
        let up = prometheus.sum("up").await;
        if up == 1.0 {
            Ok(())
        } else {
            Err(up.to_string())
        }
    })
    .await;
    let attackers = attack.start(&exporter, &[IpAddr::V4(Ipv4Addr::LOCALHOST)]);
    let healthy = honest(
        &exporter,
        "/-/healthy",
        false,
        Duration::from_secs(1),
        LASTING,
    )
    .await;
    let range = format!("[{}s]", LASTING.as_secs());
    let up = prometheus.query(&format!("up{range}"), None).await;
    let up: Vec<_> = up.iter().flat_map(|series| series.values()).collect();
    let duration = format!("max_over_time(scrape_duration_seconds{range})");
    let slowest = prometheus.sum(&duration).await;
    drop(attackers);
    let scrape = exporter.scrape().await.unwrap();
    let memory = exporter.memory_mib("VmHWM");
    println!(
        "{attack:?}, {CLIENTS} clients for {LASTING:?}: up {up:?}, the slowest scrape took {slowest:.3} s of {interval} s; \
         health {healthy:?}; closed {:?}; memory at most {} MiB; a body has {} KiB",
        scrape.by(
            "acs_recording_exporter_http_connections_closed_total",
            "cause"
        ),
        memory,
        scrape.0.len() / 1024,
    );
    // A body for each of the clients would be more than 600 MiB.
    assert!(memory < 200, "{memory} MiB");
    assert!(up.len() >= 29, "{} scrapes", up.len());
    assert!(up.iter().all(|up| *up == 1.0));
    assert_eq!(healthy.failed, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_readers_keep_prometheus_and_probes_not_out() {
    survives(Attack::ReadingSlowly).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pipelining_clients_keep_prometheus_and_probes_not_out() {
    survives(Attack::Pipelining).await;
}
