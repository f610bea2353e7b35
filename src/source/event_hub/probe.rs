//! Asks an event hub what a check wants to know, and disturbs nobody: no link has an owner level, so no reader is displaced.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use azure_messaging_eventhubs::OpenReceiverOptions;
use futures_util::StreamExt;
use futures_util::future::join_all;
use time::OffsetDateTime;
use tokio::time::timeout;

use super::client::{Clients, timed, within};
use super::connections::{ANSWER_TIMEOUT, Connection, Connections};
use super::error::{Cause, Explained, SourceError};
use super::settings::{PARTITIONS_SHARING_MOST, Settings};
use crate::telemetry::{Telemetry, chain};

/// How long a link may take to be refused: many times as long as a question and its answer.
const REFUSED_WITHIN: Duration = Duration::from_secs(2);

/// Asks the event hubs of a namespace, all with one credential.
#[derive(Debug)]
pub(crate) struct Probe {
    settings: Arc<Settings>,
    clients: Arc<Clients>,
}

/// An event hub that has described itself.
pub(crate) struct Probed {
    /// The ids of its partitions.
    pub(crate) partitions: Vec<String>,
    connection: Connection,
}

/// Why an event hub did not answer, or refused.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) cause: Cause,
    /// With what to do.
    pub(crate) text: String,
}

impl Probe {
    pub(crate) fn new(settings: &Settings, telemetry: Arc<Telemetry>) -> Self {
        let settings = Arc::new(settings.clone());
        let clients = Arc::new(Clients::new(Arc::clone(&settings), telemetry));
        Self { settings, clients }
    }

    /// Connects, and asks the event hub to describe itself.
    pub(crate) async fn open(&self, event_hub: &str) -> Result<Probed, Refusal> {
        let opening = async {
            let connections = Connections::new(&self.clients, event_hub, None);
            let opening = connections.open();
            let connection = within("open connection", ANSWER_TIMEOUT, opening).await??;
            let answer = connection.ask_hub().await?;
            Ok(Probed {
                partitions: answer.partitions,
                connection,
            })
        };
        opening
            .await
            .map_err(|error| self.refusal(event_hub, &error))
    }

    /// Opens a link to each partition, and drops it. There is an outcome for each partition, up to as many as a connection has
    /// room for.
    pub(crate) async fn read(
        &self,
        event_hub: &str,
        probed: &Probed,
    ) -> Vec<(String, Result<(), Refusal>)> {
        let partitions = probed.partitions.iter().take(PARTITIONS_SHARING_MOST);
        let reading = partitions.map(async |id| {
            let opened = probed.open_link(id).await;
            let refused = opened.map_err(|error| self.refusal(event_hub, &error));
            (id.clone(), refused)
        });
        join_all(reading).await
    }

    /// When the last event of each partition was enqueued, if it ever had one.
    pub(crate) async fn last_events(
        &self,
        event_hub: &str,
        probed: &Probed,
    ) -> Result<Vec<(String, OffsetDateTime)>, Refusal> {
        let asking = probed.partitions.iter().map(async |id| {
            let extent = probed.connection.ask_partition(id, None).await?;
            let had_events = extent.last_sequence_number >= 0;
            let last = extent.last_enqueued_at.filter(|_| had_events);
            Ok(last.map(|last| (id.clone(), last)))
        });
        let answers: Result<Vec<_>, SourceError> = join_all(asking).await.into_iter().collect();
        let answers = answers.map_err(|error| self.refusal(event_hub, &error))?;
        Ok(answers.into_iter().flatten().collect())
    }

    fn refusal(&self, event_hub: &str, error: &SourceError) -> Refusal {
        let explained = Explained {
            error,
            event_hub,
            namespace: &self.settings.namespace,
            consumer_group: &self.settings.consumer_group,
        };
        Refusal {
            cause: error.cause(),
            text: chain(&explained),
        }
    }
}

impl Probed {
    /// Waits for a refusal, which comes where the first event would.
    async fn open_link(&self, partition: &str) -> Result<(), SourceError> {
        let Connection {
            runtime, client, ..
        } = &self.connection;
        let options = OpenReceiverOptions {
            owner_level: None,
            prefetch: Some(1),
            ..OpenReceiverOptions::default()
        };
        let opening = client.open_receiver_on_partition(partition.to_owned(), Some(options));
        let opening = timed("open receiver", ANSWER_TIMEOUT, runtime.on(opening));
        let receiver = opening.await?;
        let mut events = pin!(receiver.stream_events());
        let first = async { events.next().await.transpose() };
        let first = timed("read an event", ANSWER_TIMEOUT, runtime.on(first));
        match timeout(REFUSED_WITHIN, first).await {
            Ok(Err(refused)) => Err(refused),
            Ok(Ok(_)) | Err(_) => Ok(()),
        }
    }

    /// Closes the connection, and with it all links.
    pub(crate) async fn close(self) {
        Arc::new(self.connection).give_back(true).await;
    }
}
