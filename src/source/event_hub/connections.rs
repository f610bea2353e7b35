//! Connections to an event hub, each with a runtime of its own, shared by as many partitions as the settings allow.
//!
//! The SDK starts tasks that nothing can stop: the engine of a connection whose peer is silent waits for ever for the
//! answer to its close, with its socket. It also blocks its thread while it looks up a name. So each client lives on a
//! runtime of its own, with one thread: only that thread is blocked, and when the runtime ends all that the client left
//! behind ends with it. Waiting for the SDK is done elsewhere, by the readers, under their timeouts. A panic of the SDK is
//! an error here, whatever was asked of it.
//!
//! No partition uses a connection twice: after an error the SDK's client has states that it does not recover from, and
//! it gives a second receiver of a partition the first one's link.

use std::collections::HashSet;
use std::sync::{Arc, Weak};
use std::time::Duration;

use azure_messaging_eventhubs::ConsumerClient;
use time::OffsetDateTime;
use tokio::sync::{Mutex, OwnedSemaphorePermit};
use tokio_util::sync::CancellationToken;

use super::capacity::Capacity;
use super::client::{Clients, timed, within};
use super::error::SourceError;
use super::extent::Extent;
use super::own_runtime::OwnRuntime;

/// The connections to an event hub that a group of partitions shares.
pub(super) struct Connections {
    clients: Arc<Clients>,
    event_hub: String,
    /// Of the event hub; none for the one connection that finds its partitions.
    capacity: Option<Capacity>,
    /// Those that may still be open, the latest at the end. Locked while a connection is opened, so that the group opens one
    /// and not one each.
    shared: Mutex<Vec<Shared<Connection>>>,
}

/// A connection that partitions share.
struct Shared<C> {
    connection: Weak<C>,
    /// The partitions that have used it.
    served: HashSet<String>,
    retired: CancellationToken,
}

/// A connection, for as long as a reader uses it.
pub(super) struct Connection {
    pub(super) runtime: OwnRuntime,
    pub(super) client: ConsumerClient,
    /// Cancelled when a partition that has used it needs another, and no more can be opened: all move to the next one.
    pub(super) retired: CancellationToken,
}

/// What an event hub says about itself.
pub(super) struct HubProperties {
    /// The ids of its partitions.
    pub(super) partitions: Vec<String>,
    /// When it was created, if it reports that.
    pub(super) created_at: Option<OffsetDateTime>,
}

/// Resolving a name and opening a connection have timeouts of their own, which cannot fire while the thread of the
/// connection is blocked.
const OPEN_TIMEOUT: Duration = Duration::from_secs(75);

/// One request and one answer on an open connection, after one exchange of a token.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// A client that does not close in this time is dropped as it is.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);

impl Connections {
    pub(super) fn new(clients: &Arc<Clients>, event_hub: &str, capacity: Option<Capacity>) -> Self {
        Self {
            clients: Arc::clone(clients),
            event_hub: event_hub.to_owned(),
            capacity,
            shared: Mutex::default(),
        }
    }

    /// A connection that this partition has not used before.
    pub(super) async fn check_out(&self, partition: &str) -> Result<Arc<Connection>, SourceError> {
        // Another reader may be opening a connection, and more may wait: all of that together must not take for ever.
        let step = "open a connection that is shared";
        let mut shared = within(step, OPEN_TIMEOUT, self.shared.lock()).await?;
        let capacity = self.capacity.as_ref();
        if let Some(used) = take(
            &mut shared,
            partition,
            capacity.is_some_and(Capacity::is_used_up),
        ) {
            return Ok(used);
        }
        let permit = match capacity {
            Some(capacity) => {
                if capacity.is_used_up() {
                    shared.iter().for_each(|shared| shared.retired.cancel());
                }
                Some(capacity.permit().await?)
            }
            None => None,
        };
        let connection = Arc::new(self.connect(permit).await?);
        shared.push(Shared {
            connection: Arc::downgrade(&connection),
            served: HashSet::from([partition.to_owned()]),
            retired: connection.retired.clone(),
        });
        Ok(connection)
    }

