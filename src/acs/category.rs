//! What a log category is: one file holds all of it, in its `CATEGORY`.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::LazyLock;

use time::OffsetDateTime;

use super::moves::Moves;
use super::rules::FailureRules;
use super::schema::{Form, Schema};
use super::view::View;
use crate::family::Family;

/// The value of any label whose property is missing.
pub(crate) const UNKNOWN: &str = "unknown";

/// A log category that is exported.
#[derive(Debug)]
pub struct Category {
    /// The name that its diagnostic setting has, which is the value of the label `category`.
    pub(crate) name: &'static str,
    /// Its table in Log Analytics.
    pub(super) table: &'static str,
    /// The other names under which its records come.
    pub(super) other_names: &'static [&'static str],
    /// The properties that its records are known to have.
    pub(crate) schema: LazyLock<Schema>,
    /// Whether a record that names no category, or one that nobody knows, looks like one of these.
    pub(super) matches: fn(&View<'_>) -> bool,
    /// The property that is the time of a record which has no other.
    pub(super) own_time: Option<&'static str>,
    /// The property that is the id of a record.
    pub(super) id: &'static str,
    /// Reads a record and says what it moves: **here each label is decided**.
    pub(super) observe: for<'a> fn(&View<'a>, &Common<'_, 'a>, &mut Moves<'a>),
    /// Every family that its records move.
    pub(crate) families: &'static [&'static Family],
    /// The values of labels that the documentation lists. Any other is counted as drift.
    pub(crate) vocabularies: &'static [Vocabulary],
    /// The family of its failures, if its records can be of one.
    pub(crate) failures: Option<Failures>,
}

impl Category {
    /// Every name of it.
    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> {
        let names = [self.name, self.table].into_iter();
        names.chain(self.other_names.iter().copied())
    }

    /// A hash of all that is read of a record, so that only a record that says the same has the same; `None` if it has no
    /// time, or no id.
    pub(super) fn identity(&self, view: &View<'_>, time: Option<OffsetDateTime>) -> Option<u64> {
        time.and(view.property(self.id).text())?;
        let fields = view.envelope.iter().chain(&view.properties);
        let read = fields.filter_map(|(name, value)| {
            let (name, form) = self.schema.find(name)?;
            (form != Form::Unread).then(|| Some(hashed((name, value.text()?))))?
        });
        Some(read.fold(hashed(self.name), u64::wrapping_add))
    }
}

/// A label, and the values of it that are documented.
pub(crate) type Vocabulary = (&'static str, fn() -> Vec<&'static str>);

/// What is common to the records of all categories, and decides what a record moves.
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
    /// What the configuration says about failures.
    pub(super) rules: &'r FailureRules,
}

/// The family of a category's failures: its series exist at 0 before anything fails.
#[derive(Debug)]
pub(crate) struct Failures {
    /// The family. One of its labels is `reason`.
    pub(crate) family: &'static Family,
    /// Hands over every label set of a resource that is known.
    pub(crate) known: fn(&str, &mut TakeLabels<'_>),
    /// The message of the failure log.
    pub(crate) message: &'static str,
    /// The labels that the failure log has as `what` and as `result`.
    pub(crate) logged: (&'static str, &'static str),
}

/// What becomes of the labels of a series.
pub(crate) type TakeLabels<'t> = dyn FnMut(&[&str]) + 't;

fn hashed(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
