//! The failure log: a line for each failed request and recording.
//!
//! It is the one place that names a call, by its correlation id, and the one that has a line for each record: it is off
//! unless `log.failures` is on.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::tally::shortened;

/// A request or a recording that failed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Failed<'a> {
    /// What the line says.
    pub message: &'static str,
    /// The ACS resource.
    pub resource: &'a str,
    /// The log that says so, by the name that its diagnostic setting has.
    pub category: &'static str,
    /// The operation; of a recording, its end reason.
    pub what: &'a str,
    /// The status; of a recording, its result type.
    pub result: &'a str,
    /// Why it counts as failed.
    pub reason: &'a str,
    /// When it was written.
    pub time: Option<OffsetDateTime>,
    /// The call.
    pub correlation_id: Option<&'a str>,
}

impl Failed<'_> {
    /// Writes the line.
    pub(crate) fn log(&self) {
        tracing::warn!(
            resource = shortened(self.resource),
            category = self.category,
            what = shortened(self.what),
            result = shortened(self.result),
            reason = self.reason,
            time = self.time.and_then(|time| time.format(&Rfc3339).ok()),
            correlation_id = self.correlation_id.map(shortened),
            "{}",
            self.message
        );
    }
}
