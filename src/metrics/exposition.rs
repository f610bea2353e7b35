//! The lock under which batches are applied and scrapes are gathered.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use prometheus::proto::{Metric, MetricFamily, MetricType};
use prometheus::{Encoder, Registry, TextEncoder};

use super::{AcsMetrics, Settings};
use crate::acs::{FailureRules, Observation};
use crate::event::{PartitionId, Position};
use crate::telemetry::Telemetry;

/// What `/metrics` shows, and how far into each partition that reaches.
#[derive(Debug)]
pub struct Exposition {
    domain: Registry,
    own: Registry,
    telemetry: Arc<Telemetry>,
    rules: FailureRules,
    applied: Mutex<Applied>,
}

#[derive(Debug)]
struct Applied {
    metrics: AcsMetrics,
    positions: HashMap<PartitionId, Position>,
}

/// One scrape: a body, and the positions that it has carried once it is delivered.
#[derive(Clone, Debug)]
pub struct Scrape {
    /// In the Prometheus text format, version 0.0.4.
    pub body: Vec<u8>,
    /// The last event of each partition that the body shows.
    ///
    /// Nobody acknowledges them yet: this is where exact delivery takes hold.
    pub positions: HashMap<PartitionId, Position>,
}

impl Exposition {
    /// Registers the domain families; `own` is the registry of `telemetry`.
    pub fn new(settings: &Settings, own: Registry, telemetry: Arc<Telemetry>) -> Self {
        let domain = Registry::new();
        let metrics = AcsMetrics::new(&domain, settings, &telemetry);
        let applied = Mutex::new(Applied {
            metrics,
            positions: HashMap::new(),
        });
        Self {
            domain,
            own,
            telemetry,
            rules: settings.failures.clone(),
            applied,
        }
    }

    /// What counts as a failure besides what the tables say.
    pub fn failure_rules(&self) -> &FailureRules {
        &self.rules
    }

    /// What the exporter tells about itself, beside what this shows about ACS.
    pub fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }

    /// Applies a batch whole: its observations, the position it reaches, and, by `account`, what it adds to the
    /// exporter's own counts. No scrape sees a part of it.
    pub fn apply(
        &self,
        partition: &PartitionId,
        reached: Position,
        observations: &[Observation<'_>],
        account: impl FnOnce(&Telemetry),
    ) {
        // A panic under the lock leaves counters that were moved one by one: each is still right by itself.
        let mut applied = self.applied.lock().unwrap_or_else(PoisonError::into_inner);
        for observation in observations {
            applied.metrics.apply(observation);
        }
        applied.positions.insert(partition.clone(), reached);
        account(&self.telemetry);
    }

    /// Takes a cut: everything applied so far and nothing else.
    ///
    /// # Errors
    ///
    /// When the text cannot be encoded, which `prometheus` does for a family without series only.
    pub fn scrape(&self) -> prometheus::Result<Scrape> {
        self.scrape_of(|_| true)
    }

    /// As [`scrape`](Self::scrape), of some families only, told by their names.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn scrape_of(&self, is_shown: impl Fn(&str) -> bool) -> prometheus::Result<Scrape> {
        let (mut families, positions) = {
            let applied = self.applied.lock().unwrap_or_else(PoisonError::into_inner);
            let domain = self.domain.gather();
            self.telemetry.series_are(domain.iter().map(series).sum());
            let mut families = self.own.gather();
            families.extend(domain);
            (families, applied.positions.clone())
        };
        families.retain(|family| is_shown(family.name()));
        families.sort_by(|a, b| a.name().cmp(b.name()));
        let mut body = Vec::new();
        TextEncoder::new().encode(&families, &mut body)?;
        Ok(Scrape { body, positions })
    }
}

/// How many series Prometheus makes of a family: a histogram has one for each bucket, `+Inf`, sum and count.
fn series(family: &MetricFamily) -> usize {
    let of_metric = |metric: &Metric| match family.get_field_type() {
        MetricType::HISTOGRAM => metric.get_histogram().get_bucket().len() + 3,
        _ => 1,
    };
    family.get_metric().iter().map(of_metric).sum()
}
