//! The one writer: applies events in order, and holds those of a partition whose next event would be a first failure
//! that no scrape has announced at 0.
//!
//! It holds whole events: none is half applied. Meanwhile the failure series of all held events stand at 0, so that one
//! scrape shows them all. An event is held until the scrapers have received its series at 0, for at most
//! `delivery.hold_max`, and not at all while there is no qualifying scrape; the queue bounds how many are held. The events of
//! a paused partition are held too, until it is resumed or released. Time is an argument.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::slice;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::decode::{Ended, OpenedEvent, decode, decode_opened};
use super::failures;
use crate::dead_letters::DeadLetters;
use crate::event::{Batch, Event, PartitionId, Position};
use crate::metrics::{Exposition, Hold};
use crate::queue::Queued;

/// Applies events, and holds those that wait for a scrape.
#[derive(Debug)]
pub(crate) struct Writer {
    exposition: Arc<Exposition>,
    dead_letters: Option<DeadLetters>,
    hold_max: Duration,
    logs_failures: bool,
    /// By partition, in order; none is empty.
    held: BTreeMap<PartitionId, VecDeque<Held>>,
    /// Nothing of these partitions is applied.
    paused: HashSet<PartitionId>,
}

/// A held batch, whole or what is left of it.
#[derive(Debug)]
struct Held {
    queued: Queued,
    /// It is held no longer than this.
    until: Instant,
}

impl Writer {
    /// A writer that holds events for at most `hold_max`. Events with rejected records are offered to `dead_letters`, if
    /// they are kept. With `logs_failures`, everything that failed has a line in the log.
    pub(crate) fn new(
        exposition: Arc<Exposition>,
        hold_max: Duration,
        dead_letters: Option<DeadLetters>,
        logs_failures: bool,
    ) -> Self {
        Self {
            exposition,
            dead_letters,
            hold_max,
            logs_failures,
            held: BTreeMap::new(),
            paused: HashSet::new(),
        }
    }

    /// Takes what a partition sent: applies it, as far as that can be done now, and keeps the rest behind what the
    /// partition has waiting. Drops what a released partition has waiting.
    pub(crate) fn take(&mut self, queued: Queued, now: Instant) {
        let partition = match queued {
            Queued::Events(ref batch, _) => batch.partition.clone(),
            Queued::Moved(ref partition, ..) => partition.clone(),
            Queued::Paused(partition, done) => {
                self.paused.insert(partition);
                drop(done);
                return;
            }
            Queued::Resumed(partition) => return self.resume(&partition, now),
            Queued::Released(partition, done) => {
                self.paused.remove(&partition);
                self.held.remove(&partition);
                drop(done);
                return;
            }
        };
        let until = now + self.hold_max;
        if self.paused.contains(&partition) || self.held.contains_key(&partition) {
            if let Queued::Events(batch, _) = &queued {
                // Its series are shown by the same scrape as those of the events before it.
                prepare(batch, &self.exposition);
            }
            let waiting = self.held.entry(partition.clone()).or_default();
            waiting.push_back(Held { queued, until });
            self.tell(&partition);
        } else {
            self.work(&partition, VecDeque::from([Held { queued, until }]), now);
            if self.held.contains_key(&partition) {
                self.tell(&partition);
            }
        }
    }

    /// Applies held events where that is possible now: the scrapers have received more, or time has passed.
    pub(crate) fn go_on(&mut self, now: Instant) {
        for (partition, waiting) in std::mem::take(&mut self.held) {
            if self.paused.contains(&partition) {
                self.held.insert(partition, waiting);
                continue;
            }
            self.work(&partition, waiting, now);
            self.tell(&partition);
        }
    }

    fn resume(&mut self, partition: &PartitionId, now: Instant) {
        self.paused.remove(partition);
        if let Some(mut waiting) = self.held.remove(partition) {
            for held in &mut waiting {
                held.until = now + self.hold_max; // until now they did not wait for a scrape
            }
            self.work(partition, waiting, now);
            self.tell(partition);
        }
    }

    /// When the next event has been held long enough.
    pub(crate) fn next_end(&self) -> Option<Instant> {
        let held = self.held.iter();
        held.filter(|(partition, _)| !self.paused.contains(*partition))
            .filter_map(|(_, waiting)| waiting.front())
            .map(|held| held.until)
            .min()
    }

