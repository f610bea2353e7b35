//! Gathered families, asked by name and label: what the page shows is what `/metrics` shows.

use std::collections::BTreeMap;

use crate::format::{Family, Series, Value};

/// The prefix of the families about the exporter itself.
const OWN: &str = "acs_recording_exporter_";

/// The families of one moment, by name.
pub(super) struct Gathered(BTreeMap<String, Family>);

impl Gathered {
    pub(super) fn new(families: Vec<Family>) -> Self {
        let named = |family: Family| (family.name.to_string(), family);
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
        for series in &family.series {
            let key = labels.map(|label| value_of(series, label));
            *sums.entry(key).or_default() += match &series.value {
                Value::Counter(counter) => counter.value,
                Value::Gauge(value) => *value,
                Value::Histogram(histogram) => histogram.sum,
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

fn value_of(series: &Series, name: &str) -> String {
    let mut labels = series.labels.iter();
    let found = labels.find(|label| label.name == name);
    found.map_or_else(String::new, |label| label.value.to_string())
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
