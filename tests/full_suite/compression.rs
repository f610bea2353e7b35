//! What gzip saves, and what it costs.

use tokio::time::Instant;

use crate::attack::exporter_of;

const SCRAPES: u32 = 20;

#[tokio::test(flavor = "multi_thread")]
async fn scrapes_of_a_hundred_resources_with_gzip_and_without() {
    let (_hub, exporter) = exporter_of(100).await;
    let client = reqwest::Client::builder().no_gzip().build().unwrap();
    let mut bytes = Vec::new();
    for encoding in ["identity", "gzip"] {
        let begun = Instant::now();
        let mut length = 0;
        for _ in 0..SCRAPES {
            let url = format!("http://{}/metrics", exporter.address);
            let request = client.get(url).header("Accept-Encoding", encoding);
            length = request.send().await.unwrap().bytes().await.unwrap().len();
        }
        println!(
            "{encoding}: {} KiB, {:.1} ms a scrape",
            length / 1024,
            begun.elapsed().as_secs_f64() * 1000.0 / f64::from(SCRAPES)
        );
        bytes.push(length);
    }
    assert!(bytes[1] * 10 < bytes[0], "{bytes:?}");
}
