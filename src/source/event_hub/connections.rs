//! Connections to an event hub, each with a runtime of its own, shared by as many partitions as the settings say.
//!
//! The SDK starts tasks that nobody can stop: the engine of a connection whose peer is silent waits for ever for the
//! answer to its close, with its socket. It also blocks its thread while it looks a name up. So each client lives on a
//! runtime of its own, with one thread: that thread alone is blocked, and when the runtime ends all that the client left
//! behind ends with it. Waiting for the SDK is done elsewhere, by the readers, under their time-outs.
//!
//! No partition uses a connection twice: after an error the SDK's client has states that it does not recover from, and
//! it gives a second receiver of a partition the first one's link.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::future::{Future, poll_fn};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use azure_messaging_eventhubs::ConsumerClient;
use tokio::runtime::{self, EnterGuard, Runtime};

use super::client::Clients;
use super::error::SourceError;

/// The connections to one event hub.
#[derive(Debug)]
pub(super) struct Connections {
    clients: Arc<Clients>,
    event_hub: String,
    partitions_per_connection: usize,
    /// By the number of the group of partitions that shares them: the latest of each.
    latest: Mutex<HashMap<usize, Arc<Latest>>>,
}

/// Locked while a connection is opened, so that a group opens one and not one each.
type Latest = tokio::sync::Mutex<Weak<Connection>>;

/// A connection, as long as anyone reads over it.
pub(super) struct Connection {
    client: Option<ConsumerClient>,
    runtime: Option<Runtime>,
    /// The partitions that have had it.
    served: Mutex<HashSet<String>>,
}

/// Resolving a name and opening a connection have time-outs of their own, which cannot fire while the thread of the
/// connection is blocked.
const OPEN_TIMEOUT: Duration = Duration::from_secs(75);

/// A client that does not close in this time is dropped as it is.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);

impl Connections {
    pub(super) fn new(
        clients: Arc<Clients>,
        event_hub: &str,
        partitions_per_connection: usize,
    ) -> Self {
        Self {
            clients,
            event_hub: event_hub.to_owned(),
            partitions_per_connection,
            latest: Mutex::default(),
        }
    }

    /// A connection that the partition, which has this place among all, has not had before.
    pub(super) async fn lease(
        &self,
        place: usize,
        partition: &str,
    ) -> Result<Arc<Connection>, SourceError> {
        let group = place / self.partitions_per_connection;
        let latest = Arc::clone(
            self.latest
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .entry(group)
                .or_default(),
        );
        // Whoever has it opens a connection, and others may be in line: none of that shall take for ever together.
        let waiting = tokio::time::timeout(OPEN_TIMEOUT, latest.lock()).await;
        let mut latest = waiting.map_err(|_| SourceError::Timeout {
            step: "open a connection that is shared",
            seconds: OPEN_TIMEOUT.as_secs(),
        })?;
        if let Some(connection) = latest.upgrade().filter(|latest| latest.serve(partition)) {
            return Ok(connection);
        }
        let connection = Arc::new(self.open().await?);
        connection.serve(partition);
        *latest = Arc::downgrade(&connection);
        Ok(connection)
    }

    /// A connection that nobody else gets.
    pub(super) async fn open(&self) -> Result<Connection, SourceError> {
        let runtime = runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("amqp")
            .enable_all()
            .build()
            .map_err(SourceError::Thread)?;
        let (clients, event_hub) = (Arc::clone(&self.clients), self.event_hub.clone());
        let opening = runtime.spawn(async move { clients.consumer(&event_hub).await });
        // From here on the runtime ends with the connection, also if nobody waits any more.
        let mut connection = Connection {
            client: None,
            runtime: Some(runtime),
            served: Mutex::default(),
        };
        let opened = tokio::time::timeout(OPEN_TIMEOUT, opening).await;
        let opened = opened.map_err(|_| SourceError::Timeout {
            step: "open connection",
            seconds: OPEN_TIMEOUT.as_secs(),
        })?;
        connection.client =
            Some(opened.map_err(|panic| SourceError::Panicked(panic.to_string()))??);
        Ok(connection)
    }
}

impl Connection {
    /// The SDK's client.
    ///
    /// # Panics
    ///
    /// Never: a connection that has none is not given out.
    pub(super) fn client(&self) -> &ConsumerClient {
        self.client
            .as_ref()
            .expect("a connection that is given out was opened")
    }

    /// Does the SDK's work here, but lets the tasks that it starts live and die with the connection.
    pub(super) async fn on<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = Box::pin(work);
        poll_fn(move |context| {
            let _inside = self.enter();
            work.as_mut().poll(context)
        })
        .await
    }

    /// While this is held, tasks are started on the connection's runtime.
    pub(super) fn enter(&self) -> Option<EnterGuard<'_>> {
        self.runtime.as_ref().map(Runtime::enter)
    }

    /// Closes it, with a word to the hub if that is likely to be heard.
    pub(super) async fn close(mut self, politely: bool) {
        if let Some(client) = self.client.take().filter(|_| politely) {
            // After a stolen link, say, closing is answered by an error that says no more than the one that we had.
            let _answer = tokio::time::timeout(CLOSE_TIMEOUT, self.on(client.close())).await;
        }
    }

    /// Gives it back; the last one closes it.
    pub(super) async fn release(self: Arc<Self>, politely: bool) {
        if let Some(connection) = Arc::into_inner(self) {
            connection.close(politely).await;
        }
    }

    /// Whether the partition may have it.
    fn serve(&self, partition: &str) -> bool {
        self.served
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(partition.to_owned())
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("served", &self.served)
            .finish_non_exhaustive()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
