//! What a Prometheus makes of its scrapes.

use std::collections::HashMap;

use super::EVENTS;

/// A Prometheus: the last value of each series, and by how much all have risen.
#[derive(Default)]
pub(super) struct Prometheus {
    last: HashMap<String, f64>,
    rises: HashMap<String, f64>,
}

impl Prometheus {
    /// Takes a scrape of the process of this name in.
    pub(super) fn take(&mut self, process: usize, body: &str) {
        for line in body.lines() {
            let is_failure = line.starts_with("acs_recording_operation_failures_total{");
            let is_success = line.starts_with("acs_recording_operations_total{")
                && line.contains("outcome=\"succeeded\"");
            if !is_failure && !is_success {
                continue;
            }
            let (series, value) = line.rsplit_once(' ').unwrap();
            let value: f64 = value.parse().unwrap();
            if let Some(before) = self.last.insert(format!("{process} {series}"), value) {
                *self.rises.entry(series.to_owned()).or_default() += value - before;
            }
        }
    }

    pub(super) fn rise(&self, event: usize) -> f64 {
        let (resource, operation, status) = EVENTS[event];
        let of_the_event = |series: &str| {
            series.contains(&format!("operation=\"{operation}\""))
                && series.contains(&format!("resource=\"{resource}\""))
                && series.contains(&format!("result_signature=\"{status}\""))
        };
        let rises = self.rises.iter().filter(|(series, _)| of_the_event(series));
        rises.map(|(_, rise)| rise).sum()
    }
}
