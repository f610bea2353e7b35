//! The lock under which batches are applied and scrapes are gathered.

use std::sync::{Arc, Mutex, PoisonError};

use prometheus::proto::{Metric, MetricFamily, MetricType};
use prometheus::{Encoder, Registry, TextEncoder};

use super::{AcsMetrics, Settings};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::acs::{FailureRules, Observation};
use crate::delivery::{Cut, Ledger, Positions};
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
    /// The latest cut that is acknowledged.
    acknowledged: watch::Sender<Cut>,
}

#[derive(Debug)]
struct Applied {
    metrics: AcsMetrics,
    positions: Arc<Positions>,
    ledger: Ledger,
}

/// One scrape: a body, and the cut that it shows.
#[derive(Clone, Debug)]
pub struct Scrape {
    /// In the Prometheus text format, version 0.0.4.
    pub body: Vec<u8>,
    /// What [`Exposition::carried`] is told once the body has been delivered.
    pub cut: Cut,
}

impl Exposition {
    /// Registers the domain families; `own` is the registry of `telemetry`. A cut is acknowledged when so many
    /// scrapers have carried it.
    pub fn new(
        settings: &Settings,
        scrapers: usize,
        own: Registry,
        telemetry: Arc<Telemetry>,
    ) -> Self {
        let domain = Registry::new();
        let metrics = AcsMetrics::new(&domain, settings, &telemetry);
        let (acknowledged, _) = watch::channel(0);
        let applied = Mutex::new(Applied {
            metrics,
            positions: Arc::default(),
            ledger: Ledger::new(scrapers),
        });
        Self {
            domain,
            own,
            telemetry,
            rules: settings.failures.clone(),
            applied,
            acknowledged,
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
        Arc::make_mut(&mut applied.positions).insert(partition.clone(), reached);
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
        let (mut families, cut) = {
            let mut applied = self.applied.lock().unwrap_or_else(PoisonError::into_inner);
            let domain = self.domain.gather();
            self.telemetry.series_are(domain.iter().map(series).sum());
            let mut families = self.own.gather();
            families.extend(domain);
            let positions = Arc::clone(&applied.positions);
            (families, applied.ledger.cut(positions))
        };
        families.retain(|family| is_shown(family.name()));
        families.sort_by(|a, b| a.name().cmp(b.name()));
        let mut body = Vec::new();
        TextEncoder::new().encode(&families, &mut body)?;
        Ok(Scrape { body, cut })
    }
}

impl Exposition {
    /// A scraper that counts has carried a cut whole.
    pub fn carried(&self, cut: Cut, scraper: &str, now: Instant) {
        let mut applied = self.applied.lock().unwrap_or_else(PoisonError::into_inner);
        if applied.ledger.carried(cut, scraper, now) {
            self.acknowledged
                .send_replace(applied.ledger.acknowledged());
        }
    }

    /// The latest cut that is acknowledged, as it moves.
    pub fn acknowledged(&self) -> watch::Receiver<Cut> {
        self.acknowledged.subscribe()
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
