//! Qualifying scrapes and timeouts over a wire in memory, whose buffer has a known size, and where minutes pass at once.

mod tls;

use std::collections::HashMap;
use std::convert::Infallible;
use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use flate2::read::GzDecoder;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Metrics;
use crate::format::Format;
use crate::http::connection::Connection;
use crate::http::connections::Connections;
use crate::http::scrape_watch::ScrapeWatch;
use crate::http::settings::Limits;
use crate::http::socket::Abandon;
use crate::http::web::Web;
use crate::http::{Parts, serve};

/// What the wire holds in each direction: what a socket would accept and its reader never see.
const WIRE: usize = 4096;

const SCRAPE: &str =
    "GET /metrics HTTP/1.1\r\nHost: a\r\nX-Prometheus-Scrape-Timeout-Seconds: 10\r\n\r\n";

/// A scrape that asks for gzip, or not, and for a format.
fn scrape(gzip: bool, format: Format) -> String {
    let encoding = if gzip { "gzip" } else { "identity" };
    let format = format.content_type();
    let asks = format!("Accept-Encoding: {encoding}\r\nAccept: {format}\r\nHost:");
    SCRAPE.replace("Host:", &asks)
}

impl Abandon for DuplexStream {
    fn abandon(&self) {}
}

struct World {
    metrics: Metrics,
    watch: Arc<ScrapeWatch>,
    open: Arc<Connections>,
    web: Arc<Web>,
    router: TowerToHyperService<axum::Router>,
    _taking: JoinSet<Infallible>,
    connections: JoinSet<()>,
    stop: CancellationToken,
}

impl World {
    fn new() -> Self {
        Self::of(1, Limits::default())
    }

    fn of(scrapers: usize, limits: Limits) -> Self {
        Self::with(Arc::default(), scrapers, limits)
    }

    fn with(web: Arc<Web>, scrapers: usize, limits: Limits) -> Self {
        let metrics = Metrics::new(scrapers, 20);
        let now = Instant::now();
        let parts = Parts::new(metrics.content(), Arc::clone(&web), limits, now);
        let mut taking = JoinSet::new();
        taking.spawn(parts.snapshots.take());
        Self {
            metrics,
            watch: parts.watch,
            open: parts.connections,
            web,
            router: TowerToHyperService::new(parts.router),
            _taking: taking,
            connections: JoinSet::new(),
            stop: CancellationToken::new(),
        }
    }

    fn connect(&mut self) -> DuplexStream {
        let (ours, theirs) = tokio::io::duplex(WIRE);
        let peer = "10.0.0.1".parse().unwrap();
        let connection = Connection::new(peer, Limits::default(), Instant::now());
        let connection = Arc::new(connection);
        let task = self.connections.spawn(serve::serve_stream(
            ours,
            self.web.acceptor(),
            Arc::clone(&connection),
            Arc::clone(&self.open),
            self.router.clone(),
            self.stop.clone(),
        ));
        self.open.opened(connection, task);
        theirs
    }

    /// Lets every task do what it can without waiting. No timeout is as short as this.
    async fn settle(&self) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }

    /// How long the only connection stays open.
    async fn lives(&mut self) -> Duration {
        let started = Instant::now();
        let (id, ()) = self.connections.join_next_with_id().await.unwrap().unwrap();
        self.open.ended(id);
        started.elapsed()
    }
}

/// The head of an answer, and how long its body is.
async fn head(client: &mut DuplexStream) -> (String, usize) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    let (_, length) = head.split_once("content-length: ").unwrap();
    let length = length.split("\r\n").next().unwrap().parse().unwrap();
    (head, length)
}

async fn take(client: &mut DuplexStream, bytes: usize) {
    client.read_exact(&mut vec![0; bytes]).await.unwrap();
}

