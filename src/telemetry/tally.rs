//! How the records of a batch ended, counted while it is decoded and added to the metrics when it is applied.

use std::collections::{HashMap, HashSet};
use std::fmt;

use crate::disposition::{Disposition, Reject};

/// How the records of a batch ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub(super) received: u64,
    pub(super) dispositions: HashMap<&'static str, u64>,
    pub(super) rejects: HashMap<Reject, u64>,
    /// How much of each kind Microsoft does not document.
    pub(super) drift: HashMap<&'static str, u64>,
    /// Kinds and names of it, and what became of it, up to a limit.
    pub(super) news: HashSet<(&'static str, String, Became)>,
    /// Values that could not be read, by category and field.
    pub(super) unreadable: HashMap<(&'static str, &'static str), u64>,
}

/// What becomes of what Microsoft does not document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Became {
    /// A record or a field that nothing is made of.
    Ignored,
    /// A record, which is observed as one of this category.
    ObservedAs(&'static str),
    /// A value, which a label has as it was sent.
    Shown,
}

impl fmt::Display for Became {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ignored => f.write_str("ignored"),
            Self::ObservedAs(category) => write!(f, "observed as {category}"),
            Self::Shown => f.write_str("shown as sent"),
        }
    }
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

    /// Notes what Microsoft does not document: a `field` of a record, or a `category`.
    pub(crate) fn drifted(&mut self, kind: &'static str, name: &str, became: Became) {
        *self.drift.entry(kind).or_default() += 1;
        if self.news.len() < NEWS_MAX {
            self.news.insert((kind, shortened(name), became));
        }
    }

    /// Counts a value that is there and cannot be read.
    pub(crate) fn unreadable(&mut self, category: &'static str, field: &'static str) {
        *self.unreadable.entry((category, field)).or_default() += 1;
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
        for (kind, times) in &other.drift {
            *self.drift.entry(kind).or_default() += times;
        }
        for (field, values) in &other.unreadable {
            *self.unreadable.entry(*field).or_default() += values;
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
            tally.drifted("field", &format!("field{name}"), Became::Ignored);
        }
        assert_eq!(tally.drift.get("field"), Some(&1000));
        assert_eq!(tally.news.len(), NEWS_MAX);
    }
}
