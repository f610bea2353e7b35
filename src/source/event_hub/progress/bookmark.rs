//! Where a partition is read on: after the last event that was handed on, as long as the hub has it.

use std::time::SystemTime;

use azure_messaging_eventhubs::{StartLocation, StartPosition};
use time::OffsetDateTime;
use tokio::time::Instant;

use super::super::extent::{Extent, Finding, Loss, is_same};
use super::super::received::Seen;
use super::super::settings::{OnLostPosition, Start};
use super::doubt::Doubt;
use super::undecodable::Undecodable;
use crate::event::{Position, Reached};
use crate::telemetry::LostPosition;

/// Where a partition is read on.
#[derive(Clone, Debug)]
pub(super) struct Bookmark {
    on_lost: OnLostPosition,
    /// The last event handed on; none before the first.
    reached: Option<Reached>,
    /// Where to begin while there is none.
    start: Start,
    /// The sequence has begun anew: what was enqueued since then comes next, whatever its sequence number.
    anew_since: Option<OffsetDateTime>,
    /// The hub may no longer have the position; nothing is handed on until that is settled.
    doubt: Option<Doubt>,
    /// What comes next could not be received.
    undecodable: Option<Undecodable>,
}

impl Bookmark {
    pub(super) fn new(start: Start, reached: Option<Reached>, on_lost: OnLostPosition) -> Self {
        Self {
            on_lost,
            reached,
            start,
            anew_since: None,
            doubt: None,
            undecodable: None,
        }
    }

    /// Whether the position to begin at is known, however late reading begins.
    pub(super) fn is_resolved(&self) -> bool {
        self.reached.is_some() || self.start != Start::Latest
    }

    /// Resolves `latest`. Once: resolved again after an outage, it would skip the events that came meanwhile.
    pub(super) fn resolve(&mut self, extent: &Extent) {
        if !self.is_resolved() {
            self.reached = extent.newest();
            self.start = Start::Earliest;
        }
    }

    pub(super) fn reached(&self) -> Option<&Reached> {
        self.reached.as_ref()
    }

    pub(super) fn finding(&self) -> Option<Finding> {
        self.doubt.map(|doubt| doubt.finding)
    }

    pub(super) fn seen(&self) -> Seen {
        let reached = self.reached.as_ref();
        Seen {
            last: reached.map(|reached| reached.position.sequence_number),
            until: self.anew_since,
        }
    }

    /// How many events the hub has that were not received.
    pub(super) fn ahead(&self, extent: &Extent) -> i64 {
        match (&self.reached, &self.start, self.anew_since) {
            // It is unknown where in the sequence a time is, but the last event may be after it.
            (_, _, Some(since)) => i64::from(extent.last_enqueued_at.is_some_and(|at| at > since)),
            (None, Start::Latest | Start::At(_) | Start::AfterOffset(_), None) => 0,
            (reached, _, None) => extent.ahead_of(reached.as_ref()),
        }
    }

    /// Where a link begins.
    pub(super) fn start_position(&self, extent: &Extent) -> StartPosition {
        let time = |time| StartLocation::EnqueuedTime(SystemTime::from(time));
        let location = match (&self.reached, &self.start, self.anew_since) {
            (_, _, Some(since)) => time(since),
            (Some(reached), _, None) => match &reached.position.offset {
                // The offset alone survives a failover, where numbers may begin again. In doubt, it may be what is refused.
                Some(offset) if self.doubt.is_none() => StartLocation::Offset(offset.clone()),
                _ => StartLocation::SequenceNumber(reached.position.sequence_number),
            },
            (None, Start::At(start), None) => time(*start),
            (None, Start::AfterOffset(offset), None) => StartLocation::Offset(offset.to_string()),
            (None, Start::Earliest | Start::Latest, None) => StartLocation::Earliest,
        };
        StartPosition {
            location,
            // Several events can have one time: those after the position must come.
            inclusive: self.anew_since.is_some() || self.must_prove(extent),
        }
    }

    /// Whether a link has to begin with the last event that was handed on. It cannot if the hub no longer has that event,
    /// or if nothing of it is remembered; and need not if the answer of the hub ends with it.
    pub(super) fn must_prove(&self, extent: &Extent) -> bool {
        let reached = self.reached.as_ref();
        reached.is_some_and(|reached| {
            self.anew_since.is_none()
                && reached.position.offset.is_some()
                && extent.has(reached.position.sequence_number)
                && (self.doubt.is_some() || !extent.ends_at(reached))
        })
    }

    /// Whether this is the last event that was handed on, with which the link had to begin. If it is not, the position is
    /// doubted.
    pub(super) fn is_at(&mut self, first: &Reached, now: Instant) -> bool {
        let reached = self.reached.as_ref();
        let is_it = reached.is_some_and(|reached| is_same(reached, first));
        if is_it {
            self.stands();
        } else {
            self.found(Finding::Differs, now);
        }
        is_it
    }

    /// Events were handed on, up to this one.
    pub(super) fn moved(&mut self, reached: Reached) {
        self.reached = Some(reached);
        self.anew_since = None;
        self.undecodable = None;
        self.stands();
    }
}

/// What keeps reading from going on.
impl Bookmark {
    /// Whether the position is doubted, and the hub has to be asked again.
    pub(super) fn is_doubted(&self) -> bool {
        self.doubt.is_some_and(|doubt| !doubt.is_confirmed())
    }

    /// The doubt ends well.
    pub(super) fn stands(&mut self) {
        self.doubt = None;
    }

