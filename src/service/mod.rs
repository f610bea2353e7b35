//! The long-running service: what it is built of, and the order in which it stops.
//!
//! Built first, then run: whatever can fail at the start (the port, the credential, the checkpoint) fails before anything
//! is read.
//!
//! It stops so that what was counted is delivered, and what was not is read again: sources stop and nothing more is
//! applied; what is acknowledged is written down; the endpoints go on until a scrape has carried the rest, or
//! `shutdown.final_scrape` has passed; they close, and the last acknowledgement is written. What no scrape carried dies
//! with the process and is read again by the next. A deadline stands over all of it.

mod keeper;
mod replica;
mod sharing;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use prometheus::Registry;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::blobs::BlobError;
use crate::checkpoint::{Scope, State, Store, StoreError, StoreKind};
use crate::config::Config;
use crate::dead_letters::{self, DeadLetters, Keeping};
use crate::delivery::{self, Cut};
use crate::http::{self, HttpError, Shown};
use crate::liveness::Liveness;
use crate::metrics::Exposition;
use crate::pipeline::{self, Writer};
use crate::queue::{self, Queued};
use crate::shutdown;
use crate::source::event_hub::{EventHubSource, Reading, SourceError};
use crate::telemetry::Telemetry;
use keeper::{Keeper, Place};
use replica::Replica;
use sharing::{Ingredients, Sharing};

/// Whoever has not scraped for so long does not come for a last time either.
const SCRAPED_WITHIN: Duration = Duration::from_mins(5);

/// A store that has not taken the last positions within this time is away, and what it does not know is read again; one
/// that has not freed the leases lets them expire. Twice this is what the deadline leaves after the final scrape.
const LAST_WORDS: Duration = Duration::from_millis(4500);

/// The service, ready to run.
#[derive(Debug)]
pub(crate) struct Service {
    settings: shutdown::Settings,
    delivery: delivery::Settings,
    logs_failures: bool,
    keeper: Keeper,
    replicas: Vec<Replica>,
    begin: CancellationToken,
    /// Cancelled when nothing more is to be read.
    stop_source: CancellationToken,
    server: http::Server,
    shown: Shown,
    telemetry: Arc<Telemetry>,
    source: EventHubSource,
    batches: mpsc::Receiver<Queued>,
    dead_letters: Option<(DeadLetters, Keeping)>,
}

