//! The task of a partition: does what `progress` says over a connection, and tells it what came of that.

use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use azure_messaging_eventhubs::models::ReceivedEventData;
use azure_messaging_eventhubs::{OpenReceiverOptions, StartLocation, StartPosition};
use futures_util::{FutureExt, Stream, StreamExt};
use time::OffsetDateTime;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use super::assignment::Lease;
use super::client::timed;
use super::connections::{Connection, Connections};
use super::error::{Cause, SourceError};
use super::extent::Extent;
use super::lag::LagWatch;
use super::progress::{From, Lost, Progress, Step};
use super::received::{Gathered, is_of_the_past};
use super::settings::Settings;
use crate::event::{Batch, PartitionId, Reached};
use crate::liveness::Liveness;
use crate::queue::Lane;
use crate::telemetry::{LostPosition, Telemetry};

/// Whoever attaches with this owner level evicts readers that have none, and another of ours evicts us: two processes
/// never count the same partition for long.
const OWNER_LEVEL: i64 = 0;

/// Opening a receiver asks nobody in SDK 0.16: it attaches when the first event is asked for. If that changes, so long.
const OPEN_TIMEOUT: Duration = Duration::from_secs(10);

/// The task that reads one partition.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) settings: Arc<Settings>,
    pub(super) connections: Arc<Connections>,
    pub(super) partition: PartitionId,
    /// Among the partitions of the hub; those that share a connection have places next to one another.
    pub(super) place: usize,
    pub(super) lane: Lane,
    pub(super) telemetry: Arc<Telemetry>,
    pub(super) liveness: Arc<Liveness>,
    /// Cancelled when reading may begin: scrapers have seen every failure series at 0.
    pub(super) begin: CancellationToken,
    /// Where other processes may come to own the partition.
    pub(super) lease: Option<Lease>,
    pub(super) progress: Progress,
    pub(super) lag: LagWatch,
}

