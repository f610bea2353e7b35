//! Call Recording operations: one record for each request to the Call Recording APIs.
//!
//! Category `CallRecordingOperational`, table `ACSCallRecordingIncomingOperations`
//! (<https://learn.microsoft.com/azure/communication-services/concepts/analytics/logs/recording-logs>).

use std::borrow::Cow;
use std::sync::LazyLock;

use super::outcome::{FailureReason, ResultType};
use super::rules::FailureRules;
use super::schema::Schema;
use super::view::View;
use super::vocabulary::letters;
use super::{Moves, UNKNOWN};

/// The record, property by property.
///
/// Not exported, since they are personal or unbounded: the caller's address, the ids, the URI (it carries the
/// recording's id).
#[derive(Clone, Debug)]
pub struct Operation<'a> {
    /// `operationName`, as sent.
    pub operation_name: Option<Cow<'a, str>>,
    /// `operationVersion`: the api-version of the request.
    pub operation_version: Option<Cow<'a, str>>,
    /// `resultType`: how the request ended.
    pub result_type: Option<Cow<'a, str>>,
    /// `resultSignature`: the HTTP status, as a number or as text.
    pub result_signature: Option<Cow<'a, str>>,
    /// `durationMs`: how long ACS took to answer, in milliseconds.
    pub duration_ms: Option<f64>,
    /// `sdkType`: the kind of SDK that the caller used.
    pub sdk_type: Option<Cow<'a, str>>,
    /// `sdkVersion`: and its version.
    pub sdk_version: Option<Cow<'a, str>>,
    /// `correlationId`: joins records of different logs.
    pub correlation_id: Option<Cow<'a, str>>,
    /// `callConnectionId`: the leg of the call.
    pub call_connection_id: Option<Cow<'a, str>>,
    /// `serverCallId`: the call.
    pub server_call_id: Option<Cow<'a, str>>,
    /// `callerIpAddress`: who asked.
    pub caller_ip_address: Option<Cow<'a, str>>,
    /// `uri`: what was asked for.
    pub uri: Option<Cow<'a, str>>,
}

/// What a record of an operation moves.
#[derive(Clone, Debug, PartialEq)]
pub struct OperationMoves<'a> {
    /// One of [`OPERATIONS`], else as sent.
    pub operation: Cow<'a, str>,
    /// `Succeeded`, `Failed`, else as sent.
    pub result_type: Cow<'a, str>,
    /// The HTTP status in decimal, else as sent.
    pub result_signature: Cow<'a, str>,
    /// Why it failed, if it did.
    pub failure: Option<FailureReason>,
    /// How long ACS took, in seconds.
    pub duration_seconds: Option<f64>,
    /// As sent.
    pub sdk_type: Cow<'a, str>,
    /// As sent.
    pub sdk_version: Cow<'a, str>,
    /// As sent.
    pub operation_version: Cow<'a, str>,
}

/// The values of the label `operation` that are known: the routes of the Call Recording API.
pub(crate) const OPERATIONS: [&str; 7] = [
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
pub(crate) const FAILURE_STATUSES: [u16; 20] = [
    400, 401, 403, 404, 405, 406, 408, 409, 412, 413, 426, 429, 481, 487, 500, 501, 502, 503, 504,
    603,
];

/// The columns of the table that are not common to all, and those that the other operations of ACS have.
pub(super) static SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
    Schema::of(&[
        "callConnectionId",
        "serverCallId",
        "sdkType",
        "sdkVersion",
        "subOperationName",
        "operationId",
    ])
});

/// Whether a record that has no category is one of these: by its operation, or by what it asked for.
pub(super) fn looks_like_one(view: &View<'_>) -> bool {
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

pub(super) fn read<'a>(view: &View<'a>) -> Operation<'a> {
    Operation {
        operation_name: view.property("operationName").text(),
        operation_version: view.property("operationVersion").text(),
        result_type: view.property("resultType").text(),
        result_signature: view.property("resultSignature").text(),
        duration_ms: view.property("durationMs").amount(),
        sdk_type: view.property("sdkType").text(),
        sdk_version: view.property("sdkVersion").text(),
        correlation_id: view.property("correlationId").text(),
        call_connection_id: view.property("callConnectionId").text(),
        server_call_id: view.property("serverCallId").text(),
        caller_ip_address: view.property("callerIpAddress").text(),
        uri: view.property("uri").text(),
    }
}

pub(super) fn observe<'a>(operation: &Operation<'a>, rules: &FailureRules) -> Moves<'a> {
    let or_unknown = |text: &Option<Cow<'a, str>>| text.clone().unwrap_or(Cow::Borrowed(UNKNOWN));
    let result_type = ResultType::parse(operation.result_type.clone());
    let status = operation.result_signature.as_deref().and_then(status);
    Moves::Operation(OperationMoves {
        operation: operation
            .operation_name
            .clone()
            .map_or(Cow::Borrowed(UNKNOWN), name),
        failure: FailureReason::of_operation(status, &result_type)
            .filter(|_| rules.status_counts(status)),
        result_type: result_type.label(),
        result_signature: match status {
            Some(status) => Cow::Owned(status.to_string()),
            None => match operation.result_signature.as_deref() {
                Some("-1") => Cow::Borrowed(UNKNOWN), // other services write it for "none"
                _ => or_unknown(&operation.result_signature),
            },
        },
        duration_seconds: operation.duration_ms.map(|ms| ms / 1000.0),
        sdk_type: or_unknown(&operation.sdk_type),
        sdk_version: or_unknown(&operation.sdk_version),
        operation_version: or_unknown(&operation.operation_version),
    })
}

/// The value of the label `operation`. The documentation prints `ResumeCallRecording`, its prose `ResumeRecording`,
/// the REST API `CallRecording_ResumeRecording` and `CallRecording_GetRecordingProperties`: all of these are one of
/// [`OPERATIONS`], and so they are with blanks between their words.
fn name(sent: Cow<'_, str>) -> Cow<'_, str> {
    known_operation(&sent).map_or(sent, Cow::Borrowed)
}

fn known_operation(sent: &str) -> Option<&'static str> {
    let letters = letters(sent);
    let word = ["callrecording", "servercalls"]
        .into_iter()
        .find_map(|prefix| letters.strip_prefix(prefix))
        .unwrap_or(&letters);
    OPERATIONS.into_iter().find(|known| {
        let verb = known.trim_end_matches("Recording").to_ascii_lowercase();
        word.strip_prefix(&verb)
            .map(|rest| rest.strip_prefix("call").unwrap_or(rest))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_an_operation_is_one_value() {
        #[track_caller]
        fn check(sent: &str, expected: &str) {
            assert_eq!(name(sent.into()), expected);
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
    fn a_status_is_told_however_it_is_written() {
        assert_eq!(status("202"), Some(202));
        assert_eq!(status("202.0"), Some(202));
        assert_eq!(status("0"), None);
        assert_eq!(status("Started."), None);
        assert_eq!(status("99999999999"), None);
    }
}