/// The promise is about bytes, not about bodies: here hyper has dropped the body, all of it buffered, before the client
/// took its first byte. To take "the body is gone" for "the scrape is complete" would be to acknowledge at once.
#[tokio::test(start_paused = true)]
async fn a_scrape_is_complete_when_its_last_byte_is_accepted_and_no_byte_earlier() {
    let mut world = World::new();
    let mut client = world.connect();
    for (snapshot, gzip, format) in [
        (1, false, Format::Text),
        (2, true, Format::OpenMetrics),
        (3, false, Format::Protobuf),
        (4, true, Format::Text),
    ] {
        let request = scrape(gzip, format);
        client.write_all(request.as_bytes()).await.unwrap();
        let (head, length) = head(&mut client).await;
        let named = format!("content-type: {}\r\n", format.content_type());
        assert!(head.contains(&named.to_lowercase()), "{head}");
        assert!(length > WIRE + 1000, "{length}");
        take(&mut client, length - WIRE - 1).await;
        world.settle().await;
        assert_eq!(
            world.metrics.acknowledged(),
            snapshot - 1,
            "one byte is not accepted"
        );
        take(&mut client, 1).await;
        world.settle().await;
        assert_eq!(world.metrics.acknowledged(), snapshot, "the last one is");
        take(&mut client, WIRE).await;
    }
    assert_eq!(world.metrics.scrapes(), (4.0, 0.0));
}

#[tokio::test(start_paused = true)]
async fn scrapes_that_wait_share_a_snapshot_in_whatever_form() {
    let mut world = World::new();
    let mut first = world.connect();
    first.write_all(SCRAPE.as_bytes()).await.unwrap();
    let mut clients = Vec::new();
    for format in [Format::Text, Format::OpenMetrics, Format::Protobuf] {
        for gzip in [true, false, true] {
            let mut client = world.connect();
            let request = scrape(gzip, format);
            client.write_all(request.as_bytes()).await.unwrap();
            clients.push((client, gzip, format));
        }
    }
    let mut bodies = HashMap::new();
    for (client, gzip, format) in &mut clients {
        let (head, length) = head(client).await;
        assert_eq!(head.contains("content-encoding: gzip"), *gzip, "{head}");
        assert!(head.contains("vary: accept, accept-encoding"), "{head}");
        let mut body = vec![0; length];
        client.read_exact(&mut body).await.unwrap();
        if *gzip {
            let sent = std::mem::take(&mut body);
            GzDecoder::new(&*sent).read_to_end(&mut body).unwrap();
        }
        let name = b"acs_recording";
        assert!(body.windows(name.len()).any(|bytes| bytes == name));
        let first = bodies.entry(*format).or_insert_with(|| body.clone());
        assert!(body == *first);
    }
    assert_eq!(bodies.len(), 3);
    world.settle().await;
    assert_eq!(world.metrics.scrapes(), (9.0, 0.0));
}

#[tokio::test(start_paused = true)]
async fn ready_is_200_and_says_that_expected_scrapers_do_not_come() {
    let mut world = World::new();
    let watching = tokio::time::timeout(Duration::from_mins(6), world.watch.watch());
    assert!(watching.await.is_err(), "it never ends by itself");
    let mut client = world.connect();
    let request = "GET /-/ready HTTP/1.1\r\nHost: a\r\n\r\n";
    client.write_all(request.as_bytes()).await.unwrap();
    let (head, length) = head(&mut client).await;
    let mut body = vec![0; length];
    client.read_exact(&mut body).await.unwrap();
    let body = String::from_utf8(body).unwrap();
    assert!(head.starts_with("http/1.1 200 "), "{head}");
    assert!(
        body.starts_with("ready\nwarning: 0 of 1 expected scrapers"),
        "{body}"
    );
}