/// Why the service could not be built, or ended although nobody stopped it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServiceError {
    /// Of the HTTP endpoints.
    #[error("HTTP")]
    Http(#[from] HttpError),
    /// Of the checkpoint store.
    #[error("checkpoint")]
    Checkpoint(#[from] StoreError),
    /// Of the container that replicas share.
    #[error("container of the checkpoints")]
    Container(#[from] BlobError),
    /// Of the source.
    #[error("source")]
    Source(#[from] SourceError),
    /// No thread for the dead letters.
    #[error("dead letters")]
    DeadLetters(#[source] std::io::Error),
    /// Of a task.
    #[error("task `{0}` ended by itself")]
    Task(&'static str, #[source] Option<tokio::task::JoinError>),
    /// The deadline passed before everything had stopped.
    #[error("not everything stopped within {0:?}")]
    Deadline(Duration),
}

impl Service {
    /// Takes the port and puts the parts together; nothing is read yet.
    ///
    /// # Errors
    ///
    /// When the port or the checkpoint cannot be had.
    pub(crate) fn build(config: Config) -> Result<Self, ServiceError> {
        let server = http::Server::bind(&config.http)?;
        let registry = Registry::new();
        let telemetry = Arc::new(Telemetry::new(&registry));
        let exposition = Arc::new(Exposition::new(
            &config.metrics,
            config.delivery.scrapers.get(),
            registry,
            Arc::clone(&telemetry),
        ));
        let liveness = Arc::new(Liveness::new(
            config.event_hub.event_hubs.iter().map(String::as_str),
            config.event_hub.watchdog.dead_after,
            Instant::now(),
        ));
        let begin = CancellationToken::new();
        let (queue, batches) = queue::queue();
        let stop_source = CancellationToken::new();
        let (place, reading, replicas) = match &config.checkpoint.store {
            StoreKind::Blob(container) => {
                let sharing = Sharing::new(&Ingredients {
                    container,
                    credential: config.store_credential.as_ref(),
                    ownership: config.ownership,
                    event_hub: &config.event_hub,
                    after: config.delivery.checkpoint_after,
                    queue: &queue,
                    exposition: &exposition,
                    telemetry: &telemetry,
                    liveness: &liveness,
                    stop: &stop_source,
                })?;
                let place = Place::Shared {
                    positions: sharing.positions,
                    series: sharing.series,
                    is_restored: false,
                };
                (
                    place,
                    Reading::Leased(sharing.assignments),
                    sharing.replicas,
                )
            }
            StoreKind::Memory => {
                // An emulator forgets its events as the exporter forgets its positions.
                if config.event_hub.namespace.endpoint.is_none() {
                    telemetry.positions_are_not_kept();
                }
                alone(Store::in_memory(), State::default())
            }
            StoreKind::File(path) => {
                let event_hub = &config.event_hub;
                let scope = Scope::new(&event_hub.namespace.host, &event_hub.consumer_group);
                let (store, state) = Store::open(path, scope)?;
                let series = state.series();
                exposition.restore(series.map(|(series, last_seen)| (series.clone(), last_seen)));
                alone(store, state)
            }
        };
        let dead_letters = config
            .dead_letters
            .map(|settings| dead_letters::keep(settings, Arc::clone(&telemetry)))
            .transpose()
            .map_err(ServiceError::DeadLetters)?;
        let source = EventHubSource::new(
            config.event_hub,
            queue,
            Arc::clone(&telemetry),
            Arc::clone(&liveness),
            reading,
            begin.clone(),
        );
        let keeper = Keeper {
            place,
            after: config.delivery.checkpoint_after,
            interval: config.checkpoint.interval,
            exposition: Arc::clone(&exposition),
            telemetry: Arc::clone(&telemetry),
            unwritten_since: None,
        };
        Ok(Self {
            settings: config.shutdown,
            delivery: config.delivery,
            logs_failures: config.log.failures,
            keeper,
            replicas,
            begin,
            stop_source,
            server,
            shown: Shown {
                exposition,
                liveness,
            },
            telemetry,
            source,
            batches,
            dead_letters,
        })
    }

    /// Where the HTTP endpoints listen.
    pub(crate) fn http_address(&self) -> std::net::SocketAddr {
        self.server.address()
    }

    /// Runs until told to stop, then stops in order.
    ///
    /// # Errors
    ///
    /// When a part ends by itself, or does not stop before the deadline. Nothing that the event hub does is an error.
    pub(crate) async fn run(self, stop: CancellationToken) -> Result<(), ServiceError> {
        let stop_http = CancellationToken::new();
        let stop_source = self.stop_source;
        let exposition = Arc::clone(&self.shown.exposition);
        let liveness = Arc::clone(&self.shown.liveness);
        let serving = self.server.spawn(self.shown, stop_http.clone())?;

        let mut tasks = JoinSet::new();
        let (dead_letters, letters) = self.dead_letters.unzip();
        let (source, batches, token) = (self.source, self.batches, stop_source.clone());
        tasks.spawn(async move {
            (
                "source",
                source.run(token).await.map_err(ServiceError::from),
            )
        });
        let (telemetry, pulse, token) = (
            Arc::clone(&self.telemetry),
            Arc::clone(&liveness),
            stop_source.clone(),
        );
        tasks.spawn(async move {
            let beating = beat(&pulse, &telemetry);
            token.run_until_cancelled(beating).await;
            ("pulse", Ok(()))
        });
        let (acknowledged, token) = (exposition.acknowledged(), stop_source.clone());
        let end_replicas = CancellationToken::new();
        let mut sharing = JoinSet::new();
        for replica in self.replicas {
            sharing.spawn(replica.run(self.begin.clone(), end_replicas.clone()));
        }
        let (begin, start_gate, telemetry) = (self.begin, self.delivery.start_gate, self.telemetry);
        tasks.spawn(async move {
            let opening = open_gate(&begin, acknowledged, start_gate, &telemetry);
            token.run_until_cancelled(opening).await;
            token.cancelled().await;
            ("gate", Ok(()))
        });
        let acknowledged = exposition.acknowledged();
        let writer = Writer::new(
            Arc::clone(&exposition),
            self.delivery.hold_max,
            dead_letters,
        )
        .logging_failures(self.logs_failures);
        let (working, token) = (Arc::clone(&liveness), stop_source.clone());
        tasks.spawn(async move {
            pipeline::run(batches, writer, acknowledged, working, token).await;
            ("pipeline", Ok(()))
        });
        let stop_keeper = CancellationToken::new();
        let mut keeping = JoinSet::new();
        keeping.spawn(self.keeper.run(stop_keeper.clone()));

        let ended_early = tokio::select! {
            biased; // a task that ends because it was told to is not one that ended by itself
            () = stop.cancelled() => None,
            // The endpoints' thread cancels its token when it ends, for whatever reason.
            () = stop_http.cancelled() => Some(Ok(())),
            ended = tasks.join_next() => Some(early(ended)),
            Some(Err(panic)) = sharing.join_next() => {
                Some(Err(ServiceError::Task("replica", Some(panic))))
            }
        };
        tracing::info!("stopping");
        liveness.stopping();
        stop_source.cancel();
        let draining = async {
            while let Some(ended) = tasks.join_next().await {
                ended
                    .map_err(|panic| ServiceError::Task("unknown", Some(panic)))?
                    .1?;
            }
            if let Some(letters) = letters {
                letters.join().await; // the pipeline, which fed them, has ended
            }
            // Nothing is applied any more: what is to be delivered stands still.
            let last_scrape = await_last_scrape(&exposition);
            let _passed = tokio::time::timeout(self.settings.final_scrape, last_scrape).await;
            stop_http.cancel();
            let served = serving.join().await.map_err(ServiceError::from);
            stop_keeper.cancel();
            if let Some(Ok(mut keeper)) = keeping.join_next().await {
                let _saved_or_not = tokio::time::timeout(LAST_WORDS, keeper.save()).await;
                keeper.close().await;
            }
            // Whoever takes a partition goes on after what was just written.
            end_replicas.cancel();
            let ending = async { while sharing.join_next().await.is_some() {} };
            let _freed_or_expiring = tokio::time::timeout(LAST_WORDS, ending).await;
            served
        };
        let stopped = tokio::time::timeout(self.settings.deadline, draining).await;
        let stopped = stopped.unwrap_or(Err(ServiceError::Deadline(self.settings.deadline)));
        match ended_early {
            None => stopped,
            Some(early) => early
                .and(stopped)
                .and(Err(ServiceError::Task("http", None))),
        }
    }
}

/// A store of our own, and all partitions to read.
fn alone(store: Store, state: State) -> (Place, Reading, Vec<Replica>) {
    let reading = Reading::All(state.clone());
    (Place::Own { store, state }, reading, Vec::new())
}

/// Lets reading begin when every expected scraper has carried a cut, which shows the failure series at 0; or when that
/// takes too long.
async fn open_gate(
    begin: &CancellationToken,
    mut acknowledged: watch::Receiver<Cut>,
    start_gate: Duration,
    telemetry: &Telemetry,
) {
    if !start_gate.is_zero() {
        telemetry.waiting_for_scrapers(start_gate);
        let shown = acknowledged.wait_for(|cut| *cut > 0);
        let was_shown = tokio::time::timeout(start_gate, shown).await.is_ok();
        telemetry.reading_begins(was_shown);
    }
    begin.cancel();
}

/// Waits until all that was applied is acknowledged. Does not wait for scrapers that have long been away.
async fn await_last_scrape(exposition: &Exposition) {
    let mut acknowledged = exposition.acknowledged();
    while !exposition.is_delivered() && exposition.is_scraped(Instant::now(), SCRAPED_WITHIN) {
        if acknowledged.changed().await.is_err() {
            return;
        }
    }
}

/// Shows once a second that the runtime, which everything but the endpoints lives on, moves.
async fn beat(liveness: &Liveness, telemetry: &Telemetry) -> Infallible {
    let mut every_second = tokio::time::interval(Duration::from_secs(1));
    loop {
        let now = every_second.tick().await;
        liveness.pulse(now);
        telemetry.tasks_are(Handle::current().metrics().num_alive_tasks());
    }
}

type Ended = Option<Result<(&'static str, Result<(), ServiceError>), tokio::task::JoinError>>;

/// What to say of a task that ended before it was told to.
fn early(ended: Ended) -> Result<(), ServiceError> {
    match ended {
        Some(Ok((_, Err(error)))) => Err(error),
        Some(Ok((name, Ok(())))) => Err(ServiceError::Task(name, None)),
        Some(Err(panic)) => Err(ServiceError::Task("unknown", Some(panic))),
        None => Ok(()),
    }
}
