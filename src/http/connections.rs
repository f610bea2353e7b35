//! The connections that are open, and how room is made among them.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::task::{AbortHandle, Id};
use tokio::time::Instant;

use super::connection::Connection;
use super::eviction::{self, Holding};
use crate::metrics::Exposition;
use crate::telemetry::ClosedFor;

/// The connections that are open, each with its task.
#[derive(Debug)]
pub(super) struct Connections {
    exposition: Arc<Exposition>,
    /// How many may be open.
    most: usize,
    open: Mutex<HashMap<Id, (Arc<Connection>, AbortHandle)>>,
}

impl Connections {
    pub(super) fn new(exposition: Arc<Exposition>, most: usize) -> Self {
        Self {
            exposition,
            most,
            open: Mutex::default(),
        }
    }

    pub(super) fn opened(&self, connection: Arc<Connection>, task: AbortHandle) {
        self.open.lock().insert(task.id(), (connection, task));
    }

    pub(super) fn ended(&self, id: Id) {
        self.open.lock().remove(&id);
    }

    /// Whether there is no room for another one.
    pub(super) fn are_all_taken(&self) -> bool {
        self.open.lock().len() >= self.most
    }

    /// Makes room for a connection from this address. False if it has to wait.
    pub(super) fn make_room(&self, newcomer: IpAddr) -> bool {
        let closed = eviction::for_newcomer(&self.holdings(), newcomer);
        if let Some(id) = closed {
            self.close(id, ClosedFor::Connections);
        }
        closed.is_some()
    }

    /// How many bytes are being sent; a body that many share counts once.
    pub(super) fn bytes_being_sent(&self) -> usize {
        let open = self.open.lock();
        let bodies = open
            .values()
            .filter_map(|(connection, _)| connection.sends());
        bodies.collect::<HashMap<_, _>>().values().sum()
    }

    /// Ends the answers that send one of the bodies.
    pub(super) fn end_slowest_body(&self) {
        let holdings = self.holdings();
        let Some(ended) = eviction::for_body(&holdings) else {
            return;
        };
        for holding in holdings {
            if holding.sends.is_some_and(|(snapshot, _)| snapshot == ended) {
                self.close(holding.id, ClosedFor::Memory);
            }
        }
    }

    /// Whether a connection is closed after its answer: its client asks again and again before it has read; or all
    /// connections are taken, and those who wait shall have their turn however fast the others read and ask again.
    pub(super) fn is_last_answer(&self, came_too_early: bool) -> bool {
        let closed_for = if came_too_early {
            ClosedFor::Pipelining
        } else if self.are_all_taken() {
            ClosedFor::Crowd
        } else {
            return false;
        };
        self.exposition.telemetry().connection_closed(closed_for);
        true
    }

    fn holdings(&self) -> Vec<Holding<Id>> {
        let now = Instant::now();
        let open = self.open.lock();
        let holdings = open.iter().map(|(id, (connection, _))| Holding {
            id: *id,
            peer: connection.peer,
            lag: connection.lag(now),
            sends: connection.sends(),
        });
        holdings.collect()
    }

    /// One thread serves all: the task cannot have moved on since it was chosen, and ends before it does.
    fn close(&self, id: Id, closed_for: ClosedFor) {
        if let Some((_, task)) = self.open.lock().remove(&id) {
            task.abort();
            self.exposition.telemetry().connection_closed(closed_for);
        }
    }
}
