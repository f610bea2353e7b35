//! The three formats, as real servers read them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header;
use event_hub_emulator::{Emulator, EventHub};
use serde_json::Value;
use tokio::task::JoinSet;

use crate::prometheus::Prometheus;
use crate::world::{Exporter, eventually, get, interop, python};

const DURATION: &str = "acs_recording_operation_duration_seconds";
const FAILURES: &str = "acs_recording_operation_failures_total";
const FAILED_CALL: &str = "11110000-bb11-2222-33cc-555555dddddd";

/// Of the requests: most take 20 to 119 ms, one in ten 2 s.
const REQUESTS: u32 = 100;

/// An exporter that shows all that there is.
struct World {
    hub: Emulator,
    exporter: Exporter,
}

impl World {
    async fn new() -> Self {
        let hub = Emulator::start([EventHub::new("logs", 1)]).await.unwrap();
        let variables = [
            ("ACS_RECORDING_EXPORTER__METRICS__HISTOGRAMS", "both"),
            ("ACS_RECORDING_EXPORTER__METRICS__EXEMPLARS", "on"),
            ("ACS_RECORDING_EXPORTER__METRICS__CREATED_SAMPLES", "on"),
            ("ACS_RECORDING_EXPORTER__METRICS__RESOURCES", "contoso"),
        ];
        let exporter = Exporter::reading(hub.connection_string(), &variables).await;
        Self { hub, exporter }
    }

    fn publish(&self, record: &str) {
        let resource = "/A/B/C/D/PROVIDERS/MICROSOFT.COMMUNICATION/COMMUNICATIONSERVICES/CONTOSO";
        let body = format!(r#"{{"records":[{{"resourceId":"{resource}",{record}}}]}}"#);
        self.hub.publish("logs", 0, body.as_bytes()).unwrap();
    }

    /// Requests, the last of which fails, and a recording.
    fn publish_all(&self) {
        for number in 1..REQUESTS {
            let milliseconds = if number % 10 == 0 { 2000 } else { 20 + number };
            self.publish(&format!(
                r#""category":"CallRecordingOperational","operationName":"StartRecording","resultType":"Succeeded","resultSignature":200,"durationMs":{milliseconds},"correlationId":"22220000-bb11-2222-33cc-{number:012}""#
            ));
        }
        self.publish(&format!(
            r#""category":"CallRecordingOperational","operationName":"StartRecording","resultType":"Failed","resultSignature":500,"durationMs":150,"correlationId":"{FAILED_CALL}""#
        ));
        self.publish(r#""category":"CallRecordingSummary","resultType":"Succeeded","properties":{"recordingEndReason":"CallEnded","recordingLength":"12.345","chunkCount":1}"#);
    }
}

/// A job of a Prometheus that has scraped one format.
struct Job<'p> {
    prometheus: &'p Prometheus,
    name: &'static str,
}

impl Job<'_> {
    /// Waits until the job has seen the failures at 0.
    async fn has_zeros(&self) {
        let query = format!("{FAILURES}{{job='{}'}}", self.name);
        eventually(&query, || async {
            match self.prometheus.query(&query, None).await.len() {
                0 => Err("none".to_owned()),
                _ => Ok(()),
            }
        })
        .await;
    }

    /// Waits until the job has seen every request.
    async fn has_all(&self) {
        let query = format!("sum(acs_recording_operations_total{{job='{}'}})", self.name);
        eventually(&query, || async {
            match self.prometheus.sum(&query).await {
                sum if sum == f64::from(REQUESTS) => Ok(()),
                sum => Err(format!("{sum} of {REQUESTS}")),
            }
        })
        .await;
    }

    /// The series about ACS as the server answers them, without those of histograms if there are none of the classic ones.
    async fn series(&self, with_histograms: bool) -> BTreeMap<String, String> {
        let name = "acs_(log|recording|recordings|resource|usage)(_.*)?";
        let query = format!(
            "{{job='{}', __name__=~'{name}', __name__!~'acs_recording_exporter_.*|.*_created'}}",
            self.name
        );
        let answer = self.prometheus.query(&query, None).await;
        let histogram = |name: &str| {
            ["_bucket", "_sum", "_count"]
                .iter()
                .any(|part| name.ends_with(part))
        };
        let series = answer.into_iter().filter_map(|mut series| {
            let name = series.metric.get("__name__").unwrap().clone();
            if !with_histograms && histogram(&name) {
                return None;
            }
            for label in ["job", "instance"] {
                series.metric.remove(label);
            }
            if let Some(le) = series.metric.get_mut("le") {
                *le = le.parse::<f64>().unwrap().to_string(); // 10 in text is 10.0 in OpenMetrics
            }
            Some((format!("{:?}", series.metric), series.text()?))
        });
        series.collect()
    }

