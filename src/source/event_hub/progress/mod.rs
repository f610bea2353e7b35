//! How far a partition has been read, and what its task does next: a state machine without a network or a clock.
//!
//! ```text
//!            +--------- failed, replaced --------+
//!            v                                   |
//!   Closed --+-- when the wait is over --> Open -+-- events, answers --> Open
//! ```
//!
//! `reader` asks for the next [`Action`], does it, and reports the outcome. A link is verified by an event, or, every
//! `watchdog.interval`, by the hub's answer to what the partition holds. If the hub has events that were not received, it
//! is asked again soon after, and if none came meanwhile the link is replaced: it is silently dead. A link that is quiet
//! for `watchdog.reattach_idle` is replaced in any case, since an answer over one link does not verify another that is
//! frozen. Whatever ends a link, the next begins after the last event that was handed on.

use std::time::{Duration, SystemTime};

use azure_messaging_eventhubs::StartLocation;
use tokio::time::Instant;

use super::backoff::Backoff;
use super::error::Cause;
use super::extent::{Extent, Loss};
use super::prefetch::Prefetch;
use super::settings::{OnLostPosition, Start, Watchdog};
use crate::event::{Position, Reached};
use crate::telemetry::LostPosition;

/// What the task of a partition does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Wait until this time.
    Wait(Instant),
    /// Ask the hub what it holds, then open a link where [`Progress::opening`] says.
    Open,
    /// Receive events, until this time at most.
    Receive(Instant),
    /// Ask the hub what it holds.
    Ask,
    /// Replace the link, for this cause.
    Replace(Cause),
}

/// Where to open a link.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Opening {
    /// The link begins after this.
    pub(super) after: StartLocation,
    pub(super) prefetch: u32,
    /// The position that was known is lost; from here on it is another.
    pub(super) lost: Option<LostPosition>,
    /// The event of this sequence number is skipped, since it cannot be decoded.
    pub(super) stepped_over: Option<i64>,
}

/// How far a partition has been read, and in what state its link is.
#[derive(Clone, Debug)]
pub(super) struct Progress {
    watchdog: Watchdog,
    on_lost: OnLostPosition,
    /// The last event handed on; none before the first.
    reached: Option<Reached>,
    /// Where to begin while there is none.
    start: Start,
    phase: Phase,
    backoff: Backoff,
    prefetch: Prefetch,
    /// Failures in a row to decode what comes next.
    undecodable: u32,
    /// Times in a row that the hub refused the position.
    refused: u32,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    /// There is no link, and none is opened before this time.
    Closed {
        until: Instant,
    },
    Open(Link),
}

#[derive(Clone, Copy, Debug)]
struct Link {
    since: Instant,
    /// Since when no event came.
    quiet_since: Instant,
    ask_at: Instant,
    /// The hub has reported events that were not received, and none came since.
    is_behind: bool,
}

/// An event arrives within milliseconds; one that is this late is not on its way.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// Opening a link takes a few round trips more.
const ATTACHED_AFTER: Duration = Duration::from_secs(10);

/// An event that fails this often in a row, the last times received alone, is itself at fault.
const UNDECODABLE_MAX: u32 = 3;

/// A hub that reports the position but has refused it this often will refuse it again.
const REFUSED_MAX: u32 = 3;

impl Progress {
    pub(super) fn new(
        start: Start,
        reached: Option<Reached>,
        watchdog: Watchdog,
        on_lost: OnLostPosition,
        prefetch_bytes: u64,
        now: Instant,
    ) -> Self {
        Self {
            watchdog,
            on_lost,
            reached,
            start,
            phase: Phase::Closed { until: now },
            backoff: Backoff::default(),
            prefetch: Prefetch::new(prefetch_bytes),
            undecodable: 0,
            refused: 0,
        }
    }

