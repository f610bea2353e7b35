//! What defines a log category. Each category has one file, and its `CATEGORY` contains the whole definition.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::LazyLock;

use time::OffsetDateTime;

use super::moves::{Moves, Series};
use super::rules::FailureRules;
use super::schema::{Form, Schema};
use super::view::View;
use crate::family::Family;

/// The value of any label whose property is missing.
pub(crate) const UNKNOWN: &str = "unknown";

/// The value of any label whose value is not shown: there are too many, or it does not look like one of the label.
pub(crate) const OTHER: &str = "other";

/// A log category that is exported.
#[derive(Debug)]
pub struct Category {
    /// Its name in a diagnostic setting, which is the value of the label `category`.
    pub(crate) name: &'static str,
    /// Its table in Log Analytics.
    pub(super) table: &'static str,
    /// The other names that its records may have.
    pub(super) other_names: &'static [&'static str],
    /// The properties that its records are known to have.
    pub(crate) schema: LazyLock<Schema>,
    /// Whether a record without a known category name looks like a record of this category.
    pub(super) matches: fn(&View<'_>) -> bool,
    /// The property that is the time of a record without a common time property.
    pub(super) own_time: Option<&'static str>,
    /// The property that contains the id of a record.
    pub(super) id: &'static str,
    /// Reads a record, and adds the series that it moves: **each label is decided here**.
    pub(super) observe: for<'a> fn(&View<'a>, &Common<'_, 'a>, &mut Moves<'a>),
    /// Every family that its records move.
    pub(crate) families: &'static [&'static Family],
    /// The documented values of labels. Any other value counts as drift.
    pub(crate) vocabularies: &'static [Vocabulary],
    /// Adds what stands at 0 for a resource before anything happens: its usual successes, and every known failure.
    pub(super) known: fn(&str, &mut AtZero<'_>),
    /// The failures of the category, if its records can be failures.
    pub(crate) failures: Option<Failures>,
}

impl Category {
    /// All its names.
    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> {
        let names = [self.name, self.table].into_iter();
        names.chain(self.other_names.iter().copied())
    }

    /// A hash that identifies a record: of every property that is read, so that only a record with the same values has the
    /// same hash. `None` if the record has no id or no time.
    pub(super) fn identity(&self, view: &View<'_>, time: Option<OffsetDateTime>) -> Option<u64> {
        time.and(view.property(self.id).text())?;
        let mut hasher = DefaultHasher::new();
        self.name.hash(&mut hasher);
        for (name, value) in view.envelope.iter().chain(&view.properties) {
            if let Some((name, form)) = self.schema.find(name)
                && form != Form::Unread
            {
                (name, value.text()).hash(&mut hasher);
            }
        }
        Some(hasher.finish())
    }
}

/// A label and its documented values.
pub(crate) type Vocabulary = (&'static str, fn() -> Vec<&'static str>);

/// What all categories need in order to observe a record.
#[derive(Debug)]
pub(super) struct Common<'r, 'a> {
    /// The label `resource`.
    pub(super) resource: &'r Cow<'a, str>,
    /// The label `level`.
    pub(super) level: &'r Cow<'a, str>,
    /// When the record was written.
    pub(super) time: Option<OffsetDateTime>,
    /// When the event hub enqueued it.
    pub(super) enqueued_at: Option<OffsetDateTime>,
    /// What counts as a failure, by the configuration.
    pub(super) rules: &'r FailureRules,
}

/// The failures of a category.
#[derive(Debug)]
pub(crate) struct Failures {
    /// The family. One of its labels is `reason`.
    pub(crate) family: &'static Family,
    /// The message of the failure log.
    pub(crate) message: &'static str,
    /// The labels that the failure log writes as `what` and as `result`.
    pub(crate) logged: (&'static str, &'static str),
}

/// Receives the label sets that stand at 0 before anything happens.
pub(crate) struct AtZero<'t>(pub(crate) &'t mut dyn FnMut(&'static Family, &[&str]));

impl AtZero<'_> {
    /// Adds a label set.
    pub(super) fn add<'v, S: Series<&'v str>>(&mut self, labels: S) {
        (self.0)(S::FAMILY, labels.values().as_ref());
    }
}
