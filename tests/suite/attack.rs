//! Clients that try to keep others out, and others that must not notice.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use event_hub_emulator::{Emulator, EventHub};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use crate::world::Exporter;

/// What each of the hostile clients does, and at once again when it is disconnected. All of them ask for many scrapes at a
/// time.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Attack {
    /// It reads ten kilobytes a second.
    ReadingSlowly,
    /// It reads as fast as it can.
    Pipelining,
}

/// As many as there are connections; and so many more that each connection is taken over again and again.
pub(crate) const CLIENTS: usize = 300;

/// A client that does not read does not learn that it was disconnected, so it connects again from time to time.
const ANOTHER_AFTER: Duration = Duration::from_secs(2);

/// An exporter whose body grows with the resources that it knows, and its event hub.
pub(crate) async fn exporter_of(resources: usize) -> (Emulator, Exporter) {
    let hub = Emulator::start([EventHub::new("logs", 1)]).await.unwrap();
    let resources: Vec<_> = (0..resources).map(|i| format!("resource-{i}")).collect();
    let variables = [(
        "ACS_RECORDING_EXPORTER__METRICS__RESOURCES",
        &*resources.join(","),
    )];
    let exporter = Exporter::reading(hub.connection_string(), &variables).await;
    (hub, exporter)
}

/// What an honest client has experienced.
#[derive(Debug, Default)]
pub(crate) struct Experience {
    pub(crate) answered: u32,
    pub(crate) failed: Vec<String>,
    pub(crate) slowest: Duration,
}

impl Attack {
    /// Hostile clients, until this is dropped. They come from these addresses in turn.
    pub(crate) fn start(self, exporter: &Exporter, addresses: &[IpAddr]) -> JoinSet<()> {
        let target: SocketAddr = exporter.address.parse().unwrap();
        let mut clients = JoinSet::new();
        for address in addresses.iter().cycle().take(CLIENTS) {
            let address = SocketAddr::new(*address, 0);
            clients.spawn(async move {
                loop {
                    // Being disconnected is what it expects.
                    let _disconnected = self.connection(address, target).await;
                }
            });
        }
        clients
    }

    async fn connection(self, from: SocketAddr, target: SocketAddr) -> std::io::Result<()> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(from)?;
        if matches!(self, Self::ReadingSlowly) {
            socket.set_recv_buffer_size(4096)?;
        }
        let mut stream = socket.connect(target).await?;
        let scrape =
            "GET /metrics HTTP/1.1\r\nHost: a\r\nX-Prometheus-Scrape-Timeout-Seconds: 600\r\n\r\n";
        stream.write_all(scrape.repeat(100).as_bytes()).await?;
        let (mut few, mut many) = ([0; 1024], vec![0; 64 * 1024]);
        let started = Instant::now();
        while started.elapsed() < ANOTHER_AFTER {
            let read = match self {
                Self::ReadingSlowly => {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    stream.read(&mut few).await?
                }
                Self::Pipelining => stream.read(&mut many).await?,
            };
            if read == 0 {
                break;
            }
        }
        Ok(())
    }
}

/// Asks for a path for so long, at this interval, each time with ten seconds to answer; over one connection or a new one each
/// time.
pub(crate) async fn honest(
    exporter: &Exporter,
    path: &str,
    keeps_connection: bool,
    interval: Duration,
    lasting: Duration,
) -> Experience {
    let idle = usize::from(keeps_connection);
    let client = reqwest::Client::builder().pool_max_idle_per_host(idle);
    let client = client.build().unwrap();
    let (mut experience, started) = (Experience::default(), Instant::now());
    let mut asks = tokio::time::interval(interval);
    while started.elapsed() < lasting {
        asks.tick().await;
        let asked = Instant::now();
        let request = client
            .get(format!("http://{}{path}", exporter.address))
            .header("X-Prometheus-Scrape-Timeout-Seconds", "10");
        let answer = async { request.send().await?.error_for_status()?.bytes().await };
        match timeout(Duration::from_secs(10), answer).await {
            Ok(Ok(_)) => experience.answered += 1,
            Ok(Err(error)) => experience.failed.push(format!("{error:?}")),
            Err(_) => experience.failed.push("no answer within 10 s".to_owned()),
        }
        experience.slowest = experience.slowest.max(asked.elapsed());
    }
    experience
}