    /// The hub refused the position, although it reports that it has it.
    pub(super) fn is_refused(&mut self, now: Instant) {
        if self.position().is_some() {
            self.found(Finding::Refused, now);
        }
    }

    /// Whether an answer of the hub speaks against the position.
    pub(super) fn is_opposed(&mut self, extent: &Extent, now: Instant) -> bool {
        let finding = self.position().and_then(|reached| extent.finding(reached));
        if let Some(finding) = finding {
            self.found(finding, now);
        }
        finding.is_some()
    }

    /// Replaces a position that is lost, given what the hub holds.
    ///
    /// # Errors
    /// The position is doubted, and this answer speaks against it.
    pub(super) fn replace_if_lost(
        &mut self,
        extent: &Extent,
        now: Instant,
    ) -> Result<Option<LostPosition>, Finding> {
        let is_opposed = self.is_opposed(extent, now);
        let has_expired = |reached| extent.has_expired_after(reached);
        let lost = match self.doubt {
            Some(doubt) if doubt.is_confirmed() => Some(doubt.loss()),
            Some(doubt) if is_opposed => return Err(doubt.finding),
            _ => self
                .position()
                .is_some_and(has_expired)
                .then_some(Loss::Expired),
        };
        let lost = lost.and_then(|loss| self.replace(extent, loss));
        self.resolve(extent);
        Ok(lost)
    }

    /// Receiving the next event failed. It is the oldest one of the link if none was handed on.
    pub(super) fn next_is_undecodable(&mut self, oldest: i64) {
        let next = match (&self.reached, &self.start, self.anew_since) {
            (Some(reached), _, None) => Some((reached.position.sequence_number + 1).max(oldest)),
            (None, Start::Earliest, None) => Some(oldest),
            _ => None, // it is unknown where in the sequence a time or an offset is
        };
        self.undecodable = next.map(|next| Undecodable::again(self.undecodable, next));
    }

    pub(super) fn is_at_undecodable(&self) -> bool {
        self.undecodable.is_some()
    }

    /// An event that cannot be received counts as handed on.
    pub(super) fn step_over(&mut self, extent: &Extent) -> Option<i64> {
        // A failure where the hub has no event was not the fault of the next one.
        let exists = |undecodable: &Undecodable| extent.has(undecodable.sequence_number);
        self.undecodable = self.undecodable.filter(exists);
        let undecodable = self.undecodable.filter(|_| self.doubt.is_none())?;
        let sequence_number = undecodable.to_skip()?;
        self.undecodable = None;
        self.reached = Some(self.moved_to(sequence_number));
        Some(sequence_number)
    }

    /// The position, unless it is already known to be lost.
    fn position(&self) -> Option<&Reached> {
        let reached = self.reached.as_ref();
        reached.filter(|_| self.anew_since.is_none())
    }

    fn found(&mut self, finding: Finding, now: Instant) {
        self.doubt = Some(Doubt::found(self.doubt, finding, now));
    }

    /// The position is lost. Reading continues where the configuration says.
    fn replace(&mut self, extent: &Extent, loss: Loss) -> Option<LostPosition> {
        let reached = self.reached.clone()?;
        let doubt = self.doubt;
        let goes_on = if self.on_lost == OnLostPosition::Fail {
            "nowhere: `checkpoint.on_invalid` is `fail`"
        } else {
            self.doubt = None;
            self.undecodable = None;
            self.start = Start::Earliest;
            self.go_on(extent, loss, &reached)
        };
        let next_left = if extent.is_empty {
            extent.last_sequence_number + 1
        } else {
            extent.first_sequence_number
        };
        let sequence_number = reached.position.sequence_number;
        Some(LostPosition {
            reason: loss.label(),
            sequence_number,
            missed: match loss {
                Loss::Expired => u64::try_from(next_left - sequence_number - 1).unwrap_or(0),
                Loss::Restarted | Loss::Refused => 0,
            },
            is_final: self.on_lost == OnLostPosition::Fail,
            found: doubt.map_or("the events after it have expired", |doubt| {
                doubt.finding.text()
            }),
            times: doubt.map_or(1, |doubt| doubt.times),
            doubted_for: doubt.map(|doubt| doubt.lasted).unwrap_or_default(),
            goes_on,
        })
    }

    /// Moves to where reading continues, and describes it.
    fn go_on(&mut self, extent: &Extent, loss: Loss, reached: &Reached) -> &'static str {
        let is_younger = extent.finding(reached) == Some(Finding::Younger);
        match (self.on_lost, loss, reached.enqueued_at) {
            (OnLostPosition::Latest, ..) => {
                self.reached = extent.newest();
                "with the events that arrive from now on"
            }
            // The sequence continues: the oldest event that is left is the next.
            (_, Loss::Expired, _) => {
                self.reached = if extent.is_empty {
                    extent.newest()
                } else {
                    Some(self.moved_to(extent.first_sequence_number - 1))
                };
                "at the oldest event that is left"
            }
            // Times are the only order that two sequences have in common: after a failover, events with lower sequence
            // numbers can be new. Of a hub that is younger than the position, all are.
            (_, Loss::Restarted | Loss::Refused, Some(since)) if !is_younger => {
                self.anew_since = Some(since);
                "at the first event that was enqueued after the last one"
            }
            (_, Loss::Restarted | Loss::Refused, _) => {
                self.reached = None;
                "at the oldest event that is left"
            }
        }
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