    /// What to do next.
    pub(super) fn next(&self, now: Instant) -> Action {
        match self.phase {
            Phase::Closed { until } if until > now => Action::Wait(until),
            Phase::Closed { .. } => Action::Open,
            Phase::Open(link) => {
                let idle_at = link.quiet_since + self.watchdog.reattach_idle;
                if self.prefetch.is_wrong(now - link.since) {
                    Action::Replace(Cause::Resized)
                } else if idle_at <= now {
                    Action::Replace(Cause::Idle)
                } else if link.ask_at <= now {
                    Action::Ask
                } else {
                    Action::Receive(link.ask_at.min(idle_at))
                }
            }
        }
    }

    /// Whether the position to begin at is known, however late reading begins.
    pub(super) fn knows_where_to_begin(&self) -> bool {
        self.reached.is_some() || self.start != Start::Latest
    }

    /// Resolves `latest`, given what the hub holds. Once: resolved again after an outage, it would skip the events that
    /// came meanwhile.
    pub(super) fn begin_at(&mut self, extent: &Extent) {
        if !self.knows_where_to_begin() {
            self.reached = extent.newest();
            self.start = Start::Earliest;
        }
    }

    /// Where to open a link, given what the hub holds. Positions that the hub no longer has are replaced here.
    pub(super) fn opening(&mut self, extent: &Extent) -> Opening {
        let lost = self.lost(extent);
        if let Some((loss, position)) = lost
            && !position.is_final
        {
            self.begin_anew(extent, loss);
        }
        self.begin_at(extent);
        let stepped_over = (self.undecodable >= UNDECODABLE_MAX)
            .then(|| self.step_over(extent))
            .flatten();
        Opening {
            after: match (&self.reached, &self.start) {
                // The offset alone survives a failover, where numbers may begin again.
                (Some(reached), _) => match &reached.position.offset {
                    Some(offset) => StartLocation::Offset(offset.clone()),
                    None => StartLocation::SequenceNumber(reached.position.sequence_number),
                },
                (None, Start::At(time)) => StartLocation::EnqueuedTime(SystemTime::from(*time)),
                (None, Start::AfterOffset(offset)) => StartLocation::Offset(offset.to_string()),
                (None, Start::Earliest | Start::Latest) => StartLocation::Earliest,
            },
            prefetch: self.prefetch.open(self.undecodable > 0),
            lost: lost.map(|(_, position)| position),
            stepped_over,
        }
    }

    /// A link is open; the hub held this just before.
    pub(super) fn opened(&mut self, extent: &Extent, now: Instant) {
        let is_behind = self.ahead(extent) > 0;
        let patience = if is_behind {
            ATTACHED_AFTER.min(self.watchdog.interval)
        } else {
            self.watchdog.interval
        };
        self.phase = Phase::Open(Link {
            since: now,
            quiet_since: now,
            ask_at: now + patience,
            is_behind,
        });
    }

    /// This many events were handed on, the largest with this many bytes, up to this one.
    pub(super) fn received(&mut self, events: u64, largest: u64, reached: Reached, now: Instant) {
        self.reached = Some(reached);
        self.prefetch.saw(events, largest);
        self.undecodable = 0;
        self.refused = 0;
        self.backoff.progressed();
        if let Phase::Open(link) = &mut self.phase {
            link.quiet_since = now;
            if link.is_behind {
                link.is_behind = false;
                link.ask_at = now + self.watchdog.interval;
            }
        }
    }

    /// The hub has reported what it holds. Returns why the link must be replaced, if the answer shows that it is dead.
    pub(super) fn answered(&mut self, extent: &Extent, now: Instant) -> Option<Cause> {
        let ahead = self.ahead(extent);
        let loss = self.reached.as_ref().map(|reached| extent.loss(reached));
        let interval = self.watchdog.interval;
        let Phase::Open(link) = &mut self.phase else {
            return None;
        };
        // While events come, being behind is a backlog.
        let moves = now - link.quiet_since < ASK_AGAIN_AFTER.min(interval);
        if loss == Some(Some(Loss::Restarted)) {
            return Some(Cause::Restarted);
        }
        if ahead > 0 && !moves {
            if link.is_behind {
                return Some(Cause::Stalled);
            }
            link.is_behind = true;
            link.ask_at = now + ASK_AGAIN_AFTER.min(interval);
        } else {
            link.is_behind = false;
            link.ask_at = now + interval;
        }
        None
    }

