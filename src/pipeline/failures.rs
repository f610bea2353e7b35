//! The failure log: one line for each failed request and each failed recording.
//!
//! No other log line contains the ids of a call, which Microsoft's support asks for, and no other is written for each
//! record. So the failure log is off unless `log.failures` is on.

use time::format_description::well_known::Rfc3339;

use crate::acs::Observation;
use crate::telemetry::shortened;

/// Logs an observation, if it is a failure.
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
        correlation_id = observation.correlation_id.as_deref(),
        recording_id = details.recording_id.as_deref(),
        call_connection_id = details.call_connection_id.as_deref(),
        server_call_id = details.server_call_id.as_deref(),
        sub_code = details.sub_code.as_deref(),
        detail = details.message.as_deref(),
        "{}",
        failures.message
    );
}
