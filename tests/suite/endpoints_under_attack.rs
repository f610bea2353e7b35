//! Nobody keeps the scrapers out; the long form, with a real Prometheus, is in `tests/full_suite`.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use crate::attack::{Attack, CLIENTS, Experience, exporter_of, honest};

const LASTING: Duration = Duration::from_secs(4);

async fn survives(attack: Attack, addresses: &[IpAddr]) {
    let (_hub, exporter) = exporter_of(20).await;
    let attackers = attack.start(&exporter, addresses);
    let often = Duration::from_millis(100);
    let (scrapes, new, healthy) = tokio::join!(
        honest(&exporter, "/metrics", true, often, LASTING),
        honest(&exporter, "/metrics", false, often, LASTING),
        honest(&exporter, "/-/healthy", false, often, LASTING),
    );
    drop(attackers);
    let closed = exporter.scrape().await.unwrap().by(
        "acs_recording_exporter_http_connections_closed_total",
        "cause",
    );
    println!(
        "{attack:?}, {CLIENTS} clients of {} addresses: scrapes {scrapes:?}, over new connections {new:?}, health {healthy:?}; \
         closed {closed:?}; memory at most {} MiB",
        addresses.len(),
        exporter.memory_mib("VmHWM")
    );
    // Where all share one address, a client that gets no processor looks like one that reads slowly.
    let is_shared = addresses.contains(&LOCALHOST);
    for Experience {
        answered, failed, ..
    } in [scrapes, new, healthy]
    {
        assert!(answered > 0, "{failed:?}");
        assert!(is_shared || failed.is_empty(), "{failed:?}");
    }
    assert!(closed.values().sum::<f64>() > 0.0, "{closed:?}");
    let warning = "HTTP connections closed for the sake of other clients";
    exporter.process.says(warning).await;
}

const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

const ANOTHER: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 1, 0, 1));

#[tokio::test(flavor = "multi_thread")]
async fn hundreds_of_slow_readers_keep_nobody_out() {
    survives(Attack::ReadingSlowly, &[ANOTHER]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hundreds_of_slow_readers_of_as_many_addresses_keep_nobody_out() {
    let addresses = (0..CLIENTS).map(|i| {
        let [high, low] = u16::try_from(i).unwrap().to_be_bytes();
        IpAddr::from([127, 1, high, low])
    });
    survives(Attack::ReadingSlowly, &addresses.collect::<Vec<_>>()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hundreds_that_ask_before_they_have_read_keep_nobody_out() {
    survives(Attack::Pipelining, &[ANOTHER]).await;
}

/// As behind a service mesh.
#[tokio::test(flavor = "multi_thread")]
async fn slow_readers_of_the_address_that_all_share_keep_nobody_out() {
    survives(Attack::ReadingSlowly, &[LOCALHOST]).await;
}