    /// A connection that is not shared.
    pub(super) async fn open(&self) -> Result<Connection, SourceError> {
        self.connect(None).await
    }

    async fn connect(
        &self,
        permit: Option<OwnedSemaphorePermit>,
    ) -> Result<Connection, SourceError> {
        let starting = OwnRuntime::start(permit).await;
        let runtime = starting.map_err(|error| SourceError::Exhausted(Some(error)))?;
        let (clients, event_hub) = (Arc::clone(&self.clients), self.event_hub.clone());
        // If the caller stops waiting, the runtime is dropped and ends this too.
        let opening = runtime.spawn(async move { clients.consumer(&event_hub).await });
        let opened = within("open connection", OPEN_TIMEOUT, opening).await?;
        let opened = opened.unwrap_or_else(|panic| Err(SourceError::panicked(panic.to_string())));
        let client = opened.map_err(SourceError::opening)?;
        Ok(Connection {
            runtime,
            client,
            retired: CancellationToken::new(),
        })
    }
}

/// A connection that this partition has not used: the latest, or any if no more can be opened.
fn take<C>(shared: &mut Vec<Shared<C>>, partition: &str, any: bool) -> Option<Arc<C>> {
    shared.retain(|shared| shared.connection.strong_count() > 0);
    let considered = if any { shared.len() } else { 1 };
    let mut latest_first = shared.iter_mut().rev().take(considered);
    latest_first.find_map(|shared| {
        let connection = shared.connection.upgrade()?;
        let is_new = shared.served.insert(partition.to_owned());
        is_new.then_some(connection)
    })
}

impl Connection {
    /// Asks the event hub to describe itself.
    pub(super) async fn ask_hub(&self) -> Result<HubProperties, SourceError> {
        let asking = async {
            let answer = self.client.get_eventhub_properties().await?;
            Ok(HubProperties {
                partitions: answer.partition_ids,
                created_at: answer.created_on.map(OffsetDateTime::from),
            })
        };
        let asking = self.runtime.on(asking);
        timed("read event hub properties", ANSWER_TIMEOUT, asking).await
    }

    /// Asks what a partition holds, of an event hub that was created at this time.
    pub(super) async fn ask_partition(
        &self,
        id: &str,
        hub_created_at: Option<OffsetDateTime>,
    ) -> Result<Extent, SourceError> {
        let asking = async {
            let answer = self.client.get_partition_properties(id).await?;
            Ok(Extent {
                hub_created_at,
                first_sequence_number: answer.beginning_sequence_number,
                last_sequence_number: answer.last_enqueued_sequence_number,
                last_offset: answer.last_enqueued_offset,
                last_enqueued_at: answer.last_enqueued_time_utc.map(OffsetDateTime::from),
                is_empty: answer.is_empty,
            })
        };
        let asking = self.runtime.on(asking);
        timed("read partition properties", ANSWER_TIMEOUT, asking).await
    }

    /// Returns the connection; the last reader closes it, with a close to the hub if the hub is likely to answer.
    pub(super) async fn give_back(self: Arc<Self>, politely: bool) {
        if let Some(Self {
            runtime, client, ..
        }) = Arc::into_inner(self)
            && politely
        {
            // After a stolen link, say, the answer to the close is an error that adds nothing to the one before.
            let closing = runtime.on(client.close());
            let _answer = timed("close connection", CLOSE_TIMEOUT, closing).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_has_the_latest_connection_or_any_if_no_more_can_be_opened_but_none_twice() {
        let (older, latest) = (Arc::new("older"), Arc::new("latest"));
        let shared = [&older, &latest].map(|connection| Shared {
            connection: Arc::downgrade(connection),
            served: HashSet::new(),
            retired: CancellationToken::new(),
        });
        let shared = &mut Vec::from(shared);
        let taken = |shared: &mut _, any| take(shared, "0", any).map(|connection| *connection);
        assert_eq!(taken(shared, false), Some("latest"));
        assert_eq!(taken(shared, false), None);
        assert_eq!(taken(shared, true), Some("older"));
        assert_eq!(taken(shared, true), None);
        drop(older);
        assert_eq!(taken(shared, true), None);
        assert_eq!(shared.len(), 1);
    }
}
