//! The task of a partition: it does what `progress` decides over a connection, and reports the outcome to it.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use azure_messaging_eventhubs::models::ReceivedEventData;
use azure_messaging_eventhubs::{EventReceiver, OpenReceiverOptions};
use futures_util::stream::Peekable;
use futures_util::{FutureExt, Stream, StreamExt};
use time::OffsetDateTime;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use super::EventHubSource;
use super::assignment::Lease;
use super::client::{message, timed};
use super::connections::{Connection, Connections};
use super::error::{Cause, SourceError};
use super::extent::Extent;
use super::lag::LagWatch;
use super::progress::{Action, Progress};
use super::received::{self, Gathered};
use crate::event::{Batch, PartitionId, Reached};
use crate::liveness::AtWork;
use crate::queue::Lane;
use crate::telemetry::chain;

/// A reader with this owner level evicts readers that have none, and is evicted by the next one with it: two processes
/// never count the same partition for long.
const OWNER_LEVEL: i64 = 0;

/// In SDK 0.16 opening a receiver sends nothing: it attaches when the first event is requested. The limit is there in
/// case that changes.
const OPEN_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a link may take to be refused. Until then it does not count as open, or a partition that is refused again and
/// again would seem to be read in between. An event that comes before shows that the link is open.
const REFUSED_WITHIN: Duration = Duration::from_millis(500);

/// The task that reads one partition.
pub(super) struct Reader {
    pub(super) source: EventHubSource,
    pub(super) connections: Arc<Connections>,
    pub(super) partition: PartitionId,
    pub(super) lane: Lane,
    /// None if only this process reads the partition.
    pub(super) lease: Option<Lease>,
    pub(super) progress: Progress,
    /// When the event hub was created, if it reports that.
    pub(super) hub_created_at: Option<OffsetDateTime>,
    pub(super) lag: LagWatch,
}

impl Reader {
    /// Reads until it is stopped.
    pub(super) async fn run(&mut self, stop: &CancellationToken) {
        stop.run_until_cancelled(self.stand_by()).await;
        while !stop.is_cancelled() {
            if let Action::Wait(until) = self.progress.next(Instant::now()) {
                // A stop ends the wait too: then the loop ends.
                stop.run_until_cancelled(sleep_until(until)).await;
                continue;
            }
            stop.run_until_cancelled(self.own()).await;
            if let Some(error) = self.read_over_a_connection(stop).await {
                self.link_ended(&error);
            }
        }
        self.source.liveness.partition_closed(&self.partition);
    }

    /// Waits while it is unknown whether this process still owns the partition.
    async fn own(&self) {
        if let Some(lease) = &self.lease {
            lease.is_owned().await;
        }
    }

    /// Waits until reading may begin. `latest` is resolved before, or the events that come meanwhile would be skipped.
    async fn stand_by(&mut self) {
        let begin = self.source.begin.clone();
        while !self.progress.knows_where_to_begin() {
            let Some(resolved) = begin.run_until_cancelled(self.resolve()).await else {
                break; // the link that is opened now resolves it
            };
            if let Err(error) = resolved {
                self.link_ended(&error);
                if let Action::Wait(until) = self.progress.next(Instant::now()) {
                    begin.run_until_cancelled(sleep_until(until)).await;
                }
            }
        }
        if !begin.is_cancelled() {
            self.source.liveness.partition_stands_by(&self.partition);
            begin.cancelled().await;
            self.source.liveness.partition_closed(&self.partition); // until its link is open
        }
    }

    async fn resolve(&mut self) -> Result<(), SourceError> {
        let connection = self.check_out().await?;
        let extent = self.ask_all(&connection).await;
        connection.give_back(true).await;
        self.progress.begin_at(&extent?);
        self.send_position(None).await;
        Ok(())
    }

    async fn check_out(&self) -> Result<Arc<Connection>, SourceError> {
        self.connections.check_out(self.partition.partition()).await
    }

    /// Sends the position to the writer if it is not this one any more, although no event moved it.
    async fn send_position(&self, before: Option<Reached>) {
        let reached = self.progress.reached().cloned();
        if let Some(reached) = reached.filter(|reached| Some(reached) != before.as_ref())
            && let Ok(slot) = self.lane.slot().await
        {
            slot.move_to(self.partition.clone(), reached);
        }
    }

