//! Finds the partitions of an event hub, also those that are added while the exporter runs.

use std::collections::HashSet;
use std::sync::Arc;

use tokio::time::{Instant, sleep_until};

use super::EventHubSource;
use super::assignment::Discovered;
use super::backoff::Backoff;
use super::connections::{Connection, Connections};
use super::error::SourceError;
use super::settings::Start;
use crate::event::PartitionId;
use crate::telemetry::chain;

/// Asks an event hub for its partitions, again and again.
pub(super) struct Discovery {
    event_hub: Arc<str>,
    connections: Connections,
    source: EventHubSource,
    connection: Option<Connection>,
    known: HashSet<String>,
    /// Where to start with partitions that are found now.
    start: Start,
    /// When to ask next.
    ask_at: Instant,
    backoff: Backoff,
}

impl Discovery {
    pub(super) fn new(event_hub: &str, source: EventHubSource) -> Self {
        Self {
            event_hub: event_hub.into(),
            connections: Connections::new(&source.clients, event_hub, None),
            connection: None,
            known: HashSet::new(),
            start: source.settings.start.clone(),
            ask_at: Instant::now(),
            backoff: Backoff::default(),
            source,
        }
    }

    /// The partitions that were not known before, once there are any. It may be dropped at any time and called again.
    pub(super) async fn found(&mut self) -> Vec<Discovered> {
        loop {
            sleep_until(self.ask_at).await;
            match self.ask().await {
                Ok(ids) => {
                    self.ask_at = Instant::now() + self.source.settings.watchdog.interval;
                    self.backoff = Backoff::default();
                    let found = self.answered(ids);
                    if !found.is_empty() {
                        // A partition that is found later was created later: all its events came after the start.
                        self.start = Start::Earliest;
                        return found;
                    }
                }
                Err(error) => {
                    let cause = error.cause();
                    let wait = self.backoff.next(cause, rand::random());
                    self.ask_at = Instant::now() + wait;
                    let error = self.source.explain(&error, &self.event_hub);
                    let EventHubSource {
                        liveness,
                        telemetry,
                        ..
                    } = &self.source;
                    liveness.event_hub_failed(&self.event_hub, chain(&error));
                    let retry_ms = wait.as_millis();
                    telemetry.event_hub_failed(&self.event_hub, cause.label(), &error, retry_ms);
                }
            }
        }
    }

    fn answered(&mut self, ids: Vec<String>) -> Vec<Discovered> {
        let EventHubSource {
            liveness,
            telemetry,
            ..
        } = &self.source;
        let names = ids.iter().map(String::as_str);
        liveness.event_hub_answered(&self.event_hub, names, Instant::now());
        // A consumer group that does not exist shows only where a partition is opened.
        if !liveness.is_refused(&self.event_hub) {
            telemetry.event_hub_answered(&self.event_hub);
        }
        ids.into_iter()
            .filter(|id| self.known.insert(id.clone()))
            .map(|id| Discovered {
                partition: PartitionId::new(Arc::clone(&self.event_hub), id),
                start: self.start.clone(),
            })
            .collect()
    }

    async fn ask(&mut self) -> Result<Vec<String>, SourceError> {
        let work = format!("the search for partitions of {}", self.event_hub);
        let _work = self.source.liveness.at_work(work, Instant::now());
        // If a connection has failed meanwhile, or its token has aged, the hub may be well: a new connection shows that.
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
