//! Whether every partition is being read, with proof, and whether the process itself still moves.
//!
//! Ready is about the hub and the network: something is missing, and it may come back by itself. Healthy is about this
//! process alone, and fails only for what a restart cures: a part of it that works on one thing for minutes, though
//! every wait that it does has a time-out.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::time::Instant;

use crate::event::PartitionId;

/// Which event hubs have answered, which of their partitions are read and proved it when, and who is at work since when.
#[derive(Debug)]
pub(crate) struct Liveness {
    dead_after: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    event_hubs: BTreeMap<String, Option<BTreeMap<String, Partition>>>,
    at_work: BTreeMap<u64, (String, Instant)>,
    works: u64,
    pulse: Instant,
    stopping: bool,
}

#[derive(Clone, Copy, Debug)]
struct Partition {
    is_read: bool,
    /// It is not to be read yet, and so has nothing to prove.
    stands_by: bool,
    proved: Instant,
    /// The same moment by the clock on the wall, for people; none before the first proof.
    proved_at: Option<OffsetDateTime>,
}

/// All waits inside one piece of work together are shorter, even with a resolver that is down.
const STUCK_AFTER: Duration = Duration::from_mins(5);

/// The runtime is asked for a sign of life every second.
const PULSE_LOST_AFTER: Duration = Duration::from_mins(1);

