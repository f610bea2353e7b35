//! Finds the partitions of an event hub, also those that it is given while we run.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::backoff::Backoff;
use super::connections::{Connection, Connections};
use super::error::SourceError;
use crate::event::PartitionId;
use crate::liveness::Liveness;
use crate::telemetry::Telemetry;

/// Asks an event hub for its partitions, again and again.
#[derive(Debug)]
pub(super) struct Discovery {
    pub(super) event_hub: Arc<str>,
    pub(super) connections: Arc<Connections>,
    pub(super) telemetry: Arc<Telemetry>,
    pub(super) liveness: Arc<Liveness>,
    pub(super) interval: Duration,
    connection: Option<Connection>,
    known: HashSet<String>,
    asked_at: Option<Instant>,
    backoff: Backoff,
}

impl Discovery {
    pub(super) fn new(
        event_hub: &str,
        connections: Arc<Connections>,
        telemetry: Arc<Telemetry>,
        liveness: Arc<Liveness>,
        interval: Duration,
    ) -> Self {
        Self {
            event_hub: event_hub.into(),
            connections,
            telemetry,
            liveness,
            interval,
            connection: None,
            known: HashSet::new(),
            asked_at: None,
            backoff: Backoff::default(),
        }
    }

    /// The partitions that were not known before, once there are any. It may be dropped at any time and called again.
    pub(super) async fn found(&mut self) -> Vec<PartitionId> {
        loop {
            if let Some(asked_at) = self.asked_at {
                tokio::time::sleep_until(asked_at + self.interval).await;
            }
            match self.ask().await {
                Ok(ids) => {
                    self.asked_at = Some(Instant::now());
                    self.backoff = Backoff::default();
                    let found = self.answered(ids);
                    if !found.is_empty() {
                        return found;
                    }
                }
                Err(error) => {
                    let wait = self.backoff.next(error.cause(), rand::random());
                    self.telemetry.event_hub_failed(
                        &self.event_hub,
                        error.cause().label(),
                        &error,
                        wait.as_millis(),
                    );
                    tokio::time::sleep(wait).await;
                    self.asked_at = None;
                }
            }
        }
    }

    fn answered(&mut self, ids: Vec<String>) -> Vec<PartitionId> {
        self.telemetry.event_hub_answered(&self.event_hub);
        self.liveness.event_hub_answered(
            &self.event_hub,
            ids.iter().map(String::as_str),
            Instant::now(),
        );
        ids.into_iter()
            .filter(|id| self.known.insert(id.clone()))
            .map(|id| PartitionId::new(Arc::clone(&self.event_hub), id))
            .collect()
    }

    async fn ask(&mut self) -> Result<Vec<String>, SourceError> {
        let who = format!("the search for partitions of {}", self.event_hub);
        let _work = self.liveness.at_work(who, Instant::now());
        // A connection that failed meanwhile, or whose token has aged, says nothing about the hub: a new one does.
        if let Some(connection) = self.connection.take()
            && let Ok(answer) = connection.ask_hub().await
        {
            self.connection = Some(connection);
            return Ok(answer.partitions);
        }
        let connection = self.connections.open().await?;
        let answer = connection.ask_hub().await?;
        self.connection = Some(connection);
        Ok(answer.partitions)
    }
}
