//! Reads one partition: opens it, streams it, and opens it again after its last event whatever goes wrong.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use azure_core_amqp::AmqpValue;
use azure_core_amqp::message::AmqpMessageBody;
use azure_messaging_eventhubs::models::{EventHubPartitionProperties, ReceivedEventData};
use azure_messaging_eventhubs::{
    ConsumerClient, OpenReceiverOptions, StartLocation, StartPosition,
};
use futures_util::{FutureExt, Stream, StreamExt};
use time::OffsetDateTime;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::backoff::Backoff;
use super::client::{self, Clients, PROPERTIES_TIMEOUT, timed};
use super::error::SourceError;
use super::settings::Start;
use crate::event::{Batch, Event, PartitionId, Position};
use crate::readiness::Readiness;
use crate::telemetry::Telemetry;

/// Whoever attaches with this owner level evicts readers that have none, and another of ours evicts us: two processes
/// never count the same partition for long.
const OWNER_LEVEL: i64 = 0;

/// Events that the hub may send ahead of us; the SDK's own default. An event is 1 MB at most.
const PREFETCH: u32 = 300;

/// A batch is what is there, up to these: enough to make a batch's overhead vanish, small enough that the writer's
/// lock is never held for long.
const BATCH_EVENTS_MAX: usize = 256;
const BATCH_BYTES_MAX: usize = 4 * 1024 * 1024;

/// How often a quiet partition's hub is asked whether the partition is quiet indeed.
const ASK_EVERY: Duration = Duration::from_secs(30);

/// An event that the hub has is there in milliseconds; ten seconds are for a bad network.
const STALLED_AFTER: Duration = Duration::from_secs(10);

/// A stream that lasted this long was healthy: what ends it is a first failure.
const HEALTHY_AFTER: Duration = Duration::from_mins(1);

/// The task that reads one partition.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) clients: Arc<Clients>,
    pub(super) partition: PartitionId,
    pub(super) batches: mpsc::Sender<Batch>,
    pub(super) telemetry: Arc<Telemetry>,
    pub(super) readiness: Arc<Readiness>,
    /// The last event passed on: where to open again.
    pub(super) after: Option<Position>,
    /// Where to open while there is none.
    pub(super) start: Start,
}