    /// Reads over one connection, to its first error; none when it is stopped.
    async fn read_over_a_connection(&mut self, stop: &CancellationToken) -> Option<SourceError> {
        let connecting = async {
            let _work = self.at_work("connecting");
            self.check_out().await
        };
        let connection = match stop.run_until_cancelled(connecting).await? {
            Ok(connection) => connection,
            Err(error) => return Some(error),
        };
        // A panic of the SDK ends the link of this partition, and nothing else.
        let reading = AssertUnwindSafe(self.read_over(&connection)).catch_unwind();
        let reading = connection.retired.run_until_cancelled(reading);
        let error = match stop.run_until_cancelled(reading).await {
            None | Some(Some(Ok(Ok(())))) => None,
            Some(None) => Some(SourceError::Replaced(Cause::Retired)),
            Some(Some(Ok(Err(error)))) => Some(error),
            Some(Some(Err(panic))) => Some(SourceError::panicked(message(panic.as_ref()))),
        };
        let _work = self.at_work("disconnecting");
        // A hub that did not answer will not answer the close either.
        let politely = !matches!(
            error.as_ref().map(SourceError::cause),
            Some(Cause::Timeout | Cause::Stalled | Cause::Panicked)
        );
        connection.give_back(politely).await;
        error
    }

    /// Reads over a link of this connection, to its first error; `Ok` when the writer takes no events any more.
    async fn read_over(&mut self, connection: &Connection) -> Result<(), SourceError> {
        let extent = self.ask_all(connection).await?;
        let (receiver, prefetch) = self.open(connection, &extent).await?;
        let mut events = pin!(receiver.stream_events().peekable());
        let first = connection.runtime.on(events.as_mut().peek());
        let first = AssertUnwindSafe(first).catch_unwind();
        let is_refused = match timeout(REFUSED_WITHIN, first).await {
            Ok(Err(panic)) => return Err(self.event_panicked(panic.as_ref())),
            Ok(Ok(first)) => matches!(first, Some(Err(_))),
            Err(_) => false,
        };
        if !is_refused {
            let EventHubSource {
                liveness,
                telemetry,
                ..
            } = &self.source;
            liveness.partition_opened(&self.partition);
            telemetry.receiver_opened(&self.partition, self.reached(), prefetch);
        }
        loop {
            match self.progress.next(Instant::now()) {
                Action::Receive(until) => {
                    let next = connection.runtime.on(events.next());
                    let Some(first) = self.receive(until, next).await? else {
                        continue;
                    };
                    if self.progress.awaits_proof() {
                        self.compare(&first)?;
                        continue;
                    }
                    let mut gathered = Gathered::after(self.progress.seen());
                    let is_again = gathered.had(&first);
                    if is_again {
                        // Harmless, unless it is of another sequence, whose events must not be refused.
                        self.check(connection).await?;
                    }
                    gathered.take(&first);
                    let inside = connection.runtime.enter();
                    gather(&mut gathered, is_again, events.as_mut());
                    drop(inside);
                    if !self.hand_on(gathered, connection).await {
                        return Ok(()); // the writer has ended: the service is stopping
                    }
                }
                Action::Ask => self.check(connection).await?,
                Action::Replace(cause) => return Err(SourceError::Replaced(cause)),
                Action::Wait(_) | Action::Open => return Err(SourceError::Ended),
            }
        }
    }

    /// Waits for the next event; none came until then. Only a failure of this can be the fault of an event.
    async fn receive<E>(
        &mut self,
        until: Instant,
        next: impl Future<Output = Option<Result<ReceivedEventData, E>>>,
    ) -> Result<Option<ReceivedEventData>, SourceError>
    where
        SourceError: From<E>,
    {
        let next = AssertUnwindSafe(next).catch_unwind();
        let Ok(next) = timeout_at(until, next).await else {
            return Ok(None);
        };
        let error = match next {
            Ok(Some(Ok(event))) => return Ok(Some(event)),
            Ok(Some(Err(error))) => error.into(),
            Ok(None) => SourceError::Ended,
            Err(panic) => return Err(self.event_panicked(panic.as_ref())),
        };
        self.progress.receive_failed(error.cause(), Instant::now());
        Err(error)
    }

