//! Call Recording operations: one record for each request to the Call Recording APIs.
//!
//! Category `CallRecordingOperational`, table `ACSCallRecordingIncomingOperations`
//! (<https://learn.microsoft.com/azure/communication-services/concepts/analytics/logs/recording-logs>).
//!
//! Not exported, since they are personal or unbounded: the caller's address, the ids, the URI (it names the recording).

use std::borrow::Cow;
use std::sync::LazyLock;

use time::OffsetDateTime;

use super::category::{Category, Common, Failures, TakeLabels, UNKNOWN, hashed};
use super::letters::letters;
use super::moves::{Moves, acs_families};
use super::outcome::{FAILED_TYPE, RESULT_TYPES, request_failure, result_type};
use super::schema::Schema;
use super::view::View;
use crate::family::LabelSet;

pub(super) static CATEGORY: Category = Category {
    name: "CallRecordingOperational",
    other_names: &["ACSCallRecordingIncomingOperations"],
    // The columns of the table that are not common to all, and those that the other operations of ACS have.
    schema: LazyLock::new(|| {
        Schema::of(&[
            "callConnectionId",
            "serverCallId",
            "sdkType",
            "sdkVersion",
            "subOperationName",
            "operationId",
        ])
    }),
    matches,
    own_time: Some("startTime"),
    identity,
    observe,
    families: FAMILIES,
    vocabularies: &[
        ("operation", &OPERATIONS),
        ("result_signature", &["200", "202", "204"]),
        ("result_signature", &FAILURE_STATUSES),
        RESULT_TYPES,
    ],
    failures: Some(Failures {
        family: OperationFailures::FAMILY,
        known: known_failures,
        message: "recording request failed",
        logged: ("operation", "result_signature"),
    }),
};

acs_families! {
    /// Requests to the Call Recording APIs, however they ended.
    Operations = Counter acs_recording_operations_total { resource, operation, result_type, result_signature };
    /// Requests to the Call Recording APIs that failed.
    OperationFailures = Counter acs_recording_operation_failures_total { resource, operation, result_signature, reason };
    /// How long ACS took to answer a request to the Call Recording APIs, in seconds.
    OperationDuration = Histogram acs_recording_operation_duration_seconds { resource, operation };
    /// Requests to the Call Recording APIs, by the SDK that sent them.
    SdkOperations = Counter acs_recording_sdk_operations_total { resource, sdk_type, sdk_version };
    /// Requests to the Call Recording APIs, by api-version.
    OperationVersions = Counter acs_recording_operation_versions_total { resource, operation_version };
}

/// The values of the label `operation` that are known: the routes of the Call Recording API.
const OPERATIONS: [&str; 7] = [
    "StartRecording",
    "StopRecording",
    "PauseRecording",
    "ResumeRecording",
    "GetRecording",
    "DownloadRecording",
    "DeleteRecording",
];

/// The failing values of the label `result_signature` that are known: the statuses that ACS lists for Call Automation
/// and Call Recording
/// (<https://learn.microsoft.com/azure/communication-services/resources/troubleshooting/voice-video-calling/troubleshooting-codes>).
const FAILURE_STATUSES: [&str; 20] = [
    "400", "401", "403", "404", "405", "406", "408", "409", "412", "413", "426", "429", "481",
    "487", "500", "501", "502", "503", "504", "603",
];

/// By its operation, or by what it asked for.
fn matches(view: &View<'_>) -> bool {
    let name = view.property("operationName").text();
    if name.is_some_and(|name| known_operation(&name).is_some()) {
        return true;
    }
    let uri = view.property("uri").text();
    uri.is_some_and(|uri| letters(&uri).contains("callingrecordings"))
        && ["serverCallId", "resultSignature"]
            .into_iter()
            .any(|name| view.property(name).text().is_some())
}

/// A request has no id of its own: it is the same if the call, the correlation, the operation and the time to its last
/// digit are.
fn identity(view: &View<'_>, time: Option<OffsetDateTime>) -> Option<u64> {
    Some(hashed((
        CATEGORY.name,
        view.property("correlationId").text()?,
        time?,
        view.property("operationName").text(),
        view.property("callConnectionId").text(),
        view.property("uri").text(),
    )))
}

