//! How far a partition has been read, and what its task does next: a state machine without a network or a clock.
//!
//! ```text
//!            +--------- failed, given up --------+
//!            v                                   |
//!   Closed --+-- when the wait is over --> Open -+-- events, answers --> Open
//! ```
//!
//! `reader` asks for the next [`Step`], does it, and tells what came of it. A link proves that it lives by an event, or,
//! every `watchdog.interval`, by the hub's answer to what the partition holds. An answer that the hub has more than we
//! had is asked for again soon after, and if nothing came meanwhile the link is given up: it is silently dead. A link
//! that is quiet for `watchdog.reattach_idle` is opened again in any case, since an answer over one link says nothing
//! about another that is frozen. Whatever ends a link, the next begins after the last event that was handed on.

use std::time::Duration;

use tokio::time::Instant;

use super::backoff::Backoff;
use super::error::Cause;
use super::extent::{Extent, Loss, Reached};
use super::prefetch::Prefetch;
use super::settings::{LostPosition, Start, Watchdog};
use crate::event::Position;

/// What the task of a partition does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing before this.
    Wait(Instant),
    /// Ask the hub what it holds, then open a link where [`Progress::opening`] says.
    Open,
    /// Take events, until this at most.
    Receive(Instant),
    /// Ask the hub what it holds.
    Ask,
    /// Give the link up, for this cause, and open another.
    GiveUp(Cause),
}

/// Where to open a link.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Opening {
    pub(super) from: From,
    pub(super) prefetch: u32,
    /// The position that was known is lost; from here on it is another.
    pub(super) lost: Option<Lost>,
    /// The event of this sequence number is not read, since it cannot be.
    pub(super) stepped_over: Option<i64>,
}

/// Where a link begins; always after what it names.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum From {
    Earliest,
    After(Position),
    Time(time::OffsetDateTime),
}

/// A position that the hub no longer has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lost {
    pub(super) loss: Loss,
    /// Of the last event that was handed on.
    pub(super) sequence_number: i64,
    /// Events after it that can not be had any more, where they can be counted.
    pub(super) missed: i64,
    /// It is not gone on with: `checkpoint.on_invalid` says `fail`.
    pub(super) is_final: bool,
}

/// How far a partition has been read, and in what state its link is.
#[derive(Clone, Debug)]
pub(super) struct Progress {
    watchdog: Watchdog,
    on_lost: LostPosition,
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
    /// There is no link, and shall be none before this.
    Closed { until: Instant },
    /// There is one.
    Open {
        since: Instant,
        /// Since when no event came.
        quiet_since: Instant,
        ask_at: Instant,
        /// The hub said that it has more than we had, and nothing came since.
        is_behind: bool,
    },
}

/// What the hub has is there in milliseconds; so much later it is not on its way.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// Opening a link takes a few round trips more.
const ATTACHED_AFTER: Duration = Duration::from_secs(10);

/// The same event failing so often in a row, the last times met alone, is the event's fault.
const UNDECODABLE_MAX: u32 = 3;

/// A hub that says it has the position and refuses it so often will go on refusing it.
const REFUSED_MAX: u32 = 3;

