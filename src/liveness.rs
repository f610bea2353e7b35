//! Whether every partition is read and verified, and whether the process itself makes progress.
//!
//! Ready is about the event hub and the network: something is missing, and it may come back by itself. Healthy is about
//! this process alone, and fails only when a restart would help: when a part of it works on one thing for minutes, though
//! every wait in that has a timeout.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

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
    /// By event hub, then by partition; none before the event hub has answered.
    event_hubs: BTreeMap<String, Option<BTreeMap<String, Partition>>>,
    /// When each event hub last answered.
    answered: BTreeMap<String, Instant>,
    at_work: BTreeMap<u64, (String, Instant)>,
    works: u64,
    pulse: Instant,
    stopping: bool,
}

#[derive(Clone, Copy, Debug)]
struct Partition {
    reading: Reading,
    last_verified: Instant,
    /// The same moment by the wall clock, for people; none before the first liveness check.
    last_verified_at: Option<OffsetDateTime>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    Closed,
    /// It is not to be read yet, so its liveness is not checked.
    StandingBy,
    Open,
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
        let event_hubs = event_hubs.into_iter().map(|name| (name.to_owned(), None));
        Self {
            dead_after,
            state: Mutex::new(State {
                event_hubs: event_hubs.collect(),
                answered: BTreeMap::new(),
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
        state.answered.insert(event_hub.to_owned(), now);
        let known = state.event_hubs.entry(event_hub.to_owned()).or_default();
        let known = known.get_or_insert_default();
        for id in partitions {
            known.entry(id.to_owned()).or_insert(Partition {
                reading: Reading::Closed,
                last_verified: now,
                last_verified_at: None,
            });
        }
    }

    /// A partition would be read if reading had begun.
    pub(crate) fn partition_stands_by(&self, partition: &PartitionId) {
        self.change(partition, |partition| {
            partition.reading = Reading::StandingBy;
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
        self.change(partition, |partition| partition.reading = Reading::Open);
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
        let known = known.and_then(|known| known.as_ref()?.get(partition.partition()));
        known.is_some_and(|partition| self.is_recent(partition.last_verified, now))
    }

    /// Whether this process can read an event hub: every partition that it is to read was verified in time, or, if it is to
    /// read none, the event hub has answered.
    pub(crate) fn can_read(&self, event_hub: &str, now: Instant) -> bool {
        let state = self.lock();
        let partitions = state.event_hubs.get(event_hub).and_then(Option::as_ref);
        let partitions = partitions.into_iter().flat_map(BTreeMap::values);
        let assigned = partitions.filter(|partition| partition.reading != Reading::StandingBy);
        let mut verified = assigned
            .map(|partition| self.is_recent(partition.last_verified, now))
            .peekable();
        if verified.peek().is_some() {
            return verified.all(|is_verified| is_verified);
        }
        let answered = state.answered.get(event_hub);
        answered.is_some_and(|at| self.is_recent(*at, now))
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
            .flat_map(|(name, partitions)| self.missing(name, partitions.as_ref(), now))
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

    fn missing(
        &self,
        event_hub: &str,
        partitions: Option<&BTreeMap<String, Partition>>,
        now: Instant,
    ) -> Vec<String> {
        let Some(partitions) = partitions else {
            return vec![format!("event hub `{event_hub}` has not answered yet")];
        };
        let mut missing = Vec::new();
        let readings = partitions.values().map(|partition| partition.reading);
        let closed = readings
            .filter(|reading| *reading == Reading::Closed)
            .count();
        if closed > 0 {
            missing.push(format!(
                "event hub `{event_hub}`: {closed} of {} partitions are not read",
                partitions.len()
            ));
        }
        for (id, partition) in partitions {
            let unverified = now - partition.last_verified;
            if unverified > self.dead_after && partition.reading != Reading::StandingBy {
                let at = partition
                    .last_verified_at
                    .and_then(|at| at.format(&Rfc3339).ok());
                missing.push(format!(
                    "event hub `{event_hub}`, partition {id}: not verified for {} s (last verified: {})",
                    unverified.as_secs(),
                    at.as_deref().unwrap_or("never")
                ));
            }
        }
        missing
    }

    fn change(&self, partition: &PartitionId, change: impl FnOnce(&mut Partition)) {
        let mut state = self.lock();
        let known = state.event_hubs.get_mut(partition.event_hub());
        if let Some(partition) =
            known.and_then(|known| known.as_mut()?.get_mut(partition.partition()))
        {
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

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const DEAD_AFTER: Duration = Duration::from_mins(5);

    #[test]
    fn ready_is_when_every_partition_of_every_hub_is_read() {
        let now = Instant::now();
        let liveness = Liveness::new(["a", "b"], DEAD_AFTER, now);
        liveness.event_hub_answered("a", ["0", "1"], now);
        liveness.partition_opened(&PartitionId::new("a", "0"));
        assert_eq!(
            liveness.not_ready(now).join("\n"),
            "event hub `a`: 1 of 2 partitions are not read\nevent hub `b` has not answered yet"
        );
        liveness.partition_opened(&PartitionId::new("a", "1"));
        liveness.event_hub_answered("b", [], now);
        assert!(liveness.not_ready(now).is_empty());
        liveness.event_hub_answered("a", ["0", "1", "2"], now);
        assert_eq!(
            liveness.not_ready(now).join("\n"),
            "event hub `a`: 1 of 3 partitions are not read"
        );
    }

    #[test]
    fn a_partition_that_is_not_verified_for_long_is_not_ready_and_names_the_last_time() {
        let start = Instant::now();
        let liveness = Liveness::new(["a"], DEAD_AFTER, start);
        let partition = PartitionId::new("a", "0");
        liveness.event_hub_answered("a", ["0"], start);
        liveness.partition_opened(&partition);
        let late = start + DEAD_AFTER + Duration::from_secs(1);
        assert_eq!(
            liveness.not_ready(late).join("\n"),
            "event hub `a`, partition 0: not verified for 301 s (last verified: never)"
        );
        liveness.partition_proved(&partition, start, datetime!(2026-01-31 12:00 UTC));
        assert_eq!(
            liveness.not_ready(late).join("\n"),
            "event hub `a`, partition 0: not verified for 301 s (last verified: 2026-01-31T12:00:00Z)"
        );
        liveness.partition_proved(&partition, late, datetime!(2026-01-31 12:05:01 UTC));
        assert!(liveness.not_ready(late).is_empty());
    }

    #[test]
    fn a_partition_that_stands_by_is_ready_and_is_not_verified() {
        let start = Instant::now();
        let liveness = Liveness::new(["a"], DEAD_AFTER, start);
        let partition = PartitionId::new("a", "0");
        liveness.event_hub_answered("a", ["0"], start);
        liveness.partition_stands_by(&partition);
        let late = start + DEAD_AFTER + Duration::from_secs(1);
        assert!(liveness.not_ready(late).is_empty());
        liveness.partition_closed(&partition);
        assert!(!liveness.not_ready(late).is_empty());
        liveness.partition_stands_by(&partition);
        liveness.stopping();
        assert_eq!(liveness.not_ready(late).join("\n"), "stopping");
    }

    #[test]
    fn a_process_can_read_while_all_its_partitions_are_verified_or_the_hub_answers() {
        let start = Instant::now();
        let late = start + DEAD_AFTER + Duration::from_secs(1);
        let liveness = Liveness::new(["a"], DEAD_AFTER, start);
        assert!(!liveness.can_read("a", start), "it has never answered");
        liveness.event_hub_answered("a", ["0", "1"], start);
        let (read, other) = (PartitionId::new("a", "0"), PartitionId::new("a", "1"));
        liveness.partition_stands_by(&read);
        liveness.partition_stands_by(&other);
        assert!(liveness.can_read("a", start) && !liveness.can_read("a", late));
        liveness.event_hub_answered("a", ["0", "1"], late);
        assert!(liveness.can_read("a", late));
        liveness.partition_assigned(&read, late);
        assert!(liveness.can_read("a", late) && liveness.is_verified(&read, late));
        let later = late + DEAD_AFTER + Duration::from_secs(1);
        liveness.event_hub_answered("a", ["0", "1"], later);
        assert!(!liveness.can_read("a", later) && !liveness.is_verified(&read, later));
    }

    #[test]
    fn work_without_an_end_and_a_lost_pulse_are_unhealthy() {
        let start = Instant::now();
        let liveness = Arc::new(Liveness::new(["a"], DEAD_AFTER, start));
        let work = liveness.at_work("the reader of a/0".to_owned(), start);
        let late = start + STUCK_AFTER + Duration::from_secs(1);
        assert!(
            liveness.not_healthy(start).is_empty(),
            "not ready is not unhealthy"
        );
        assert_eq!(
            liveness.not_healthy(late).join("\n"),
            "the reader of a/0 has been stuck for 301 s\nthe runtime has made no progress for 301 s"
        );
        drop(work);
        liveness.pulse(late);
        assert!(liveness.not_healthy(late).is_empty());
    }
}
