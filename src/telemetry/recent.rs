//! The last lines of the log, for the page at `/`.
//!
//! They are the lines of this crate at `info` and above, whatever `log.level` says, with the same words and the same
//! fields: what is kept out of the log is kept out of these too. The failure log has ids of calls, so it is left out.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use serde::Serialize;
use time::OffsetDateTime;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::Context;

/// An incident has tens of changes; a start with a hundred partitions has a line for each.
const LINES_MAX: usize = 200;

/// Enough for an error with its causes. With [`LINES_MAX`] and a handful of fields, all lines together stay below 1 MB.
const CHARACTERS_MAX: usize = 600;

/// The last lines of the log. A clone shares them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recent(Arc<Mutex<VecDeque<Line>>>);

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Line {
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// `info`, `warn` or `error`.
    pub level: String,
    pub message: String,
    /// What the line is about, such as `partition`, and why, such as `cause` and `error`.
    pub fields: BTreeMap<&'static str, String>,
}

/// Which lines are remembered.
pub(super) fn shown() -> Targets {
    Targets::new()
        .with_target("acs_recording_exporter", LevelFilter::INFO)
        .with_target(
            "acs_recording_exporter::pipeline::failures",
            LevelFilter::OFF,
        )
}

impl Recent {
    /// The lines, latest first.
    pub(crate) fn lines(&self) -> Vec<Line> {
        self.0.lock().iter().rev().cloned().collect()
    }

    fn push(&self, line: Line) {
        let mut lines = self.0.lock();
        if lines.len() == LINES_MAX {
            lines.pop_front();
        }
        lines.push_back(line);
    }
}

impl<S: Subscriber> Layer<S> for Recent {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut line = Line {
            at: OffsetDateTime::now_utc().truncate_to_second(),
            level: event.metadata().level().to_string().to_ascii_lowercase(),
            message: String::new(),
            fields: BTreeMap::new(),
        };
        event.record(&mut line);
        self.push(line);
    }
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        let value = value.chars().take(CHARACTERS_MAX).collect();
        if field.name() == "message" {
            self.message = value;
        } else {
            self.fields.insert(field.name(), value);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[test]
    fn the_last_lines_are_kept_latest_first_and_none_of_the_failure_log() {
        let recent = Recent::default();
        let log = tracing_subscriber::registry().with(recent.clone().with_filter(shown()));
        tracing::subscriber::with_default(log, || {
            for number in 0..1000 {
                tracing::warn!(
                    number,
                    partition = "0",
                    error = "e".repeat(5000),
                    "receiver failed"
                );
            }
            tracing::debug!("not shown");
            tracing::info!(target: "acs_recording_exporter::pipeline::failures", correlation_id = "c", "failed");
            tracing::error!(target: "azure_core", "token");
            tracing::info!("stopping");
        });
        let lines = recent.lines();
        let [last, before, ..] = lines.as_slice() else {
            panic!("{lines:?}")
        };
        assert_eq!(lines.len(), LINES_MAX);
        assert_eq!(
            (last.level.as_str(), last.message.as_str()),
            ("info", "stopping")
        );
        assert_eq!(before.message, "receiver failed");
        assert_eq!(before.fields["number"], "999");
        assert_eq!(before.fields["error"].len(), CHARACTERS_MAX);
    }
}
