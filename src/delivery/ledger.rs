//! Which snapshots were taken, which scraper has received which, and what is acknowledged thereby.
//!
//! A *snapshot* is what one scrape shows: all that was applied before it, and nothing after. Snapshots are numbered, and
//! taken under the lock under which events are applied. A scraper that has received a snapshot whole has received all
//! that was applied up to it, so the snapshot stands for all earlier ones. With `N` scrapers expected, a snapshot is
//! acknowledged when `N` different ones have received it or a later one:
//!
//! | delivered, by scraper | acknowledged with N = 1 | with N = 2 |
//! | --- | --- | --- |
//! | a: 3 | 3 | none |
//! | a: 3, b: 2 | 3 | 2 |
//! | a: 3, b: 7 | 7 | 3 |
//! | a: 3, b: 7, c: 5 | 7 | 5 |

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::event::{PartitionId, Reached};

/// The number of a snapshot; the first is 1.
pub(crate) type Snapshot = u64;

/// The last event of each partition that a snapshot shows.
pub(crate) type Positions = HashMap<PartitionId, Reached>;

/// The snapshots that were taken, and what was delivered.
#[derive(Debug)]
pub(crate) struct Ledger {
    scrapers: usize,
    /// The number of the next snapshot.
    next: Snapshot,
    /// Those that are not acknowledged, oldest first.
    snapshots: VecDeque<(Snapshot, Arc<Positions>)>,
    delivered: BTreeMap<String, Delivered>,
    acknowledged: Snapshot,
    positions: Arc<Positions>,
}

/// What one scraper has received.
#[derive(Clone, Copy, Debug)]
struct Delivered {
    latest: Snapshot,
    at: Instant,
    /// The times between its last scrapes, the latest first.
    intervals: [Option<Duration>; 2],
}

/// Scrapes of a quarter of an hour, one a second. Beyond that every second snapshot is dropped, so that a late
/// acknowledgement reaches a little less far than it could.
const SNAPSHOTS_MAX: usize = 1024;

/// A scraper that was silent for so long is forgotten: a Prometheus pod that moved comes back from another address. What
/// it has acknowledged stays acknowledged.
pub(crate) const FORGOTTEN_AFTER: Duration = Duration::from_mins(10);

/// A client that scrapes under ever new names must not fill the memory: the scraper that was silent longest is dropped.
const SCRAPERS_MAX: usize = 64;

impl Ledger {
    /// No snapshot yet. One is acknowledged when so many scrapers have received it.
    pub(crate) fn new(scrapers: usize) -> Self {
        Self {
            scrapers: scrapers.max(1),
            next: 1,
            snapshots: VecDeque::new(),
            delivered: BTreeMap::new(),
            acknowledged: 0,
            positions: Arc::default(),
        }
    }

    /// The number of the next snapshot: the first to show a series that is created now.
    pub(crate) fn next(&self) -> Snapshot {
        self.next
    }

    /// Takes a snapshot, which shows these positions.
    pub(crate) fn snapshot(&mut self, positions: Arc<Positions>) -> Snapshot {
        let snapshot = self.next;
        self.next += 1;
        self.snapshots.push_back((snapshot, positions));
        if self.snapshots.len() > SNAPSHOTS_MAX {
            let mut is_kept = false;
            self.snapshots.retain(|_| {
                is_kept = !is_kept;
                is_kept
            });
        }
        snapshot
    }

    /// A scraper has received a snapshot whole. Whether that acknowledges anything new.
    pub(crate) fn delivered(&mut self, snapshot: Snapshot, scraper: &str, now: Instant) -> bool {
        if snapshot >= self.next {
            return false; // of another process
        }
        self.delivered
            .retain(|_, delivered| now - delivered.at < FORGOTTEN_AFTER);
        if let Some(delivered) = self.delivered.get_mut(scraper) {
            *delivered = Delivered {
                latest: snapshot.max(delivered.latest),
                at: now,
                intervals: [Some(now - delivered.at), delivered.intervals[0]],
            };
        } else {
            if self.delivered.len() >= SCRAPERS_MAX {
                let silent_longest = self
                    .delivered
                    .iter()
                    .min_by_key(|(_, delivered)| delivered.at);
                if let Some(name) = silent_longest.map(|(name, _)| name.clone()) {
                    self.delivered.remove(&name);
                }
            }
            let first = Delivered {
                latest: snapshot,
                at: now,
                intervals: [None; 2],
            };
            self.delivered.insert(scraper.to_owned(), first);
        }
        let mut latest: Vec<_> = self
            .delivered
            .values()
            .map(|delivered| delivered.latest)
            .collect();
        latest.sort_unstable_by(|a, b| b.cmp(a));
        match latest.get(self.scrapers - 1) {
            Some(snapshot) if *snapshot > self.acknowledged => {
                self.acknowledge(*snapshot);
                true
            }
            _ => false,
        }
    }