    /// The SDK panicked over the next event.
    fn event_panicked(&mut self, panic: &(dyn Any + Send)) -> SourceError {
        let error = match SourceError::panicked(message(panic)) {
            SourceError::Panicked(message) => SourceError::EventPanicked(message),
            error => error, // no thread could be started
        };
        self.progress.receive_failed(error.cause(), Instant::now());
        error
    }

    /// The link must begin with the last event that was handed on.
    fn compare(&mut self, first: &ReceivedEventData) -> Result<(), SourceError> {
        self.verified();
        let first = received::reached(first, self.reached());
        if self.progress.proves(&first, Instant::now()) {
            Ok(())
        } else {
            Err(self.replaced(Cause::Doubted))
        }
    }

    /// Why a link is replaced.
    fn replaced(&self, cause: Cause) -> SourceError {
        match self.progress.finding() {
            Some(finding) if cause == Cause::Doubted => SourceError::Doubted(finding.text()),
            _ => SourceError::Replaced(cause),
        }
    }

    /// Opens a link, and returns its prefetch, where `progress` decides, given what the hub holds.
    async fn open(
        &mut self,
        connection: &Connection,
        extent: &Extent,
    ) -> Result<(EventReceiver, u32), SourceError> {
        let before = self.progress.reached().cloned();
        let opening = self.progress.opening(extent, Instant::now());
        let opening = opening.map_err(|finding| SourceError::Doubted(finding.text()))?;
        let telemetry = Arc::clone(&self.source.telemetry);
        if let Some(lost) = opening.lost {
            telemetry.position_lost(&self.partition, lost);
            if lost.is_final {
                let sequence_number = lost.sequence_number;
                return Err(SourceError::PositionLost { sequence_number });
            }
        }
        if let Some(sequence_number) = opening.stepped_over {
            telemetry.event_stepped_over(&self.partition, sequence_number);
        }
        self.send_position(before).await;
        self.progress.opened(extent, Instant::now());
        let options = OpenReceiverOptions {
            owner_level: Some(OWNER_LEVEL),
            prefetch: Some(opening.prefetch),
            start_position: Some(opening.at),
            ..OpenReceiverOptions::default()
        };
        let id = self.partition.partition().to_owned();
        let opening_receiver = connection
            .client
            .open_receiver_on_partition(id, Some(options));
        let opening_receiver = connection.runtime.on(opening_receiver);
        let receiver = timed("open receiver", OPEN_TIMEOUT, opening_receiver).await?;
        self.hub_answered(extent);
        Ok((receiver, opening.prefetch))
    }

    /// Hands events on to the writer, as soon as it has room. False: the writer has ended.
    async fn hand_on(&mut self, gathered: Gathered, connection: &Connection) -> bool {
        self.verified();
        let telemetry = Arc::clone(&self.source.telemetry);
        if gathered.refused > 0 {
            telemetry.events_refused(&self.partition, gathered.refused);
        }
        for (after, missed) in &gathered.gaps {
            telemetry.sequence_has_gap(&self.partition, *after, *missed);
        }
        let Some(batch) = Batch::new(self.partition.clone(), gathered.events) else {
            return true; // all events had come before
        };
        self.own().await;
        let lane = self.lane.clone();
        let slot = loop {
            match timeout(self.source.settings.watchdog.interval, lane.slot()).await {
                Ok(Ok(slot)) => break slot,
                Ok(Err(_closed)) => return false,
                // The writer makes this reader wait; that the hub still answers is enough meanwhile.
                Err(_) => {
                    self.progress.excused(Instant::now());
                    if let Ok(extent) = self.ask(connection).await {
                        self.hub_answered(&extent);
                    }
                }
            }
        };
        // No wait from here on, so that the position and the events handed on always agree.
        let events = u64::try_from(batch.count()).unwrap_or(u64::MAX);
        let reached = batch.last().reached();
        self.lag.received(&reached, OffsetDateTime::now_utc());
        self.progress
            .received(events, gathered.largest, reached, Instant::now());
        slot.send(batch);
        telemetry.partition_lags(&self.partition, self.lag.lag());
        true
    }

