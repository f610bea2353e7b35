//! One snapshot for many scrapes: those that wait share the next one, and their answers share its bodies, one for each form
//! that any of them wants.
//!
//! Snapshots are taken and encoded one after the other, on a thread of their own: probes and answers under way do not wait
//! for that. A scrape never gets a snapshot that was begun before the scrape was asked for, so the last scrape of a process
//! shows everything. A few scrapers have a snapshot each, and hundreds of clients have one together.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use time::OffsetDateTime;
use tokio::sync::{mpsc, oneshot};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};

use super::accept::{Form, compressed};
use super::connections::Connections;
use super::scrape_watch::ScrapeWatch;
use super::settings::CONNECTIONS_MAX;
use crate::metrics::{Exposition, Scrape};

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
    /// How long all bodies of this snapshot are together.
    pub(super) bytes: usize,
}

/// A scrape that waits for a snapshot, and how it wants its body.
#[derive(Debug)]
struct Waiting {
    form: Form,
    answer: oneshot::Sender<Taken>,
}

/// The error is why the metrics could not be encoded.
type Taken = Result<Shared, String>;

/// Asks for snapshots.
#[derive(Clone, Debug)]
pub(super) struct Scrapes {
    waiting: mpsc::Sender<Waiting>,
}

/// Takes the snapshots that are asked for.
#[derive(Debug)]
pub(super) struct Snapshots {
    exposition: Arc<Exposition>,
    watch: Arc<ScrapeWatch>,
    connections: Arc<Connections>,
    /// How much may be being sent when a snapshot is taken, unless that is less than a few bodies.
    bytes_max: usize,
    waiting: mpsc::Receiver<Waiting>,
}

impl Scrapes {
    /// A snapshot for a scrape that is asked for now.
    pub(super) async fn scrape(&self, form: Form) -> Taken {
        let (answer, taken) = oneshot::channel();
        let _else_it_is_dropped = self.waiting.send(Waiting { form, answer }).await;
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
            let wanted = scrapes.iter().map(|scrape| scrape.form).collect();
            let taken = self.snapshot(wanted).await;
            let length = taken.as_ref().map_or(0, Bodies::length);
            bytes_max = self.bytes_max.max(BODIES_LEAST * length);
            for scrape in scrapes.drain(..) {
                let shared = taken.as_ref().map(|bodies| bodies.shared(scrape.form));
                let _client_is_gone = scrape.answer.send(shared.map_err(Clone::clone));
            }
        }
    }

    async fn snapshot(&self, wanted: Vec<Form>) -> Result<Bodies, String> {
        self.watch.count(Instant::now());
        let telemetry = self.exposition.telemetry();
        telemetry.scraped(OffsetDateTime::now_utc());
        let exposition = Arc::clone(&self.exposition);
        spawn_blocking(move || Bodies::new(&exposition.scrape(), wanted))
            .await
            .map_err(|panicked| panicked.to_string())?
            .map_err(|error| error.to_string())
    }
}

/// The bodies of one snapshot.
#[derive(Debug)]
struct Bodies {
    of: HashMap<Form, Bytes>,
    snapshot: u64,
}

impl Bodies {
    fn new(scrape: &Scrape, mut wanted: Vec<Form>) -> io::Result<Self> {
        wanted.sort_by_key(|form| form.gzip); // a plain body that is wanted too is written once
        let mut of: HashMap<Form, Bytes> = HashMap::new();
        for form in wanted {
            let Form { format, gzip } = form;
            if of.contains_key(&form) {
                continue;
            }
            let plain = of
                .get(&Form {
                    format,
                    gzip: false,
                })
                .cloned();
            let plain = plain.unwrap_or_else(|| scrape.write(format).into_boxed_slice().into());
            let body = if gzip { compressed(&plain)? } else { plain };
            of.insert(form, body);
        }
        Ok(Self {
            of,
            snapshot: scrape.snapshot,
        })
    }

    fn length(&self) -> usize {
        self.of.values().map(Bytes::len).sum()
    }

    fn shared(&self, form: Form) -> Shared {
        Shared {
            body: self.of.get(&form).cloned().unwrap_or_default(),
            snapshot: self.snapshot,
            bytes: self.length(),
        }
    }
}
