//! Since which cut each failure series exists.
//!
//! A counter that a scraper first sees at 1 shows no rise. So it matters, before a failure series moves, whether a
//! scraper has seen it stand at 0: the first cut that shows it must be an acknowledged one.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use time::OffsetDateTime;

use crate::delivery::{Cut, Series};
use crate::family::Family;

/// The failure series that exist.
#[derive(Debug, Default)]
pub(super) struct Firsts {
    /// By a hash of 64 bits; among this many, none meets another.
    series: HashMap<u64, First>,
    /// What is to exist at 0 after a restart, and when it last moved; none: since the last time that this was asked.
    remembered: HashMap<Series, Option<OffsetDateTime>>,
    /// The resources that moved since then, to be told quickly.
    resources: HashSet<String>,
}

#[derive(Clone, Copy, Debug)]
struct First {
    /// The first cut to show it.
    cut: Cut,
    /// Every resource has it: it need not be remembered.
    is_of_all: bool,
}

impl Firsts {
    /// The series, which every resource has, exists; if it did not, the cut of this number is the first to show it.
    pub(super) fn exists_for_all(&mut self, family: &Family, labels: &[&str], next: Cut) {
        let first = First {
            cut: next,
            is_of_all: true,
        };
        self.series.entry(series(family, labels)).or_insert(first);
    }

    /// The series exists; if it did not, the cut of this number is the first to show it. Gives back the first cut.
    pub(super) fn exists(&mut self, family: &Family, labels: &[&str], next: Cut) -> Cut {
        let first = First {
            cut: next,
            is_of_all: false,
        };
        let series = self.series.entry(series(family, labels));
        series.or_insert(first).cut
    }

    /// Whether the series exists.
    pub(super) fn has(&self, family: &Family, labels: &[&str]) -> bool {
        self.series.contains_key(&series(family, labels))
    }

    /// Nobody waits any longer for the series to be shown.
    pub(super) fn waited_enough(&mut self, family: &Family, labels: &[&str]) {
        if let Some(first) = self.series.get_mut(&series(family, labels)) {
            first.cut = 0;
        }
    }

    /// The series moves.
    pub(super) fn moved(&mut self, family: &Family, labels: &[&str]) {
        let first = self.series.get(&series(family, labels));
        if first.is_none_or(|first| !first.is_of_all) {
            let remembered = Series {
                family: family.name.to_owned(),
                labels: labels.iter().map(|label| (*label).to_owned()).collect(),
            };
            self.remembered.insert(remembered, None);
        }
    }

    /// A series of the resource moves.
    pub(super) fn resource_moved(&mut self, resource: &str) {
        if !self.resources.contains(resource) {
            self.resources.insert(resource.to_owned());
            let remembered = Series {
                family: RESOURCE.to_owned(),
                labels: vec![resource.to_owned()],
            };
            self.remembered.insert(remembered, None);
        }
    }

    /// It was there at this time, as an earlier process says.
    pub(super) fn restore(&mut self, remembered: Series, at: OffsetDateTime) {
        self.remembered.insert(remembered, Some(at));
    }

    /// What shall be there after a restart, and when it last moved: what moved since this was asked for, now.
    pub(super) fn remembered(&mut self, now: OffsetDateTime) -> Vec<(Series, OffsetDateTime)> {
        self.resources.clear();
        let remembered = self.remembered.iter_mut();
        remembered
            .map(|(what, at)| (what.clone(), *at.get_or_insert(now)))
            .collect()
    }
}

/// What a resource is remembered as.
const RESOURCE: &str = "acs_resource_info";

fn series(family: &Family, labels: &[&str]) -> u64 {
    let mut hasher = DefaultHasher::new();
    (family.name, labels).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::family::Kind;
    use time::macros::datetime;

    const OPERATIONS: Family = family("acs_recording_operation_failures_total");
    const RECORDINGS: Family = family("acs_recording_failures_total");

    const fn family(name: &'static str) -> Family {
        Family {
            name,
            kind: Kind::Counter,
            labels: &[],
            help: "",
            buckets: &[],
        }
    }

    #[test]
    fn a_series_is_shown_from_the_first_cut_after_it_was_made() {
        let mut firsts = Firsts::default();
        let labels = ["a", "StartRecording", "503", "server_error"];
        assert!(!firsts.has(&OPERATIONS, &labels));
        assert_eq!(firsts.exists(&OPERATIONS, &labels, 3), 3);
        assert_eq!(firsts.exists(&OPERATIONS, &labels, 9), 3);
        assert_eq!(firsts.exists(&RECORDINGS, &labels, 9), 9);
        firsts.waited_enough(&OPERATIONS, &labels);
        assert_eq!(firsts.exists(&OPERATIONS, &labels, 10), 0);
    }

    #[test]
    fn what_not_every_resource_has_is_remembered_with_when_it_last_moved() {
        let (then, now) = (
            datetime!(2026-01-01 00:00 UTC),
            datetime!(2026-01-02 00:00 UTC),
        );
        let mut firsts = Firsts::default();
        let known = ["a", "CallEnded", "failed"];
        let strange = ["a", "Martians", "failed"];
        firsts.exists_for_all(&RECORDINGS, &known, 1);
        firsts.exists(&RECORDINGS, &strange, 1);
        for labels in [&known, &strange] {
            firsts.moved(&RECORDINGS, labels);
        }
        firsts.resource_moved("a");
        let times = |firsts: &mut Firsts, now| {
            let mut times = firsts.remembered(now);
            times.sort();
            times
                .into_iter()
                .map(|(what, at)| (what.labels.join(" "), at))
                .collect::<Vec<_>>()
        };
        let series = "a Martians failed".to_owned();
        let resource = "a".to_owned();
        assert_eq!(
            times(&mut firsts, then),
            [(series.clone(), then), (resource.clone(), then)]
        );
        firsts.resource_moved("a");
        assert_eq!(times(&mut firsts, now), [(series, then), (resource, now)]);
    }
}