    /// A partition begins here: no event before it has to be delivered.
    pub(crate) fn begin(&mut self, partition: &PartitionId, reached: &Reached) {
        Arc::make_mut(&mut self.positions).insert(partition.clone(), reached.clone());
        // Snapshots that were taken before and are acknowledged later must not take that back.
        for (_, positions) in &mut self.snapshots {
            Arc::make_mut(positions).insert(partition.clone(), reached.clone());
        }
    }

    /// A partition was released. Snapshots that were taken before and are acknowledged later do not acknowledge it: if this
    /// replica acquires it again, it begins at the checkpoint of the last owner.
    pub(crate) fn release(&mut self, partition: &PartitionId) {
        let shown = self.snapshots.iter_mut().map(|(_, positions)| positions);
        for positions in shown.chain([&mut self.positions]) {
            if positions.contains_key(partition) {
                Arc::make_mut(positions).remove(partition);
            }
        }
    }

    /// The latest snapshot that enough scrapers have received; 0 before the first.
    pub(crate) fn acknowledged(&self) -> Snapshot {
        self.acknowledged
    }

    /// How far into each partition that snapshot reaches.
    pub(crate) fn acknowledged_positions(&self) -> &Arc<Positions> {
        &self.positions
    }

    /// When a counted scraper last received a snapshot.
    pub(crate) fn scraped_at(&self) -> Option<Instant> {
        self.delivered.values().map(|delivered| delivered.at).max()
    }

    /// How many distinct scrapers received a snapshot within this time; of those that are forgotten nothing is known.
    pub(crate) fn scrapers_within(&self, now: Instant, within: Duration) -> usize {
        let times = self.delivered.values().map(|delivered| delivered.at);
        times.filter(|at| now - *at < within).count()
    }

    /// The interval of the scraper that comes most seldom. One scrape that was missed makes no interval longer.
    pub(crate) fn slowest_interval(&self) -> Option<Duration> {
        let intervals = self.delivered.values().filter_map(|delivered| {
            let [last, before] = delivered.intervals;
            Some(last?.min(before?))
        });
        intervals.max()
    }

    /// Whether so many of them as are expected did.
    pub(crate) fn are_all_scraped(&self, now: Instant, within: Duration) -> bool {
        self.scrapers_within(now, within) >= self.scrapers
    }