    /// The reader itself stood still, so that the link could not be verified.
    pub(super) fn excused(&mut self, now: Instant) {
        if let Phase::Open(link) = &mut self.phase {
            link.quiet_since = now;
            link.is_behind = false;
        }
    }

    /// The link ended, or could not be opened. Returns how long to wait; `jitter` is between 0 and 1.
    pub(super) fn failed(&mut self, cause: Cause, now: Instant, jitter: f64) -> Duration {
        match cause {
            Cause::Poison | Cause::Panicked => self.undecodable += 1,
            Cause::Argument => self.refused += 1,
            _ => {}
        }
        if let Phase::Open(link) = self.phase {
            self.backoff.lasted(now - link.since);
        }
        let wait = self.backoff.next(cause, jitter);
        self.phase = Phase::Closed { until: now + wait };
        wait
    }

    /// How many events the hub has that were not received.
    pub(super) fn ahead(&self, extent: &Extent) -> i64 {
        // Before the first event after a time or an offset, it is unknown where in the sequence that is.
        match (&self.reached, &self.start) {
            (None, Start::Latest | Start::At(_) | Start::AfterOffset(_)) => 0,
            (reached, _) => extent.ahead_of(reached.as_ref()),
        }
    }

    /// The last event that was handed on.
    pub(super) fn reached(&self) -> Option<&Reached> {
        self.reached.as_ref()
    }

    fn lost(&self, extent: &Extent) -> Option<(Loss, LostPosition)> {
        let reached = self.reached.as_ref()?;
        let refused = || (self.refused >= REFUSED_MAX).then_some(Loss::Refused);
        let loss = extent.loss(reached).or_else(refused)?;
        let sequence_number = reached.position.sequence_number;
        let next_left = if extent.is_empty {
            extent.last_sequence_number + 1
        } else {
            extent.first_sequence_number
        };
        let position = LostPosition {
            reason: loss.label(),
            sequence_number,
            missed: match loss {
                Loss::Expired => u64::try_from(next_left - sequence_number - 1).unwrap_or(0),
                Loss::Restarted | Loss::Refused => 0,
            },
            is_final: self.on_lost == OnLostPosition::Fail,
        };
        Some((loss, position))
    }

    fn begin_anew(&mut self, extent: &Extent, loss: Loss) {
        self.refused = 0;
        self.undecodable = 0;
        self.start = Start::Earliest;
        self.reached = match (self.on_lost, loss) {
            (OnLostPosition::Latest, _) => extent.newest(),
            // The sequence continues: the oldest event that is left is the next.
            (_, Loss::Expired) if extent.is_empty => extent.newest(),
            (_, Loss::Expired) => Some(self.moved_to(extent.first_sequence_number - 1)),
            (_, Loss::Restarted | Loss::Refused) => None,
        };
    }

    /// The event after the last one that was handed on counts as handed on.
    fn step_over(&mut self, extent: &Extent) -> Option<i64> {
        if extent.is_empty {
            return None;
        }
        let after = self
            .reached
            .as_ref()
            .map_or(-1, |reached| reached.position.sequence_number);
        let next = after.saturating_add(1).max(extent.first_sequence_number);
        self.undecodable = 0;
        self.reached = Some(self.moved_to(next));
        Some(next)
    }

    /// The position as it is, but at another sequence number.
    fn moved_to(&self, sequence_number: i64) -> Reached {
        let reached = self.reached.as_ref();
        Reached {
            position: Position {
                sequence_number,
                offset: None,
            },
            enqueued_at: reached.and_then(|reached| reached.enqueued_at),
        }
    }
}

#[cfg(test)]
mod tests;
