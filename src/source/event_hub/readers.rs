//! The readers of one event hub: started for the partitions that this process acquires, stopped for those that it loses.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Context;
use super::assignment::{Assignment, Lease, Order};
use super::connections::Connections;
use super::discovery::Discovery;
use super::error::{Cause, SourceError};
use super::extent::Loss;
use super::lag::LagWatch;
use super::progress::Progress;
use super::reader::Reader;
use super::settings::Start;
use crate::event::{PartitionId, Reached};

/// The readers of one event hub, and the source of their assignments.
#[derive(Debug)]
pub(super) struct Readers {
    context: Context,
    event_hub: String,
    assignment: Assignment,
    connections: Arc<Connections>,
    /// In the order in which they were found, which gives each reader its number.
    found: Vec<PartitionId>,
    running: JoinSet<PartitionId>,
    ends: HashMap<PartitionId, End>,
}

/// How a reader is ended.
#[derive(Debug)]
struct End {
    stop: CancellationToken,
    /// Dropped when the reader has ended.
    stopped: Option<oneshot::Sender<()>>,
}

impl Readers {
    pub(super) fn new(context: Context, event_hub: String, assignment: Assignment) -> Self {
        let connections = Connections::new(
            Arc::clone(&context.clients),
            &event_hub,
            context.settings.amqp.partitions_per_connection,
        );
        Self {
            context,
            event_hub,
            assignment,
            connections: Arc::new(connections),
            found: Vec::new(),
            running: JoinSet::new(),
            ends: HashMap::new(),
        }
    }

    /// Reads until it is stopped.
    pub(super) async fn run(mut self, stop: CancellationToken) -> Result<(), SourceError> {
        let (context, connections) = (self.context.clone(), Arc::clone(&self.connections));
        let mut discovery = Discovery::new(&self.event_hub, connections, context);
        let mut start = self.context.settings.start;
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(ended) = self.running.join_next() => self.ended(ended, &stop)?,
                order = self.assignment.order() => self.obey(order, &stop),
                found = discovery.found() => {
                    self.found(found, start, &stop);
                    // A partition that is found later was created later: all its events came after the start.
                    start = Start::Earliest;
                }
            }
        }
        while let Some(ended) = self.running.join_next().await {
            self.ended(ended, &stop)?;
        }
        Ok(())
    }

    fn found(&mut self, partitions: Vec<PartitionId>, start: Start, stop: &CancellationToken) {
        for partition in &partitions {
            let telemetry = &self.context.telemetry;
            let causes = Cause::ALL.iter().map(|cause| cause.label());
            let reasons = Loss::ALL.iter().map(|loss| loss.label());
            telemetry.partition_found(partition, causes, reasons);
        }
        self.found.extend(partitions.iter().cloned());
        let positions = match &self.assignment {
            Assignment::All(positions) => positions.clone(),
            Assignment::Leased { found, .. } => {
                found.send_replace(self.found.clone());
                return;
            }
        };
        for partition in partitions {
            let after = positions.get(&partition.folded()).cloned();
            self.begin(partition, after, start, None, stop);
        }
    }

    fn obey(&mut self, order: Order, stop: &CancellationToken) {
        match order {
            Order::Assign {
                partition,
                after,
                start,
                lease,
            } => self.begin(partition, after, start, Some(lease), stop),
            Order::Revoke { partition, stopped } => {
                // If there is no reader, `stopped` is dropped, which ends the wait for it.
                if let Some(end) = self.ends.get_mut(&partition) {
                    end.stop.cancel();
                    end.stopped = Some(stopped);
                }
            }
        }
    }

    fn begin(
        &mut self,
        partition: PartitionId,
        after: Option<Reached>,
        start: Start,
        lease: Option<Lease>,
        stop: &CancellationToken,
    ) {
        let settings = &self.context.settings;
        let number = self.found.iter().position(|found| *found == partition);
        let reader = Reader {
            context: self.context.clone(),
            connections: Arc::clone(&self.connections),
            partition: partition.clone(),
            number: number.unwrap_or_default(),
            lane: self.context.queue.lane(),
            lease,
            progress: Progress::new(
                start,
                after,
                settings.watchdog,
                settings.on_lost_position,
                settings.amqp.prefetch_bytes,
                Instant::now(),
            ),
            lag: LagWatch::default(),
        };
        let stop = stop.child_token();
        let end = End {
            stop: stop.clone(),
            stopped: None,
        };
        self.ends.insert(partition.clone(), end);
        self.running.spawn(async move {
            reader.run(stop).await;
            partition
        });
    }

    /// A reader has ended: it was stopped, or something is wrong.
    fn ended(
        &mut self,
        ended: Result<PartitionId, JoinError>,
        stop: &CancellationToken,
    ) -> Result<(), SourceError> {
        let partition = ended.map_err(|panic| SourceError::ReaderEnded(panic.to_string()))?;
        let end = self.ends.remove(&partition);
        if !stop.is_cancelled() && !end.is_some_and(|end| end.stop.is_cancelled()) {
            return Err(SourceError::ReaderEnded(partition.to_string()));
        }
        Ok(()) // dropping `end` ends the wait for it
    }
}
