//! Which scrapes acknowledge their snapshot, and how long connections live: over a wire in memory, and over sockets.

mod admission;
mod certificate;
mod sockets;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use prometheus::Registry;
use tokio::time::Instant;

use super::Content;
use crate::delivery;
use crate::liveness::Liveness;
use crate::metrics::{Exposition, Settings};
use crate::status::Facts;
use crate::telemetry::Telemetry;

/// The metrics of an exporter.
pub(super) struct Metrics {
    exposition: Arc<Exposition>,
    own: Registry,
    pub(super) delivery: delivery::Settings,
}

impl Metrics {
    /// With so many scrapers expected, and with the failure series of so many resources: 100 make megabytes.
    pub(super) fn new(scrapers: usize, resources: usize) -> Self {
        let settings = Settings {
            resources: (0..resources).map(|i| format!("resource-{i}")).collect(),
            ..Settings::default()
        };
        let own = Registry::new();
        let telemetry = Arc::new(Telemetry::new(&own, ""));
        let exposition = Exposition::new(&settings, scrapers, own.clone(), telemetry);
        Self {
            exposition: Arc::new(exposition),
            own,
            delivery: delivery::Settings {
                scrapers: scrapers.try_into().unwrap(),
                ..delivery::Settings::default()
            },
        }
    }

    pub(super) fn content(&self) -> Content {
        Content {
            exposition: Arc::clone(&self.exposition),
            liveness: Arc::new(Liveness::new([], Duration::from_mins(5), Instant::now())),
            delivery: self.delivery.clone(),
            facts: Facts::default(),
            reloads: None,
        }
    }

    /// The latest snapshot that is acknowledged.
    fn acknowledged(&self) -> u64 {
        *self.exposition.acknowledged().borrow()
    }

    /// `scrapes_total` that count, and that do not; read without a scrape.
    fn scrapes(&self) -> (f64, f64) {
        let of = |counted| self.counter("scrapes_total", counted);
        (of("true"), of("false"))
    }

    /// How many connections were closed for the sake of other clients: because there were too many of them, too many
    /// bodies, too many requests that came too early.
    fn closed(&self) -> (f64, f64, f64) {
        let of = |cause| self.counter("http_connections_closed_total", cause);
        (of("connections"), of("memory"), of("pipelining"))
    }

    /// How many requests were refused for a cause.
    pub(super) fn refused(&self, cause: &str) -> String {
        self.counter("http_requests_refused_total", cause)
            .to_string()
    }

    fn counter(&self, name: &str, label_value: &str) -> f64 {
        let families = self.own.gather();
        let mut families = families.iter();
        let family = families.find(|family| family.name().ends_with(name));
        let mut metrics = family.unwrap().get_metric().iter();
        let metric = metrics.find(|metric| metric.get_label()[0].value() == label_value);
        metric.unwrap().get_counter().get_value()
    }
}
