//! Runs the readers of one event hub: one for each partition that is assigned to this process.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::EventHubSource;
use super::assignment::{Assignment, Discovered, Order};
use super::capacity::{Capacity, partitions_per_connection};
use super::client::message;
use super::connections::Connections;
use super::discovery::Discovery;
use super::error::{Cause, SourceError};
use super::extent::Loss;
use super::lag::LagWatch;
use super::progress::Progress;
use super::reader::Reader;
use crate::telemetry::Telemetry;

/// The readers of one event hub, and the source of their assignments.
pub(super) struct Readers {
    source: EventHubSource,
    event_hub: String,
    assignment: Assignment,
    /// The partitions in the order in which they were found. Neighbours in this order share connections.
    found: Vec<Discovered>,
    /// The connections, by the number of the group of partitions that shares them.
    connections: HashMap<usize, Arc<Connections>>,
    capacity: Capacity,
    /// How many partitions share one.
    shared_by: usize,
    running: JoinSet<()>,
}

/// A panic of a reader is a defect that may come again at once.
const AFTER_PANIC: Duration = Duration::from_secs(5);

impl Readers {
    pub(super) fn new(source: EventHubSource, event_hub: String, assignment: Assignment) -> Self {
        let event_hubs = source.settings.event_hubs.len();
        Self {
            capacity: Capacity::of(source.connections, event_hubs),
            shared_by: source.settings.amqp.partitions_per_connection,
            source,
            event_hub,
            assignment,
            found: Vec::new(),
            connections: HashMap::new(),
            running: JoinSet::new(),
        }
    }

    /// Reads until `stop` is cancelled and all readers have ended.
    pub(super) async fn run(mut self, stop: CancellationToken) -> Result<(), SourceError> {
        let mut discovery = Discovery::new(&self.event_hub, self.source.clone());
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(ended) = self.running.join_next() => ended?,
                order = self.assignment.order() => self.begin(order),
                found = discovery.found() => self.found(found, &stop),
            }
        }
        while let Some(ended) = self.running.join_next().await {
            ended?;
        }
        Ok(())
    }

    fn found(&mut self, partitions: Vec<Discovered>, stop: &CancellationToken) {
        for found in &partitions {
            let causes = Cause::ALL.iter().map(|cause| cause.label());
            let reasons = Loss::ALL.iter().map(|loss| loss.label());
            let telemetry = &self.source.telemetry;
            telemetry.partition_found(&found.partition, causes, reasons);
        }
        self.found.extend_from_slice(&partitions);
        self.share_connections();
        let positions = match &self.assignment {
            Assignment::All(positions) => positions.clone(),
            Assignment::Leased { by, .. } => return by.found(self.found.clone()),
        };
        for found in partitions {
            self.begin(Order {
                after: positions.get(&found.partition.folded()).cloned(),
                found,
                lease: None,
                stop: stop.clone(),
            });
        }
    }

    fn begin(&mut self, order: Order) {
        let settings = &self.source.settings;
        let Discovered { partition, start } = order.found;
        let mut found = self.found.iter();
        let number = found.position(|found| found.partition == partition);
        let group = number.unwrap_or_default() / self.shared_by;
        let connections = self.connections.entry(group);
        let connections = connections.or_insert_with(|| {
            let capacity = Some(self.capacity.clone());
            let (clients, event_hub) = (&self.source.clients, &self.event_hub);
            Arc::new(Connections::new(clients, event_hub, capacity))
        });
        let reader = Reader {
            source: self.source.clone(),
            connections: Arc::clone(connections),
            partition,
            lane: self.source.queue.lane(),
            lease: order.lease,
            progress: Progress::new(
                start,
                order.after,
                settings.watchdog,
                settings.on_lost_position,
                settings.amqp.prefetch_bytes,
                Instant::now(),
            ),
            hub_created_at: None,
            lag: LagWatch::default(),
        };
        self.running.spawn(read(reader, order.stop));
    }

    /// Shares connections by as many partitions as the limits of the process make necessary.
    fn share_connections(&mut self) {
        let settings = &self.source.settings;
        let configured = settings.amqp.partitions_per_connection;
        let (connections, partitions) = (self.capacity.connections, self.found.len());
        let shared_by = partitions_per_connection(configured, partitions, connections);
        if shared_by > self.shared_by {
            Telemetry::connections_shared(&self.event_hub, partitions, connections, shared_by);
        }
        self.shared_by = shared_by;
    }
}

/// Reads a partition until it is stopped. A panic costs the link, and not the process.
async fn read(mut reader: Reader, stop: CancellationToken) {
    while let Err(panic) = AssertUnwindSafe(reader.run(&stop)).catch_unwind().await {
        reader.link_ended(&SourceError::panicked(message(panic.as_ref())));
        stop.run_until_cancelled(sleep(AFTER_PANIC)).await;
    }
}
