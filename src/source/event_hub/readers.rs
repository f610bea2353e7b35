//! The readers of one event hub: started for the partitions that this process acquires, ended for those that it loses.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::EventHubSource;
use super::assignment::{Assignment, Discovered, Order};
use super::connections::Connections;
use super::discovery::Discovery;
use super::error::{Cause, SourceError};
use super::extent::Loss;
use super::lag::LagWatch;
use super::progress::Progress;
use super::reader::Reader;
use super::settings::Start;
use crate::event::PartitionId;

/// The readers of one event hub, and the source of their assignments.
#[derive(Debug)]
pub(super) struct Readers {
    source: EventHubSource,
    event_hub: String,
    assignment: Assignment,
    /// In the order in which they were found: those with neighbouring numbers share connections.
    found: Vec<Discovered>,
    /// By the number of the group of partitions that shares them.
    connections: HashMap<usize, Arc<Connections>>,
    running: JoinSet<()>,
}

impl Readers {
    pub(super) fn new(source: EventHubSource, event_hub: String, assignment: Assignment) -> Self {
        Self {
            source,
            event_hub,
            assignment,
            found: Vec::new(),
            connections: HashMap::new(),
            running: JoinSet::new(),
        }
    }

    /// Reads until it is stopped.
    pub(super) async fn run(mut self, stop: CancellationToken) -> Result<(), SourceError> {
        let mut discovery = Discovery::new(&self.event_hub, self.source.clone());
        let mut start = self.source.settings.start;
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(ended) = self.running.join_next() => ended?,
                order = self.assignment.order() => self.begin(order),
                found = discovery.found() => {
                    self.found(found, start, &stop);
                    // A partition that is found later was created later: all its events came after the start.
                    start = Start::Earliest;
                }
            }
        }
        while let Some(ended) = self.running.join_next().await {
            ended?;
        }
        Ok(())
    }

    fn found(&mut self, partitions: Vec<PartitionId>, start: Start, stop: &CancellationToken) {
        for partition in &partitions {
            let telemetry = &self.source.telemetry;
            let causes = Cause::ALL.iter().map(|cause| cause.label());
            let reasons = Loss::ALL.iter().map(|loss| loss.label());
            telemetry.partition_found(partition, causes, reasons);
        }
        let found = partitions.iter().cloned();
        let found = found.map(|partition| Discovered { partition, start });
        self.found.extend(found);
        let positions = match &self.assignment {
            Assignment::All(positions) => positions.clone(),
            Assignment::Leased { leases, .. } => return leases.found(self.found.clone()),
        };
        for partition in partitions {
            self.begin(Order {
                after: positions.get(&partition.folded()).cloned(),
                partition,
                start,
                lease: None,
                stop: stop.clone(),
                ended: CancellationToken::new().drop_guard(),
            });
        }
    }

    fn begin(&mut self, order: Order) {
        let settings = &self.source.settings;
        let number = self
            .found
            .iter()
            .position(|found| found.partition == order.partition);
        let group = number.unwrap_or_default() / settings.amqp.partitions_per_connection;
        let connections = self.connections.entry(group);
        let connections = connections
            .or_insert_with(|| Arc::new(Connections::new(&self.source.clients, &self.event_hub)));
        let reader = Reader {
            source: self.source.clone(),
            connections: Arc::clone(connections),
            partition: order.partition,
            lane: self.source.queue.lane(),
            lease: order.lease,
            progress: Progress::new(
                order.start,
                order.after,
                settings.watchdog,
                settings.on_lost_position,
                settings.amqp.prefetch_bytes,
                Instant::now(),
            ),
            lag: LagWatch::default(),
        };
        let (stop, ended) = (order.stop, order.ended);
        self.running.spawn(async move {
            reader.run(stop).await;
            drop(ended);
        });
    }
}
