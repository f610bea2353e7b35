//! The long-running service, in four phases: [build](Service::build), start, run, drain.
//!
//! Whatever can fail at the start (the port, the credential, the checkpoint) fails while it is built, before anything is
//! read. [`build`] has what it is built of, [`running`] how it starts and drains, [`keeper`] writes the checkpoints.
//!
//! It drains so that what was counted is delivered, and the rest is read again: nothing more is read or applied; what is
//! acknowledged is checkpointed; the endpoints stay open until a scrape has delivered what was counted, or
//! `shutdown.final_scrape` has passed; they close, and the last checkpoint is written; the leases are released. What no
//! scrape delivered ends with the process and is read again by the next. A deadline limits all of it: each part ends in time for the next ones.

mod build;
mod keeper;
mod limits;
mod reload;
mod running;

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::blobs::BlobError;
use crate::checkpoint::StoreError;
use crate::http::{self, Content, HttpError};
use crate::pipeline::Writer;
use crate::queue::Queued;
use crate::replica::Replica;
use crate::shutdown;
use crate::source::event_hub::{Assignment, EventHubSource, SourceError};
use keeper::Keeper;
use reload::Reload;

/// The service, built and not started.
#[derive(Debug)]
pub(crate) struct Service {
    settings: shutdown::Settings,
    start_gate: Duration,
    signals: Signals,
    server: http::Server,
    content: Content,
    source: EventHubSource,
    /// Which partitions of each event hub are read, by the event hub's name.
    assignments: HashMap<String, Assignment>,
    batches: mpsc::Receiver<Queued>,
    writer: Writer,
    /// The thread that writes dead letters, if they are kept.
    dead_letters: JoinSet<()>,
    /// None if checkpoints are not stored.
    keeper: Option<Keeper>,
    replicas: Vec<Replica>,
    reload: Reload,
}

/// All signals to the parts of a service, in the order in which they are given. Each is given once.
#[derive(Debug, Default)]
struct Signals {
    /// What earlier processes remembered stands at 0: a scrape from now on shows it.
    restored: CancellationToken,
    /// Reading may begin: scrapers have been shown the failure series at 0, or do not come.
    begin: CancellationToken,
    /// Nothing more is read or applied, and no partition changes its owner.
    stop_reading: CancellationToken,
    /// The endpoints close. Also given by their thread, when it ends by itself.
    close: CancellationToken,
    /// The last checkpoint is written.
    last_checkpoint: CancellationToken,
    /// The leases are released: other replicas continue after the last checkpoint.
    release: CancellationToken,
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
    #[error("checkpoint container")]
    Container(#[from] BlobError),
    /// Of the source.
    #[error("source")]
    Source(#[from] SourceError),
    /// Of SIGHUP.
    #[error("SIGHUP cannot be handled")]
    Signal(#[source] io::Error),
    /// Of a task.
    #[error("task `{0}` ended by itself")]
    Task(&'static str, #[source] Option<JoinError>),
    /// The deadline passed before everything had stopped.
    #[error("not everything stopped within {0:?}")]
    Deadline(Duration),
}

impl Service {
    /// Where the HTTP endpoints listen.
    pub(crate) fn http_address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Runs until `stop` is cancelled, then drains.
    ///
    /// # Errors
    ///
    /// When a part ends by itself, or does not stop before the deadline. Nothing that the event hub does is an error.
    pub(crate) async fn run(self, stop: CancellationToken) -> Result<(), ServiceError> {
        let deadline = self.settings.deadline;
        let mut running = self.start()?;
        let ran = running.run(&stop).await;
        tracing::info!("stopping");
        let drained = timeout(deadline, running.drain()).await;
        let drained = drained.unwrap_or(Err(ServiceError::Deadline(deadline)));
        match ran {
            // Why the endpoints' thread ended is known when it is joined.
            Err(ServiceError::Task("http", _)) => drained.and(ran),
            ran => ran.and(drained),
        }
    }
}
