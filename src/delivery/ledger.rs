//! Which cuts were taken, which scraper has carried which, and what is acknowledged thereby.
//!
//! A *cut* is what one scrape shows: all that was applied before it, and nothing after. Cuts are numbered, and taken
//! under the lock under which events are applied. A scraper that has carried a cut whole has seen everything up to it,
//! so it stands for all earlier ones. With `N` scrapers expected, a cut is acknowledged when `N` different ones have
//! carried it or a later one:
//!
//! | carried, by scraper | acknowledged with N = 1 | with N = 2 |
//! | --- | --- | --- |
//! | a: 3 | 3 | none |
//! | a: 3, b: 2 | 3 | 2 |
//! | a: 3, b: 7 | 7 | 3 |
//! | a: 3, b: 7, c: 5 | 7 | 5 |

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use tokio::time::Instant;

use crate::event::{PartitionId, Reached};

/// The number of a cut; the first is 1.
pub(crate) type Cut = u64;

/// The last event of each partition that a cut shows.
pub(crate) type Positions = HashMap<PartitionId, Reached>;

/// What was cut and what was carried.
#[derive(Debug)]
pub(crate) struct Ledger {
    scrapers: usize,
    /// The number that the next cut gets.
    next: Cut,
    /// Those taken and not acknowledged, oldest first.
    cuts: VecDeque<(Cut, Arc<Positions>)>,
    /// The latest cut that each scraper has carried, and when it did.
    carried: BTreeMap<String, (Cut, Instant)>,
    acknowledged: Cut,
    positions: Arc<Positions>,
}

/// Scrapes of a quarter of an hour, one a second. Beyond it every second cut is forgotten, so that a late
/// acknowledgement says a little less than it could.
const CUTS_MAX: usize = 1024;

/// Whoever scrapes under ever new names is not listened to for ever.
const SCRAPERS_MAX: usize = 64;

impl Ledger {
    /// Nothing cut yet. A cut is acknowledged when so many scrapers have carried it.
    pub(crate) fn new(scrapers: usize) -> Self {
        Self {
            scrapers: scrapers.max(1),
            next: 1,
            cuts: VecDeque::new(),
            carried: BTreeMap::new(),
            acknowledged: 0,
            positions: Arc::default(),
        }
    }

    /// The number of the cut that is taken next: the first to show what is created now.
    pub(crate) fn next(&self) -> Cut {
        self.next
    }

    /// Takes a cut, which shows these positions.
    pub(crate) fn cut(&mut self, positions: Arc<Positions>) -> Cut {
        let cut = self.next;
        self.next += 1;
        self.cuts.push_back((cut, positions));
        if self.cuts.len() > CUTS_MAX {
            let mut is_kept = false;
            self.cuts.retain(|_| {
                is_kept = !is_kept;
                is_kept
            });
        }
        cut
    }

    /// A scraper has carried a cut whole. Whether that acknowledges anything new.
    pub(crate) fn carried(&mut self, cut: Cut, scraper: &str, now: Instant) -> bool {
        if cut >= self.next {
            return false; // of another process, or of nobody
        }
        if let Some((latest, at)) = self.carried.get_mut(scraper) {
            (*latest, *at) = (cut.max(*latest), now);
        } else {
            if self.carried.len() >= SCRAPERS_MAX {
                let silent_longest = self.carried.iter().min_by_key(|(_, (_, at))| *at);
                if let Some(name) = silent_longest.map(|(name, _)| name.clone()) {
                    self.carried.remove(&name);
                }
            }
            self.carried.insert(scraper.to_owned(), (cut, now));
        }
        let mut latest: Vec<_> = self.carried.values().map(|(cut, _)| *cut).collect();
        latest.sort_unstable_by(|a, b| b.cmp(a));
        match latest.get(self.scrapers - 1) {
            Some(cut) if *cut > self.acknowledged => {
                self.acknowledge(*cut);
                true
            }
            _ => false,
        }
    }

    /// A partition begins here: nothing before it is to be delivered.
    pub(crate) fn begin(&mut self, partition: &PartitionId, reached: &Reached) {
        Arc::make_mut(&mut self.positions).insert(partition.clone(), reached.clone());
        // Cuts that were taken before and are acknowledged later must not take that back.
        for (_, positions) in &mut self.cuts {
            Arc::make_mut(positions).insert(partition.clone(), reached.clone());
        }
    }

