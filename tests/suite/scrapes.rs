//! Which scrapes acknowledge what they carried, over real sockets; and what connections may not do to others.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use acs_recording_exporter::inside::config::{self, Flag, Sources};
use acs_recording_exporter::inside::http::{Limits, Server, Shown};
use acs_recording_exporter::inside::liveness::Liveness;
use acs_recording_exporter::inside::metrics::Exposition;
use acs_recording_exporter::inside::telemetry::Telemetry;
use event_hub_emulator::EventHub;
use prometheus::{Registry, TextEncoder};
use reqwest::Client;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::prometheus::Prometheus;
use crate::support::RunningHub;
use crate::world::{Exporter, PATIENCE, Samples, eventually};

const TIMEOUT: &str = "X-Prometheus-Scrape-Timeout-Seconds";

#[tokio::test]
async fn a_scrape_that_announces_its_time_out_acknowledges_its_own_cut_each_time() {
    let endpoints = Endpoints::start(1, 0, Limits::default());
    let client = Client::new();
    for cut in 1..=5 {
        let text = endpoints.scrape(&client, "", Some("10")).await;
        assert!(text.contains("acs_recording_exporter_scrapes_total"));
        endpoints.acknowledges(cut).await;
    }
    assert_eq!(endpoints.counted(), (5.0, 0.0));
}

#[tokio::test]
async fn people_and_probes_acknowledge_nothing() {
    let endpoints = Endpoints::start(1, 0, Limits::default());
    let client = Client::new();
    endpoints.scrape(&client, "", None).await;
    endpoints.scrape(&client, "", Some("soon")).await;
    for path in ["/-/ready", "/-/healthy", "/"] {
        let request = client.get(endpoints.url(path)).header(TIMEOUT, "10");
        request.send().await.unwrap().bytes().await.unwrap();
    }
    let request = client.head(endpoints.url("/metrics")).header(TIMEOUT, "10");
    assert_eq!(request.send().await.unwrap().status(), 200);
    eventually("what does not count is counted as such", || async {
        let seen = endpoints.counted();
        (seen == (0.0, 2.0))
            .then_some(())
            .ok_or_else(|| format!("{seen:?}"))
    })
    .await;
    assert_eq!(endpoints.acknowledged(), 0);
}

/// The body is far larger than what the system buffers, and the server has it in one piece: it is "sent" as far as any
/// server of HTTP tells its handlers, and dropped, before the client has read a tenth of it.
#[tokio::test]
async fn an_answer_cut_off_half_way_or_left_unread_acknowledges_nothing() {
    let stall = Duration::from_secs(1);
    let limits = Limits {
        stall,
        ..Limits::default()
    };
    let endpoints = Endpoints::start(1, 100, limits);
    drop(endpoints.half_read("60").await);
    endpoints.has_not_counted(1.0).await;

    let mut half = endpoints.half_read("60").await;
    let started = Instant::now();
    endpoints.has_not_counted(2.0).await;
    assert!(started.elapsed() >= stall.mul_f64(0.8), "dropped too early");
    // What is left in the system's buffers may still come; then the end does, or a reset.
    let (mut rest, length) = (Vec::new(), half.left.len());
    let _ended = half.stream.read_to_end(&mut rest).await;
    println!("{} of {length} bytes came", rest.len());
    assert!(
        rest.len() < 500_000,
        "the system takes {} bytes",
        rest.len()
    );

    // The same body, read whole, counts: its size is not the reason.
    assert_eq!(endpoints.acknowledged(), 0);
    let text = endpoints.scrape(&Client::new(), "", Some("60")).await;
    assert!(text.len() > length);
    endpoints.acknowledges(3).await;
}

#[tokio::test]
async fn a_scrape_that_is_read_whole_but_too_late_acknowledges_nothing() {
    let endpoints = Endpoints::start(1, 100, Limits::default());
    let mut half = endpoints.half_read("0.3").await;
    tokio::time::sleep(Duration::from_millis(400)).await; // what is tested is that time passes
    half.stream.read_exact(&mut half.left).await.unwrap();
    endpoints.has_not_counted(1.0).await;
    assert_eq!(endpoints.acknowledged(), 0);
}

