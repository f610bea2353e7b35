//! Gathered families, asked by name and label: what the page shows is what `/metrics` shows.

use std::collections::BTreeMap;

use prometheus::proto::{Metric, MetricFamily, MetricType};

/// The prefix of the families about the exporter itself.
const OWN: &str = "acs_recording_exporter_";

/// The families of one moment, by name.
pub(super) struct Gathered(BTreeMap<String, MetricFamily>);

impl Gathered {
    pub(super) fn new(families: Vec<MetricFamily>) -> Self {
        let named = |family: MetricFamily| (family.name().to_owned(), family);
        Self(families.into_iter().map(named).collect())
    }

    /// The sums of a family by these labels.
    pub(super) fn by<const N: usize>(
        &self,
        name: &str,
        labels: [&str; N],
    ) -> BTreeMap<[String; N], f64> {
        let mut sums = BTreeMap::new();
        let Some(family) = self.0.get(name) else {
            return sums;
        };
        for metric in family.get_metric() {
            let key = labels.map(|label| value_of(metric, label));
            *sums.entry(key).or_default() += match family.get_field_type() {
                MetricType::COUNTER => metric.get_counter().get_value(),
                _ => metric.get_gauge().get_value(),
            };
        }
        sums
    }

    /// As [`by`](Self::by), of a family about the exporter itself.
    pub(super) fn own<const N: usize>(
        &self,
        name: &str,
        labels: [&str; N],
    ) -> BTreeMap<[String; N], f64> {
        self.by(&format!("{OWN}{name}"), labels)
    }

    /// The sum of a family.
    pub(super) fn sum(&self, name: &str) -> f64 {
        self.by(name, []).values().sum()
    }

    /// The sum of a family about the exporter itself.
    pub(super) fn own_sum(&self, name: &str) -> f64 {
        self.own(name, []).values().sum()
    }
}

fn value_of(metric: &Metric, label: &str) -> String {
    let mut labels = metric.get_label().iter();
    let found = labels.find(|pair| pair.name() == label);
    found.map_or_else(String::new, |pair| pair.value().to_owned())
}

/// A count as it is counted: whole.
pub(super) fn whole(value: f64) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::as_conversions,
        reason = "no count nears 2^53, and a float below 0 becomes 0"
    )]
    let whole = value as u64;
    whole
}