    /// A partition is somebody else's from now on. Cuts that were taken before and are acknowledged later say nothing
    /// of it: should it come back, it begins where others left it.
    pub(crate) fn forget(&mut self, partition: &PartitionId) {
        let shown = self.cuts.iter_mut().map(|(_, positions)| positions);
        for positions in shown.chain([&mut self.positions]) {
            if positions.contains_key(partition) {
                Arc::make_mut(positions).remove(partition);
            }
        }
    }

    /// The latest cut that enough scrapers have carried; 0 before the first.
    pub(crate) fn acknowledged(&self) -> Cut {
        self.acknowledged
    }

    /// How far into each partition that cut reaches.
    pub(crate) fn acknowledged_positions(&self) -> &Arc<Positions> {
        &self.positions
    }

    /// When a scraper that counts last carried anything.
    pub(crate) fn scraped_at(&self) -> Option<Instant> {
        self.carried.values().map(|(_, at)| *at).max()
    }

    fn acknowledge(&mut self, cut: Cut) {
        self.acknowledged = cut;
        while let Some((_, positions)) = self.cuts.pop_front_if(|(taken, _)| *taken <= cut) {
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
            for cut in 1..=7 {
                assert_eq!(ledger.cut(at(cut)), u64::try_from(cut).unwrap());
            }
            let carried = [("a", 3), ("b", 2), ("b", 7), ("c", 5)];
            let seen = carried.map(|(scraper, cut)| {
                ledger.carried(cut, scraper, now);
                ledger.acknowledged()
            });
            assert_eq!(seen, expected, "{scrapers}");
        }
    }

    #[test]
    fn one_scraper_twice_is_one_scraper_and_cuts_of_nobody_are_none() {
        let now = Instant::now();
        let mut ledger = Ledger::new(2);
        ledger.cut(at(5));
        assert!(!ledger.carried(1, "a", now));
        assert!(!ledger.carried(1, "a", now));
        assert!(!ledger.carried(2, "b", now));
        assert!(ledger.carried(1, "b", now));
        assert_eq!(acknowledged(&ledger), Some(5));
        assert!(!ledger.carried(1, "c", now));
    }

    #[test]
    fn a_partition_that_is_forgotten_does_not_come_back_with_an_old_cut() {
        let now = Instant::now();
        let mut ledger = Ledger::new(1);
        let cut = ledger.cut(at(5));
        ledger.forget(&PartitionId::new("hub", "0"));
        ledger.carried(cut, "a", now);
        assert_eq!(acknowledged(&ledger), None);
        assert_eq!(ledger.acknowledged(), cut);
    }

    proptest! {
        /// Against the definition, over any order of cuts and deliveries; also with more cuts than are remembered, and
        /// more scrapers.
        #[test]
        fn what_is_acknowledged_was_carried_by_enough(
            scrapers in 1..4_usize,
            script in prop::collection::vec((0..5_u8, 0..40_u64), 1..300),
            idle_cuts in 0..3000_i64,
        ) {
            let now = Instant::now();
            let mut ledger = Ledger::new(scrapers);
            let mut applied = 0;
            let mut shows = vec![0];
            let mut best: HashMap<u8, u64> = HashMap::new();
            for _ in 0..idle_cuts {
                ledger.cut(at(applied));
                shows.push(applied);
            }
            for (scraper, back) in script {
                applied += 1;
                let taken = ledger.cut(at(applied));
                shows.push(applied);
                let cut = taken.saturating_sub(back);
                if cut == 0 {
                    continue;
                }
                ledger.carried(cut, &scraper.to_string(), now);
                let latest = best.entry(scraper).or_default();
                *latest = cut.max(*latest);
                let mut latest: Vec<_> = best.values().copied().collect();
                latest.sort_unstable_by(|a, b| b.cmp(a));
                let expected = latest.get(scrapers - 1).copied().unwrap_or(0);
                prop_assert_eq!(ledger.acknowledged(), expected);
                let reaches = acknowledged(&ledger).unwrap_or(0);
                let truth = shows[usize::try_from(expected).unwrap()];
                prop_assert!(reaches <= truth, "never ahead of what was carried");
                prop_assert!(idle_cuts > 0 || reaches == truth, "and not behind it");
            }
            prop_assert!(ledger.cuts.len() <= CUTS_MAX);
        }
    }
}