    async fn quantile(&self, quantile: f64, of: &str) -> f64 {
        let selector = format!("{of}{{job='{}',operation='StartRecording'}}", self.name);
        let query = format!("histogram_quantile({quantile}, sum({selector}))");
        let query = if of == DURATION {
            query
        } else {
            query.replace("sum(", "sum by (le) (")
        };
        self.prometheus.sum(&query).await
    }

    /// The exemplars of a family: the ids.
    async fn exemplars(&self, family: &str) -> Vec<String> {
        let query = format!("{family}%7Bjob%3D%22{}%22%7D", self.name);
        let path = format!("/api/v1/query_exemplars?query={query}&start=0&end=4000000000");
        let answer: Value = serde_json::from_str(&self.prometheus.get(&path).await).unwrap();
        let list = |value: &Value, name: &str| {
            let list = value.get(name).and_then(Value::as_array);
            list.unwrap().clone()
        };
        let series = list(&answer, "data").into_iter();
        let exemplars = series.flat_map(|series| list(&series, "exemplars"));
        let ids = exemplars.map(|exemplar| {
            let id = exemplar.pointer("/labels/correlation_id");
            id.and_then(Value::as_str).unwrap().to_owned()
        });
        ids.collect()
    }
}

/// What servers of every version must find.
async fn check(
    world: &World,
    text: &Job<'_>,
    openmetrics: &Job<'_>,
    protobuf: &Job<'_>,
    classic_too: bool,
) {
    let jobs = [text, openmetrics, protobuf];
    world.exporter.ready().await;
    for job in jobs {
        job.has_zeros().await;
    }
    world.publish_all();
    for job in jobs {
        job.has_all().await;
    }
    let by_text = text.series(true).await;
    assert!(by_text.len() > 400, "{}", by_text.len());
    assert_eq!(openmetrics.series(true).await, by_text);
    assert_eq!(
        protobuf.series(classic_too).await,
        text.series(classic_too).await
    );
    println!(
        "{} series with the same digits in each format",
        by_text.len()
    );

    for job in [openmetrics, protobuf] {
        assert_eq!(job.exemplars(FAILURES).await, [FAILED_CALL], "{}", job.name);
    }
    let of_buckets = openmetrics.exemplars(&format!("{DURATION}_bucket")).await;
    assert!(
        of_buckets.iter().any(|id| id == FAILED_CALL),
        "{of_buckets:?}"
    );
    assert!(of_buckets.len() > 3, "{of_buckets:?}");

    // The bounds of the buckets around each quantile, of both kinds.
    for (quantile, low, high) in [(0.3, 0.025, 0.05), (0.8, 0.1, 0.25), (0.95, 1.0, 2.5)] {
        let classic = text.quantile(quantile, &format!("{DURATION}_bucket")).await;
        let native = protobuf.quantile(quantile, DURATION).await;
        println!("quantile {quantile}: {classic} by classic buckets, {native} by native ones");
        assert!((classic - native).abs() <= high - low, "{classic} {native}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_2_reads_the_same_from_each_format() {
    let world = World::new().await;
    let (proxy, _proxying) = text_only(&world.exporter.address).await;
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let config = scraping(&[
        ("text", &proxy, ""),
        ("openmetrics", &world.exporter.address, ""),
    ]);
    let program = Path::new("prometheus");
    let flags = ["--enable-feature=exemplar-storage"];
    let plain = Prometheus::start_as(program, &flags, folders[0].path(), &config).await;
    let config = scraping(&[("protobuf", &world.exporter.address, "")]);
    let flags = ["--enable-feature=exemplar-storage,native-histograms"];
    let native = Prometheus::start_as(program, &flags, folders[1].path(), &config).await;
    let job = |prometheus, name| Job { prometheus, name };
    let protobuf = job(&native, "protobuf");
    // This version drops classic histograms where there are native ones.
    check(
        &world,
        &job(&plain, "text"),
        &job(&plain, "openmetrics"),
        &protobuf,
        false,
    )
    .await;
    let count = format!("histogram_count({DURATION}{{job='protobuf'}})");
    assert_eq!(native.sum(&count).await, f64::from(REQUESTS));
    drop(world.hub);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "Debian's testing suite has Prometheus 3: `tests/full` installs it"]
async fn prometheus_3_reads_the_same_from_each_format_and_start_times() {
    let world = World::new().await;
    let folder = tempfile::tempdir().unwrap();
    let address = &world.exporter.address;
    let config = scraping(&[
        ("text", address, "scrape_protocols: [PrometheusText0.0.4]"),
        (
            "openmetrics",
            address,
            "scrape_protocols: [OpenMetricsText1.0.0]",
        ),
        (
            "protobuf",
            address,
            "scrape_protocols: [PrometheusProto], always_scrape_classic_histograms: true",
        ),
    ]);
    let features =
        "--enable-feature=exemplar-storage,native-histograms,created-timestamp-zero-ingestion";
    let prometheus =
        Prometheus::start_as(&prometheus_3(), &[features], folder.path(), &config).await;
    let job = |name| Job {
        prometheus: &prometheus,
        name,
    };
    let (text, openmetrics, protobuf) = (job("text"), job("openmetrics"), job("protobuf"));
    check(&world, &text, &openmetrics, &protobuf, true).await;

    // A label set that nobody knows is born above 0: the start time shows its rise.
    world.publish(r#""category":"Usage","operationName":"Usage","usageType":"novel","unitType":"minutes","quantity":7"#);
    let novel = |job: &str| format!("acs_usage_quantity_total{{job='{job}',usage_type='novel'}}");
    for (name, rise) in [("protobuf", 7.0), ("openmetrics", 7.0), ("text", 0.0)] {
        let query = novel(name);
        eventually(&query, || async {
            match prometheus.sum(&query).await {
                7.0 => Ok(()),
                other => Err(format!("{other}")),
            }
        })
        .await;
        assert_eq!(prometheus.rise(&query).await, rise, "{name}");
    }
    for job in ["text", "openmetrics", "protobuf"] {
        let failures = format!("{FAILURES}{{job='{job}'}}");
        assert_eq!(prometheus.rise(&failures).await, 1.0, "{job}");
    }
    drop(world.hub);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_official_parsers_accept_what_they_are_sent() {
    let world = World::new().await;
    world.exporter.ready().await;
    world.publish_all();
    eventually("every request", || async {
        match world
            .exporter
            .scrape()
            .await?
            .sum("acs_recording_operations_total", &[])
        {
            sum if sum == f64::from(REQUESTS) => Ok(()),
            sum => Err(format!("{sum}")),
        }
    })
    .await;
    let url = format!("http://{}/metrics", world.exporter.address);
    let mut parser = Command::new(python());
    parser.args([&interop("python/openmetrics.py"), &url, FAILED_CALL]);
    let parsed = tokio::task::spawn_blocking(move || parser.output()).await;
    let parsed = parsed.unwrap().unwrap();
    let (said, faults) = (
        String::from_utf8_lossy(&parsed.stdout),
        String::from_utf8_lossy(&parsed.stderr),
    );
    println!("{said}");
    assert!(parsed.status.success(), "{said}{faults}");

    let (_, body) = get(&world.exporter.address, "/metrics").await.unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), body).unwrap();
    let checked = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(std::fs::File::open(file.path()).unwrap())
        .output()
        .unwrap();
    let faults = String::from_utf8_lossy(&checked.stderr);
    assert!(checked.status.success() && faults.is_empty(), "{faults}");
}

/// Where `tests/full` has unpacked it.
fn prometheus_3() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/prometheus-3/usr/bin/prometheus")
}

/// A configuration with these jobs: name, target, and settings.
fn scraping(jobs: &[(&str, &str, &str)]) -> String {
    let jobs = jobs.iter().map(|(name, target, settings)| {
        format!("{{job_name: {name}, static_configs: [{{targets: ['{target}']}}], {settings}}}")
    });
    format!(
        "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\nscrape_configs: [{}]\n",
        jobs.collect::<Vec<_>>().join(", ")
    )
}

/// Hands on requests for the classic text, since a Prometheus 2 cannot be told to ask for it.
async fn text_only(exporter: &str) -> (String, JoinSet<()>) {
    let hand_on = async |State(url): State<String>, request: Request| {
        let mut headers = request.headers().clone();
        headers.remove(header::ACCEPT);
        headers.remove(header::ACCEPT_ENCODING);
        headers.remove(header::HOST);
        let answer = reqwest::Client::new().get(url).headers(headers);
        let answer = answer.send().await.unwrap();
        let kind = answer.headers()[header::CONTENT_TYPE].clone();
        (
            [(header::CONTENT_TYPE, kind)],
            answer.bytes().await.unwrap(),
        )
    };
    let router = Router::new()
        .fallback(hand_on)
        .with_state(format!("http://{exporter}/metrics"));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let mut proxying = JoinSet::new();
    proxying.spawn(async { axum::serve(listener, router).await.unwrap() });
    (address, proxying)
}
