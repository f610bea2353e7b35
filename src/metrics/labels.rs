//! The caps on label values: whatever is sent, the number of series stays bounded and totals stay right.
//!
//! A value of a known vocabulary always passes. Any other passes until its label has shown as many distinct ones as
//! allowed; from then on a new one is `other`, which is counted, and logged once for each label.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::Settings;
use crate::acs::{self, CATEGORIES, LEVELS, UNKNOWN};
use crate::telemetry::Telemetry;

/// What stands for the values above a cap.
pub(super) const OTHER: &str = "other";

/// The longest value that is a label. ACS names and versions stay below; text that long is a payload.
const VALUE_CHARACTERS_MAX: usize = 64;

/// The label by which each family is kept apart by resource.
pub(super) const RESOURCE: &str = "resource";

/// The labels whose values are a closed set of the exporter. No record can add to them.
const UNCAPPED: [&str; 3] = ["category", "outcome", "reason"];

/// A value that may be shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Admitted<'v> {
    pub(super) value: &'v str,
    /// Of a vocabulary, of a closed set, or a resource: such values are never replaced by `other` to save series.
    pub(super) is_known: bool,
}

impl AsRef<str> for Admitted<'_> {
    fn as_ref(&self) -> &str {
        self.value
    }
}

/// What each label has shown so far.
#[derive(Debug)]
pub(super) struct Labels {
    values_max: usize,
    /// Of each label that has a cap.
    shown: HashMap<&'static str, Shown>,
    /// What was restored and yielded to other values: no label set may have it any more.
    yielded: Vec<(&'static str, String)>,
    telemetry: Arc<Telemetry>,
}

#[derive(Debug, Default)]
struct Shown {
    /// Whether a value outside `known` is drift: the documentation does not have it.
    has_vocabulary: bool,
    known: HashSet<String>,
    /// As sent, up to the cap.
    others: HashSet<String>,
    /// Of an earlier process and not sent to this one: they count, and yield, the last one first.
    restored: Vec<String>,
}

impl Labels {
    pub(super) fn new(settings: &Settings, telemetry: Arc<Telemetry>) -> Self {
        let mut shown: HashMap<&str, Shown> = HashMap::new();
        let names = acs::catalogue().flat_map(|family| family.labels);
        for label in names.filter(|label| !UNCAPPED.contains(label)) {
            telemetry.label_is_capped(label);
            let known = &mut shown.entry(label).or_default().known;
            known.extend([UNKNOWN, OTHER].map(str::to_owned));
        }
        let vocabularies = CATEGORIES.iter().flat_map(|category| category.vocabularies);
        for (label, values) in vocabularies.chain([&LEVELS]) {
            telemetry.drift_is_watched(label);
            let shown = shown.entry(label).or_default();
            shown.has_vocabulary = true;
            let values = values().into_iter().map(ToOwned::to_owned);
            shown.known.extend(values);
        }
        let resources = shown.entry(RESOURCE).or_default();
        resources.known.extend(settings.resources.iter().cloned());
        Self {
            values_max: settings.label_values_max.get(),
            shown,
            yielded: Vec::new(),
            telemetry,
        }
    }

    /// A value that an earlier process has shown; `None` if there is no room for it.
    pub(super) fn restore<'v>(
        &mut self,
        label: &'static str,
        value: &'v str,
    ) -> Option<Admitted<'v>> {
        let values_max = self.values_max;
        if label != RESOURCE
            && let Some(shown) = self.shown.get_mut(label)
            && !shown.known.contains(value)
            && !shown.others.contains(value)
        {
            if !shown.restored.iter().any(|restored| restored == value) {
                let fits = shown.count() < values_max && !is_long(value);
                fits.then(|| shown.restored.push(value.to_owned()))?;
            }
            return Some(Admitted {
                value,
                is_known: false,
            });
        }
        Some(self.place(label, value)).filter(|admitted| admitted.value == value)
    }

    /// The restored values that have yielded since the last call.
    pub(super) fn yielded(&mut self) -> Vec<(&'static str, String)> {
        std::mem::take(&mut self.yielded)
    }

    /// The value to use: the one given, or `other`. A series moves by it: what is new or too much is counted.
    pub(super) fn admit<'v>(&mut self, label: &'static str, value: &'v str) -> Admitted<'v> {
        let shown = self.shown.get(label);
        if shown.is_some_and(|shown| shown.has_vocabulary && !shown.known.contains(value)) {
            self.telemetry.drifted(label, value);
        }
        let admitted = self.place(label, value);
        if admitted.value != value {
            self.telemetry.label_overflowed(label);
        }
        admitted
    }

    /// The same, where nothing moves yet.
    pub(super) fn place<'v>(&mut self, label: &'static str, value: &'v str) -> Admitted<'v> {
        let known = |value| Admitted {
            value,
            is_known: true,
        };
        let Some(shown) = self.shown.get_mut(label) else {
            return known(value);
        };
        if shown.known.contains(value) {
            return known(value);
        }
        if !shown.others.contains(value) {
            if is_long(value) {
                return known(OTHER);
            }
            if let Some(place) = shown.restored.iter().position(|restored| restored == value) {
                shown.restored.remove(place);
            } else if shown.count() >= self.values_max {
                let Some(yielded) = shown.restored.pop() else {
                    return known(OTHER);
                };
                self.yielded.push((label, yielded));
            }
            shown.others.insert(value.to_owned());
        }
        // A resource is worth its series: there are at most as many as its cap.
        Admitted {
            value,
            is_known: label == RESOURCE,
        }
    }
}

impl Shown {
    /// How many values count against the cap.
    fn count(&self) -> usize {
        self.others.len() + self.restored.len()
    }
}

fn is_long(value: &str) -> bool {
    value.chars().nth(VALUE_CHARACTERS_MAX).is_some()
}
