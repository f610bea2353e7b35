//! How the records of an event ended, counted while it is decoded and added to the metrics when it is applied.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;

use tokio::time::Instant;

use super::families::{Drift, Records, Rejects, Repairs};
use super::{Telemetry, float, log_partition};
use crate::disposition::Reject;
use crate::event::{Event, PartitionId};
use crate::repair::Repair;

/// How the records of an event ended: each is observed, ignored or rejected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub(crate) received: u64,
    /// They moved the metrics.
    pub(crate) observed: u64,
    /// They are of categories that are not exported, or of resources of other providers, or came before and were dropped.
    pub(crate) ignored: u64,
    rejects: HashMap<Reject, u64>,
    /// How many records of which category were ignored, for the categories that came first.
    categories_ignored: BTreeMap<String, u64>,
    repairs: BTreeMap<Repair, u64>,
    /// How much of each kind Microsoft does not document.
    drift: HashMap<&'static str, u64>,
    /// Kinds and names of it, and what became of it, up to a limit.
    news: HashSet<(&'static str, String, Became)>,
    /// Values that could not be read, by category and field.
    unreadable: HashMap<(&'static str, &'static str), u64>,
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
    /// A value, instead of which a label has `other`.
    Other,
}

impl fmt::Display for Became {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ignored => f.write_str("ignored"),
            Self::ObservedAs(category) => write!(f, "observed as {category}"),
            Self::Shown => f.write_str("shown as sent"),
            Self::Other => f.write_str("counted as `other`"),
        }
    }
}

/// Names that one event keeps for the log. All drift is counted; a sender of more names than this sends nonsense.
const NEWS_MAX: usize = 64;

/// Names are shorter than this.
const NAME_CHARACTERS: usize = 64;

impl Tally {
    /// No record, and every reason and every kind of repair at 0.
    pub(super) fn zero() -> Self {
        Self {
            rejects: Reject::ALL.into_iter().map(|reason| (reason, 0)).collect(),
            repairs: Repair::ALL.into_iter().map(|repair| (repair, 0)).collect(),
            ..Self::default()
        }
    }

    /// Counts records where the envelope is split.
    pub(crate) fn received(&mut self, records: usize) {
        self.received += count(records);
    }

    /// Counts a record that is ignored, under the category that it names. More names than are kept are one, `others`.
    pub(crate) fn ignore(&mut self, category: Option<&str>) {
        self.ignored += 1;
        let category = category.map_or_else(|| "without a category".to_owned(), shortened);
        self.count_ignored(category, 1);
    }

    fn count_ignored(&mut self, category: String, records: u64) {
        let kept = &mut self.categories_ignored;
        let is_kept = kept.len() < NEWS_MAX || kept.contains_key(&category);
        let category = if is_kept {
            category
        } else {
            "others".to_owned()
        };
        *kept.entry(category).or_default() += records;
    }

    /// Counts a record that needed a kind of repair.
    pub(crate) fn repaired(&mut self, repair: Repair) {
        *self.repairs.entry(repair).or_default() += 1;
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

    /// Counts records as ignored that were taken for observed: they have come before.
    pub(crate) fn dropped(&mut self, records: usize) {
        self.observed -= count(records);
        self.ignored += count(records);
    }

    /// Counts a record that cannot be read.
    pub(crate) fn reject(&mut self, reason: Reject) {
        *self.rejects.entry(reason).or_default() += 1;
    }

    /// Adds what another tally has counted.
    pub(crate) fn add(&mut self, other: &Self) {
        self.received += other.received;
        self.observed += other.observed;
        self.ignored += other.ignored;
        for (reason, records) in &other.rejects {
            *self.rejects.entry(*reason).or_default() += records;
        }
        for (category, records) in &other.categories_ignored {
            self.count_ignored(category.clone(), *records);
        }
        for (repair, records) in &other.repairs {
            *self.repairs.entry(*repair).or_default() += records;
        }
        for (kind, times) in &other.drift {
            *self.drift.entry(kind).or_default() += times;
        }
        for (field, values) in &other.unreadable {
            *self.unreadable.entry(*field).or_default() += values;
        }
    }

    /// How many records were rejected.
    pub(crate) fn rejected(&self) -> u64 {
        self.rejects.values().sum()
    }

    /// The categories that were ignored, and how many records each had.
    pub(crate) fn categories_ignored(&self) -> impl Iterator<Item = (&str, u64)> {
        let categories = self.categories_ignored.iter();
        categories.map(|(category, records)| (category.as_str(), *records))
    }

    /// How many records needed each kind of repair that was needed.
    pub(crate) fn repairs(&self) -> impl Iterator<Item = (Repair, u64)> {
        let repairs = self.repairs.iter();
        repairs.map(|(repair, records)| (*repair, *records))
    }

    /// The categories and fields that had values that cannot be read, and how many.
    pub(crate) fn unreadable_values(&self) -> BTreeMap<(&'static str, &'static str), u64> {
        let unreadable = self.unreadable.iter();
        unreadable
            .map(|(field, values)| (*field, *values))
            .collect()
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

impl Telemetry {
    /// An event was applied to the metrics; its records ended so.
    pub(crate) fn event_applied(&self, partition: &PartitionId, event: &Event, tally: &Tally) {
        let families = &self.families;
        let sequence_number = event.position.sequence_number;
        families.events_total(partition.into()).inc();
        families
            .event_bytes_total(partition.into())
            .inc_by(count(event.body.len()));
        families
            .partition_last_sequence_number(partition.into())
            .set(float(sequence_number));
        self.records_ended(tally);
        let rejected = tally.rejected();
        let is_logged = || {
            let now = Instant::now();
            self.repeated
                .is_logged_of(partition, "records rejected", now)
        };
        if rejected > 0 && is_logged() {
            let reasons = &tally.rejects;
            log_partition!(
                warn,
                partition,
                sequence_number,
                rejected,
                ?reasons,
                "records of an event could not be read"
            );
        }
    }

    /// Counts how records ended.
    pub(crate) fn records_ended(&self, tally: &Tally) {
        let families = &self.families;
        families.records_received_total().inc_by(tally.received);
        for (disposition, records) in [
            ("observed", tally.observed),
            ("ignored", tally.ignored),
            ("rejected", tally.rejected()),
        ] {
            families
                .records_total(Records { disposition })
                .inc_by(records);
        }
        for (reason, records) in &tally.rejects {
            let reason = reason.label();
            families.rejects_total(Rejects { reason }).inc_by(*records);
        }
        for (repair, records) in &tally.repairs {
            let kind = repair.label();
            families.repairs_total(Repairs { kind }).inc_by(*records);
        }
        for (kind, times) in &tally.drift {
            families.drift_total(Drift { kind }).inc_by(*times);
        }
        for (kind, name, became) in &tally.news {
            self.log_drift_once(kind, name, *became);
        }
        for ((category, field), values) in &tally.unreadable {
            self.values_unreadable(category, field, *values);
        }
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// The beginning of a name, as the log shows it.
pub(crate) fn shortened(name: &str) -> String {
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
