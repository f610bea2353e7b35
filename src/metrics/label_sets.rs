//! Every label set that exists: since which snapshot, what it costs, and when it last moved.
//!
//! A counter that Prometheus first scrapes above 0 shows no rise. So it matters, before a series moves, whether a scraper has
//! received it at 0: the first snapshot that shows it must be acknowledged. That is why label sets are remembered, and stand
//! at 0 from the start of the next process.
//!
//! Each label is capped by itself, but products of capped labels are not small: label sets outside the vocabularies share a
//! budget of series. Those of an earlier process yield to those that move.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::sync::LazyLock;

use time::OffsetDateTime;

use crate::delivery::{Series, Snapshot};

/// A label set as a hash of 64 bits: among as many as there are, none meets another. Its key is random, so that no sender can
/// compute two that do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Id(u64);

impl Id {
    /// Of the labels of a family, in its order.
    pub(super) fn of(family: &str, labels: &[impl AsRef<str>]) -> Self {
        let mut hasher = KEY.build_hasher();
        family.hash(&mut hasher);
        for label in labels {
            label.as_ref().hash(&mut hasher);
        }
        Self(hasher.finish())
    }
}

static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// The label sets that exist.
#[derive(Debug)]
pub(super) struct LabelSets {
    sets: HashMap<Id, LabelSet>,
    /// How many more series there may be of label sets outside the vocabularies.
    left: usize,
    /// What was paid for an earlier process, with the one that moved longest ago last.
    restored: Vec<Id>,
    /// One has moved for the first time since the last call of `remembered`.
    has_news: bool,
}

#[derive(Debug)]
struct LabelSet {
    /// The first snapshot that shows it.
    shown_from: Snapshot,
    /// The series that it takes from the budget.
    cost: usize,
    /// What is to stand at 0 after a restart. None if that need not be remembered.
    series: Option<Series>,
    /// It has moved in this process.
    has_moved: bool,
    /// It has moved since the last call of `remembered`.
    is_moving: bool,
    /// When it last moved before that.
    last_moved: Option<OffsetDateTime>,
}

impl LabelSets {
    /// None yet. Outside the vocabularies, there may be so many series.
    pub(super) fn new(series_max: usize) -> Self {
        Self {
            sets: HashMap::new(),
            left: series_max,
            restored: Vec::new(),
            has_news: false,
        }
    }

    /// Whether one has moved for the first time since the last call of [`Self::remembered`].
    pub(super) fn has_news(&self) -> bool {
        self.has_news
    }

    /// Every resource has this one: it need not be remembered.
    pub(super) fn has_always(&mut self, id: Id, next: Snapshot) {
        self.sets
            .entry(id)
            .or_insert_with(|| LabelSet::new(next, 0, None));
    }

    pub(super) fn has(&self, id: Id) -> bool {
        self.sets.contains_key(&id)
    }

    /// Whether the budget has so much left.
    pub(super) fn has_room(&self, cost: usize) -> bool {
        cost <= self.left
    }

    /// Makes a label set, for which there is room. The next snapshot has this number.
    pub(super) fn make(&mut self, id: Id, series: Option<Series>, cost: usize, next: Snapshot) {
        self.left = self.left.saturating_sub(cost);
        self.sets.insert(id, LabelSet::new(next, cost, series));
    }

    /// An earlier process remembered the label set.
    pub(super) fn restored(&mut self, id: Id, last_moved: OffsetDateTime, yields: bool) {
        let Some(set) = self.sets.get_mut(&id) else {
            return;
        };
        set.last_moved = set.last_moved.max(Some(last_moved));
        if yields && !set.has_moved {
            self.restored.push(id);
        }
    }

    /// Takes a label set out that was restored, pays for series and has not moved: of those the one that moved longest ago.
    pub(super) fn yields(&mut self) -> Option<Series> {
        while let Some(id) = self.restored.pop() {
            if let Some(series) = self.take_out(id) {
                return Some(series);
            }
        }
        None
    }

    /// The same for all that are so.
    pub(super) fn yield_all(&mut self, are_so: impl Fn(&Series) -> bool) -> Vec<Series> {
        let is_so = |id: &Id| {
            let series = self.sets.get(id).and_then(|set| set.series.as_ref());
            series.is_some_and(&are_so)
        };
        let ids = self.restored.extract_if(.., |id| is_so(id));
        let ids: Vec<_> = ids.collect();
        ids.into_iter().filter_map(|id| self.take_out(id)).collect()
    }

    /// Takes out a label set that every resource has, of a resource that is not shown any more.
    pub(super) fn remove(&mut self, id: Id) {
        self.sets.remove(&id);
    }

    /// The same for all others that are of the resource. None of them has moved.
    pub(super) fn remove_all(&mut self, are_so: impl Fn(&Series) -> bool) -> Vec<Series> {
        let is_so = |set: &LabelSet| set.series.as_ref().is_some_and(&are_so);
        let sets = self.sets.extract_if(|_, set| is_so(set));
        let left = &mut self.left;
        sets.filter_map(|(_, set)| {
            *left += set.cost;
            set.series
        })
        .collect()
    }

    fn take_out(&mut self, id: Id) -> Option<Series> {
        let set = self.sets.get(&id)?;
        if set.has_moved || set.cost == 0 {
            return None;
        }
        self.left += set.cost;
        self.sets.remove(&id)?.series
    }

    /// The first snapshot that shows a label set.
    pub(super) fn shown_from(&self, id: Id) -> Option<Snapshot> {
        self.sets.get(&id).map(|set| set.shown_from)
    }

    /// Events that move it are no longer held until a snapshot shows it.
    pub(super) fn waited_enough(&mut self, id: Id) {
        if let Some(set) = self.sets.get_mut(&id) {
            set.shown_from = 0;
        }
    }

    /// A label set moves. The first time, this returns the first snapshot that shows it.
    pub(super) fn moves(&mut self, id: Id) -> Option<Snapshot> {
        let set = self.sets.get_mut(&id)?;
        set.is_moving = true;
        let is_first = !std::mem::replace(&mut set.has_moved, true);
        self.has_news |= is_first && set.series.is_some();
        is_first.then_some(set.shown_from)
    }

    /// What shall stand at 0 after a restart, and when it last moved: `now`, if it moved since the last call.
    pub(super) fn remembered(
        &mut self,
        now: OffsetDateTime,
    ) -> impl Iterator<Item = (Series, OffsetDateTime)> {
        self.has_news = false;
        self.sets.values_mut().filter_map(move |set| {
            if std::mem::take(&mut set.is_moving) {
                set.last_moved = Some(now);
            }
            Some((set.series.clone()?, set.last_moved?))
        })
    }
}

impl LabelSet {
    fn new(shown_from: Snapshot, cost: usize, series: Option<Series>) -> Self {
        Self {
            shown_from,
            cost,
            series,
            has_moved: false,
            is_moving: false,
            last_moved: None,
        }
    }
}
