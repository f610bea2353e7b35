//! Whether every partition is read and verified, and whether the process itself makes progress.
//!
//! Ready is about the event hub and the network: something is missing, and it may come back by itself. Healthy is about
//! this process alone, and fails only when a restart would help: when a part of it works on one thing for minutes, though
//! every wait in that has a timeout.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::time::Instant;

use crate::event::PartitionId;

/// Which event hubs have answered, which of their partitions are read and when each was last verified, and which tasks
/// are at work since when.
#[derive(Debug)]
pub(crate) struct Liveness {
    dead_after: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    event_hubs: BTreeMap<String, EventHub>,
    at_work: BTreeMap<u64, (String, Instant)>,
    works: u64,
    pulse: Instant,
    stopping: bool,
}

#[derive(Debug, Default)]
struct EventHub {
    /// None before it has answered.
    partitions: Option<BTreeMap<String, Partition>>,
    /// When it last did.
    answered: Option<Instant>,
    /// Why it did not answer last, and what to do; none if it did, or was not asked yet.
    failure: Option<String>,
    /// Why the leases of its partitions cannot be listed or renewed, and what to do; none if they are, or have no store.
    leases_failure: Option<String>,
}

#[derive(Debug)]
struct Partition {
    reading: Reading,
    /// What ended its last link; none once a link is open.
    failure: Option<Failure>,
    last_verified: Instant,
    /// The same moment by the wall clock, for people; none before the first liveness check.
    last_verified_at: Option<OffsetDateTime>,
}

#[derive(Debug)]
struct Failure {
    /// What happened, and what to do.
    text: String,
    /// It was a single link: the event hub answers.
    hub_answers: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    Closed,
    /// It is not to be read yet, so its liveness is not checked.
    StandingBy,
    Open,
}

/// A partition as it is now.
#[derive(Clone, Debug)]
pub(crate) struct PartitionSeen {
    pub id: PartitionId,
    pub state: PartitionState,
    /// What ended its last link, and what to do.
    pub problem: Option<String>,
}

/// Whether a partition is read; what needs a person comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PartitionState {
    /// It is to be read, and no link is open.
    NotRead,
    /// No liveness check has passed for too long, whatever its link looks like.
    NotVerified,
    /// Its link is open.
    Reading,
    /// It is not to be read yet, or another replica reads it.
    StandingBy,
}

/// All waits inside one piece of work together are shorter, even with a resolver that is down.
const STUCK_AFTER: Duration = Duration::from_mins(5);

/// The runtime gives a pulse every second.
const PULSE_LOST_AFTER: Duration = Duration::from_mins(1);

