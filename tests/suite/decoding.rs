//! The decoder behind the pipeline, without a hub: bodies in, a scrape out.

use std::sync::Arc;

use acs_recording_exporter::inside::config::{self, File, Flag, Sources};
use acs_recording_exporter::inside::event::{Batch, Event, PartitionId, Position};
use acs_recording_exporter::inside::metrics::Exposition;
use acs_recording_exporter::inside::pipeline;
use acs_recording_exporter::inside::telemetry::Telemetry;
use prometheus::Registry;
use time::macros::datetime;

/// A pipeline's end, as the service builds it.
pub(crate) struct Decoder {
    exposition: Exposition,
    next: i64,
}

impl Decoder {
    /// With the default configuration but for these keys.
    pub(crate) fn new(keys: &[(&'static str, &str)]) -> Self {
        let required = [
            ("event_hub.namespace", "contoso"),
            ("event_hub.names", "logs"),
            ("event_hub.consumer_group", "exporter"),
        ];
        let flag = |(key, value): &(&'static str, &str)| Flag {
            key,
            value: (*value).to_owned(),
            flag: "test",
        };
        let flags = required.iter().chain(keys).map(flag).collect();
        let config = config::load(Sources {
            file: None::<File>,
            environment: Vec::new(),
            flags,
        })
        .unwrap();
        let registry = Registry::new();
        let telemetry = Arc::new(Telemetry::new(&registry, "contoso"));
        Self {
            exposition: Exposition::new(&config.metrics, 1, registry, telemetry),
            next: 0,
        }
    }

    /// Applies one batch of events with these bodies, taken in at noon of 31 January 2026.
    pub(crate) fn apply(&mut self, bodies: impl IntoIterator<Item = Vec<u8>>) {
        let events = bodies.into_iter().map(|body| {
            let position = Position {
                sequence_number: self.next,
                offset: Some(self.next.to_string()),
            };
            self.next += 1;
            Event {
                position,
                enqueued_at: Some(datetime!(2026-01-31 12:00:00 UTC)),
                body,
            }
        });
        if let Some(batch) = Batch::new(PartitionId::new("logs", "0"), events.collect()) {
            pipeline::apply(&batch, &self.exposition);
        }
    }

    /// What would be stored for the next process.
    pub(crate) fn remembered(&self) -> String {
        let now = datetime!(2026-01-31 12:00:00 UTC);
        format!("{:?}", self.exposition.remembered(now))
    }

    /// The scrape, but for what tells of the process and its build.
    pub(crate) fn scrape(&self) -> String {
        let text = String::from_utf8(self.exposition.scrape().text()).unwrap();
        let of_the_process = |line: &str| {
            line.contains(" process_")
                || line.starts_with("process_")
                || line.contains("build_info")
        };
        text.lines()
            .filter(|line| !of_the_process(line))
            .fold(String::new(), |text, line| text + line + "\n")
    }
}
