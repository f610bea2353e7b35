//! Which label values are shown: whatever is sent, none is personal, the number of series stays bounded, and totals stay
//! right.
//!
//! A value of a known vocabulary always passes. Any other passes if it looks like a value of its label, until the label has
//! shown as many distinct ones as allowed. All others are `other`, which is counted, and logged once for each label and
//! cause.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::Settings;
use crate::acs::{self, CATEGORIES, LEVELS, NOT_A_NAME, OTHER, UNKNOWN};
use crate::telemetry::{Replaced, Telemetry};

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

/// A value that a record has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent<'v> {
    pub(super) value: &'v str,
    /// Whether the record's JSON was repaired.
    pub(super) is_repaired: bool,
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
        Self {
            values_max: settings.label_values_max.get(),
            shown,
            yielded: Vec::new(),
            telemetry,
        }
    }

    /// A value is no longer known.
    pub(super) fn forget(&mut self, label: &'static str, value: &str) {
        self.shown.entry(label).or_default().known.remove(value);
    }

    /// From now on, a value is known: it always passes.
    pub(super) fn know(&mut self, label: &'static str, value: &str) {
        let shown = self.shown.entry(label).or_default();
        shown.others.remove(value);
        shown.restored.retain(|restored| restored != value);
        shown.known.insert(value.to_owned());
    }

    /// A value that an earlier process has shown; `None` if it is not shown, or there is no room for it.
    pub(super) fn restore<'v>(
        &mut self,
        label: &'static str,
        value: &'v str,
    ) -> Option<Admitted<'v>> {
        let values_max = self.values_max;
        let Some(shown) = self.shown.get_mut(label) else {
            return Some(Admitted::known(value));
        };
        if shown.known.contains(value) {
            return Some(Admitted::known(value));
        }
        if !shown.others.contains(value) && !shown.restored.iter().any(|restored| restored == value)
        {
            let has_room = shown.count() < values_max && acs::fits(label, value, false);
            has_room.then(|| shown.restored.push(value.to_owned()))?;
        }
        Some(Admitted::unknown(label, value))
    }

    /// The restored values that have yielded since the last call.
    pub(super) fn yielded(&mut self) -> Vec<(&'static str, String)> {
        std::mem::take(&mut self.yielded)
    }

    /// The value to use: the one given, or `other`. A series moves by it: what is new or replaced is counted.
    pub(super) fn admit<'v>(&mut self, label: &'static str, sent: Sent<'v>) -> Admitted<'v> {
        let placed = self.place_or_why(label, sent);
        if let Err(replaced) = placed {
            self.telemetry.label_value_replaced(label, replaced);
        }
        let shown = self.shown.get(label);
        if shown.is_some_and(|shown| shown.has_vocabulary && !shown.known.contains(sent.value)) {
            let name = match placed {
                Err(Replaced::Unlike) => NOT_A_NAME,
                Ok(_) | Err(Replaced::TooMany) => sent.value,
            };
            self.telemetry.drifted(label, name, placed.is_ok());
        }
        placed.unwrap_or(Admitted::known(OTHER))
    }

    /// The same, where nothing moves yet.
    pub(super) fn place<'v>(&mut self, label: &'static str, sent: Sent<'v>) -> Admitted<'v> {
        let placed = self.place_or_why(label, sent);
        placed.unwrap_or(Admitted::known(OTHER))
    }

    fn place_or_why<'v>(
        &mut self,
        label: &'static str,
        Sent { value, is_repaired }: Sent<'v>,
    ) -> Result<Admitted<'v>, Replaced> {
        let Some(shown) = self.shown.get_mut(label) else {
            return Ok(Admitted::known(value));
        };
        if shown.known.contains(value) {
            return Ok(Admitted::known(value));
        }
        // What was shown before is nothing new.
        if !shown.others.contains(value) {
            if let Some(place) = shown.restored.iter().position(|restored| restored == value) {
                shown.restored.remove(place);
            } else if !acs::fits(label, value, is_repaired) {
                return Err(Replaced::Unlike);
            } else if shown.count() >= self.values_max {
                let yielded = shown.restored.pop().ok_or(Replaced::TooMany)?;
                self.yielded.push((label, yielded));
            }
            shown.others.insert(value.to_owned());
        }
        Ok(Admitted::unknown(label, value))
    }
}

impl<'v> Admitted<'v> {
    fn known(value: &'v str) -> Self {
        Self {
            value,
            is_known: true,
        }
    }

    /// A resource is worth its series: there are at most as many as its cap.
    fn unknown(label: &str, value: &'v str) -> Self {
        Self {
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
