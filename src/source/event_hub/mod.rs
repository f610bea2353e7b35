//! The Event Hub as a source of events: one task for each partition.
//!
//! We own the loop over the SDK's `ConsumerClient` and never use its `EventProcessor`, which keeps a partition whose
//! client has failed as its own and reads it no more.
//!
//! `discovery` finds partitions; `reader` is the task of one, and `progress` the state machine that it follows, which
//! decides by `extent` (what the hub holds), `prefetch` and `backoff`. `connections` are what it reads over, opened by
//! `client` by way of `access`; `questions` are what the hub is asked over them. `received` makes our events of the SDK's,
//! `lag` measures how far behind they are, and `error` says what a failure means.

mod access;
mod backoff;
mod client;
mod connection_string;
mod connections;
mod credential;
mod discovery;
mod error;
mod extent;
mod identity;
mod lag;
mod prefetch;
mod progress;
mod questions;
mod reader;
mod received;
mod settings;

use std::sync::Arc;

use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub use client::producer;
pub use connection_string::{ConnectionString, InvalidConnectionString, UnusableFile};
pub use credential::{TokenError, storage_tokens};
pub use error::{Cause, SourceError};
pub use identity::{
    Application, Credential, CredentialKind, Identity, InvalidIdentity, SecretSource,
    authority_host, authority_of, client_id, tenant_id,
};
pub use settings::{
    Authentication, InvalidName, LostPosition, Namespace, Settings, Start, Transport, Watchdog,
    consumer_group, event_hub_name, namespace_host,
};

use crate::checkpoint::State;
use crate::event::PartitionId;
use crate::liveness::Liveness;
use crate::queue::Queue;
use crate::telemetry::Telemetry;
use client::Clients;
use connections::Connections;
use discovery::Discovery;
use extent::Loss;
use lag::LagWatch;
use progress::Progress;
use reader::Reader;

/// The Event Hub source: what it reads, and whom it tells.
#[derive(Clone, Debug)]
pub struct EventHubSource {
    settings: Arc<Settings>,
    clients: Arc<Clients>,
    queue: Queue,
    telemetry: Arc<Telemetry>,
    liveness: Arc<Liveness>,
    known: Arc<State>,
    begin: CancellationToken,
}

impl EventHubSource {
    /// A source of the given settings, whose batches go into `queue`. It goes on after the positions that are known, and
    /// begins to read when `begin` is cancelled.
    pub fn new(
        settings: Settings,
        queue: Queue,
        telemetry: Arc<Telemetry>,
        liveness: Arc<Liveness>,
        known: State,
        begin: CancellationToken,
    ) -> Self {
        let settings = Arc::new(settings);
        let clients = Clients::new(Arc::clone(&settings), Arc::clone(&telemetry));
        Self {
            settings,
            clients: Arc::new(clients),
            queue,
            telemetry,
            liveness,
            known: Arc::new(known),
            begin,
        }
    }

    /// Reads every partition of every event hub until told to stop.
    ///
    /// # Errors
    ///
    /// [`SourceError::ReaderEnded`] when a task ends by itself, which only a defect of ours or of the SDK explains.
    /// What a hub or the network does is never an error here: it is counted, logged and tried again.
    pub async fn run(self, stop: CancellationToken) -> Result<(), SourceError> {
        let mut event_hubs = JoinSet::new();
        for event_hub in &self.settings.event_hubs {
            let (source, event_hub, stop) = (self.clone(), event_hub.clone(), stop.clone());
            event_hubs.spawn(async move { source.read(&event_hub, stop).await });
        }
        drop(self);
        while let Some(ended) = event_hubs.join_next().await {
            ended.unwrap_or_else(|panic| Err(SourceError::ReaderEnded(panic.to_string())))?;
        }
        Ok(())
    }

    async fn read(&self, event_hub: &str, stop: CancellationToken) -> Result<(), SourceError> {
        let connections = Arc::new(Connections::new(
            Arc::clone(&self.clients),
            event_hub,
            self.settings.partitions_per_connection,
        ));
        let mut discovery = Discovery::new(
            event_hub,
            Arc::clone(&connections),
            Arc::clone(&self.telemetry),
            Arc::clone(&self.liveness),
            self.settings.watchdog.interval,
        );
        let mut readers = JoinSet::new();
        let mut start = self.settings.start;
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(ended) = readers.join_next() => {
                    ended.map_err(|panic| SourceError::ReaderEnded(panic.to_string()))?;
                    if !stop.is_cancelled() {
                        return Err(SourceError::ReaderEnded(event_hub.to_owned()));
                    }
                }
                found = discovery.found() => {
                    for partition in found {
                        let reader = self.reader(partition, readers.len(), start, &connections);
                        readers.spawn(reader.run(stop.clone()));
                    }
                    // One that is found later was made later: nothing in it was there before we were.
                    start = Start::Earliest;
                }
            }
        }
        while let Some(ended) = readers.join_next().await {
            ended.map_err(|panic| SourceError::ReaderEnded(panic.to_string()))?;
        }
        Ok(())
    }

    fn reader(
        &self,
        partition: PartitionId,
        place: usize,
        start: Start,
        connections: &Arc<Connections>,
    ) -> Reader {
        let settings = &self.settings;
        self.telemetry
            .partition_found(&partition, Cause::labels(), Loss::LABELS);
        let reached = self.known.checkpoint(&partition).cloned();
        Reader {
            settings: Arc::clone(settings),
            connections: Arc::clone(connections),
            partition,
            place,
            lane: self.queue.lane(),
            telemetry: Arc::clone(&self.telemetry),
            liveness: Arc::clone(&self.liveness),
            begin: self.begin.clone(),
            progress: Progress::new(
                start,
                reached,
                settings.watchdog,
                settings.on_lost_position,
                settings.prefetch_bytes,
                Instant::now(),
            ),
            lag: LagWatch::default(),
        }
    }
}
