//! The families about the exporter itself, out of the registry of the `prometheus` crate.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use prometheus::Registry;
use prometheus::proto::{Metric, MetricFamily, MetricType};
use time::OffsetDateTime;

use crate::family::Kind;
use crate::format::{Counter, Family, Label, Series, Value};

/// The registry, and since when each counter in it exists.
#[derive(Debug)]
pub(super) struct Own {
    registry: Registry,
    counters: Mutex<Counters>,
}

/// The registry does not say when a counter began. It was 0, or not there, when the registry was last gathered without it.
#[derive(Debug)]
struct Counters {
    started: HashMap<(String, Arc<[Label]>), OffsetDateTime>,
    gathered_at: OffsetDateTime,
}

/// The registry at one moment.
pub(super) struct Gathered {
    families: Vec<MetricFamily>,
    at: OffsetDateTime,
}

impl Own {
    pub(super) fn new(registry: Registry) -> Self {
        let counters = Counters {
            started: HashMap::new(),
            gathered_at: OffsetDateTime::now_utc(),
        };
        Self {
            registry,
            counters: Mutex::new(counters),
        }
    }

    /// What the registry holds.
    pub(super) fn gather(&self) -> Gathered {
        let at = OffsetDateTime::now_utc(); // before: a counter that begins meanwhile may be in it
        let families = self.registry.gather();
        Gathered { families, at }
    }

    /// The same as families. It need not be done under the lock.
    pub(super) fn families(&self, gathered: &Gathered) -> Vec<Family> {
        let mut counters = self.counters.lock();
        let families = gathered.families.iter();
        let families = families.map(|family| counters.read(family)).collect();
        counters.gathered_at = counters.gathered_at.max(gathered.at);
        families
    }
}

impl Counters {
    fn read(&mut self, family: &MetricFamily) -> Family {
        let name = family.name();
        let (is_counter, metrics) = (
            family.get_field_type() == MetricType::COUNTER,
            family.get_metric().iter(),
        );
        let series = metrics.map(|metric| {
            let labels = labels(metric);
            let value = if is_counter {
                Value::Counter(Counter {
                    value: metric.get_counter().get_value(),
                    started: self.started(name, &labels),
                    exemplar: None,
                })
            } else {
                Value::Gauge(metric.get_gauge().get_value())
            };
            Series { labels, value }
        });
        Family {
            series: series.collect(),
            name: Cow::Owned(name.to_owned()),
            help: Cow::Owned(family.help().to_owned()),
            kind: if is_counter {
                Kind::Counter
            } else {
                Kind::Gauge
            },
        }
    }

    fn started(&mut self, name: &str, labels: &Arc<[Label]>) -> OffsetDateTime {
        let key = (name.to_owned(), Arc::clone(labels));
        *self.started.entry(key).or_insert(self.gathered_at)
    }
}

fn labels(metric: &Metric) -> Arc<[Label]> {
    let pairs = metric.get_label().iter();
    let labels = pairs.map(|pair| Label {
        name: Cow::Owned(pair.name().to_owned()),
        value: pair.value().into(),
    });
    labels.collect()
}