impl Reader {
    /// Reads until told to stop.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        let mut backoff = Backoff::default();
        while !stop.is_cancelled() {
            let opened_at = tokio::time::Instant::now();
            let Err(error) = self.open_and_stream(&stop).await else {
                break;
            };
            if opened_at.elapsed() > HEALTHY_AFTER {
                backoff.reset();
            }
            let wait = backoff.next(error.cause(), rand::random());
            self.readiness.partition_closed(&self.partition);
            if !error.cause().hub_answers() {
                self.telemetry.event_hub_is_away(self.partition.event_hub());
            }
            self.telemetry.receiver_failed(
                &self.partition,
                error.cause().label(),
                &error,
                wait.as_millis(),
            );
            // Being told to stop ends the wait: the loop's condition sees it.
            let _elapsed = tokio::time::timeout(wait, stop.cancelled()).await;
        }
        self.readiness.partition_closed(&self.partition);
    }

    /// Reads over one client, to its first error; `Ok` when told to stop.
    async fn open_and_stream(&mut self, stop: &CancellationToken) -> Result<(), SourceError> {
        let clients = Arc::clone(&self.clients);
        let opening = clients.consumer(self.partition.event_hub());
        let Some(client) = stop.run_until_cancelled(opening).await.transpose()? else {
            return Ok(());
        };
        let result = stop.run_until_cancelled(self.stream(&client)).await;
        client::close(client).await;
        result.unwrap_or(Ok(()))
    }

    async fn stream(&mut self, client: &ConsumerClient) -> Result<(), SourceError> {
        let id = self.partition.partition().to_owned();
        // The answer proves that the hub knows the partition: attaching, below, answers nothing while it is quiet.
        let properties = timed(
            "read partition properties",
            PROPERTIES_TIMEOUT,
            client.get_partition_properties(&id),
        )
        .await?;
        let options = OpenReceiverOptions {
            owner_level: Some(OWNER_LEVEL),
            prefetch: Some(PREFETCH),
            start_position: Some(self.start_position(&properties)),
            ..OpenReceiverOptions::default()
        };
        let opening = client.open_receiver_on_partition(id, Some(options));
        let receiver = timed("open receiver", PROPERTIES_TIMEOUT, opening).await?;
        self.readiness.partition_opened(&self.partition);
        self.telemetry.receiver_opened(
            &self.partition,
            self.after.as_ref().map(|after| after.sequence_number),
        );
        let mut newest = newest(&properties);
        let mut events = pin!(receiver.stream_events());
        loop {
            let first = self.next(client, &mut newest, events.as_mut()).await?;
            let (batch, ended) = self.gather(first, events.as_mut());
            self.after = batch.events.last().map(|event| event.position.clone());
            if self.batches.send(batch).await.is_err() {
                return Ok(()); // the pipeline is gone: the service is on its way down
            }
            if let Some(error) = ended {
                return Err(error);
            }
        }
    }

    /// The next event, however long it takes; an error if the hub has one for us and it does not come.
    ///
    /// Neither attaching nor waiting for events ends by itself in the SDK: a link that was never answered looks like a
    /// quiet partition. So the hub is asked now and then what it has.
    async fn next<S>(
        &self,
        client: &ConsumerClient,
        newest: &mut Option<i64>,
        mut events: Pin<&mut S>,
    ) -> Result<ReceivedEventData, SourceError>
    where
        S: Stream<Item = azure_messaging_eventhubs::Result<ReceivedEventData>>,
    {
        loop {
            let is_behind = newest.is_some_and(|newest| self.wants(newest));
            let wait = if is_behind { STALLED_AFTER } else { ASK_EVERY };
            match tokio::time::timeout(wait, events.next()).await {
                Ok(event) => {
                    return event
                        .ok_or(SourceError::Ended)?
                        .map_err(SourceError::EventHub);
                }
                Err(_) if is_behind => {
                    return Err(SourceError::Timeout {
                        step: "receive an event that the hub has",
                        seconds: wait.as_secs(),
                    });
                }
                Err(_) => {
                    let asking = client.get_partition_properties(self.partition.partition());
                    let properties =
                        timed("read partition properties", PROPERTIES_TIMEOUT, asking).await?;
                    *newest = self::newest(&properties);
                }
            }
        }
    }

    /// Whether the event of this sequence number is one that we have not had and are to get.
    fn wants(&self, sequence_number: i64) -> bool {
        match (&self.after, self.start) {
            (Some(after), _) => sequence_number > after.sequence_number,
            (None, Start::Earliest) => true,
            (None, Start::Latest | Start::At(_)) => false,
        }
    }

    /// Takes all that is there, and the error that ends it if there is one.
    fn gather<S>(
        &self,
        first: ReceivedEventData,
        mut events: Pin<&mut S>,
    ) -> (Batch, Option<SourceError>)
    where
        S: Stream<Item = azure_messaging_eventhubs::Result<ReceivedEventData>>,
    {
        let mut previous = self
            .after
            .as_ref()
            .map_or(-1, |after| after.sequence_number);
        let mut batch = Batch {
            partition: self.partition.clone(),
            events: Vec::new(),
        };
        let mut bytes = 0;
        let mut next = Some(Some(Ok(first)));
        loop {
            match next {
                Some(Some(Ok(received))) => {
                    let event = event(&received, previous);
                    previous = event.position.sequence_number;
                    bytes += event.body.len();
                    batch.events.push(event);
                }
                Some(Some(Err(error))) => return (batch, Some(SourceError::EventHub(error))),
                Some(None) => return (batch, Some(SourceError::Ended)),
                None => return (batch, None),
            }
            if batch.events.len() >= BATCH_EVENTS_MAX || bytes >= BATCH_BYTES_MAX {
                return (batch, None);
            }
            next = events.next().now_or_never();
        }
    }

    /// Where to open: after the last event passed on; before any, as configured.
    fn start_position(&mut self, properties: &EventHubPartitionProperties) -> StartPosition {
        if self.after.is_none() && self.start == Start::Latest {
            // "Latest" is resolved once: asked for again after an outage, it would skip what came meanwhile.
            if properties.is_empty {
                self.start = Start::Earliest;
            } else {
                self.after = Some(Position {
                    sequence_number: properties.last_enqueued_sequence_number,
                    offset: Some(properties.last_enqueued_offset.clone()),
                });
            }
        }
        let location = match (&self.after, self.start) {
            (
                Some(Position {
                    offset: Some(offset),
                    ..
                }),
                _,
            ) => StartLocation::Offset(offset.clone()),
            (
                Some(Position {
                    sequence_number, ..
                }),
                _,
            ) => StartLocation::SequenceNumber(*sequence_number),
            (None, Start::At(time)) => StartLocation::EnqueuedTime(SystemTime::from(time)),
            (None, Start::Earliest | Start::Latest) => StartLocation::Earliest,
        };
        StartPosition {
            location,
            inclusive: false,
        }
    }
}

/// The sequence number of the newest event that a partition holds; `None` if it holds none.
fn newest(properties: &EventHubPartitionProperties) -> Option<i64> {
    (!properties.is_empty).then_some(properties.last_enqueued_sequence_number)
}

fn event(received: &ReceivedEventData, previous_sequence_number: i64) -> Event {
    Event {
        position: Position {
            // Event Hubs numbers every event; one without a number can only follow the one before.
            sequence_number: received
                .sequence_number()
                .unwrap_or(previous_sequence_number.saturating_add(1)),
            offset: received.offset().clone(),
        },
        enqueued_at: Some(
            received
                .enqueued_time()
                .map_or_else(OffsetDateTime::now_utc, OffsetDateTime::from),
        ),
        body: body(&received.raw_amqp_message().body),
    }
}

/// The bytes of a body in any of the forms that AMQP has for one; the SDK's own accessor knows only the first.
fn body(body: &AmqpMessageBody) -> Vec<u8> {
    match body {
        AmqpMessageBody::Binary(sections) => sections.concat(),
        AmqpMessageBody::Value(AmqpValue::Binary(bytes)) => bytes.clone(),
        AmqpMessageBody::Value(AmqpValue::String(text)) => text.clone().into_bytes(),
        AmqpMessageBody::Value(_) | AmqpMessageBody::Sequence(_) | AmqpMessageBody::Empty => {
            Vec::new()
        }
    }
}