    fn acknowledge(&mut self, snapshot: Snapshot) {
        self.acknowledged = snapshot;
        while let Some((_, positions)) =
            self.snapshots.pop_front_if(|(taken, _)| *taken <= snapshot)
        {
            self.positions = positions;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Position;
    use proptest::prelude::*;

    fn at(sequence_number: i64) -> Arc<Positions> {
        let reached = Reached {
            position: Position {
                sequence_number,
                offset: None,
            },
            enqueued_at: None,
        };
        Arc::new([(PartitionId::new("hub", "0"), reached)].into())
    }

    fn acknowledged(ledger: &Ledger) -> Option<i64> {
        let reached = ledger.acknowledged_positions().values().next()?;
        Some(reached.position.sequence_number)
    }

    #[test]
    fn the_table_holds() {
        for (scrapers, expected) in [(1, [3, 3, 7, 7]), (2, [0, 2, 3, 5])] {
            let now = Instant::now();
            let mut ledger = Ledger::new(scrapers);
            for snapshot in 1..=7 {
                assert_eq!(
                    ledger.snapshot(at(snapshot)),
                    u64::try_from(snapshot).unwrap()
                );
            }
            let delivered = [("a", 3), ("b", 2), ("b", 7), ("c", 5)];
            let seen = delivered.map(|(scraper, snapshot)| {
                ledger.delivered(snapshot, scraper, now);
                ledger.acknowledged()
            });
            assert_eq!(seen, expected, "{scrapers}");
        }
    }

    #[test]
    fn one_scraper_twice_is_one_scraper_and_unknown_snapshots_do_not_count() {
        let now = Instant::now();
        let mut ledger = Ledger::new(2);
        ledger.snapshot(at(5));
        assert!(!ledger.delivered(1, "a", now));
        assert!(!ledger.delivered(1, "a", now));
        assert!(!ledger.delivered(2, "b", now));
        assert!(ledger.delivered(1, "b", now));
        assert_eq!(acknowledged(&ledger), Some(5));
        assert!(!ledger.delivered(1, "c", now));
    }

    #[test]
    fn a_scraper_that_moved_is_forgotten_and_what_it_acknowledged_is_not() {
        let start = Instant::now();
        let mut ledger = Ledger::new(2);
        let first = ledger.snapshot(at(5));
        for scraper in ["stays", "moves"] {
            ledger.delivered(first, scraper, start);
        }
        let minutes = |minutes| start + Duration::from_mins(minutes);
        for minute in 1..=10 {
            let snapshot = ledger.snapshot(at(6));
            ledger.delivered(snapshot, "stays", minutes(minute));
            ledger.delivered(snapshot, "moved", minutes(minute));
            let expected = if minute < 10 { 3 } else { 2 };
            let seen = ledger.scrapers_within(minutes(minute), FORGOTTEN_AFTER);
            assert_eq!(seen, expected, "{minute}");
        }
        let seen = |within| ledger.scrapers_within(minutes(13), Duration::from_mins(within));
        assert_eq!([seen(3), seen(4)], [0, 2]);
        assert_eq!(ledger.delivered.len(), 2);
        assert_eq!(ledger.acknowledged(), 11);
    }

    #[test]
    fn the_slowest_interval_is_that_of_two_scrapes_in_a_row() {
        let start = Instant::now();
        let mut ledger = Ledger::new(2);
        let mut after = |scraper, seconds| {
            let snapshot = ledger.snapshot(at(5));
            ledger.delivered(snapshot, scraper, start + Duration::from_secs(seconds));
            ledger.slowest_interval().map(|interval| interval.as_secs())
        };
        assert_eq!(
            [after("a", 0), after("a", 15), after("a", 30)],
            [None, None, Some(15)]
        );
        assert_eq!(
            [after("a", 60), after("a", 75)],
            [Some(15); 2],
            "one was missed"
        );
        assert_eq!(
            [after("b", 80), after("b", 140), after("b", 200)],
            [Some(15), Some(15), Some(60)]
        );
        assert_eq!([after("a", 230), after("a", 385)], [Some(60), Some(155)]);
    }

    #[test]
    fn a_released_partition_does_not_come_back_with_an_old_snapshot() {
        let now = Instant::now();
        let mut ledger = Ledger::new(1);
        let snapshot = ledger.snapshot(at(5));
        ledger.release(&PartitionId::new("hub", "0"));
        ledger.delivered(snapshot, "a", now);
        assert_eq!(acknowledged(&ledger), None);
        assert_eq!(ledger.acknowledged(), snapshot);
    }

    proptest! {
        /// Against the definition, over any order of snapshots and deliveries; also with more snapshots than are remembered, and
        /// more scrapers.
        #[test]
        fn what_is_acknowledged_was_delivered_to_enough(
            scrapers in 1..4_usize,
            script in prop::collection::vec((0..5_u8, 0..40_u64), 1..300),
            idle_snapshots in 0..3000_i64,
        ) {
            let now = Instant::now();
            let mut ledger = Ledger::new(scrapers);
            let mut applied = 0;
            let mut shows = vec![0];
            let mut best: HashMap<u8, u64> = HashMap::new();
            for _ in 0..idle_snapshots {
                ledger.snapshot(at(applied));
                shows.push(applied);
            }
            for (scraper, back) in script {
                applied += 1;
                let taken = ledger.snapshot(at(applied));
                shows.push(applied);
                let snapshot = taken.saturating_sub(back);
                if snapshot == 0 {
                    continue;
                }
                ledger.delivered(snapshot, &scraper.to_string(), now);
                let latest = best.entry(scraper).or_default();
                *latest = snapshot.max(*latest);
                let mut latest: Vec<_> = best.values().copied().collect();
                latest.sort_unstable_by(|a, b| b.cmp(a));
                let expected = latest.get(scrapers - 1).copied().unwrap_or(0);
                prop_assert_eq!(ledger.acknowledged(), expected);
                let reaches = acknowledged(&ledger).unwrap_or(0);
                let truth = shows[usize::try_from(expected).unwrap()];
                prop_assert!(reaches <= truth, "never ahead of what was delivered");
                prop_assert!(idle_snapshots > 0 || reaches == truth, "and not behind it");
            }
            prop_assert!(ledger.snapshots.len() <= SNAPSHOTS_MAX);
        }
    }
}
