//! The one writer: applies events in order, and holds those of a partition whose next event would be a first failure
//! that no scrape has announced at 0.
//!
//! It holds whole events: none is half applied. Meanwhile the failure series of all held events stand at 0, so that one
//! scrape shows them all. An event is held until the scrapers have received its series at 0, and not at all while there is
//! no qualifying scrape, or once the partition has waited for `delivery.hold_max` within ten minutes; the queue bounds how
//! many are held. The events of a paused partition are held too, until it is resumed or released. Time is an argument.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::apply::Applier;
use super::waits::Waits;
use crate::dead_letters::DeadLetters;
use crate::event::{Event, PartitionId, Reached};
use crate::metrics::{Exposition, Hold};
use crate::queue::Queued;

/// Applies events, and holds those that wait for a scrape.
#[derive(Debug)]
pub(crate) struct Writer {
    applier: Applier,
    hold_max: Duration,
    partitions: BTreeMap<PartitionId, Partition>,
}

/// What the writer knows of a partition.
#[derive(Debug, Default)]
struct Partition {
    /// What it sent and what is not applied yet, in order, with the slot that this takes.
    held: VecDeque<(Held, OwnedSemaphorePermit)>,
    /// Nothing of it is applied.
    is_paused: bool,
    waits: Waits,
}

#[derive(Debug)]
enum Held {
    /// A batch, or what is left of it.
    Events(VecDeque<Event>),
    Moved(Reached),
}

impl Writer {
    /// A writer that holds the events of a partition for at most `hold_max` within ten minutes. Events with rejected records
    /// are offered to `dead_letters`, if they are kept. With `logs_failures`, everything that failed has a line in the log.
    /// Once `stop` is cancelled, it applies no other event.
    pub(crate) fn new(
        exposition: Arc<Exposition>,
        hold_max: Duration,
        dead_letters: Option<DeadLetters>,
        logs_failures: bool,
        stop: CancellationToken,
    ) -> Self {
        Self {
            applier: Applier {
                exposition,
                dead_letters,
                logs_failures,
                stop,
            },
            hold_max,
            partitions: BTreeMap::new(),
        }
    }

    /// Takes what a partition sent: applies it, as far as that can be done now, and keeps the rest behind what the
    /// partition has waiting. Drops what a released partition has waiting.
    pub(crate) fn take(&mut self, queued: Queued, now: Instant) {
        match queued {
            Queued::Events(batch, slot) => {
                let (id, events) = batch.into_events();
                self.append(&id, Held::Events(events), slot, now);
            }
            Queued::Moved(id, reached, slot) => self.append(&id, Held::Moved(reached), slot, now),
            Queued::Paused(id, done) => {
                let partition = self.partitions.entry(id).or_default();
                partition.is_paused = true;
                partition.waits.end(now);
                drop(done);
            }
            Queued::Resumed(id) => {
                if let Some(partition) = self.partitions.get_mut(&id) {
                    partition.is_paused = false;
                    partition.work(&id, &self.applier, self.hold_max, now);
                }
            }
            Queued::Released(id, done) => {
                if let Some(partition) = self.partitions.get_mut(&id) {
                    // Its waits still count if this process reads it again within ten minutes.
                    partition.held.clear();
                    partition.is_paused = false;
                    partition.waits.end(now);
                }
                drop(done);
            }
        }
    }

    fn append(&mut self, id: &PartitionId, held: Held, slot: OwnedSemaphorePermit, now: Instant) {
        let partition = self.partitions.entry(id.clone()).or_default();
        let is_first = partition.held.is_empty();
        partition.held.push_back((held, slot));
        if is_first {
            partition.work(id, &self.applier, self.hold_max, now);
        } else {
            partition.tell(id, &self.applier);
        }
        if let Some((Held::Events(events), _)) = partition.held.back() {
            // Their series are shown by the same scrape as those of the events before them.
            let stop = &self.applier.stop;
            for event in events.iter().take_while(|_| !stop.is_cancelled()) {
                self.applier.prepare(event);
            }
        }
    }

    /// Applies held events where that is possible now: the scrapers have received more, or time has passed.
    pub(crate) fn go_on(&mut self, now: Instant) {
        for (id, partition) in &mut self.partitions {
            partition.work(id, &self.applier, self.hold_max, now);
        }
    }

    /// When a partition has waited for long enough.
    pub(crate) fn next_end(&self) -> Option<Instant> {
        let ends = self.partitions.values();
        ends.filter_map(|partition| partition.waits.until()).min()
    }
}

impl Partition {
    /// Applies what is held, as far as that can be done now.
    fn work(&mut self, id: &PartitionId, applier: &Applier, hold_max: Duration, now: Instant) {
        if !self.is_paused {
            self.apply(id, applier, hold_max, now);
            if self.held.is_empty() {
                self.waits.end(now);
            } else {
                self.waits.begin(now, hold_max);
            }
        }
        self.tell(id, applier);
    }

    fn apply(&mut self, id: &PartitionId, applier: &Applier, hold_max: Duration, now: Instant) {
        let hold = if hold_max.is_zero() {
            Hold::Never
        } else if self.waits.left(now, hold_max).is_zero() {
            Hold::NoLonger
        } else {
            Hold::WhileScrapedSince(now.checked_sub(hold_max).unwrap_or(now))
        };
        while let Some((held, _)) = self.held.front_mut() {
            match held {
                Held::Events(events) => {
                    while let Some(event) = events.front() {
                        let is_stopped = applier.stop.is_cancelled();
                        if is_stopped || applier.apply(id, event, hold).is_err() {
                            return;
                        }
                        events.pop_front();
                    }
                }
                Held::Moved(reached) => applier.exposition.moved_to(id, reached.clone()),
            }
            self.held.pop_front();
        }
    }

    fn tell(&self, id: &PartitionId, applier: &Applier) {
        let events = self.held.iter().map(|(held, _)| match held {
            Held::Events(events) => events.len(),
            Held::Moved(_) => 0,
        });
        let telemetry = applier.exposition.telemetry();
        telemetry.events_wait(id, events.sum());
    }
}
