//! Since which snapshot each failure series exists.
//!
//! A counter that Prometheus first scrapes at 1 shows no rise. So it matters, before a failure series moves, whether a
//! scraper has received it at 0: the first snapshot that shows it must be acknowledged.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use time::OffsetDateTime;

use crate::delivery::{Series, Snapshot};
use crate::family::Family;

/// The failure series that exist, and the resources that have them, by a hash of 64 bits; among this many, none meets
/// another.
#[derive(Debug, Default)]
pub(super) struct Firsts(HashMap<u64, First>);

#[derive(Debug, Default)]
struct First {
    /// The first snapshot that shows it.
    snapshot: Snapshot,
    /// Every resource has it: it need not be remembered.
    is_of_all: bool,
    /// What is to exist at 0 after a restart, and when it last moved; `None`: since the last call of `remembered`.
    remembered: Option<(Series, Option<OffsetDateTime>)>,
}

impl Firsts {
    /// The series exists; if it did not, the snapshot of this number is the first that shows it. Returns the first
    /// snapshot. A series `of_all` resources need not be remembered.
    pub(super) fn exists(
        &mut self,
        family: &Family,
        labels: &[&str],
        next: Snapshot,
        is_of_all: bool,
    ) -> Snapshot {
        let first = self.0.entry(hash(family.name, labels));
        let first = first.or_insert(First {
            snapshot: next,
            is_of_all,
            remembered: None,
        });
        first.snapshot
    }

    /// Events that move the series are no longer held until a snapshot shows it.
    pub(super) fn waited_enough(&mut self, family: &Family, labels: &[&str]) {
        if let Some(first) = self.0.get_mut(&hash(family.name, labels)) {
            first.snapshot = 0;
        }
    }

    /// The series moves; or any series of a resource, which is remembered as one of `acs_resource_info`.
    pub(super) fn moved(&mut self, family: &Family, labels: &[&str]) {
        let first = self.0.entry(hash(family.name, labels)).or_default();
        match &mut first.remembered {
            _ if first.is_of_all => {}
            Some((_, at)) => *at = None,
            none => {
                let series = Series {
                    family: family.name.to_owned(),
                    labels: labels.iter().map(|label| (*label).to_owned()).collect(),
                };
                *none = Some((series, None));
            }
        }
    }

    /// An earlier process remembered the series, which last moved at this time.
    pub(super) fn restore(&mut self, remembered: Series, at: OffsetDateTime) {
        let hash = hash(&remembered.family, &remembered.labels);
        self.0.entry(hash).or_default().remembered = Some((remembered, Some(at)));
    }

    /// What shall exist after a restart, and when it last moved: `now`, if it moved since the last call.
    pub(super) fn remembered(&mut self, now: OffsetDateTime) -> Vec<(Series, OffsetDateTime)> {
        let remembered = self.0.values_mut();
        remembered
            .filter_map(|first| first.remembered.as_mut())
            .map(|(what, at)| (what.clone(), *at.get_or_insert(now)))
            .collect()
    }
}

/// A series as a number of 64 bits.
pub(super) fn hash(family: &str, labels: &[impl AsRef<str>]) -> u64 {
    let mut hasher = DefaultHasher::new();
    family.hash(&mut hasher);
    for label in labels {
        label.as_ref().hash(&mut hasher);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::acs::RESOURCE_INFO;
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
    fn a_series_is_shown_from_the_first_snapshot_after_it_was_made() {
        let mut firsts = Firsts::default();
        let labels = ["a", "StartRecording", "503", "server_error"];
        assert_eq!(firsts.exists(&OPERATIONS, &labels, 3, false), 3);
        assert_eq!(firsts.exists(&OPERATIONS, &labels, 9, false), 3);
        assert_eq!(firsts.exists(&RECORDINGS, &labels, 9, false), 9);
        firsts.waited_enough(&OPERATIONS, &labels);
        assert_eq!(firsts.exists(&OPERATIONS, &labels, 10, false), 0);
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
        firsts.exists(&RECORDINGS, &known, 1, true);
        firsts.exists(&RECORDINGS, &strange, 1, false);
        for labels in [&known, &strange] {
            firsts.moved(&RECORDINGS, labels);
        }
        firsts.moved(RESOURCE_INFO, &["a"]);
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
        firsts.moved(RESOURCE_INFO, &["a"]);
        assert_eq!(times(&mut firsts, now), [(series, then), (resource, now)]);
    }
}