impl Liveness {
    /// Not ready: none of the event hubs has answered yet. A partition without a proof for `dead_after` is not read,
    /// whatever its reader believes.
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
                at_work: BTreeMap::new(),
                works: 0,
                pulse: now,
                stopping: false,
            }),
        }
    }

    /// An event hub told which partitions it has. Those that are known already stay as they are.
    pub(crate) fn event_hub_answered<'a>(
        &self,
        event_hub: &str,
        partitions: impl IntoIterator<Item = &'a str>,
        now: Instant,
    ) {
        let mut state = self.lock();
        let known = state.event_hubs.entry(event_hub.to_owned()).or_default();
        let known = known.get_or_insert_default();
        for id in partitions {
            known.entry(id.to_owned()).or_insert(Partition {
                is_read: false,
                stands_by: false,
                proved: now,
                proved_at: None,
            });
        }
    }

    /// A partition would be read if reading had begun.
    pub(crate) fn partition_stands_by(&self, partition: &PartitionId) {
        self.change(partition, |partition| partition.stands_by = true);
    }

    /// A partition is being read.
    pub(crate) fn partition_opened(&self, partition: &PartitionId) {
        self.change(partition, |partition| {
            partition.is_read = true;
            partition.stands_by = false;
        });
    }

    /// A partition is not being read any more.
    pub(crate) fn partition_closed(&self, partition: &PartitionId) {
        self.change(partition, |partition| {
            partition.is_read = false;
            partition.stands_by = false;
        });
    }

    /// A partition proved that it lives, now and by the clock on the wall at that time.
    pub(crate) fn partition_proved(
        &self,
        partition: &PartitionId,
        now: Instant,
        at: OffsetDateTime,
    ) {
        self.change(partition, |partition| {
            partition.proved = now;
            partition.proved_at = Some(at);
        });
    }

    /// Someone begins a piece of work that has an end, and is done when what is given back is dropped.
    pub(crate) fn at_work(self: &Arc<Self>, who: String, now: Instant) -> AtWork {
        let mut state = self.lock();
        state.works += 1;
        let number = state.works;
        state.at_work.insert(number, (who, now));
        AtWork {
            liveness: Arc::clone(self),
            number,
        }
    }

    /// The runtime that reads gives a sign of life.
    pub(crate) fn pulse(&self, now: Instant) {
        self.lock().pulse = now;
    }

    /// The process was told to stop: it is ready for nothing any more.
    pub(crate) fn stopping(&self) {
        self.lock().stopping = true;
    }

    /// Whether every partition of every hub is read, or would be if reading had begun.
    ///
    /// # Errors
    ///
    /// What is missing, in words, one line each.
    pub(crate) fn ready(&self, now: Instant) -> Result<(), String> {
        let state = self.lock();
        if state.stopping {
            return Err("stopping".to_owned());
        }
        let missing: Vec<_> = state
            .event_hubs
            .iter()
            .flat_map(|(name, partitions)| self.missing(name, partitions.as_ref(), now))
            .collect();
        none_of(&missing)
    }

    /// Whether the process moves.
    ///
    /// # Errors
    ///
    /// What does not, in words, one line each.
    pub(crate) fn healthy(&self, now: Instant) -> Result<(), String> {
        let state = self.lock();
        let mut stuck: Vec<_> = state
            .at_work
            .values()
            .filter(|(_, since)| now - *since > STUCK_AFTER)
            .map(|(who, since)| format!("{who} is stuck for {} s", (now - *since).as_secs()))
            .collect();
        let silent = now - state.pulse;
        if silent > PULSE_LOST_AFTER {
            stuck.push(format!(
                "the runtime does nothing for {} s",
                silent.as_secs()
            ));
        }
        none_of(&stuck)
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
        let closed = partitions
            .values()
            .filter(|partition| !partition.is_read && !partition.stands_by)
            .count();
        let mut missing = Vec::new();
        if closed > 0 {
            missing.push(format!(
                "event hub `{event_hub}`: {closed} of {} partitions not read",
                partitions.len()
            ));
        }
        for (id, partition) in partitions {
            let unproved = now - partition.proved;
            if unproved > self.dead_after && !partition.stands_by {
                let since = partition.proved_at.and_then(|at| at.format(&Rfc3339).ok());
                missing.push(format!(
                    "event hub `{event_hub}`, partition {id}: no proof of life for {} s, since {}",
                    unproved.as_secs(),
                    since.as_deref().unwrap_or("it was found")
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

fn none_of(lines: &[String]) -> Result<(), String> {
    if lines.is_empty() {
        Ok(())
    } else {
        Err(lines.join("\n"))
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
            liveness.ready(now).unwrap_err(),
            "event hub `a`: 1 of 2 partitions not read\nevent hub `b` has not answered yet"
        );
        liveness.partition_opened(&PartitionId::new("a", "1"));
        liveness.event_hub_answered("b", [], now);
        assert_eq!(liveness.ready(now), Ok(()));
        liveness.event_hub_answered("a", ["0", "1", "2"], now);
        assert_eq!(
            liveness.ready(now).unwrap_err(),
            "event hub `a`: 1 of 3 partitions not read"
        );
    }

    #[test]
    fn a_partition_without_proof_for_long_is_not_ready_and_says_since_when() {
        let start = Instant::now();
        let liveness = Liveness::new(["a"], DEAD_AFTER, start);
        let partition = PartitionId::new("a", "0");
        liveness.event_hub_answered("a", ["0"], start);
        liveness.partition_opened(&partition);
        let late = start + DEAD_AFTER + Duration::from_secs(1);
        assert_eq!(
            liveness.ready(late).unwrap_err(),
            "event hub `a`, partition 0: no proof of life for 301 s, since it was found"
        );
        liveness.partition_proved(&partition, start, datetime!(2026-01-31 12:00 UTC));
        assert_eq!(
            liveness.ready(late).unwrap_err(),
            "event hub `a`, partition 0: no proof of life for 301 s, since 2026-01-31T12:00:00Z"
        );
        liveness.partition_proved(&partition, late, datetime!(2026-01-31 12:05:01 UTC));
        assert_eq!(liveness.ready(late), Ok(()));
    }

    #[test]
    fn a_partition_that_stands_by_is_ready_and_has_nothing_to_prove() {
        let start = Instant::now();
        let liveness = Liveness::new(["a"], DEAD_AFTER, start);
        let partition = PartitionId::new("a", "0");
        liveness.event_hub_answered("a", ["0"], start);
        liveness.partition_stands_by(&partition);
        let late = start + DEAD_AFTER + Duration::from_secs(1);
        assert_eq!(liveness.ready(late), Ok(()));
        liveness.partition_closed(&partition);
        assert!(liveness.ready(late).is_err());
        liveness.partition_stands_by(&partition);
        liveness.stopping();
        assert_eq!(liveness.ready(late).unwrap_err(), "stopping");
    }

    #[test]
    fn work_without_an_end_and_a_lost_pulse_are_what_a_restart_cures() {
        let start = Instant::now();
        let liveness = Arc::new(Liveness::new(["a"], DEAD_AFTER, start));
        let work = liveness.at_work("the reader of a/0".to_owned(), start);
        let late = start + STUCK_AFTER + Duration::from_secs(1);
        assert_eq!(
            liveness.healthy(start),
            Ok(()),
            "not ready is not unhealthy"
        );
        assert_eq!(
            liveness.healthy(late).unwrap_err(),
            "the reader of a/0 is stuck for 301 s\nthe runtime does nothing for 301 s"
        );
        drop(work);
        liveness.pulse(late);
        assert_eq!(liveness.healthy(late), Ok(()));
    }
}
