//! The cap on the number of series, over all families together.
//!
//! Each label is capped by itself, but products of capped labels are not small. When the budget is spent, a label set
//! that would be new has those of its values that no vocabulary knows replaced by `other`: totals stay right, and what
//! is known is shown whatever else was sent.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use prometheus::core::{Collector, MetricVec, MetricVecBuilder};
use prometheus::{Counter, CounterVec, Histogram, HistogramVec, IntCounter, IntCounterVec};

use super::Settings;
use super::labels::{Admitted, OTHER};
use crate::telemetry::Telemetry;

/// Gives out the series of a label set, and counts those outside the vocabularies.
#[derive(Debug)]
pub(super) struct Budget {
    left: usize,
    /// What one label set of a histogram costs at most: its buckets, `+Inf`, sum and count.
    of_a_histogram: usize,
    /// The label sets that were paid for, as hashes of 64 bits: among this many, none meets another.
    paid: HashSet<u64>,
    telemetry: Arc<Telemetry>,
}

impl Budget {
    pub(super) fn new(settings: &Settings, telemetry: Arc<Telemetry>) -> Self {
        let buckets = &settings.buckets;
        let of_a_histogram = [
            &buckets.operation_duration,
            &buckets.recording_length,
            &buckets.report_delay,
        ];
        let of_a_histogram = of_a_histogram
            .map(|buckets| buckets.as_slice().len())
            .into_iter()
            .max()
            .unwrap_or(0)
            + 3;
        Self {
            left: settings.series_max.get(),
            of_a_histogram,
            paid: HashSet::new(),
            telemetry,
        }
    }

    pub(super) fn counter<const N: usize>(
        &mut self,
        family: &IntCounterVec,
        labels: [Admitted<'_>; N],
    ) -> IntCounter {
        self.series(family, 1, labels)
    }

    pub(super) fn amount<const N: usize>(
        &mut self,
        family: &CounterVec,
        labels: [Admitted<'_>; N],
    ) -> Counter {
        self.series(family, 1, labels)
    }

    pub(super) fn histogram<const N: usize>(
        &mut self,
        family: &HistogramVec,
        labels: [Admitted<'_>; N],
    ) -> Histogram {
        self.series(family, self.of_a_histogram, labels)
    }

    fn series<B: MetricVecBuilder, const N: usize>(
        &mut self,
        family: &MetricVec<B>,
        cost: usize,
        labels: [Admitted<'_>; N],
    ) -> B::M {
        let is_covered =
            labels.iter().all(|label| label.is_known) || self.pay(family, cost, labels);
        if !is_covered {
            self.telemetry.series_overflowed();
        }
        family.with_label_values(&settled(is_covered, labels))
    }

    /// The values that the label set of a counter is shown with. What does not fit is counted when the series moves.
    pub(super) fn settle<'v, const N: usize>(
        &mut self,
        family: &IntCounterVec,
        labels: [Admitted<'v>; N],
    ) -> [&'v str; N] {
        let is_covered = labels.iter().all(|label| label.is_known) || self.pay(family, 1, labels);
        settled(is_covered, labels)
    }

    /// Whether the label set is paid for, now or earlier.
    fn pay<B: MetricVecBuilder, const N: usize>(
        &mut self,
        family: &MetricVec<B>,
        cost: usize,
        labels: [Admitted<'_>; N],
    ) -> bool {
        let mut hasher = DefaultHasher::new();
        // A family is told from the others by its id, which the registry demands to be its own.
        family.desc().first().map(|desc| desc.id).hash(&mut hasher);
        labels.map(|label| label.value).hash(&mut hasher);
        let label_set = hasher.finish();
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

fn settled<const N: usize>(is_covered: bool, labels: [Admitted<'_>; N]) -> [&str; N] {
    labels.map(|label| {
        if is_covered || label.is_known {
            label.value
        } else {
            OTHER
        }
    })
}
