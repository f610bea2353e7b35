//! The series about ACS: what each has reached.

use std::collections::HashMap;
use std::sync::Arc;

use time::OffsetDateTime;

use super::histogram;
use super::label_sets::Id;
use super::settings::{HistogramKind, NativeSettings, Settings};
use crate::acs;
use crate::family::{Family, Kind};
use crate::format::{self, Counter, Exemplar, Label, Series, Value};

/// Every family about ACS.
#[derive(Debug)]
pub(super) struct Vectors {
    families: HashMap<&'static str, Vector>,
    histograms: HistogramKind,
    native: NativeSettings,
}

/// A family and its series.
#[derive(Debug)]
struct Vector {
    family: &'static Family,
    /// The places of its labels, in the order of their names.
    order: Vec<usize>,
    /// Of a histogram.
    bounds: Arc<[f64]>,
    has_exemplars: bool,
    series: HashMap<Id, Series>,
}

impl Vectors {
    /// Without series. Those of the families for which `has_exemplars` have exemplars.
    pub(super) fn new(settings: &Settings, has_exemplars: impl Fn(&Family) -> bool) -> Self {
        let families = acs::catalogue().map(|family| {
            let mut order: Vec<_> = (0..family.labels.len()).collect();
            order.sort_by_key(|place| family.labels.get(*place));
            let vector = Vector {
                family,
                order,
                bounds: settings.buckets.of(family).into(),
                has_exemplars: has_exemplars(family),
                series: HashMap::new(),
            };
            (family.name, vector)
        });
        Self {
            families: families.collect(),
            histograms: settings.histograms,
            native: settings.native_histograms,
        }
    }

    /// How many series a label set of the family is to Prometheus.
    pub(super) fn cost(&self, family: &Family) -> usize {
        let vector = self.families.get(family.name);
        let Some(vector) = vector.filter(|_| family.kind == Kind::Histogram) else {
            return 1;
        };
        let of_all = 3; // `+Inf`, sum and count
        match self.histograms {
            HistogramKind::Classic => vector.bounds.len() + of_all,
            HistogramKind::Native => of_all,
            HistogramKind::Both => vector.bounds.len() + of_all + 1,
        }
    }

    /// Moves a series: a counter rises by the amount, a gauge is at least the amount, a histogram takes it in. It makes the
    /// series if there is none.
    pub(super) fn take(
        &mut self,
        family: &Family,
        id: Id,
        labels: &[impl AsRef<str>],
        amount: f64,
        correlation_id: Option<&str>,
    ) {
        let Some(vector) = self.families.get_mut(family.name) else {
            return;
        };
        let correlation_id = correlation_id.filter(|_| vector.has_exemplars);
        let exemplar = correlation_id.map(|id| Exemplar {
            correlation_id: id.into(),
            value: amount,
            at: OffsetDateTime::now_utc(),
        });
        match &mut vector
            .series(id, labels, self.histograms, self.native)
            .value
        {
            Value::Counter(counter) => {
                counter.value += amount;
                counter.exemplar = exemplar.or(counter.exemplar.take());
            }
            Value::Gauge(gauge) => *gauge = gauge.max(amount),
            Value::Histogram(histogram) => {
                histogram.observe(amount, exemplar, self.native.buckets_max);
            }
        }
    }

    /// Creates a label set of a counter or a histogram, at 0.
    pub(super) fn create(&mut self, family: &Family, id: Id, labels: &[impl AsRef<str>]) {
        if let Some(vector) = self.families.get_mut(family.name)
            && family.kind != Kind::Gauge
        {
            vector.series(id, labels, self.histograms, self.native);
        }
    }

    /// Takes a label set out, if it exists.
    pub(super) fn remove(&mut self, family: &str, labels: &[impl AsRef<str>]) {
        if let Some(vector) = self.families.get_mut(family) {
            vector.series.remove(&Id::of(family, labels));
        }
    }

    /// Takes every series out of every family.
    pub(super) fn clear(&mut self) {
        for vector in self.families.values_mut() {
            vector.series.clear();
        }
    }

    /// Every family that has series, in no order.
    pub(super) fn families(&self) -> Vec<format::Family> {
        let vectors = self.families.values();
        let shown = vectors.filter(|vector| !vector.series.is_empty());
        let shown = shown.map(|vector| format::Family {
            name: vector.family.name.into(),
            help: vector.family.help().into(),
            kind: vector.family.kind,
            series: vector.series.values().map(|of| self.shown(of)).collect(),
        });
        shown.collect()
    }

    fn shown(&self, series: &Series) -> Series {
        let mut shown = series.clone();
        if let Value::Histogram(histogram) = &mut shown.value
            && self.histograms == HistogramKind::Native
        {
            histogram.classic = None;
        }
        shown
    }

    /// How many series Prometheus makes of all this.
    pub(super) fn series(&self) -> usize {
        let vectors = self.families.values();
        vectors
            .map(|vector| vector.series.len() * self.cost(vector.family))
            .sum()
    }
}

impl Vector {
    /// The series of these labels. It exists from now on.
    fn series(
        &mut self,
        id: Id,
        labels: &[impl AsRef<str>],
        histograms: HistogramKind,
        native: NativeSettings,
    ) -> &mut Series {
        self.series.entry(id).or_insert_with(|| {
            let place = |place: &usize| {
                let (name, value) = (self.family.labels.get(*place)?, labels.get(*place)?);
                Some(Label {
                    name: (*name).into(),
                    value: value.as_ref().into(),
                })
            };
            let started = OffsetDateTime::now_utc();
            let value = match self.family.kind {
                Kind::Counter => Value::Counter(Counter {
                    value: 0.0,
                    started,
                    exemplar: None,
                }),
                Kind::Gauge => Value::Gauge(0.0),
                Kind::Histogram => Value::Histogram(histogram::new(
                    started,
                    Arc::clone(&self.bounds),
                    histograms,
                    native,
                    self.has_exemplars,
                )),
            };
            Series {
                labels: self.order.iter().filter_map(place).collect(),
                value,
            }
        })
    }
}
