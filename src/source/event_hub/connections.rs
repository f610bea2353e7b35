//! Connections to an event hub, each with a runtime of its own, shared by as many partitions as the settings allow.
//!
//! The SDK starts tasks that nothing can stop: the engine of a connection whose peer is silent waits for ever for the
//! answer to its close, with its socket. It also blocks its thread while it looks up a name. So each client lives on a
//! runtime of its own, with one thread: only that thread is blocked, and when the runtime ends all that the client left
//! behind ends with it. Waiting for the SDK is done elsewhere, by the readers, under their timeouts.
//!
//! No partition uses a connection twice: after an error the SDK's client has states that it does not recover from, and
//! it gives a second receiver of a partition the first one's link.

use std::collections::HashSet;
use std::sync::{Arc, Weak};
use std::time::Duration;

use azure_messaging_eventhubs::ConsumerClient;
use azure_messaging_eventhubs::models::EventHubProperties;
use time::OffsetDateTime;
use tokio::runtime::{self, EnterGuard, Handle, Runtime};
use tokio::sync::Mutex;
use tokio::time::timeout;
use tokio_util::context::TokioContext;

use super::client::{Clients, timed, within};
use super::error::SourceError;
use super::extent::Extent;

/// The connections to an event hub that a group of partitions shares.
#[derive(Debug)]
pub(super) struct Connections {
    clients: Arc<Clients>,
    event_hub: String,
    /// Locked while a connection is opened, so that the group opens one and not one each.
    latest: Mutex<Latest>,
}

/// The connection that was opened last.
#[derive(Debug, Default)]
struct Latest {
    connection: Weak<Connection>,
    /// The partitions that have used it.
    served: HashSet<String>,
}

/// A connection, for as long as a reader uses it.
pub(super) struct Connection {
    pub(super) runtime: OwnRuntime,
    pub(super) client: ConsumerClient,
}

/// The runtime of a connection. It ends without waiting for its tasks.
pub(super) struct OwnRuntime {
    handle: Handle,
    runtime: Option<Runtime>,
}

/// Resolving a name and opening a connection have timeouts of their own, which cannot fire while the thread of the
/// connection is blocked.
const OPEN_TIMEOUT: Duration = Duration::from_secs(75);

/// One request and one answer on an open connection, after one exchange of a token.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// A client that does not close in this time is dropped as it is.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);

impl Connections {
    pub(super) fn new(clients: &Arc<Clients>, event_hub: &str) -> Self {
        Self {
            clients: Arc::clone(clients),
            event_hub: event_hub.to_owned(),
            latest: Mutex::default(),
        }
    }

    /// A connection that this partition has not used before.
    pub(super) async fn check_out(&self, partition: &str) -> Result<Arc<Connection>, SourceError> {
        // Another reader may be opening a connection, and more may wait: all of that together must not take for ever.
        let step = "open a connection that is shared";
        let mut latest = within(step, OPEN_TIMEOUT, self.latest.lock()).await?;
        if let Some(connection) = latest.connection.upgrade()
            && latest.served.insert(partition.to_owned())
        {
            return Ok(connection);
        }
        let connection = Arc::new(self.open().await?);
        *latest = Latest {
            connection: Arc::downgrade(&connection),
            served: HashSet::from([partition.to_owned()]),
        };
        Ok(connection)
    }

    /// A connection that is not shared.
    pub(super) async fn open(&self) -> Result<Connection, SourceError> {
        let runtime = runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("amqp")
            .enable_all()
            .build()
            .map_err(SourceError::Thread)?;
        let (clients, event_hub) = (Arc::clone(&self.clients), self.event_hub.clone());
        let opening = runtime.spawn(async move { clients.consumer(&event_hub).await });
        // From here on the runtime ends with the connection, also if the caller stops waiting.
        let runtime = OwnRuntime {
            handle: runtime.handle().clone(),
            runtime: Some(runtime),
        };
        let opened = within("open connection", OPEN_TIMEOUT, opening).await?;
        let client = opened.map_err(|panic| SourceError::Panicked(panic.to_string()))??;
        Ok(Connection { runtime, client })
    }
}

impl Connection {
    /// Asks the event hub to describe itself.
    pub(super) async fn ask_hub(&self) -> Result<EventHubProperties, SourceError> {
        let asking = self.runtime.on(self.client.get_eventhub_properties());
        timed("read event hub properties", ANSWER_TIMEOUT, asking).await
    }

    /// Asks what a partition holds, of an event hub that was created at this time.
    pub(super) async fn ask_partition(
        &self,
        id: &str,
        hub_created_at: Option<OffsetDateTime>,
    ) -> Result<Extent, SourceError> {
        let asking = self.runtime.on(self.client.get_partition_properties(id));
        let answer = timed("read partition properties", ANSWER_TIMEOUT, asking).await?;
        Ok(Extent {
            hub_created_at,
            first_sequence_number: answer.beginning_sequence_number,
            last_sequence_number: answer.last_enqueued_sequence_number,
            last_offset: answer.last_enqueued_offset,
            last_enqueued_at: answer.last_enqueued_time_utc.map(OffsetDateTime::from),
            is_empty: answer.is_empty,
        })
    }

    /// Returns the connection; the last reader closes it, with a close to the hub if the hub is likely to answer.
    pub(super) async fn give_back(self: Arc<Self>, politely: bool) {
        if let Some(Self {
            runtime, client, ..
        }) = Arc::into_inner(self)
            && politely
        {
            // After a stolen link, say, the answer to the close is an error that adds nothing to the one before.
            let _answer = timeout(CLOSE_TIMEOUT, runtime.on(client.close())).await;
        }
    }
}

impl OwnRuntime {
    /// Does the SDK's work here, but the tasks that it starts live and end with the connection.
    pub(super) fn on<F: Future>(&self, work: F) -> TokioContext<F> {
        TokioContext::new(work, self.handle.clone())
    }

    /// As long as the guard lives, tasks are started on the connection's runtime.
    pub(super) fn enter(&self) -> EnterGuard<'_> {
        self.handle.enter()
    }
}

impl Drop for OwnRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