    /// Applies the held events of a partition, as far as that can be done now.
    fn work(&mut self, partition: &PartitionId, mut waiting: VecDeque<Held>, now: Instant) {
        while let Some(Held { queued, until }) = waiting.pop_front() {
            let hold = if self.hold_max.is_zero() {
                Hold::Never
            } else if until <= now {
                Hold::NoLonger
            } else {
                Hold::WhileScrapedSince(now.checked_sub(self.hold_max).unwrap_or(now))
            };
            match queued {
                Queued::Events(batch, slot) => {
                    if let Some(rest) = self.apply(batch, hold) {
                        let queued = Queued::Events(rest, slot);
                        waiting.push_front(Held { queued, until });
                        break;
                    }
                }
                Queued::Moved(_, reached, slot) => {
                    self.exposition.moved_to(partition, reached);
                    drop(slot);
                }
                Queued::Paused(..) | Queued::Resumed(..) | Queued::Released(..) => {}
            }
        }
        if !waiting.is_empty() {
            self.held.insert(partition.clone(), waiting);
        }
    }

    /// Applies events: all of them, or those before one that has to wait. Returns that one and what follows it.
    fn apply(&self, batch: Batch, hold: Hold) -> Option<Batch> {
        let waits = self.try_apply(&batch, hold).err()?;
        let (before, rest) = batch.split_before(waits);
        if let Some(before) = before {
            // The failure series of these were shown, so none of them is held.
            let _all_applied = self.try_apply(&before, Hold::Never);
        }
        Some(rest)
    }

    fn try_apply(&self, batch: &Batch, hold: Hold) -> Result<(), usize> {
        let applied = apply(batch, &self.exposition, hold, self.logs_failures)?;
        if let Some(dead_letters) = &self.dead_letters {
            for rejected in applied.rejected {
                if let Some(event) = batch.events().nth(rejected.event) {
                    dead_letters.offer(&batch.partition, event, &rejected.reasons);
                }
            }
        }
        Ok(())
    }

    fn tell(&self, partition: &PartitionId) {
        let waiting = self.held.get(partition).into_iter().flatten();
        let events = waiting.map(|held| match &held.queued {
            Queued::Events(batch, _) => batch.count(),
            _ => 0,
        });
        let events = events.sum();
        self.exposition.telemetry().events_wait(partition, events);
    }
}

/// Decodes a batch and applies it whole, or nothing of it: then it returns the index of the event that has to be held.
pub(super) fn apply(
    batch: &Batch,
    exposition: &Exposition,
    hold: Hold,
    logs_failures: bool,
) -> Result<Ended, usize> {
    decode(batch, exposition.failure_rules(), |mut decoded| {
        let mut ended = std::mem::take(&mut decoded.ended);
        let dropped = exposition.apply(batch, decoded.moves(), &mut ended.tally, hold)?;
        if logs_failures {
            let observations = decoded.observations.iter().enumerate();
            let moved = observations.filter(|(index, _)| dropped.binary_search(index).is_err());
            moved.for_each(|(_, observation)| failures::log(observation));
        }
        Ok(ended)
    })
}

/// Applies records that came out of a file: nothing is held for a scrape, and no position is reached.
pub(crate) fn apply_opened(event: &OpenedEvent<'_>, exposition: &Exposition) -> Ended {
    let mut decoded = decode_opened(slice::from_ref(event), exposition.failure_rules());
    let mut ended = std::mem::take(&mut decoded.ended);
    let stands_for_it = Event {
        position: Position {
            sequence_number: 0,
            offset: None,
        },
        enqueued_at: event.enqueued_at,
        body: Vec::new(),
    };
    let batch = Batch::of_one(PartitionId::new("replay", "0"), stands_for_it);
    let _none_is_held = exposition.apply(&batch, decoded.moves(), &mut ended.tally, Hold::Never);
    ended
}

/// Creates the failure series that a batch will move.
fn prepare(batch: &Batch, exposition: &Exposition) {
    decode(batch, exposition.failure_rules(), |decoded| {
        exposition.prepare(decoded.moves());
    });
}