    /// Asks what the event hub is and what the partition holds.
    async fn ask_all(&mut self, connection: &Connection) -> Result<Extent, SourceError> {
        let _work = self.at_work("asking");
        let hub = connection.ask_hub().await?;
        self.hub_created_at = hub.created_at;
        self.ask(connection).await
    }

    /// Asks what the partition holds.
    async fn ask(&self, connection: &Connection) -> Result<Extent, SourceError> {
        let _work = self.at_work("asking");
        let partition = self.partition.partition();
        connection
            .ask_partition(partition, self.hub_created_at)
            .await
    }

    /// Asks what the partition holds while a link is open: the answer may show that the link must be replaced.
    async fn check(&mut self, connection: &Connection) -> Result<(), SourceError> {
        let answer = self.ask(connection).await;
        // For questions, a client keeps the token that it began with; for reading, it renews it.
        let extent = answer.map_err(|error| match error.cause() {
            Cause::Unauthorized => SourceError::Replaced(Cause::Token),
            _ => error,
        })?;
        self.hub_answered(&extent);
        match self.progress.answered(&extent, Instant::now()) {
            Some(cause) => Err(self.replaced(cause)),
            None => Ok(()),
        }
    }

    fn hub_answered(&mut self, extent: &Extent) {
        self.verified();
        let (ahead, reached) = (self.progress.ahead(extent), self.progress.reached());
        self.lag
            .answered(extent, ahead, reached, OffsetDateTime::now_utc());
        let telemetry = &self.source.telemetry;
        telemetry.partition_lags(&self.partition, self.lag.lag());
    }

    fn verified(&self) {
        let EventHubSource {
            liveness,
            telemetry,
            ..
        } = &self.source;
        let at = OffsetDateTime::now_utc();
        liveness.partition_proved(&self.partition, Instant::now(), at);
        telemetry.partition_proved(&self.partition, at);
    }

    pub(super) fn link_ended(&mut self, error: &SourceError) {
        let EventHubSource {
            liveness,
            telemetry,
            ..
        } = &self.source;
        let cause = error.cause();
        let wait = self.progress.failed(cause, Instant::now(), rand::random());
        if cause == Cause::Stolen
            && let Some(lease) = &mut self.lease
        {
            lease.doubt(); // the next link waits until it is confirmed
        }
        if cause.is_planned() {
            telemetry.receiver_replaced(&self.partition, cause.label());
            return;
        }
        let event_hub = self.partition.event_hub();
        let error = self.source.explain(error, event_hub);
        liveness.partition_failed(&self.partition, chain(&error), cause.hub_answers());
        if liveness.is_refused(event_hub) {
            telemetry.event_hub_is_away(event_hub);
        }
        telemetry.receiver_failed(&self.partition, cause.label(), &error, wait.as_millis());
    }

    /// The sequence number of the last event that was handed on.
    fn reached(&self) -> Option<i64> {
        self.progress
            .reached()
            .map(|reached| reached.position.sequence_number)
    }

    fn at_work(&self, what: &str) -> AtWork {
        let work = format!("the reader of {}, {what},", self.partition);
        self.source.liveness.at_work(work, Instant::now())
    }
}

/// Takes the events that are there, up to one that seems to have come before. Such events are taken too, and thereby
/// refused, if they are known to have come before.
fn gather<S>(gathered: &mut Gathered, refuses: bool, mut events: Pin<&mut Peekable<S>>)
where
    S: Stream<Item = azure_messaging_eventhubs::Result<ReceivedEventData>>,
{
    while !gathered.is_full() {
        let is_next = |next: &S::Item| {
            let event = next.as_ref().ok();
            event.is_some_and(|event| refuses || !gathered.had(event))
        };
        // A panic here repeats when the next event is waited for, after those before it were handed on.
        let next = AssertUnwindSafe(events.as_mut().next_if(is_next)).catch_unwind();
        let Some(Ok(Some(Ok(event)))) = next.now_or_never() else {
            return;
        };
        gathered.take(&event);
    }
}
