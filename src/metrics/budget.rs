//! The cap on the number of series, over all families together.
//!
//! Each label is capped by itself, but products of capped labels are not small. When the budget is spent, a label set
//! that would be new has those of its values that no vocabulary knows replaced by `other`: totals stay right, and what
//! is known is shown whatever else was sent.

use std::collections::HashSet;

use super::Settings;
use super::firsts::hash;
use super::labels::{Admitted, OTHER};

/// Counts the series of label sets outside the vocabularies.
#[derive(Debug)]
pub(super) struct Budget {
    left: usize,
    /// The label sets that were paid for, as hashes of 64 bits: among this many, none meets another.
    paid: HashSet<u64>,
}

impl Budget {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            left: settings.series_max.get(),
            paid: HashSet::new(),
        }
    }

    /// Whether a label set of a family can be shown, each costing so many series. If it cannot, its values outside the
    /// vocabularies become `other`.
    pub(super) fn fit(&mut self, family: &str, cost: usize, labels: &mut [Admitted<'_>]) -> bool {
        let fits = labels.iter().all(|label| label.is_known) || self.pay(family, cost, labels);
        if !fits {
            for label in labels.iter_mut().filter(|label| !label.is_known) {
                label.value = OTHER;
            }
        }
        fits
    }

    /// Whether the label set is paid for, now or earlier.
    fn pay(&mut self, family: &str, cost: usize, labels: &[Admitted<'_>]) -> bool {
        let label_set = hash(family, labels);
        if self.paid.contains(&label_set) {
            return true;
        }
        let Some(left) = self.left.checked_sub(cost) else {
            return false;
        };
        self.left = left;
        self.paid.insert(label_set);
        true
    }
}
