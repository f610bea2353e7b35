//! Which scrapes acknowledge their snapshot, over real sockets; and what connections may not do to others.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use reqwest::Client;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::Metrics;
use crate::http::settings::{CONNECTIONS_MAX, Limits};
use crate::http::web::Web;
use crate::http::{Server, Settings};

const TIMEOUT: &str = "X-Prometheus-Scrape-Timeout-Seconds";

/// Long enough for two busy cores; a test that passes never waits so long.
const PATIENCE: Duration = Duration::from_mins(2);

#[tokio::test]
async fn a_scrape_that_announces_its_timeout_acknowledges_its_own_snapshot_each_time() {
    let endpoints = Endpoints::start(1, 0, Limits::default());
    let client = Client::new();
    for snapshot in 1..=5 {
        let text = endpoints.scrape(&client, "", Some("10")).await;
        assert!(text.contains("acs_recording_exporter_scrapes_total"));
        endpoints.acknowledges(snapshot).await;
    }
    assert_eq!(endpoints.metrics.scrapes(), (5.0, 0.0));
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
    endpoints.has_not_counted(2.0).await;
    assert_eq!(endpoints.metrics.scrapes(), (0.0, 2.0));
    assert_eq!(endpoints.metrics.acknowledged(), 0);
}

/// The body is far larger than what the system buffers, and the server has it in one piece: it is "sent" as far as any
/// server of HTTP tells its handlers, and dropped, before the client has read a tenth of it.
#[tokio::test]
async fn an_answer_that_is_half_read_and_dropped_or_left_acknowledges_nothing() {
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
    assert_eq!(endpoints.metrics.acknowledged(), 0);
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
    assert_eq!(endpoints.metrics.acknowledged(), 0);
}

#[tokio::test]
async fn two_scrapers_must_both_have_received_a_snapshot_and_are_known_by_name_else_by_address() {
    let endpoints = Endpoints::start(2, 0, Limits::default());
    let client = Client::new();
    endpoints.scrape(&client, "?scraper=a", Some("10")).await;
    endpoints.scrape(&client, "?scraper=a", Some("10")).await;
    endpoints.counts(2.0).await;
    assert_eq!(
        endpoints.metrics.acknowledged(),
        0,
        "one scraper is not two"
    );
    endpoints.scrape(&client, "?scraper=b-2", Some("10")).await;
    endpoints.acknowledges(2).await;

    let endpoints = Endpoints::start(2, 0, Limits::default());
    endpoints.scrape(&client, "", Some("10")).await;
    endpoints.scrape(&client, "", Some("10")).await;
    endpoints.counts(2.0).await;
    assert_eq!(
        endpoints.metrics.acknowledged(),
        0,
        "one address is not two"
    );
    let elsewhere = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
    let other = Client::builder().local_address(elsewhere).build().unwrap();
    endpoints.scrape(&other, "", Some("10")).await;
    endpoints.acknowledges(2).await;

    let request = client.get(endpoints.url("/metrics?scraper=a%20b"));
    let answer = request.header(TIMEOUT, "10").send().await.unwrap();
    assert_eq!(answer.status(), 400);
    let text = answer.text().await.unwrap();
    assert!(text.contains("1 to 64 characters"), "{text}");
}