fn observe<'a>(view: &View<'a>, common: &Common<'_, 'a>, moves: &mut Moves<'a>) {
    let resource = common.resource;
    let operation = &operation(view.property("operationName").label());
    let sent = view.property("resultSignature").label();
    let status = status(&sent);
    let result_signature = &signature(sent, status);
    let result_type = &result_type(view.property("resultType").label());
    let reason = request_failure(status, result_type)
        .filter(|_| common.rules.status_counts(status))
        .map(Cow::Borrowed);
    moves.count(Operations {
        resource,
        operation,
        result_type,
        result_signature,
    });
    if let Some(reason) = &reason {
        moves.count(OperationFailures {
            resource,
            operation,
            result_signature,
            reason,
        });
    }
    let duration_ms = view.property("durationMs").amount();
    moves.take(
        OperationDuration {
            resource,
            operation,
        },
        duration_ms.map(|ms| ms / 1000.0),
    );
    moves.count(SdkOperations {
        resource,
        sdk_type: &view.property("sdkType").label(),
        sdk_version: &view.property("sdkVersion").label(),
    });
    moves.count(OperationVersions {
        resource,
        operation_version: &view.property("operationVersion").label(),
    });
}

fn known_failures(resource: &str, known: &mut TakeLabels<'_>) {
    let statuses = FAILURE_STATUSES.map(|text| (text, status(text)));
    for operation in OPERATIONS {
        for (result_signature, status) in statuses.into_iter().chain([(UNKNOWN, None)]) {
            if let Some(reason) = request_failure(status, FAILED_TYPE) {
                let series = OperationFailures {
                    resource,
                    operation,
                    result_signature,
                    reason,
                };
                known(series.values().as_ref());
            }
        }
    }
}

/// The value of the label `operation`. The documentation prints `ResumeCallRecording`, its prose `ResumeRecording`,
/// the REST API `CallRecording_ResumeRecording` and `CallRecording_GetRecordingProperties`: all of these are one of
/// [`OPERATIONS`], and so they are with blanks between their words.
fn operation(sent: Cow<'_, str>) -> Cow<'_, str> {
    known_operation(&sent).map_or(sent, Cow::Borrowed)
}

fn known_operation(sent: &str) -> Option<&'static str> {
    let letters = letters(sent);
    let word = ["callrecording", "servercalls"]
        .into_iter()
        .find_map(|prefix| letters.strip_prefix(prefix))
        .unwrap_or(&letters);
    OPERATIONS.into_iter().find(|known| {
        let verb = known.trim_end_matches("Recording");
        word.split_at_checked(verb.len())
            .filter(|(word, _)| word.eq_ignore_ascii_case(verb))
            .map(|(_, rest)| rest.strip_prefix("call").unwrap_or(rest))
            .is_some_and(|rest| rest.starts_with("recording"))
    })
}

/// A status: a whole number in the range that ACS uses, however it is written (`202`, `"202"`, `202.0`).
fn status(text: &str) -> Option<u16> {
    let digits = text.strip_suffix(".0").unwrap_or(text);
    digits
        .parse()
        .ok()
        .filter(|status| (100..700).contains(status))
}

/// The value of the label `result_signature`: a status in decimal, else as sent.
fn signature(sent: Cow<'_, str>, status: Option<u16>) -> Cow<'_, str> {
    match status {
        Some(_) if sent.len() == "202".len() => sent,
        Some(status) => Cow::Owned(status.to_string()),
        None if sent == "-1" => Cow::Borrowed(UNKNOWN), // other services write it for "none"
        None => sent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_an_operation_is_one_value() {
        #[track_caller]
        fn check(sent: &str, expected: &str) {
            assert_eq!(operation(sent.into()), expected);
        }
        check("ResumeCallRecording", "ResumeRecording");
        check("resumerecording", "ResumeRecording");
        check("CallRecording_StartRecording", "StartRecording");
        check("CallRecording_GetRecordingProperties", "GetRecording");
        check("ServerCalls_StopRecording", "StopRecording");
        check("Pause Call Recording", "PauseRecording");
        check("start-recording", "StartRecording");
        check("Call Recording Summary", "Call Recording Summary");
        check("RestartRecording", "RestartRecording");
        check("Start", "Start");
    }

    #[test]
    fn a_status_is_read_however_it_is_written() {
        assert_eq!(status("202"), Some(202));
        assert_eq!(status("202.0"), Some(202));
        assert_eq!(status("0"), None);
        assert_eq!(status("Started."), None);
        assert_eq!(status("99999999999"), None);
    }
}