impl Liveness {
    /// Not ready: none of the event hubs has answered yet. A partition that is not verified for `dead_after` counts as
    /// not read, whatever its reader believes.
    pub(crate) fn new<'a>(
        event_hubs: impl IntoIterator<Item = &'a str>,
        dead_after: Duration,
        now: Instant,
    ) -> Self {
        let event_hubs = event_hubs
            .into_iter()
            .map(|name| (name.to_owned(), EventHub::default()));
        Self {
            dead_after,
            state: Mutex::new(State {
                event_hubs: event_hubs.collect(),
                at_work: BTreeMap::new(),
                works: 0,
                pulse: now,
                stopping: false,
            }),
        }
    }

    /// An event hub reported its partitions. Those that are known already stay as they are.
    pub(crate) fn event_hub_answered<'a>(
        &self,
        event_hub: &str,
        partitions: impl IntoIterator<Item = &'a str>,
        now: Instant,
    ) {
        let mut state = self.lock();
        let event_hub = state.event_hubs.entry(event_hub.to_owned()).or_default();
        event_hub.failure = None;
        event_hub.answered = Some(now);
        let known = event_hub.partitions.get_or_insert_default();
        for id in partitions {
            known.entry(id.to_owned()).or_insert(Partition {
                reading: Reading::Closed,
                failure: None,
                last_verified: now,
                last_verified_at: None,
            });
        }
    }

    /// An event hub did not report its partitions, because of this.
    pub(crate) fn event_hub_failed(&self, event_hub: &str, failure: String) {
        let mut state = self.lock();
        if let Some(event_hub) = state.event_hubs.get_mut(event_hub) {
            event_hub.failure = Some(failure);
        }
    }

    /// The leases of an event hub's partitions cannot be listed or renewed, because of this; none if they are again.
    pub(crate) fn leases_failed(&self, event_hub: &str, failure: Option<String>) {
        let mut state = self.lock();
        if let Some(event_hub) = state.event_hubs.get_mut(event_hub) {
            event_hub.leases_failure = failure;
        }
    }

    /// Whether an event hub keeps this process from reading: it failed a partition, and no partition is read.
    pub(crate) fn is_refused(&self, event_hub: &str) -> bool {
        let state = self.lock();
        let event_hub = state.event_hubs.get(event_hub);
        let Some(partitions) = event_hub.and_then(|event_hub| event_hub.partitions.as_ref()) else {
            return false;
        };
        let has_failed = |partition: &Partition| {
            let failure = partition.failure.as_ref();
            failure.is_some_and(|failure| !failure.hub_answers)
        };
        let mut partitions = partitions.values();
        let is_read = |partition: &Partition| partition.reading == Reading::Open;
        partitions.clone().any(has_failed) && !partitions.any(is_read)
    }

    /// A partition would be read if reading had begun.
    pub(crate) fn partition_stands_by(&self, partition: &PartitionId) {
        self.change(partition, |partition| {
            partition.reading = Reading::StandingBy;
            partition.failure = None;
        });
    }

    /// A partition is to be read from now on.
    pub(crate) fn partition_assigned(&self, partition: &PartitionId, now: Instant) {
        self.change(partition, |partition| {
            partition.reading = Reading::Closed; // until its link is open
            partition.last_verified = now;
        });
    }

    /// A partition is being read.
    pub(crate) fn partition_opened(&self, partition: &PartitionId) {
        self.change(partition, |partition| {
            partition.reading = Reading::Open;
            partition.failure = None;
        });
    }

    /// A partition is no longer read, because of this.
    pub(crate) fn partition_failed(
        &self,
        partition: &PartitionId,
        text: String,
        hub_answers: bool,
    ) {
        self.change(partition, |partition| {
            partition.reading = Reading::Closed;
            partition.failure = Some(Failure { text, hub_answers });
        });
    }

    /// A partition is no longer read.
    pub(crate) fn partition_closed(&self, partition: &PartitionId) {
        self.change(partition, |partition| partition.reading = Reading::Closed);
    }

    /// A partition passed a liveness check, now and at this time of the wall clock.
    pub(crate) fn partition_proved(
        &self,
        partition: &PartitionId,
        now: Instant,
        at: OffsetDateTime,
    ) {
        self.change(partition, |partition| {
            partition.last_verified = now;
            partition.last_verified_at = Some(at);
        });
    }

    /// Whether a partition was verified in time.
    pub(crate) fn is_verified(&self, partition: &PartitionId, now: Instant) -> bool {
        let state = self.lock();
        let known = state.event_hubs.get(partition.event_hub());
        let known = known.and_then(|known| known.partitions.as_ref()?.get(partition.partition()));
        known.is_some_and(|partition| self.is_recent(partition.last_verified, now))
    }

    /// Whether this process can read an event hub: every partition that it is to read was verified in time, or, if it is to
    /// read none, the event hub has answered.
    pub(crate) fn can_read(&self, event_hub: &str, now: Instant) -> bool {
        let state = self.lock();
        let Some(event_hub) = state.event_hubs.get(event_hub) else {
            return false;
        };
        let partitions = event_hub.partitions.iter().flat_map(BTreeMap::values);
        let assigned = partitions.filter(|partition| partition.reading != Reading::StandingBy);
        let mut verified = assigned
            .map(|partition| self.is_recent(partition.last_verified, now))
            .peekable();
        if verified.peek().is_some() {
            return verified.all(|is_verified| is_verified);
        }
        let answered = event_hub.answered;
        answered.is_some_and(|at| self.is_recent(at, now))
    }

    fn is_recent(&self, verified: Instant, now: Instant) -> bool {
        now - verified <= self.dead_after
    }

    /// A task begins a piece of work that has an end; the work is done when what is returned is dropped.
    pub(crate) fn at_work(self: &Arc<Self>, task: String, now: Instant) -> AtWork {
        let mut state = self.lock();
        state.works += 1;
        let number = state.works;
        state.at_work.insert(number, (task, now));
        AtWork {
            liveness: Arc::clone(self),
            number,
        }
    }

    /// The runtime that reads makes progress.
    pub(crate) fn pulse(&self, now: Instant) {
        self.lock().pulse = now;
    }

    /// The process stops: it is not ready any more.
    pub(crate) fn stopping(&self) {
        self.lock().stopping = true;
    }

    /// What is missing until every partition of every event hub is read, or would be if reading had begun; a line each.
    pub(crate) fn not_ready(&self, now: Instant) -> Vec<String> {
        let state = self.lock();
        if state.stopping {
            return vec!["stopping".to_owned()];
        }
        let event_hubs = state.event_hubs.iter();
        event_hubs
            .flat_map(|(name, event_hub)| self.missing(name, event_hub, now))
            .collect()
    }

    /// The parts of the process that make no progress, a line each.
    pub(crate) fn not_healthy(&self, now: Instant) -> Vec<String> {
        let state = self.lock();
        let mut stuck: Vec<_> = state
            .at_work
            .values()
            .filter(|(_, since)| now - *since > STUCK_AFTER)
            .map(|(task, since)| {
                format!("{task} has been stuck for {} s", (now - *since).as_secs())
            })
            .collect();
        let silent = now - state.pulse;
        if silent > PULSE_LOST_AFTER {
            stuck.push(format!(
                "the runtime has made no progress for {} s",
                silent.as_secs()
            ));
        }
        stuck
    }

    /// Every partition that is known, in the order of the names.
    pub(crate) fn partitions(&self, now: Instant) -> Vec<PartitionSeen> {
        let state = self.lock();
        let mut seen = Vec::new();
        for (name, event_hub) in &state.event_hubs {
            for (id, partition) in event_hub.partitions.iter().flatten() {
                let is_verified = self.is_recent(partition.last_verified, now);
                seen.push(PartitionSeen {
                    id: PartitionId::new(name.as_str(), id.as_str()),
                    state: match partition.reading {
                        Reading::StandingBy => PartitionState::StandingBy,
                        Reading::Closed => PartitionState::NotRead,
                        Reading::Open if is_verified => PartitionState::Reading,
                        Reading::Open => PartitionState::NotVerified,
                    },
                    problem: partition
                        .failure
                        .as_ref()
                        .map(|failure| failure.text.clone()),
                });
            }
        }
        seen
    }

    fn missing(&self, name: &str, event_hub: &EventHub, now: Instant) -> Vec<String> {
        let because = |failure: Option<&str>| {
            failure.map_or_else(String::new, |failure| format!(": {failure}"))
        };
        let failure = event_hub.failure.as_deref();
        let Some(partitions) = &event_hub.partitions else {
            let because = because(failure);
            return vec![format!("event hub `{name}` has not answered yet{because}")];
        };
        let mut missing = Vec::new();
        let is_closed = |partition: &&Partition| partition.reading == Reading::Closed;
        let closed = partitions.values().filter(is_closed);
        if closed.clone().count() > 0 {
            let mut failures = closed.clone().filter_map(|closed| closed.failure.as_ref());
            let of_partition = failures.next().map(|failure| failure.text.as_str());
            missing.push(format!(
                "event hub `{name}`: {} of {} partitions are not read{}",
                closed.count(),
                partitions.len(),
                because(
                    of_partition
                        .or(event_hub.leases_failure.as_deref())
                        .or(failure)
                )
            ));
        }
        for (id, partition) in partitions {
            let unverified = now - partition.last_verified;
            if unverified > self.dead_after && partition.reading != Reading::StandingBy {
                let at = partition
                    .last_verified_at
                    .and_then(|at| at.format(&Rfc3339).ok());
                missing.push(format!(
                    "event hub `{name}`, partition {id}: not verified for {} s (last verified: {})",
                    unverified.as_secs(),
                    at.as_deref().unwrap_or("never")
                ));
            }
        }
        missing
    }

    fn change(&self, partition: &PartitionId, change: impl FnOnce(&mut Partition)) {
        let mut state = self.lock();
        let event_hub = state.event_hubs.get_mut(partition.event_hub());
        let known = event_hub.and_then(|event_hub| event_hub.partitions.as_mut());
        if let Some(partition) = known.and_then(|known| known.get_mut(partition.partition())) {
            change(partition);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A piece of work under way.
#[derive(Debug)]
pub(crate) struct AtWork {
    liveness: Arc<Liveness>,
    number: u64,
}

impl Drop for AtWork {
    fn drop(&mut self) {
        self.liveness.lock().at_work.remove(&self.number);
    }
}
