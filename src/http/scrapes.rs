//! One body for one snapshot: the scrapes that wait share the next snapshot, and their answers share its body.
//!
//! Snapshots are taken and encoded one after the other, on a thread of their own: probes and answers under way do not wait
//! for that. A scrape never gets a snapshot that was begun before the scrape was asked for, so the last scrape of a process
//! shows everything. A few scrapers have a snapshot each, and hundreds of clients have one together.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use time::OffsetDateTime;
use tokio::sync::{mpsc, oneshot};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};

use super::connections::Connections;
use super::scrape_watch::ScrapeWatch;
use super::settings::CONNECTIONS_MAX;
use crate::metrics::Exposition;

/// While half of what may be is being sent, the next snapshot waits for so long, so that its body does not take the place of
/// one that is being read. No scraper's timeout is near it.
const PACE: Duration = Duration::from_millis(250);

/// However large the bodies are, so many can be sent at a time: two scrapers each read one, and a third is not there yet.
const BODIES_LEAST: usize = 4;

/// A body that many answers may send, and the snapshot that it shows.
#[derive(Clone, Debug)]
pub(super) struct Shared {
    pub(super) body: Bytes,
    pub(super) snapshot: u64,
}

/// The error is why the metrics could not be encoded.
type Taken = Result<Shared, String>;

/// Asks for snapshots.
#[derive(Clone, Debug)]
pub(super) struct Scrapes {
    waiting: mpsc::Sender<oneshot::Sender<Taken>>,
}

/// Takes the snapshots that are asked for.
#[derive(Debug)]
pub(super) struct Snapshots {
    exposition: Arc<Exposition>,
    watch: Arc<ScrapeWatch>,
    connections: Arc<Connections>,
    /// How much may be being sent when a snapshot is taken, unless that is less than a few bodies.
    bytes_max: usize,
    waiting: mpsc::Receiver<oneshot::Sender<Taken>>,
}

impl Scrapes {
    /// A snapshot for a scrape that is asked for now.
    pub(super) async fn scrape(&self) -> Taken {
        let (answer, taken) = oneshot::channel();
        let _else_it_is_dropped = self.waiting.send(answer).await;
        let stops = |_| Err("the exporter stops".to_owned());
        taken.await.unwrap_or_else(stops)
    }
}

impl Snapshots {
    pub(super) fn new(
        exposition: Arc<Exposition>,
        watch: Arc<ScrapeWatch>,
        connections: Arc<Connections>,
        bytes_max: usize,
    ) -> (Scrapes, Self) {
        let (asks, waiting) = mpsc::channel(CONNECTIONS_MAX);
        let snapshots = Self {
            exposition,
            watch,
            connections,
            bytes_max,
            waiting,
        };
        (Scrapes { waiting: asks }, snapshots)
    }

    /// Takes snapshots for as long as this is polled.
    pub(super) async fn take(mut self) -> Infallible {
        let mut scrapes = Vec::new();
        let mut bytes_max = self.bytes_max;
        loop {
            if self.connections.bytes_being_sent() > bytes_max / 2 {
                sleep(PACE).await;
            }
            if self.waiting.recv_many(&mut scrapes, CONNECTIONS_MAX).await == 0 {
                return std::future::pending().await; // nobody is left who could ask
            }
            while self.connections.bytes_being_sent() > bytes_max {
                self.connections.end_slowest_body();
            }
            let taken = self.snapshot().await;
            let length = taken.as_ref().map_or(0, |taken| taken.body.len());
            bytes_max = self.bytes_max.max(BODIES_LEAST * length);
            for scrape in scrapes.drain(..) {
                let _client_is_gone = scrape.send(taken.clone());
            }
        }
    }

    async fn snapshot(&self) -> Taken {
        self.watch.count(Instant::now());
        let telemetry = self.exposition.telemetry();
        telemetry.scraped(OffsetDateTime::now_utc());
        let exposition = Arc::clone(&self.exposition);
        match spawn_blocking(move || exposition.scrape()).await {
            Ok(Ok(scrape)) => Ok(Shared {
                body: scrape.body.into_boxed_slice().into(), // without what it could grow by
                snapshot: scrape.snapshot,
            }),
            Ok(Err(error)) => Err(error.to_string()),
            Err(panicked) => Err(panicked.to_string()),
        }
    }
}