#[tokio::test]
async fn of_two_scrapers_both_must_have_carried_a_cut_told_apart_by_name_else_by_address() {
    let endpoints = Endpoints::start(2, 0, Limits::default());
    let client = Client::new();
    endpoints.scrape(&client, "?scraper=a", Some("10")).await;
    endpoints.scrape(&client, "?scraper=a", Some("10")).await;
    endpoints.counts(2.0).await;
    assert_eq!(endpoints.acknowledged(), 0, "one scraper is not two");
    endpoints.scrape(&client, "?scraper=b-2", Some("10")).await;
    endpoints.acknowledges(2).await;

    let endpoints = Endpoints::start(2, 0, Limits::default());
    endpoints.scrape(&client, "", Some("10")).await;
    endpoints.scrape(&client, "", Some("10")).await;
    endpoints.counts(2.0).await;
    assert_eq!(endpoints.acknowledged(), 0, "one address is not two");
    let elsewhere = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
    let other = Client::builder().local_address(elsewhere).build().unwrap();
    endpoints.scrape(&other, "", Some("10")).await;
    endpoints.acknowledges(2).await;

    let request = client.get(endpoints.url("/metrics?scraper=a%20b"));
    let answer = request.header(TIMEOUT, "10").send().await.unwrap();
    assert_eq!(answer.status(), 400);
    let said = answer.text().await.unwrap();
    assert!(said.contains("1 to 64 characters"), "{said}");
}

#[tokio::test]
async fn connections_opened_and_left_keep_nobody_out() {
    let limits = Limits {
        head: PATIENCE * 2, // so that it is the limit of connections that ends them
        idle: PATIENCE * 2,
        ..Limits::default()
    };
    for said in ["", &request("GET /-/healthy", "10")] {
        let endpoints = Endpoints::start(1, 0, limits);
        let mut left = Vec::new();
        for _ in 0..300 {
            let mut stream = endpoints.connect(None).await;
            stream.write_all(said.as_bytes()).await.unwrap();
            if !said.is_empty() {
                stream.readable().await.unwrap();
            }
            left.push(stream);
        }
        let started = Instant::now();
        endpoints.scrape(&Client::new(), "", Some("10")).await;
        endpoints.acknowledges(1).await;
        let took = started.elapsed();
        assert!(took < Duration::from_secs(5), "{took:?}");
        let expected = left.len() + 1 - limits.connections;
        eventually("the longest idle ones went", || async {
            let mut closed = 0;
            for stream in &left {
                closed += usize::from(at_end(stream).unwrap_or(true));
            }
            (closed == expected)
                .then_some(())
                .ok_or_else(|| format!("{closed}, not {expected}"))
        })
        .await;
    }
}

#[tokio::test]
async fn while_every_place_is_busy_others_wait_and_are_served_when_one_is_free() {
    let limits = Limits {
        connections: 2,
        stall: Duration::from_secs(1),
        ..Limits::default()
    };
    let endpoints = Endpoints::start(1, 100, limits);
    let busy = (
        endpoints.half_read("60").await,
        endpoints.half_read("60").await,
    );
    endpoints.scrape(&Client::new(), "", Some("60")).await;
    endpoints.acknowledges(3).await;
    drop(busy);
    assert_eq!(endpoints.counted(), (1.0, 2.0));
}

#[tokio::test]
async fn who_never_ends_its_request_is_dropped() {
    let limits = Limits {
        head: Duration::from_millis(500),
        ..Limits::default()
    };
    let endpoints = Endpoints::start(1, 0, limits);
    let mut client = endpoints.connect(None).await;
    let started = Instant::now();
    while client.write_all(b"GET ").await.is_ok() {
        assert!(started.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(50)).await; // slow is what it is
    }
    assert!(started.elapsed() >= limits.head);
}

#[tokio::test]
async fn a_real_prometheus_scrapes_and_its_scrapes_count() {
    let hub = RunningHub::start([EventHub::new("logs", 1)]).await;
    let exporter = Exporter::start(&[
        (
            "ACS_RECORDING_EXPORTER__EVENT_HUB__CONNECTION_STRING",
            &hub.connection_string,
        ),
        (
            "ACS_RECORDING_EXPORTER__EVENT_HUB__CONSUMER_GROUP",
            "exporter",
        ),
    ])
    .await;
    let folder = tempfile::tempdir().unwrap();
    let scraping = format!(
        "scrape_configs: [{{job_name: exporter, scrape_interval: 1s, scrape_timeout: 1s, \
         params: {{scraper: [prometheus-0]}}, static_configs: [{{targets: ['{}']}}]}}]",
        exporter.address
    );
    let prometheus = Prometheus::start(folder.path(), &scraping).await;
    eventually("it is up and its scrapes count", || async {
        let up = prometheus.ask("up", None, "job").await;
        let query = "acs_recording_exporter_scrapes_total";
        let scrapes = prometheus.ask(query, None, "counted").await;
        let is_right = up.get("exporter") == Some(&1.0)
            && scrapes.get("true") >= Some(&3.0)
            && !scrapes.contains_key("false");
        is_right
            .then(|| println!("{up:?} {scrapes:?}"))
            .ok_or_else(|| format!("{up:?} {scrapes:?}"))
    })
    .await;
}

/// The endpoints over real sockets, and what they show within reach.
struct Endpoints {
    address: SocketAddr,
    exposition: Arc<Exposition>,
    own: Registry,
    _stop: DropGuard,
}

