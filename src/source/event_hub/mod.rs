//! The Event Hub as a source of events: one task for each partition.
//!
//! We own the loop over the SDK's `ConsumerClient` and never use its `EventProcessor`, which keeps a partition whose
//! client has failed as its own and reads it no more.
//!
//! `discovery` finds partitions; `assignment` says which of them are read here; `readers` are those
//! of one event hub. `reader` is the task of one, and `progress` the state machine that it follows, which
//! decides by `extent` (what the hub holds), `prefetch` and `backoff`. `connections` are what it reads over, opened by
//! `client`; `questions` are what the hub is asked over them. `received` makes our events of the SDK's,
//! `lag` measures how far behind they are, and `error` says what a failure means.

mod assignment;
mod backoff;
mod client;
mod connection_string;
mod connections;
mod discovery;
mod error;
mod extent;
mod lag;
mod prefetch;
#[cfg(feature = "demo")]
mod producer;
mod progress;
mod questions;
mod reader;
mod readers;
mod received;
mod settings;

use std::collections::HashMap;
use std::sync::Arc;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub(crate) use assignment::{Assigner, Assignment, leased};
pub use connection_string::ConnectionString;
pub(crate) use error::SourceError;
pub(crate) use settings::{
    Amqp, Authentication, LostPosition, Namespace, Settings, Start, Transport, Watchdog,
    consumer_group, event_hub_name, namespace_host,
};
#[cfg(feature = "demo")]
pub(crate) use {connection_string::InvalidConnectionString, producer::producer};

use crate::liveness::Liveness;
use crate::queue::Queue;
use crate::telemetry::Telemetry;
use client::Clients;
use readers::Readers;

/// The Event Hub source: what it reads, and whom it tells.
#[derive(Debug)]
pub(crate) struct EventHubSource {
    parts: Parts,
    assignments: HashMap<String, Assignment>,
}

/// What the readers of all event hubs have in common.
#[derive(Clone, Debug)]
struct Parts {
    settings: Arc<Settings>,
    clients: Arc<Clients>,
    queue: Queue,
    telemetry: Arc<Telemetry>,
    liveness: Arc<Liveness>,
    begin: CancellationToken,
}

impl EventHubSource {
    /// A source of the given settings, whose batches go into `queue`. Of each event hub it reads what the assignment by
    /// that name says, and it begins when `begin` is cancelled.
    pub(crate) fn new(
        settings: Settings,
        queue: Queue,
        telemetry: Arc<Telemetry>,
        liveness: Arc<Liveness>,
        assignments: HashMap<String, Assignment>,
        begin: CancellationToken,
    ) -> Self {
        let settings = Arc::new(settings);
        let clients = Clients::new(Arc::clone(&settings), Arc::clone(&telemetry));
        let parts = Parts {
            settings,
            clients: Arc::new(clients),
            queue,
            telemetry,
            liveness,
            begin,
        };
        Self { parts, assignments }
    }

    /// Reads the partitions of every event hub until told to stop.
    ///
    /// # Errors
    ///
    /// [`SourceError::ReaderEnded`] when a task ends by itself, which only a defect of ours or of the SDK explains.
    /// What a hub or the network does is never an error here: it is counted, logged and tried again.
    pub(crate) async fn run(self, stop: CancellationToken) -> Result<(), SourceError> {
        let Self {
            parts,
            mut assignments,
        } = self;
        let mut event_hubs = JoinSet::new();
        for event_hub in &parts.settings.event_hubs {
            let Some(assignment) = assignments.remove(event_hub) else {
                continue;
            };
            let readers = Readers::new(parts.clone(), event_hub, assignment);
            event_hubs.spawn(readers.run(stop.clone()));
        }
        drop(parts);
        while let Some(ended) = event_hubs.join_next().await {
            ended.unwrap_or_else(|panic| Err(SourceError::ReaderEnded(panic.to_string())))?;
        }
        Ok(())
    }
}
