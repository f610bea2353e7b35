//! The registered families about ACS.

use std::collections::HashMap;
use std::fmt::Debug;

use prometheus::{CounterVec, GaugeVec, HistogramOpts, HistogramVec, Registry};

use super::settings::BucketSettings;
use crate::acs;
use crate::family::{Family, Kind, registered};

/// Every family about ACS, registered.
#[derive(Debug)]
pub(super) struct Vectors(HashMap<&'static str, Vector>);

/// A family, and how many series each of its label sets is.
#[derive(Debug)]
enum Vector {
    Counter(CounterVec),
    Gauge(GaugeVec),
    Histogram(HistogramVec, usize),
}

impl Vectors {
    pub(super) fn register(registry: &Registry, buckets: &BucketSettings) -> Self {
        let vectors = acs::catalogue().map(|family| {
            let (opts, labels) = (family.opts(), family.labels);
            let vector = match family.kind {
                Kind::Counter => {
                    Vector::Counter(registered(registry, CounterVec::new(opts, labels)))
                }
                Kind::Gauge => Vector::Gauge(registered(registry, GaugeVec::new(opts, labels))),
                Kind::Histogram => {
                    let bounds = buckets.of(family);
                    let opts = HistogramOpts::from(opts).buckets(bounds.to_vec());
                    let vector = registered(registry, HistogramVec::new(opts, labels));
                    Vector::Histogram(vector, bounds.len() + 3) // `+Inf`, sum and count
                }
            };
            (family.name, vector)
        });
        Self(vectors.collect())
    }

    /// How many series a label set of the family is.
    pub(super) fn cost(&self, family: &Family) -> usize {
        match self.find(family) {
            Some(Vector::Histogram(_, series)) => *series,
            _ => 1,
        }
    }

    /// Moves a series: a counter rises by the amount, a gauge is at least the amount, a histogram takes it in.
    pub(super) fn take(&self, family: &Family, labels: &[impl AsRef<str> + Debug], amount: f64) {
        match self.find(family) {
            Some(Vector::Counter(vector)) => vector.with_label_values(labels).inc_by(amount),
            Some(Vector::Gauge(vector)) => {
                let gauge = vector.with_label_values(labels);
                gauge.set(gauge.get().max(amount));
            }
            Some(Vector::Histogram(vector, _)) => vector.with_label_values(labels).observe(amount),
            None => {}
        }
    }

    /// Creates a label set of a counter or a histogram, at 0.
    pub(super) fn create(&self, family: &Family, labels: &[impl AsRef<str> + Debug]) {
        match self.find(family) {
            Some(Vector::Counter(vector)) => {
                vector.with_label_values(labels);
            }
            Some(Vector::Histogram(vector, _)) => {
                vector.with_label_values(labels);
            }
            Some(Vector::Gauge(_)) | None => {}
        }
    }

    /// Takes a label set out, if it exists.
    pub(super) fn remove(&self, family: &str, labels: &[impl AsRef<str> + Debug]) {
        let _may_not_exist = match self.0.get(family) {
            Some(Vector::Counter(vector)) => vector.remove_label_values(labels),
            Some(Vector::Gauge(vector)) => vector.remove_label_values(labels),
            Some(Vector::Histogram(vector, _)) => vector.remove_label_values(labels),
            None => Ok(()),
        };
    }

    /// Takes every series out of every family.
    pub(super) fn reset(&self) {
        for vector in self.0.values() {
            match vector {
                Vector::Counter(vector) => vector.reset(),
                Vector::Gauge(vector) => vector.reset(),
                Vector::Histogram(vector, _) => vector.reset(),
            }
        }
    }

    fn find(&self, family: &Family) -> Option<&Vector> {
        self.0.get(family.name)
    }
}
