//! The Event Hub as a source of events: one task for each partition.
//!
//! We own the loop over the SDK's `ConsumerClient` and never use its `EventProcessor`, which keeps a partition whose
//! client has failed as its own and reads it no more. `client` opens what the SDK offers, by way of `access`; `reader` is the task of a
//! partition, `error` says what a failure means and `backoff` how long to wait after it.

mod access;
mod backoff;
mod client;
mod connection_string;
mod credential;
mod error;
mod identity;
mod reader;
mod secret_file;
mod settings;

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use client::producer;
pub use connection_string::{ConnectionString, InvalidConnectionString, UnusableFile};
pub use credential::TokenError;
pub use error::{Cause, SourceError};
pub use identity::{
    Application, Credential, CredentialKind, Identity, InvalidIdentity, SecretSource,
    authority_host, authority_of, client_id, tenant_id,
};
pub use settings::{
    Authentication, InvalidName, Namespace, Settings, Start, Transport, consumer_group,
    event_hub_name, namespace_host,
};

use crate::event::{Batch, PartitionId};
use crate::readiness::Readiness;
use crate::telemetry::Telemetry;
use backoff::Backoff;
use client::Clients;
use reader::Reader;

/// The Event Hub source: what it reads, and whom it tells.
#[derive(Clone, Debug)]
pub struct EventHubSource {
    settings: Arc<Settings>,
    clients: Arc<Clients>,
    batches: mpsc::Sender<Batch>,
    telemetry: Arc<Telemetry>,
    readiness: Arc<Readiness>,
}

impl EventHubSource {
    /// A source of the given settings, whose batches go to `batches`.
    pub fn new(
        settings: Settings,
        batches: mpsc::Sender<Batch>,
        telemetry: Arc<Telemetry>,
        readiness: Arc<Readiness>,
    ) -> Self {
        let settings = Arc::new(settings);
        let clients = Clients::new(Arc::clone(&settings), Arc::clone(&telemetry));
        Self {
            settings,
            clients: Arc::new(clients),
            batches,
            telemetry,
            readiness,
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
        let Some(partitions) = stop.run_until_cancelled(self.discover(event_hub)).await else {
            return Ok(());
        };
        let mut readers = JoinSet::new();
        for partition in partitions {
            let reader = Reader {
                clients: Arc::clone(&self.clients),
                batches: self.batches.clone(),
                telemetry: Arc::clone(&self.telemetry),
                readiness: Arc::clone(&self.readiness),
                after: None,
                start: self.settings.start,
                partition: partition.clone(),
            };
            self.telemetry.partition_found(&partition, &Cause::LABELS);
            readers.spawn(reader.run(stop.clone()));
        }
        while let Some(ended) = readers.join_next().await {
            ended.map_err(|panic| SourceError::ReaderEnded(panic.to_string()))?;
            if !stop.is_cancelled() {
                return Err(SourceError::ReaderEnded(event_hub.to_owned()));
            }
        }
        Ok(())
    }

    /// Asks an event hub for its partitions until it answers.
    async fn discover(&self, event_hub: &str) -> Vec<PartitionId> {
        let mut backoff = Backoff::default();
        loop {
            match self.partitions(event_hub).await {
                Ok(partitions) => {
                    self.readiness.event_hub_answered(
                        event_hub,
                        partitions.iter().map(PartitionId::partition),
                    );
                    self.telemetry
                        .event_hub_answered(event_hub, partitions.len());
                    return partitions;
                }
                Err(error) => {
                    let wait = backoff.next(error.cause(), rand::random());
                    self.telemetry.event_hub_failed(
                        event_hub,
                        error.cause().label(),
                        &error,
                        wait.as_millis(),
                    );
                    tokio::time::sleep(wait).await;
                }
            }
        }
    }

    async fn partitions(&self, event_hub: &str) -> Result<Vec<PartitionId>, SourceError> {
        let client = self.clients.consumer(event_hub).await?;
        let asking = client.get_eventhub_properties();
        let properties = client::timed(
            "read event hub properties",
            client::PROPERTIES_TIMEOUT,
            asking,
        )
        .await;
        client::close(client).await;
        let name: Arc<str> = event_hub.into();
        Ok(properties?
            .partition_ids
            .into_iter()
            .map(|id| PartitionId::new(Arc::clone(&name), id))
            .collect())
    }
}
