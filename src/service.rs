//! The long-running service: what it is built of, and the order in which it stops.
//!
//! Built first, then run: whatever can fail at the start (the port, the credential) fails before anything is read.
//! It stops by dropping: sources stop and let go of the queue, the pipeline drains it and ends, the HTTP endpoints
//! stop last, so that a scrape can still see what was drained. A deadline stands over all of it.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use prometheus::Registry;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::dead_letters::{self, DeadLetters, Keeping};
use crate::http::{self, HttpError, Shown};
use crate::liveness::Liveness;
use crate::metrics::Exposition;
use crate::pipeline;
use crate::shutdown;
use crate::source::event_hub::{EventHubSource, SourceError};
use crate::telemetry::Telemetry;

/// Batches that may wait for the writer. It is faster than any source, so a full queue means that something is wrong,
/// and then the sources wait: at 4 MiB a batch at most, this is also a bound on memory.
const QUEUE_BATCHES: usize = 16;

/// The service, ready to run.
#[derive(Debug)]
pub struct Service {
    settings: shutdown::Settings,
    server: http::Server,
    shown: Shown,
    telemetry: Arc<Telemetry>,
    source: EventHubSource,
    batches: mpsc::Receiver<crate::event::Batch>,
    dead_letters: Option<(DeadLetters, Keeping)>,
}

/// Why the service could not be built, or ended although nobody stopped it.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// Of the HTTP endpoints.
    #[error("HTTP")]
    Http(#[from] HttpError),
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
    /// When the port cannot be had.
    pub fn build(config: Config) -> Result<Self, ServiceError> {
        let server = http::Server::bind(&config.http)?;
        let registry = Registry::new();
        let telemetry = Arc::new(Telemetry::new(&registry));
        let exposition = Arc::new(Exposition::new(
            &config.metrics,
            1,
            registry,
            Arc::clone(&telemetry),
        ));
        let dead_letters = config
            .dead_letters
            .map(|settings| dead_letters::keep(settings, Arc::clone(&telemetry)))
            .transpose()
            .map_err(ServiceError::DeadLetters)?;
        let liveness = Arc::new(Liveness::new(
            config.event_hub.event_hubs.iter().map(String::as_str),
            config.event_hub.watchdog.dead_after,
            Instant::now(),
        ));
        let (sender, batches) = mpsc::channel(QUEUE_BATCHES);
        let source = EventHubSource::new(
            config.event_hub,
            sender,
            Arc::clone(&telemetry),
            Arc::clone(&liveness),
        );
        Ok(Self {
            settings: config.shutdown,
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
    pub fn http_address(&self) -> std::net::SocketAddr {
        self.server.address()
    }

    /// Runs until told to stop, then stops in order.
    ///
    /// # Errors
    ///
    /// When a part ends by itself, or does not stop before the deadline. Nothing that the event hub does is an error.
    pub async fn run(self, stop: CancellationToken) -> Result<(), ServiceError> {
        let stop_http = CancellationToken::new();
        let stop_source = stop.child_token();
        let exposition = Arc::clone(&self.shown.exposition);
        let liveness = Arc::clone(&self.shown.liveness);
        let serving = self.server.spawn(self.shown, stop_http.clone())?;

        // Acknowledging, checkpoints and leases join these tasks later, between the pipeline and the endpoints.
        let mut tasks = JoinSet::new();
        let (dead_letters, keeping) = self.dead_letters.unzip();
        let (source, batches, token) = (self.source, self.batches, stop_source.clone());
        tasks.spawn(async move {
            (
                "source",
                source.run(token).await.map_err(ServiceError::from),
            )
        });
        let (telemetry, pulse, token) =
            (self.telemetry, Arc::clone(&liveness), stop_source.clone());
        tasks.spawn(async move {
            let beating = beat(&pulse, &telemetry);
            token.run_until_cancelled(beating).await;
            ("pulse", Ok(()))
        });
        tasks.spawn(async move {
            pipeline::run(batches, exposition, liveness, dead_letters).await;
            ("pipeline", Ok(()))
        });

        let ended_early = tokio::select! {
            biased; // a task that ends because it was told to is not one that ended by itself
            () = stop.cancelled() => None,
            // The endpoints' thread cancels its token when it ends, for whatever reason.
            () = stop_http.cancelled() => Some(Ok(())),
            ended = tasks.join_next() => Some(early(ended)),
        };
        tracing::info!("stopping");
        stop_source.cancel();
        let draining = async {
            while let Some(ended) = tasks.join_next().await {
                ended
                    .map_err(|panic| ServiceError::Task("unknown", Some(panic)))?
                    .1?;
            }
            if let Some(keeping) = keeping {
                keeping.join().await; // the pipeline, which fed it, has ended
            }
            stop_http.cancel();
            serving.join().await.map_err(ServiceError::from)
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
