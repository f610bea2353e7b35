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
//! frozen.
//!
//! Whatever ends a link, the next begins after the last event that was handed on. A link that opens does not show that the
//! hub still has that event: after a failover, other events have the same sequence numbers and offsets. So the hub's answer
//! must end with that event, or the link begins with it, and it is compared with what is remembered. [`doubt`] decides when
//! a position is lost, [`bookmark`] where reading continues then, and [`undecodable`] which event is skipped.

mod bookmark;
mod doubt;
mod undecodable;

use std::time::Duration;

use azure_messaging_eventhubs::StartPosition;
use tokio::time::Instant;

use self::bookmark::Bookmark;
use super::backoff::Backoff;
use super::error::Cause;
use super::extent::{Extent, Finding};
use super::prefetch::Prefetch;
use super::received::Seen;
use super::settings::{OnLostPosition, Start, Watchdog};
use crate::event::Reached;
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
    pub(super) at: StartPosition,
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
    bookmark: Bookmark,
    phase: Phase,
    backoff: Backoff,
    prefetch: Prefetch,
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
    /// The first event must be the last one that was handed on.
    must_prove: bool,
    has_delivered: bool,
    /// The oldest event that the hub had when the link was opened.
    oldest: i64,
}

/// An event arrives within milliseconds; one that is this late is not on its way.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// Opening a link takes a few round trips more.
const ATTACHED_AFTER: Duration = Duration::from_secs(10);

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
            bookmark: Bookmark::new(start, reached, on_lost),
            phase: Phase::Closed { until: now },
            backoff: Backoff::default(),
            prefetch: Prefetch::new(prefetch_bytes),
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
        self.bookmark.is_resolved()
    }

    /// Resolves `latest`, given what the hub holds.
    pub(super) fn begin_at(&mut self, extent: &Extent) {
        self.bookmark.resolve(extent);
    }

    /// Where to open a link, given what the hub holds. A position that is lost is replaced here.
    ///
    /// # Errors
    /// The position is doubted, and what the hub holds speaks against it.
    pub(super) fn opening(&mut self, extent: &Extent, now: Instant) -> Result<Opening, Finding> {
        let lost = self.bookmark.replace_if_lost(extent, now)?;
        let stepped_over = self.bookmark.step_over(extent);
        Ok(Opening {
            at: self.bookmark.start_position(extent),
            prefetch: self.prefetch.open(self.bookmark.is_at_undecodable()),
            lost,
            stepped_over,
        })
    }

    /// A link is open; the hub held this just before.
    pub(super) fn opened(&mut self, extent: &Extent, now: Instant) {
        let must_prove = self.bookmark.must_prove(extent);
        let is_behind = must_prove || self.ahead(extent) > 0;
        let patience = if is_behind || self.bookmark.is_doubted() {
            ATTACHED_AFTER.min(self.watchdog.interval)
        } else {
            self.watchdog.interval
        };
        self.phase = Phase::Open(Link {
            since: now,
            quiet_since: now,
            ask_at: now + patience,
            is_behind,
            must_prove,
            has_delivered: false,
            oldest: extent.first_sequence_number,
        });
    }

    /// Whether the next event is for [`Self::proves`], and not to be handed on.
    pub(super) fn awaits_proof(&self) -> bool {
        matches!(
            self.phase,
            Phase::Open(Link {
                must_prove: true,
                ..
            })
        )
    }

    /// Whether the first event of a link is the last one that was handed on, so that the link continues after it. If it is
    /// not, the position is doubted, and the link of no use.
    pub(super) fn proves(&mut self, first: &Reached, now: Instant) -> bool {
        let proves = self.bookmark.is_at(first, now);
        if proves {
            self.delivered(now);
        }
        proves
    }

    /// This many events were handed on, the largest with this many bytes, up to this one.
    pub(super) fn received(&mut self, events: u64, largest: u64, reached: Reached, now: Instant) {
        self.bookmark.moved(reached);
        self.prefetch.saw(events, largest);
        self.backoff.progressed();
        self.delivered(now);
    }

    /// The hub has reported what it holds. Returns why the link must be replaced, if the answer shows that it is dead.
    pub(super) fn answered(&mut self, extent: &Extent, now: Instant) -> Option<Cause> {
        if self.bookmark.is_opposed(extent, now) {
            return Some(Cause::Doubted);
        }
        let is_behind = self.awaits_proof() || self.ahead(extent) > 0;
        let interval = self.watchdog.interval;
        let Phase::Open(link) = &mut self.phase else {
            return None;
        };
        // While events come, being behind is a backlog.
        let moves = now - link.quiet_since < ASK_AGAIN_AFTER.min(interval);
        if is_behind && !moves {
            if link.is_behind {
                return Some(Cause::Stalled);
            }
            link.is_behind = true;
            link.ask_at = now + ASK_AGAIN_AFTER.min(interval);
        } else {
            link.is_behind = false;
            link.ask_at = now + interval;
        }
        if !is_behind {
            self.bookmark.stands(); // a link that has nothing to show shows nothing else
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

    /// The link that is open failed to receive. Nothing else speaks against an event, or against a position that the hub
    /// reports that it has.
    pub(super) fn receive_failed(&mut self, cause: Cause, now: Instant) {
        let Phase::Open(link) = self.phase else {
            return;
        };
        match cause {
            Cause::Poison if !link.must_prove => self.bookmark.next_is_undecodable(link.oldest),
            Cause::Argument if !link.has_delivered => self.bookmark.is_refused(now),
            _ => {}
        }
    }

    /// The link ended, or could not be opened. Returns how long to wait; `jitter` is between 0 and 1.
    pub(super) fn failed(&mut self, cause: Cause, now: Instant, jitter: f64) -> Duration {
        if let Phase::Open(link) = self.phase {
            self.backoff.lasted(now - link.since);
        }
        let wait = match cause {
            Cause::Doubted | Cause::Argument if self.bookmark.is_doubted() => {
                doubt::check_again_after(self.watchdog.interval, jitter)
            }
            _ => self.backoff.next(cause, jitter),
        };
        self.phase = Phase::Closed { until: now + wait };
        wait
    }

    /// How many events the hub has that were not received.
    pub(super) fn ahead(&self, extent: &Extent) -> i64 {
        self.bookmark.ahead(extent)
    }

    /// The last event that was handed on.
    pub(super) fn reached(&self) -> Option<&Reached> {
        self.bookmark.reached()
    }

    /// Which events were handed on.
    pub(super) fn seen(&self) -> Seen {
        self.bookmark.seen()
    }

    /// What speaks against the position, if it is doubted.
    pub(super) fn finding(&self) -> Option<Finding> {
        self.bookmark.finding()
    }

    /// An event came, whether or not it was handed on.
    fn delivered(&mut self, now: Instant) {
        let interval = self.watchdog.interval;
        if let Phase::Open(link) = &mut self.phase {
            link.quiet_since = now;
            link.must_prove = false;
            link.has_delivered = true;
            if link.is_behind {
                link.is_behind = false;
                link.ask_at = now + interval;
            }
        }
    }
}

#[cfg(test)]
mod tests;
