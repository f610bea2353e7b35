//! The failure log: a line for each failed request and recording.
//!
//! It is the one place that names a call, by the ids that support asks for, and the one that has a line for each record: it
//! is off unless `log.failures` is on.

use time::format_description::well_known::Rfc3339;

use crate::acs::Observation;
use crate::telemetry::shortened;

/// Writes the line of an observation, if it is of a failure.
pub(super) fn log(observation: &Observation<'_>) {
    let Some(failures) = observation.failure() else {
        return;
    };
    let (what, result) = failures.logged;
    let details = observation.details.clone().unwrap_or_default();
    let label = |name| shortened(observation.moves.label(name));
    tracing::warn!(
        resource = shortened(observation.resource()),
        category = observation.category.name,
        what = label(what),
        result = label(result),
        reason = label("reason"),
        time = observation.time.and_then(|time| time.format(&Rfc3339).ok()),
        correlation_id = details.correlation_id.as_deref(),
        recording_id = details.recording_id.as_deref(),
        call_connection_id = details.call_connection_id.as_deref(),
        server_call_id = details.server_call_id.as_deref(),
        sub_code = details.sub_code.as_deref(),
        detail = details.message.as_deref(),
        "{}",
        failures.message
    );
}