impl Reader {
    /// Reads until told to stop.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        stop.run_until_cancelled(self.stand_by()).await;
        while !stop.is_cancelled() {
            if let Step::Wait(until) = self.progress.step(Instant::now()) {
                // Being told to stop ends the wait: the loop's condition sees it.
                stop.run_until_cancelled(sleep_until(until)).await;
                continue;
            }
            stop.run_until_cancelled(self.own()).await;
            if let Some(error) = self.read_over_a_connection(&stop).await {
                self.link_ended(&error);
                if error.cause() == Cause::Stolen {
                    stop.run_until_cancelled(self.own_still()).await;
                }
            }
        }
        self.liveness.partition_closed(&self.partition);
    }

    /// Waits while it is not known whether the partition is still ours.
    async fn own(&mut self) {
        if let Some(lease) = &mut self.lease {
            lease.is_fresh().await;
        }
    }

    /// Somebody else has opened a link: waits until it is known that the partition is ours all the same.
    async fn own_still(&mut self) {
        if let Some(lease) = &mut self.lease {
            lease.is_confirmed().await;
        }
    }

    /// Waits until reading may begin. What `latest` means is found out before, or what comes meanwhile would be skipped.
    async fn stand_by(&mut self) {
        let begin = self.begin.clone();
        while !self.progress.knows_where_to_begin() {
            let Some(resolved) = begin.run_until_cancelled(self.resolve()).await else {
                break; // the link that is opened now resolves it
            };
            if let Err(error) = resolved {
                self.link_ended(&error);
                if let Step::Wait(until) = self.progress.step(Instant::now()) {
                    begin.run_until_cancelled(sleep_until(until)).await;
                }
            }
        }
        if !begin.is_cancelled() {
            self.liveness.partition_stands_by(&self.partition);
            begin.cancelled().await;
            self.liveness.partition_closed(&self.partition); // until its link is open
        }
    }

    async fn resolve(&mut self) -> Result<(), SourceError> {
        let partition = self.partition.partition();
        let connection = self.connections.lease(self.place, partition).await?;
        let extent = self.ask_all(&connection).await;
        connection.release(true).await;
        self.progress.begin_at(&extent?);
        self.tell_where(None).await;
        Ok(())
    }

    /// Lets the writer know if the position is another than this and no event took it there.
    async fn tell_where(&self, before: Option<Reached>) {
        let reached = self.progress.reached().cloned();
        if let Some(reached) = reached.filter(|reached| Some(reached) != before.as_ref())
            && let Ok(slot) = self.lane.slot().await
        {
            slot.move_to(self.partition.clone(), reached);
        }
    }

    /// Reads over one connection, to its first error; none when told to stop.
    async fn read_over_a_connection(&mut self, stop: &CancellationToken) -> Option<SourceError> {
        let leasing = async {
            let _work = self.at_work("connecting");
            let connections = &self.connections;
            connections
                .lease(self.place, self.partition.partition())
                .await
        };
        let connection = match stop.run_until_cancelled(leasing).await? {
            Ok(connection) => connection,
            Err(error) => return Some(error),
        };
        // A panic of the SDK shall cost this partition a link, and no other anything.
        let reading = AssertUnwindSafe(self.read_over(&connection)).catch_unwind();
        let error = stop
            .run_until_cancelled(reading)
            .await
            .map(|read| match read {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some(error),
                Err(panic) => Some(SourceError::Panicked(said(panic.as_ref()))),
            });
        let _work = self.at_work("disconnecting");
        // Who does not answer does not answer this either.
        let politely = !matches!(
            error.iter().flatten().next().map(SourceError::cause),
            Some(Cause::Timeout | Cause::Stalled | Cause::Panicked)
        );
        connection.release(politely).await;
        error.flatten()
    }

    /// Opens a link and reads over it, to its first error; `Ok` when nobody takes events any more.
    async fn read_over(&mut self, connection: &Connection) -> Result<(), SourceError> {
        let mut extent = self.ask_all(connection).await?;
        let before = self.progress.reached().cloned();
        let opening = self.progress.opening(&extent);
        if let Some(lost) = &opening.lost {
            self.position_lost(lost)?;
        }
        if let Some(sequence_number) = opening.stepped_over {
            self.telemetry
                .event_stepped_over(&self.partition, sequence_number);
        }
        self.tell_where(before).await;
        let options = OpenReceiverOptions {
            owner_level: Some(OWNER_LEVEL),
            prefetch: Some(opening.prefetch),
            start_position: Some(start_position(&opening.from)),
            ..OpenReceiverOptions::default()
        };
        let id = self.partition.partition().to_owned();
        let opening_receiver = connection
            .client()
            .open_receiver_on_partition(id, Some(options));
        let opening_receiver = connection.on(opening_receiver);
        let receiver = timed("open receiver", OPEN_TIMEOUT, opening_receiver).await?;
        self.progress.opened(&extent, Instant::now());
        self.hub_told(&extent);
        self.liveness.partition_opened(&self.partition);
        self.telemetry
            .receiver_opened(&self.partition, self.reached(), opening.prefetch);

        let mut events = pin!(receiver.stream_events());
        let mut next = None;
        loop {
            match self.progress.step(Instant::now()) {
                Step::Receive(until) => {
                    let first = match next.take() {
                        Some(first) => first,
                        None => match timeout_at(until, connection.on(events.next())).await {
                            Ok(first) => first.ok_or(SourceError::Ended)??,
                            Err(_elapsed) => continue,
                        },
                    };
                    let is_again = is_of_the_past(&first, self.reached());
                    if is_again {
                        // Harmless, unless it is another sequence, whose events must not be refused.
                        extent = self.ask(connection, &extent).await?;
                        self.take_answer(&extent)?;
                    }
                    let taken = self.gather(&first, is_again, connection, events.as_mut());
                    if !self.hand_on(taken.gathered, connection, &extent).await {
                        return Ok(()); // the pipeline is gone: the service is on its way down
                    }
                    if let Some(error) = taken.ended {
                        return Err(error);
                    }
                    next = taken.next;
                }
                Step::Ask => {
                    // A client goes on with the token that it began with when it asks, and not when it reads.
                    let answer = self.ask(connection, &extent).await;
                    extent = answer.map_err(|error| match error.cause() {
                        Cause::Unauthorized => SourceError::GivenUp(Cause::Token),
                        _ => error,
                    })?;
                    self.take_answer(&extent)?;
                }
                Step::GiveUp(cause) => return Err(SourceError::GivenUp(cause)),
                Step::Wait(_) | Step::Open => return Err(SourceError::Ended),
            }
        }
    }

    /// Takes all that is there. Events that had come before are left out if that is what they are known to be; else the
    /// first of them is given back.
    fn gather<S>(
        &self,
        first: &ReceivedEventData,
        refuses: bool,
        connection: &Connection,
        mut events: Pin<&mut S>,
    ) -> Taken
    where
        S: Stream<Item = azure_messaging_eventhubs::Result<ReceivedEventData>>,
    {
        let _inside = connection.enter();
        let mut taken = Taken {
            gathered: Gathered::after(self.reached()),
            next: None,
            ended: None,
        };
        taken.gathered.take(first);
        while !taken.gathered.is_full() && taken.next.is_none() && taken.ended.is_none() {
            match events.next().now_or_never() {
                Some(Some(Ok(received))) => {
                    if !refuses && is_of_the_past(&received, taken.gathered.last()) {
                        taken.next = Some(received);
                    } else {
                        taken.gathered.take(&received);
                    }
                }
                Some(Some(Err(error))) => taken.ended = Some(error.into()),
                Some(None) => taken.ended = Some(SourceError::Ended),
                None => break,
            }
        }
        taken
    }

    /// Hands events on to the writer, as soon as it has room. False: it is gone.
    async fn hand_on(
        &mut self,
        gathered: Gathered,
        connection: &Connection,
        extent: &Extent,
    ) -> bool {
        self.proved();
        if gathered.refused > 0 {
            self.telemetry
                .events_refused(&self.partition, gathered.refused);
        }
        for (after, missed) in &gathered.gaps {
            self.telemetry
                .sequence_has_gap(&self.partition, *after, *missed);
        }
        let Some(batch) = Batch::new(self.partition.clone(), gathered.events) else {
            return true; // all events had come before
        };
        self.own().await;
        let lane = self.lane.clone();
        let slot = loop {
            match timeout(self.settings.watchdog.interval, lane.slot()).await {
                Ok(Ok(slot)) => break slot,
                Ok(Err(_closed)) => return false,
                // We stand still for a reason of our own; that the hub still answers is proof enough meanwhile.
                Err(_) => {
                    self.progress.excused(Instant::now());
                    if let Ok(extent) = self.ask(connection, extent).await {
                        self.hub_told(&extent);
                    }
                }
            }
        };
        // No wait from here on: what is handed on and what is known to be are the same.
        let events = u64::try_from(batch.count()).unwrap_or(u64::MAX);
        let reached = batch.last().reached();
        self.lag.received(&reached, OffsetDateTime::now_utc());
        self.progress
            .received(events, gathered.largest, reached, Instant::now());
        slot.send(batch);
        self.telemetry
            .partition_lags(&self.partition, self.lag.lag());
        true
    }

    /// Asks what the event hub is and what the partition holds.
    async fn ask_all(&self, connection: &Connection) -> Result<Extent, SourceError> {
        let _work = self.at_work("asking");
        let hub = connection.ask_hub().await?;
        let partition = self.partition.partition();
        connection.ask_partition(partition, hub.created_at).await
    }

    /// Asks what the partition holds.
    async fn ask(&self, connection: &Connection, before: &Extent) -> Result<Extent, SourceError> {
        let _work = self.at_work("asking");
        let partition = self.partition.partition();
        connection
            .ask_partition(partition, before.hub_created_at)
            .await
    }

    /// An answer came while a link is open; it may show that the link is not what it should be.
    fn take_answer(&mut self, extent: &Extent) -> Result<(), SourceError> {
        self.hub_told(extent);
        match self.progress.answered(extent, Instant::now()) {
            Some(cause) => Err(SourceError::GivenUp(cause)),
            None => Ok(()),
        }
    }

    fn hub_told(&mut self, extent: &Extent) {
        self.proved();
        let (ahead, reached) = (self.progress.ahead(extent), self.progress.reached());
        self.lag
            .answered(extent, ahead, reached, OffsetDateTime::now_utc());
        self.telemetry
            .partition_lags(&self.partition, self.lag.lag());
    }

    fn proved(&self) {
        let at = OffsetDateTime::now_utc();
        self.liveness
            .partition_proved(&self.partition, Instant::now(), at);
        self.telemetry.partition_proved(&self.partition, at);
    }

    fn position_lost(&self, lost: &Lost) -> Result<(), SourceError> {
        self.telemetry.position_lost(
            &self.partition,
            LostPosition {
                reason: lost.loss.label(),
                sequence_number: lost.sequence_number,
                missed: u64::try_from(lost.missed).unwrap_or(0),
                is_final: lost.is_final,
            },
        );
        if lost.is_final {
            let sequence_number = lost.sequence_number;
            return Err(SourceError::PositionLost { sequence_number });
        }
        Ok(())
    }

    fn link_ended(&mut self, error: &SourceError) {
        let cause = error.cause();
        let wait = self.progress.failed(cause, Instant::now(), rand::random());
        if cause.is_planned() {
            self.telemetry
                .receiver_replaced(&self.partition, cause.label());
            return;
        }
        self.liveness.partition_closed(&self.partition);
        if !cause.hub_answers() {
            self.telemetry.event_hub_is_away(self.partition.event_hub());
        }
        self.telemetry
            .receiver_failed(&self.partition, cause.label(), error, wait.as_millis());
    }

    /// The sequence number of the last event that was handed on.
    fn reached(&self) -> Option<i64> {
        self.progress
            .reached()
            .map(|reached| reached.position.sequence_number)
    }

    fn at_work(&self, what: &str) -> crate::liveness::AtWork {
        let who = format!("the reader of {}, {what},", self.partition);
        self.liveness.at_work(who, Instant::now())
    }
}

/// What was there to be taken.
struct Taken {
    gathered: Gathered,
    /// An event that seems to have come before.
    next: Option<ReceivedEventData>,
    /// What ended the stream.
    ended: Option<SourceError>,
}

fn start_position(from: &From) -> StartPosition {
    let location = match from {
        From::Earliest => StartLocation::Earliest,
        From::Time(time) => StartLocation::EnqueuedTime(SystemTime::from(*time)),
        // The offset alone survives a failover, where numbers may begin again.
        From::After(position) => match &position.offset {
            Some(offset) => StartLocation::Offset(offset.clone()),
            None => StartLocation::SequenceNumber(position.sequence_number),
        },
    };
    StartPosition {
        location,
        inclusive: false,
    }
}

/// What a panic said.
fn said(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("nothing").to_owned()
}
