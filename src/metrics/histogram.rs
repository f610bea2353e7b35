//! How a histogram takes in a value: classic buckets by their bounds, native ones by powers of two.
//!
//! A native histogram begins with a resolution, its schema, and halves it whenever it has too many buckets: two neighbours
//! become one, so that no count is lost (<https://prometheus.io/docs/specs/native_histograms/>).

use std::collections::BTreeMap;
use std::sync::Arc;

use time::OffsetDateTime;

use super::settings::{HistogramKind, NativeSettings};
use crate::format::{Classic, Exemplar, Histogram, Native};

/// The lowest resolution: each bucket ends at 65,536 times its start.
const SCHEMA_MIN: i32 = -4;

/// Values of at most this are 0: 2^-128, as in the official client libraries.
const ZERO_THRESHOLD: f64 = 2.938_735_877_055_719e-39;

/// A histogram without values. It has classic buckets in any case, since exemplars are kept by them.
pub(super) fn new(
    started: OffsetDateTime,
    bounds: Arc<[f64]>,
    kind: HistogramKind,
    native: NativeSettings,
    has_exemplars: bool,
) -> Histogram {
    let buckets = bounds.len() + 1;
    Histogram {
        sum: 0.0,
        count: 0,
        started,
        classic: Some(Classic {
            bounds,
            counts: vec![0; buckets].into(),
        }),
        native: (kind != HistogramKind::Classic).then(|| Native {
            schema: native.schema,
            zero_threshold: ZERO_THRESHOLD,
            zero: 0,
            positive: BTreeMap::new(),
            negative: BTreeMap::new(),
        }),
        exemplars: vec![None; if has_exemplars { buckets } else { 0 }],
    }
}

impl Histogram {
    /// Takes in a value.
    pub(super) fn observe(&mut self, value: f64, exemplar: Option<Exemplar>, buckets_max: usize) {
        self.sum += value;
        self.count += 1;
        if let Some(classic) = &mut self.classic {
            let bucket = classic.bounds.partition_point(|bound| *bound < value);
            if let Some(count) = classic.counts.get_mut(bucket) {
                *count += 1;
            }
            if let (Some(latest), Some(exemplar)) = (self.exemplars.get_mut(bucket), exemplar) {
                *latest = Some(exemplar);
            }
        }
        if let Some(native) = &mut self.native {
            native.observe(value, buckets_max);
        }
    }
}

impl Native {
    fn observe(&mut self, value: f64, buckets_max: usize) {
        if value.abs() <= self.zero_threshold {
            self.zero += 1;
            return;
        }
        let index = self.bucket(value.abs());
        let buckets = if value > 0.0 {
            &mut self.positive
        } else {
            &mut self.negative
        };
        *buckets.entry(index).or_default() += 1;
        while self.positive.len() + self.negative.len() > buckets_max && self.schema > SCHEMA_MIN {
            self.schema -= 1;
            self.positive = halved(&self.positive);
            self.negative = halved(&self.negative);
        }
    }

    /// The bucket of a value above 0. One within a rounding error of a bound may be in the bucket beside it.
    fn bucket(&self, value: f64) -> i32 {
        let index = value.min(f64::MAX).log2() * f64::from(self.schema).exp2();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::as_conversions,
            reason = "at most 1,024 * 2^8"
        )]
        let index = index.ceil() as i32;
        index
    }
}

/// The same counts at half the resolution.
fn halved(buckets: &BTreeMap<i32, u64>) -> BTreeMap<i32, u64> {
    let mut halved = BTreeMap::new();
    for (index, count) in buckets {
        *halved.entry((index + 1) >> 1).or_default() += count;
    }
    halved
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn observed(values: &[f64], schema: i32, buckets_max: usize) -> Histogram {
        let native = NativeSettings {
            schema,
            buckets_max,
        };
        let bounds = Arc::from([0.5, 1.0]);
        let started = OffsetDateTime::UNIX_EPOCH;
        let mut histogram = new(started, bounds, HistogramKind::Both, native, true);
        for value in values {
            histogram.observe(*value, None, buckets_max);
        }
        histogram
    }

    /// The counts, by the bounds of their buckets.
    fn buckets(native: &Native) -> Vec<(f64, f64, u64)> {
        let width = f64::from(-native.schema).exp2();
        let bound = |index: i32| (f64::from(index) * width).exp2();
        let buckets = native.positive.iter();
        buckets
            .map(|(index, count)| (bound(index - 1), bound(*index), *count))
            .collect()
    }

    #[test]
    fn a_value_on_a_bound_belongs_below_it() {
        let values = [0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, -0.75];
        let histogram = observed(&values, 0, 160);
        let classic = histogram.classic.unwrap();
        assert_eq!(*classic.counts, [4, 2, 3]);
        let cumulative: Vec<_> = classic.cumulative().collect();
        assert_eq!(cumulative, [(0.5, 4), (1.0, 6), (f64::INFINITY, 9)]);
        let native = histogram.native.unwrap();
        assert_eq!(native.zero, 1);
        assert_eq!(native.negative, BTreeMap::from([(0, 1)]));
        let expected = [
            (0.125, 0.25, 1),
            (0.25, 0.5, 1),
            (0.5, 1.0, 2),
            (1.0, 2.0, 2),
            (2.0, 4.0, 1),
        ];
        assert_eq!(buckets(&native), expected);
    }

    #[test]
    fn the_latest_exemplar_of_each_bucket_is_kept() {
        let mut histogram = observed(&[], 3, 160);
        for (value, correlation_id) in [(0.25, "a"), (0.5, "b"), (7.0, "c")] {
            let exemplar = Exemplar {
                correlation_id: correlation_id.into(),
                value,
                at: OffsetDateTime::UNIX_EPOCH,
            };
            histogram.observe(value, Some(exemplar), 160);
        }
        histogram.observe(8.0, None, 160);
        let exemplars = histogram.exemplars.iter();
        let ids = exemplars.map(|exemplar| exemplar.as_ref().map(|of| &*of.correlation_id));
        assert_eq!(ids.collect::<Vec<_>>(), [Some("b"), None, Some("c")]);
    }

    proptest! {
        #[test]
        fn too_many_buckets_become_wider_ones_with_the_same_values(
            values in vec(1e-6_f64..1e6, 0..200), schema in SCHEMA_MIN..=8, buckets_max in 4_usize..50,
        ) {
            let native = observed(&values, schema, buckets_max).native.unwrap();
            let buckets = buckets(&native);
            prop_assert!(buckets.len() <= buckets_max);
            let count: u64 = buckets.iter().map(|(_, _, count)| count).sum();
            prop_assert_eq!(count, u64::try_from(values.len()).unwrap());
            for (low, high, count) in buckets {
                // Bounds are roots of 2, which no float is exactly.
                let (low, high) = (low * (1.0 + 1e-12), high * (1.0 + 1e-12));
                let holds = values.iter().filter(|value| low < **value && **value <= high);
                prop_assert_eq!(u64::try_from(holds.count()).unwrap(), count);
            }
        }
    }
}