impl Endpoints {
    /// With failure series of so many resources, of which 100 make megabytes.
    fn start(scrapers: usize, resources: usize, limits: Limits) -> Self {
        let keys = [
            ("event_hub.namespace", "contoso"),
            ("event_hub.names", "logs"),
            ("event_hub.consumer_group", "exporter"),
            ("http.listen", "127.0.0.1:0"),
        ];
        let flag = |(key, value): (&'static str, &str)| Flag {
            key,
            value: value.to_owned(),
            flag: "test",
        };
        let mut config = config::load(Sources {
            file: None,
            environment: Vec::new(),
            flags: keys.into_iter().map(flag).collect(),
        })
        .unwrap();
        let resources = (0..resources).map(|i| format!("resource-{i}"));
        config.metrics.resources = resources.collect();
        let own = Registry::new();
        let telemetry = Arc::new(Telemetry::new(&own));
        let exposition = Exposition::new(&config.metrics, scrapers, own.clone(), telemetry);
        let exposition = Arc::new(exposition);
        let shown = Shown {
            exposition: Arc::clone(&exposition),
            liveness: Arc::new(Liveness::new([], Duration::from_mins(5), Instant::now())),
        };
        let server = Server::bind(&config.http).unwrap();
        let server = server.limited_to(limits);
        let address = server.address();
        let stop = CancellationToken::new();
        let _serving = server.spawn(shown, stop.clone()).unwrap();
        Self {
            address,
            exposition,
            own,
            _stop: stop.drop_guard(),
        }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    async fn scrape(&self, client: &Client, query: &str, timeout: Option<&str>) -> String {
        let mut request = client.get(self.url(&format!("/metrics{query}")));
        if let Some(timeout) = timeout {
            request = request.header(TIMEOUT, timeout);
        }
        let answer = request.timeout(PATIENCE).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.text().await.unwrap()
    }

    async fn connect(&self, receive_buffer: Option<u32>) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        if let Some(bytes) = receive_buffer {
            socket.set_recv_buffer_size(bytes).unwrap();
        }
        socket.connect(self.address).await.unwrap()
    }

    /// A scrape of which only the start was read.
    async fn half_read(&self, timeout: &str) -> HalfRead {
        let mut stream = self.connect(Some(4096)).await;
        let asked = request("GET /metrics", timeout);
        stream.write_all(asked.as_bytes()).await.unwrap();
        let mut start = vec![0; 4096];
        stream.read_exact(&mut start).await.unwrap();
        let start = String::from_utf8_lossy(&start).to_lowercase();
        let (head, body) = start.split_once("\r\n\r\n").unwrap();
        let (_, length) = head.split_once("content-length: ").unwrap();
        let length: usize = length.split("\r\n").next().unwrap().parse().unwrap();
        assert!(length > 2_000_000, "the system may buffer {length} bytes");
        HalfRead {
            stream,
            left: vec![0; length - body.len()],
        }
    }

    fn acknowledged(&self) -> u64 {
        *self.exposition.acknowledged().borrow()
    }

    async fn acknowledges(&self, cut: u64) {
        eventually("acknowledged", || async {
            let seen = self.acknowledged();
            (seen == cut)
                .then_some(())
                .ok_or_else(|| format!("{seen}, not {cut}"))
        })
        .await;
    }

    /// How many scrapes count, and how many do not; asked without a scrape.
    fn counted(&self) -> (f64, f64) {
        let families = TextEncoder::new().encode_to_string(&self.own.gather());
        let samples = Samples(families.unwrap());
        let of = |counted: &str| {
            samples.sum(
                "acs_recording_exporter_scrapes_total",
                &[&format!(r#"counted="{counted}""#)],
            )
        };
        (of("true"), of("false"))
    }

    async fn counts(&self, times: f64) {
        self.has(|(counted, _)| counted == times).await;
    }

    async fn has_not_counted(&self, times: f64) {
        self.has(|(_, not_counted)| not_counted == times).await;
    }

    async fn has(&self, is_expected: impl Fn((f64, f64)) -> bool) {
        eventually("the scrapes, counted and not", || async {
            let seen = self.counted();
            is_expected(seen)
                .then_some(())
                .ok_or_else(|| format!("{seen:?}"))
        })
        .await;
    }
}

struct HalfRead {
    stream: TcpStream,
    /// As long as what is still to come.
    left: Vec<u8>,
}

fn request(line: &str, timeout: &str) -> String {
    format!("{line} HTTP/1.1\r\nHost: a\r\n{TIMEOUT}: {timeout}\r\n\r\n")
}

/// Whether the server has closed a connection; what it has sent before is read away.
fn at_end(stream: &TcpStream) -> std::io::Result<bool> {
    let mut buffer = [0; 4096];
    loop {
        match stream.try_read(&mut buffer) {
            Ok(0) => return Ok(true),
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error),
        }
    }
}