#[tokio::test]
async fn connections_opened_and_left_keep_no_other_client_out() {
    let limits = Limits {
        head: PATIENCE * 2, // so that it is the limit of connections that ends them
        idle: PATIENCE * 2,
        ..Limits::default()
    };
    for sent in ["", &request("GET /-/healthy", "10")] {
        let endpoints = Endpoints::start(1, 0, limits);
        let mut left = Vec::new();
        for _ in 0..300 {
            let mut stream = endpoints.connect(None).await;
            stream.write_all(sent.as_bytes()).await.unwrap();
            if !sent.is_empty() {
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
        eventually("the longest idle ones are closed", || {
            let closed = left.iter().filter(|stream| at_end(stream).unwrap_or(true));
            (closed.count(), expected)
        })
        .await;
    }
}

#[tokio::test]
async fn the_slowest_reader_makes_room_and_acknowledges_nothing() {
    let limits = Limits {
        connections: 2,
        stall: PATIENCE * 2, // so that it is the limit of connections that ends it
        ..Limits::default()
    };
    let endpoints = Endpoints::start(1, 100, limits);
    let slowest = endpoints.half_read("60").await;
    let slow = endpoints.half_read("60").await;
    for snapshot in 3..=5 {
        endpoints.scrape(&Client::new(), "", Some("60")).await;
        endpoints.acknowledges(snapshot).await;
    }
    endpoints.has_not_counted(1.0).await;
    assert_eq!(endpoints.metrics.scrapes(), (3.0, 1.0));
    assert_eq!(endpoints.metrics.closed(), (1.0, 0.0, 0.0));
    drop((slowest, slow));
}

/// Each of them asks as soon as it has read, so that none is slow.
#[tokio::test]
async fn fast_scrapers_that_have_every_connection_keep_no_other_out() {
    let limits = Limits {
        connections: 2,
        ..Limits::default()
    };
    let endpoints = Arc::new(Endpoints::start(1, 0, limits));
    let mut fast = JoinSet::new();
    for _ in 0..4 {
        let endpoints = Arc::clone(&endpoints);
        fast.spawn(async move {
            let client = Client::new();
            loop {
                endpoints.scrape(&client, "", Some("60")).await;
            }
        });
    }
    endpoints.counts_at_least(20.0).await;
    let other = async {
        for _ in 0..5 {
            endpoints.scrape(&Client::new(), "", Some("60")).await;
        }
    };
    timeout(Duration::from_secs(20), other).await.unwrap();
    assert!(endpoints.metrics.scrapes().1 < 1.0);
}

#[tokio::test]
async fn a_client_that_fills_every_connection_makes_room_with_its_own() {
    let limits = Limits {
        connections: 6,
        stall: PATIENCE * 2,
        ..Limits::default()
    };
    let endpoints = Endpoints::start(1, 100, limits);
    let mut filling = Vec::new();
    for _ in 0..6 {
        filling.push(endpoints.half_read("60").await);
    }
    let elsewhere = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
    let other = Client::builder().local_address(elsewhere).build().unwrap();
    for closed in [1.0, 2.0, 3.0] {
        endpoints.scrape(&other, "", Some("60")).await;
        endpoints.counts(closed).await;
        filling.push(endpoints.half_read("60").await);
        assert_eq!(endpoints.metrics.closed(), (closed, 0.0, 0.0));
    }
}

#[tokio::test]
async fn a_scrape_from_elsewhere_is_answered_and_acknowledges_nothing() {
    let mut metrics = Metrics::new(1, 0);
    metrics.delivery.scrapers_from = vec!["127.0.0.2".parse::<IpAddr>().unwrap().into()];
    let endpoints = Endpoints::serve(metrics, Limits::default(), Web::default());
    for query in ["", "?scraper=a"] {
        endpoints.scrape(&Client::new(), query, Some("10")).await;
    }
    endpoints.has_not_counted(2.0).await;
    assert_eq!(endpoints.metrics.acknowledged(), 0);
    let there = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
    let client = Client::builder().local_address(there).build().unwrap();
    endpoints.scrape(&client, "", Some("10")).await;
    endpoints.acknowledges(3).await;
    assert_eq!(endpoints.metrics.scrapes(), (1.0, 2.0));
}

#[tokio::test]
async fn a_client_that_never_ends_its_request_is_dropped() {
    let limits = Limits {
        head: Duration::from_millis(500),
        ..Limits::default()
    };
    let endpoints = Endpoints::start(1, 0, limits);
    let started = Instant::now();
    let mut client = endpoints.connect(None).await;
    while client.write_all(b"GET ").await.is_ok() {
        assert!(started.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(50)).await; // slow is what it is
    }
    assert!(started.elapsed() >= limits.head);
}

/// The endpoints over real sockets, and their metrics within reach.
pub(super) struct Endpoints {
    pub(super) address: SocketAddr,
    pub(super) metrics: Metrics,
    _stop: DropGuard,
}

impl Endpoints {
    fn start(scrapers: usize, resources: usize, limits: Limits) -> Self {
        Self::serve(Metrics::new(scrapers, resources), limits, Web::default())
    }

    pub(super) fn serve(metrics: Metrics, limits: Limits, web: Web) -> Self {
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let settings = &mut Settings::default();
        settings.listen = listen;
        let mut server = Server::bind(settings, web, CONNECTIONS_MAX).unwrap();
        server.limits = limits;
        let address = server.address();
        let stop = CancellationToken::new();
        let _serving = server.spawn(metrics.content(), stop.clone()).unwrap();
        Self {
            address,
            metrics,
            _stop: stop.drop_guard(),
        }
    }

    pub(super) fn url(&self, path: &str) -> String {
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

    async fn acknowledges(&self, snapshot: u64) {
        eventually("acknowledged", || (self.metrics.acknowledged(), snapshot)).await;
    }

    async fn counts(&self, scrapes: f64) {
        eventually("counted", || (self.metrics.scrapes().0, scrapes)).await;
    }

    async fn counts_at_least(&self, scrapes: f64) {
        let counts = || (self.metrics.scrapes().0 >= scrapes, true);
        eventually("counted", counts).await;
    }

    async fn has_not_counted(&self, scrapes: f64) {
        eventually("not counted", || (self.metrics.scrapes().1, scrapes)).await;
    }
}

/// Waits until a value is as expected; panics with what it last was.
async fn eventually<T: PartialEq + std::fmt::Debug>(
    what: &str,
    seen_and_expected: impl Fn() -> (T, T),
) {
    let started = Instant::now();
    loop {
        let (seen, expected) = seen_and_expected();
        if seen == expected {
            return;
        }
        assert!(
            started.elapsed() < PATIENCE,
            "{what}: {seen:?}, not {expected:?}"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
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