#[tokio::test(start_paused = true)]
async fn requests_sent_in_one_go_are_each_acknowledged_by_their_own_bytes() {
    let mut world = World::new();
    let mut client = world.connect();
    client.write_all(SCRAPE.repeat(2).as_bytes()).await.unwrap();
    for snapshot in 1..=2 {
        let (_, length) = head(&mut client).await;
        world.settle().await;
        assert_eq!(world.metrics.acknowledged(), snapshot - 1);
        take(&mut client, length).await;
        world.settle().await;
        assert_eq!(world.metrics.acknowledged(), snapshot);
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_asks_again_and_again_before_it_has_read_is_answered_five_times() {
    let mut world = World::new();
    let mut client = world.connect();
    for _ in 0..10 {
        client.write_all(SCRAPE.as_bytes()).await.unwrap();
        let (_, length) = head(&mut client).await;
        take(&mut client, length).await;
        world.settle().await;
    }
    assert_eq!(world.metrics.closed(), (0.0, 0.0, 0.0), "one by one");

    let mut client = world.connect();
    client
        .write_all(SCRAPE.repeat(10).as_bytes())
        .await
        .unwrap();
    for answer in 1..=5 {
        let (head, length) = head(&mut client).await;
        assert_eq!(head.contains("connection: close"), answer == 5, "{answer}");
        take(&mut client, length).await;
    }
    assert_eq!(client.read(&mut [0]).await.unwrap(), 0, "the end");
    assert_eq!(world.metrics.closed(), (0.0, 0.0, 1.0));
}

#[tokio::test(start_paused = true)]
async fn scrapes_that_wait_share_one_snapshot_and_each_acknowledges_it() {
    let mut world = World::of(2, Limits::default());
    let mut clients: Vec<_> = (0..50).map(|_| world.connect()).collect();
    let scraper = |number| if number < 49 { "a" } else { "b" };
    for (number, client) in clients.iter_mut().enumerate() {
        let path = format!("/metrics?scraper={}", scraper(number));
        let request = SCRAPE.replace("/metrics", &path);
        client.write_all(request.as_bytes()).await.unwrap();
    }
    for (number, client) in clients.iter_mut().enumerate() {
        world.settle().await;
        assert_eq!(world.metrics.acknowledged(), 0, "before {number}");
        let (_, length) = head(client).await;
        take(client, length).await;
    }
    world.settle().await;
    assert_eq!(world.metrics.scrapes(), (50.0, 0.0));
    // The first was alone when it asked; all others asked while its snapshot was taken.
    let acknowledged = world.metrics.acknowledged();
    assert!((1..=2).contains(&acknowledged), "{acknowledged}");
}

#[tokio::test(start_paused = true)]
async fn a_scrape_shows_what_was_applied_before_it_and_what_is_being_sent_is_bounded() {
    let bytes = 8 * 1024 * 1024;
    let mut world = World::of(
        1,
        Limits {
            bytes,
            ..Limits::default()
        },
    );
    let (mut slow, mut most) = (Vec::new(), 0);
    for number in 1..=20 {
        let mut client = world.connect();
        client.write_all(SCRAPE.as_bytes()).await.unwrap();
        let (_, length) = head(&mut client).await;
        slow.push(client);
        most = world.open.bytes_being_sent().max(most);
        assert!(most <= bytes + length, "{most} with {number}");
    }
    assert!(most > bytes, "{most}");
    let closed = world.metrics.closed();
    assert!(closed.1 > 1.0, "{closed:?}");
    assert_eq!(world.metrics.scrapes(), (0.0, closed.1));
    for _ in 0..10 {
        let before = world.metrics.exposition.scrape().snapshot;
        let asked = Instant::now();
        let mut client = world.connect();
        client.write_all(SCRAPE.as_bytes()).await.unwrap();
        let (_, length) = head(&mut client).await;
        take(&mut client, length).await;
        world.settle().await;
        assert!(world.metrics.acknowledged() > before);
        let took = asked.elapsed();
        assert!(took < Duration::from_millis(300), "{took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_goes_away_or_stops_reading_acknowledges_nothing_and_is_dropped_after_30_s() {
    let mut world = World::new();
    let mut client = world.connect();
    client.write_all(SCRAPE.as_bytes()).await.unwrap();
    let (_, length) = head(&mut client).await;
    take(&mut client, length / 2).await;
    drop(client);
    assert_eq!(world.lives().await, Duration::ZERO);
    assert_eq!(
        (world.metrics.acknowledged(), world.metrics.scrapes()),
        (0, (0.0, 1.0))
    );

    let mut client = world.connect();
    client.write_all(SCRAPE.as_bytes()).await.unwrap();
    let (_, length) = head(&mut client).await;
    take(&mut client, length / 2).await;
    world.settle().await;
    let lives = world.lives().await.as_secs();
    assert!((29..=30).contains(&lives), "{lives} s");
    assert_eq!(
        (world.metrics.acknowledged(), world.metrics.scrapes()),
        (0, (0.0, 2.0))
    );
}

#[tokio::test(start_paused = true)]
async fn a_scraper_slower_than_announced_acknowledges_nothing_and_may_go_on() {
    let mut world = World::new();
    let mut client = world.connect();
    for (wait_s, expected) in [(9, 1), (11, 1), (9, 3)] {
        client.write_all(SCRAPE.as_bytes()).await.unwrap();
        let (_, length) = head(&mut client).await;
        tokio::time::sleep(Duration::from_secs(wait_s)).await;
        take(&mut client, length).await;
        world.settle().await;
        assert_eq!(world.metrics.acknowledged(), expected, "{wait_s} s");
    }
    assert_eq!(world.metrics.scrapes(), (2.0, 1.0));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_announces_no_timeout_or_asks_for_something_else_does_not_count() {
    let mut world = World::new();
    let mut client = world.connect();
    let requests = [
        ("GET /metrics", "", 200, 1.0),
        ("GET /metrics?scraper=a%20b", "10", 400, 2.0),
        ("GET /metrics?scraper=a", "0", 200, 3.0),
        ("GET /-/ready", "10", 200, 3.0),
        ("GET /-/healthy", "10", 200, 3.0),
        ("HEAD /metrics", "10", 200, 3.0),
        ("POST /metrics", "10", 405, 3.0),
        ("GET /elsewhere", "10", 404, 3.0),
    ];
    for (request, timeout, status, expected) in requests {
        let timeout = format!("X-Prometheus-Scrape-Timeout-Seconds: {timeout}\r\n");
        let text = format!("{request} HTTP/1.1\r\nHost: a\r\n{timeout}\r\n");
        client.write_all(text.as_bytes()).await.unwrap();
        let (head, length) = head(&mut client).await;
        assert!(head.contains(&format!(" {status} ")), "{request}: {head}");
        let has_body = !request.starts_with("HEAD");
        take(&mut client, if has_body { length } else { 0 }).await;
        world.settle().await;
        assert_eq!(world.metrics.acknowledged(), 0, "{request}");
        assert_eq!(world.metrics.scrapes(), (0.0, expected), "{request}");
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_a_connection_does_has_an_end() {
    let mut world = World::new();
    let _silent = world.connect();
    assert_eq!(world.lives().await.as_secs(), 10, "nothing sent");

    let mut client = world.connect();
    let mut letters = SCRAPE.bytes();
    let trickling = async {
        while let Some(letter) = letters.next()
            && client.write_u8(letter).await.is_ok()
        {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    let (lives, ()) = tokio::join!(world.lives(), trickling);
    assert_eq!(lives.as_secs(), 10, "a head that does not end");

    let mut client = world.connect();
    client.write_all(SCRAPE.as_bytes()).await.unwrap();
    let (_, length) = head(&mut client).await;
    take(&mut client, length).await;
    tokio::time::sleep(Duration::from_secs(299)).await;
    client.write_all(SCRAPE.as_bytes()).await.unwrap();
    let (_, length) = head(&mut client).await;
    take(&mut client, length).await;
    assert_eq!(world.metrics.acknowledged(), 2, "idle for long");
    assert_eq!(world.lives().await.as_secs(), 300, "and for too long");

    let mut client = world.connect();
    client.write_all(SCRAPE.as_bytes()).await.unwrap();
    let sipping = async {
        while client.read_u8().await.is_ok() {
            tokio::time::sleep(Duration::from_secs(20)).await;
        }
    };
    let (lives, ()) = tokio::join!(world.lives(), sipping);
    assert_eq!(lives.as_secs(), 300, "an answer that is taken in sips");
    assert_eq!(
        (world.metrics.acknowledged(), world.metrics.scrapes()),
        (2, (2.0, 1.0))
    );
}

#[tokio::test(start_paused = true)]
async fn on_stop_the_idle_are_closed_and_answers_have_five_seconds_left() {
    let mut world = World::new();
    let mut idle = world.connect();
    idle.write_all(SCRAPE.as_bytes()).await.unwrap();
    let (_, length) = head(&mut idle).await;
    take(&mut idle, length).await;
    let mut last = world.connect();
    last.write_all(SCRAPE.as_bytes()).await.unwrap();
    let (_, length) = head(&mut last).await;
    let mut hung = world.connect();
    hung.write_all(SCRAPE.as_bytes()).await.unwrap();
    world.settle().await;

    world.stop.cancel();
    assert_eq!(world.lives().await, Duration::ZERO, "idle");
    tokio::time::sleep(Duration::from_secs(1)).await;
    take(&mut last, length).await;
    assert_eq!(world.lives().await, Duration::ZERO, "answered");
    assert_eq!(world.metrics.acknowledged(), 2);
    assert_eq!(world.lives().await.as_secs(), 4, "hung");
}