impl Progress {
    pub(super) fn new(
        start: Start,
        reached: Option<Reached>,
        watchdog: Watchdog,
        on_lost: LostPosition,
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
    pub(super) fn step(&self, now: Instant) -> Step {
        match self.phase {
            Phase::Closed { until } if until > now => Step::Wait(until),
            Phase::Closed { .. } => Step::Open,
            Phase::Open {
                since,
                quiet_since,
                ask_at,
                ..
            } => {
                let idle_at = quiet_since + self.watchdog.reattach_idle;
                if self.prefetch.is_wrong(now - since) {
                    Step::GiveUp(Cause::Resized)
                } else if idle_at <= now {
                    Step::GiveUp(Cause::Idle)
                } else if ask_at <= now {
                    Step::Ask
                } else {
                    Step::Receive(ask_at.min(idle_at))
                }
            }
        }
    }

    /// Where to open a link, given what the hub holds. Positions that the hub no longer has are replaced here.
    pub(super) fn opening(&mut self, extent: &Extent) -> Opening {
        let lost = self.lost(extent);
        if let Some(lost) = lost.as_ref().filter(|lost| !lost.is_final) {
            self.begin_anew(extent, lost.loss);
        }
        if self.reached.is_none() && self.start == Start::Latest {
            // Resolved once: asked for again after an outage, it would skip what came meanwhile.
            self.reached = extent.newest();
            self.start = Start::Earliest;
        }
        let stepped_over = (self.undecodable >= UNDECODABLE_MAX)
            .then(|| self.step_over(extent))
            .flatten();
        Opening {
            from: match (&self.reached, self.start) {
                (Some(reached), _) => From::After(reached.position.clone()),
                (None, Start::At(time)) => From::Time(time),
                (None, Start::Earliest | Start::Latest) => From::Earliest,
            },
            prefetch: self.prefetch.open(self.undecodable > 0),
            lost,
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
        self.phase = Phase::Open {
            since: now,
            quiet_since: now,
            ask_at: now + patience,
            is_behind,
        };
    }

    /// Events were handed on: so many, the largest of so many bytes, up to this one.
    pub(super) fn received(&mut self, events: u64, largest: u64, reached: Reached, now: Instant) {
        self.reached = Some(reached);
        self.prefetch.saw(events, largest);
        self.undecodable = 0;
        self.refused = 0;
        self.backoff.progressed();
        if let Phase::Open {
            quiet_since,
            ask_at,
            is_behind,
            ..
        } = &mut self.phase
        {
            *quiet_since = now;
            if *is_behind {
                *is_behind = false;
                *ask_at = now + self.watchdog.interval;
            }
        }
    }

    /// The hub told what it holds. The link is to be given up if that cannot be with a link that lives.
    pub(super) fn answered(&mut self, extent: &Extent, now: Instant) -> Option<Cause> {
        let ahead = self.ahead(extent);
        let restarted = matches!(
            self.reached
                .as_ref()
                .and_then(|reached| extent.loss(reached)),
            Some(Loss::Restarted)
        );
        let interval = self.watchdog.interval;
        let Phase::Open {
            quiet_since,
            ask_at,
            is_behind,
            ..
        } = &mut self.phase
        else {
            return None;
        };
        // While events come, being behind is a backlog.
        let moves = now - *quiet_since < ASK_AGAIN_AFTER.min(interval);
        if restarted {
            return Some(Cause::Restarted);
        }
        if ahead > 0 && !moves {
            if *is_behind {
                return Some(Cause::Stalled);
            }
            *is_behind = true;
            *ask_at = now + ASK_AGAIN_AFTER.min(interval);
        } else {
            *is_behind = false;
            *ask_at = now + interval;
        }
        None
    }

    /// We stood still for a reason of our own, so that the link could not show whether it lives.
    pub(super) fn excused(&mut self, now: Instant) {
        if let Phase::Open {
            quiet_since,
            is_behind,
            ..
        } = &mut self.phase
        {
            *quiet_since = now;
            *is_behind = false;
        }
    }

    /// The link ended, or could not be opened. Gives back how long to wait; `jitter` is between 0 and 1.
    pub(super) fn failed(&mut self, cause: Cause, now: Instant, jitter: f64) -> Duration {
        match cause {
            Cause::Poison | Cause::Panicked => self.undecodable += 1,
            Cause::Argument => self.refused += 1,
            _ => {}
        }
        if let Phase::Open { since, .. } = self.phase {
            self.backoff.lasted(now - since);
        }
        let wait = if cause.is_planned() {
            Duration::ZERO
        } else {
            self.backoff.next(cause, jitter)
        };
        self.phase = Phase::Closed { until: now + wait };
        wait
    }

    /// How many events the hub has that we have not had.
    pub(super) fn ahead(&self, extent: &Extent) -> i64 {
        // Before the first event of a start at some time nobody knows where in the sequence that is.
        match (&self.reached, self.start) {
            (None, Start::Latest | Start::At(_)) => 0,
            (reached, _) => extent.ahead_of(reached.as_ref()),
        }
    }

    /// The last event that was handed on.
    pub(super) fn reached(&self) -> Option<&Reached> {
        self.reached.as_ref()
    }

    fn lost(&self, extent: &Extent) -> Option<Lost> {
        let reached = self.reached.as_ref()?;
        let refused = || (self.refused >= REFUSED_MAX).then_some(Loss::Refused);
        let loss = extent.loss(reached).or_else(refused)?;
        let sequence_number = reached.position.sequence_number;
        let next_left = if extent.is_empty {
            extent.last_sequence_number + 1
        } else {
            extent.first_sequence_number
        };
        Some(Lost {
            loss,
            sequence_number,
            missed: match loss {
                Loss::Expired => (next_left - sequence_number - 1).max(0),
                Loss::Restarted | Loss::Refused => 0,
            },
            is_final: self.on_lost == LostPosition::Fail,
        })
    }

    fn begin_anew(&mut self, extent: &Extent, loss: Loss) {
        self.refused = 0;
        self.undecodable = 0;
        self.start = Start::Earliest;
        self.reached = match (self.on_lost, loss) {
            (LostPosition::Latest, _) => extent.newest(),
            // The sequence goes on: the oldest that is left is the next.
            (_, Loss::Expired) if extent.is_empty => extent.newest(),
            (_, Loss::Expired) => Some(Reached {
                position: Position {
                    sequence_number: extent.first_sequence_number - 1,
                    offset: None,
                },
                enqueued_at: self.reached.take().and_then(|reached| reached.enqueued_at),
            }),
            (_, Loss::Restarted | Loss::Refused) => None,
        };
    }

    /// The event after the one that we reached is counted as had.
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
        self.reached = Some(Reached {
            position: Position {
                sequence_number: next,
                offset: None,
            },
            enqueued_at: self.reached.take().and_then(|reached| reached.enqueued_at),
        });
        Some(next)
    }
}

#[cfg(test)]
mod tests;
