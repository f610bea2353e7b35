//! How the records of a batch ended, counted while it is decoded and added to the metrics when it is applied.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::disposition::{Disposition, Reject};
use crate::repair::Repair;

/// How the records of a batch ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub(super) received: u64,
    pub(super) dispositions: HashMap<&'static str, u64>,
    pub(super) rejects: HashMap<Reject, u64>,
    /// How many records of which category were ignored, for the categories that came first.
    ignored: BTreeMap<String, u64>,
    pub(super) repairs: BTreeMap<Repair, u64>,
    /// How much of each kind Microsoft does not document.
    pub(super) drift: HashMap<&'static str, u64>,
    /// Kinds and names of it, up to a limit.
    pub(super) news: HashSet<(&'static str, String)>,
}

/// Names that one batch keeps for the log. All drift is counted; a sender of more names than this sends nonsense.
const NEWS_MAX: usize = 64;

/// Names are shorter than this.
const NAME_CHARACTERS: usize = 64;

impl Tally {
    /// Counts records where the envelope is split.
    pub(crate) fn received(&mut self, records: usize) {
        self.received += u64::try_from(records).unwrap_or(u64::MAX);
    }

    /// Counts a record that is ignored, under the category that it names. More names than are kept are one, `others`.
    pub(crate) fn ignored(&mut self, category: Option<&str>) {
        let category = category.map_or_else(|| "without a category".to_owned(), shortened);
        self.count_ignored(category, 1);
    }

    fn count_ignored(&mut self, category: String, records: u64) {
        let is_kept = self.ignored.len() < NEWS_MAX || self.ignored.contains_key(&category);
        let category = if is_kept {
            category
        } else {
            "others".to_owned()
        };
        *self.ignored.entry(category).or_default() += records;
    }

    /// Counts a record that needed a kind of repair.
    pub(crate) fn repaired(&mut self, repair: Repair) {
        *self.repairs.entry(repair).or_default() += 1;
    }

    /// Notes what Microsoft does not document: a `field` of a record, or a `category`.
    pub(crate) fn drifted(&mut self, kind: &'static str, name: &str) {
        *self.drift.entry(kind).or_default() += 1;
        if self.news.len() < NEWS_MAX {
            self.news.insert((kind, shortened(name)));
        }
    }

    /// Counts a record where it ends.
    pub(crate) fn ended(&mut self, disposition: Disposition) {
        *self.dispositions.entry(disposition.label()).or_default() += 1;
        if let Disposition::Rejected(reason) = disposition {
            *self.rejects.entry(reason).or_default() += 1;
        }
    }

    /// Adds what another tally has counted.
    pub(crate) fn add(&mut self, other: &Self) {
        self.received += other.received;
        for (disposition, records) in &other.dispositions {
            *self.dispositions.entry(disposition).or_default() += records;
        }
        for (reason, records) in &other.rejects {
            *self.rejects.entry(*reason).or_default() += records;
        }
        for (category, records) in &other.ignored {
            self.count_ignored(category.clone(), *records);
        }
        for (repair, records) in &other.repairs {
            *self.repairs.entry(*repair).or_default() += records;
        }
        for (kind, times) in &other.drift {
            *self.drift.entry(kind).or_default() += times;
        }
    }

    /// How many records were received.
    pub(crate) fn records_received(&self) -> u64 {
        self.received
    }

    /// How many records ended so, by the label of a [`Disposition`].
    pub(crate) fn records(&self, disposition: &str) -> u64 {
        self.dispositions.get(disposition).copied().unwrap_or(0)
    }

    /// The categories that were ignored, and how many records each had.
    pub(crate) fn categories_ignored(&self) -> impl Iterator<Item = (&str, u64)> {
        let ignored = self.ignored.iter();
        ignored.map(|(category, records)| (category.as_str(), *records))
    }

    /// How many records needed each kind of repair that was needed.
    pub(crate) fn repairs(&self) -> impl Iterator<Item = (Repair, u64)> {
        let repairs = self.repairs.iter();
        repairs.map(|(repair, records)| (*repair, *records))
    }

    /// What is not in Microsoft's documentation, by kind.
    pub(crate) fn drift(&self) -> BTreeMap<&'static str, u64> {
        self.drift
            .iter()
            .map(|(kind, times)| (*kind, *times))
            .collect()
    }

    /// How many records were rejected for that reason.
    pub(crate) fn rejects(&self, reason: Reject) -> u64 {
        self.rejects.get(&reason).copied().unwrap_or(0)
    }
}

/// The beginning of a name, as the log shows it.
pub(super) fn shortened(name: &str) -> String {
    name.chars().take(NAME_CHARACTERS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_drift_is_counted_though_only_so_many_names_are_kept() {
        let mut tally = Tally::default();
        for name in 0..1000 {
            tally.drifted("field", &format!("field{name}"));
        }
        assert_eq!(tally.drift.get("field"), Some(&1000));
        assert_eq!(tally.news.len(), NEWS_MAX);
    }
}
