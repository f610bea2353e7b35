//! The Event Hub as a source of events: one task for each partition.
//!
//! The loop over the SDK's `ConsumerClient` is here. The SDK's `EventProcessor` is not used: it keeps a partition whose
//! client has failed as its own and does not read it any more.
//!
//! `discovery` finds partitions, `assignment` decides which of them this process reads, and `readers` runs their tasks.
//! `reader` is the task of one partition, and `progress` the state machine that it follows, which decides by `extent`
//! (what the hub holds), `prefetch` and `backoff`. `connections` are what it reads and asks over, opened by `client`, each
//! on its `own_runtime` and as many as `capacity` allows.
//! `probe` asks an event hub what the command `check` wants to know.
//! `received` converts the SDK's events, `lag` measures how far behind they are, and `error` sorts failures by cause.

mod assignment;
mod backoff;
mod capacity;
mod client;
mod connection_string;
mod connections;
mod discovery;
mod error;
mod extent;
mod lag;
mod own_runtime;
mod prefetch;
mod probe;
mod progress;
mod reader;
mod readers;
mod received;
mod settings;

use std::collections::HashMap;
use std::sync::Arc;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub(crate) use assignment::{Assigner, Assignment, Discovered, Reading, leased};
pub(crate) use backoff::LONGEST as TRIED_AGAIN_WITHIN;
pub use connection_string::ConnectionString;
pub(crate) use error::{Cause, SourceError, cannot_connect};
pub(crate) use probe::{Probe, Probed, Refusal};
pub(crate) use settings::{
    Amqp, Authentication, Namespace, OnLostPosition, Settings, Start, Transport, Watchdog,
    consumer_group, event_hub_name, namespace_host,
};

use crate::liveness::Liveness;
use crate::queue::Queue;
use crate::telemetry::Telemetry;
use client::Clients;
use error::Explained;
use readers::Readers;

/// The Event Hub source: what the readers of all event hubs have in common.
#[derive(Clone, Debug)]
pub(crate) struct EventHubSource {
    pub(crate) settings: Arc<Settings>,
    pub(crate) queue: Queue,
    pub(crate) telemetry: Arc<Telemetry>,
    pub(crate) liveness: Arc<Liveness>,
    clients: Arc<Clients>,
    /// How many may be open at a time, to all event hubs.
    connections: usize,
    /// Cancelled when reading may begin: scrapers have got every failure series at 0.
    begin: CancellationToken,
}

impl EventHubSource {
    /// A source of the given settings, with so many connections at most, whose batches go into `queue`. It begins when
    /// `begin` is cancelled.
    pub(crate) fn new(
        settings: Settings,
        connections: usize,
        queue: Queue,
        telemetry: Arc<Telemetry>,
        liveness: Arc<Liveness>,
        begin: CancellationToken,
    ) -> Self {
        let settings = Arc::new(settings);
        for event_hub in &settings.event_hubs {
            let causes = Cause::ALL.iter().filter(|cause| !cause.is_planned());
            telemetry.event_hub_configured(event_hub, causes.map(|cause| cause.label()));
        }
        let clients = Clients::new(Arc::clone(&settings), Arc::clone(&telemetry));
        Self {
            settings,
            queue,
            telemetry,
            liveness,
            clients: Arc::new(clients),
            connections,
            begin,
        }
    }

    /// An error of an event hub, in words for the person who has to act.
    fn explain<'a>(&'a self, error: &'a SourceError, event_hub: &'a str) -> Explained<'a> {
        Explained {
            error,
            event_hub,
            namespace: &self.settings.namespace,
            consumer_group: &self.settings.consumer_group,
        }
    }

    /// Reads the partitions of every event hub, by the assignment of its name, until it is stopped.
    ///
    /// # Errors
    ///
    /// [`SourceError::ReaderEnded`] when a task panics, which only a defect here or in the SDK explains. A failure of a hub
    /// or of the network is not an error here: it is counted, logged and tried again.
    pub(crate) async fn run(
        self,
        assignments: HashMap<String, Assignment>,
        stop: CancellationToken,
    ) -> Result<(), SourceError> {
        let mut event_hubs = JoinSet::new();
        for (event_hub, assignment) in assignments {
            let readers = Readers::new(self.clone(), event_hub, assignment);
            event_hubs.spawn(readers.run(stop.clone()));
        }
        drop(self); // the queue ends with its readers
        while let Some(ended) = event_hubs.join_next().await {
            ended??;
        }
        Ok(())
    }
}
