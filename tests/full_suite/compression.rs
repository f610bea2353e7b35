//! What each format and gzip save, and what they cost.

use tokio::time::Instant;

use crate::attack::exporter_of;

const SCRAPES: u32 = 20;

const FORMATS: [(&str, &str); 3] = [
    ("classic text", "text/plain;version=0.0.4"),
    ("OpenMetrics", "application/openmetrics-text;version=1.0.0"),
    (
        "protobuf",
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn scrapes_in_each_format_with_gzip_and_without() {
    // Some 10,000 and 44,000 series.
    for resources in [22, 100] {
        let (_hub, exporter) = exporter_of(resources).await;
        let series = exporter.scrape().await.unwrap();
        let series = series.sum("acs_recording_exporter_series", &[]);
        println!("{resources} resources, {series} series:");
        let client = reqwest::Client::builder().no_gzip().build().unwrap();
        let mut bytes = Vec::new();
        for (format, accept) in FORMATS {
            for encoding in ["identity", "gzip"] {
                let mut times = Vec::new();
                let mut length = 0;
                for _ in 0..SCRAPES {
                    let begun = Instant::now();
                    let url = format!("http://{}/metrics", exporter.address);
                    let request = client.get(url).header("Accept-Encoding", encoding);
                    let answer = request.header("Accept", accept).send().await.unwrap();
                    length = answer.bytes().await.unwrap().len();
                    times.push(begun.elapsed());
                }
                times.sort();
                let median = times[times.len() / 2].as_secs_f64() * 1000.0;
                println!(
                    "  {format}, {encoding}: {} KiB, {median:.1} ms",
                    length / 1024
                );
                bytes.push(length);
            }
        }
        for pair in bytes.chunks(2) {
            assert!(pair[1] * 5 < pair[0], "{bytes:?}");
        }
    }
}
