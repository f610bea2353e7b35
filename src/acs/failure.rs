//! The tables of what counts as a failure, and nothing else. `docs/failures.md` has the same tables, and a test compares
//! them. [`rules`](super::rules) applies them.
//!
//! Result types: Azure Monitor's common schema names `Started`, `In Progress`, `Succeeded`, `Failed`, `Active` and
//! `Resolved` (<https://learn.microsoft.com/azure/azure-monitor/platform/resource-logs-schema>). Microsoft's own error
//! query for Call Recording filters by `Failure`
//! (<https://learn.microsoft.com/azure/azure-monitor/reference/queries/acscallrecordingincomingoperations>).
//! Statuses: <https://learn.microsoft.com/azure/communication-services/resources/troubleshooting/voice-video-calling/troubleshooting-codes>.
//!
//! End reasons: the log's documentation names only `CallEnded`. The vocabulary is that of Microsoft's own SDK,
//! `CallSessionEndReason` and `ChunkEndReason` of azure-communication-callautomation
//! (<https://github.com/Azure/azure-rest-api-specs/pull/30865>). The exporter assumes that `recordingEndReason` uses this
//! vocabulary, since both contain `CallEnded`. No page explains the values: their meanings are inferred from their names.

/// The meaning of a result type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Says {
    /// The request or the recording succeeded.
    Success,
    /// It has not failed so far.
    NoFailure,
    /// It failed. Contains the label `reason`, which is used if the status gives none.
    Failure(&'static str),
}

use Says::{Failure, NoFailure, Success};

impl Says {
    /// The label `reason`, if the result type is a failure.
    pub(super) fn reason(self) -> Option<&'static str> {
        match self {
            Success | NoFailure => None,
            Failure(reason) => Some(reason),
        }
    }
}

/// The values of the label `reason`.
pub(super) const FAILED: &str = "failed";
const THROTTLED: &str = "throttled";
const CLIENT_ERROR: &str = "client_error";
const SERVER_ERROR: &str = "server_error";
const CONFLICT: &str = "conflict";
pub(super) const ENDED_BADLY: &str = "ended_badly";
pub(super) const EMPTY: &str = "empty";

/// The label of the result type of a success.
pub(super) const SUCCEEDED: &str = "Succeeded";

/// Result types: the meaning of each, its value of the label `result_type`, and the other words for it. A word that is not
/// here has no meaning, and counts as drift.
pub(super) const RESULT_TYPES: [(Says, &str); 13] = [
    (
        Success,
        "Succeeded, Succeed, Success, Successful, Completed, Complete, OK, 0",
    ),
    (NoFailure, "Started, Start"),
    (NoFailure, "In Progress, Running, Pending, Accepted"),
    (NoFailure, "Active"),
    (NoFailure, "Resolved"),
    (
        Failure(FAILED),
        "Failed, Fail, Failure, Error, Errored, Exception, Faulted, Unsuccessful",
    ),
    (Failure(FAILED), "Canceled, Cancel, Cancelled, Cancellation"),
    (
        Failure(FAILED),
        "Aborted, Abort, Crashed, Interrupted, Terminated",
    ),
    (
        Failure(FAILED),
        "Rejected, Reject, Declined, Denied, Refused",
    ),
    (
        Failure(FAILED),
        "Timeout, Timed out, Deadline exceeded, Expired",
    ),
    (
        Failure(THROTTLED),
        "Throttled, Throttle, Throttling, Too many requests, Rate limited, Rate limit exceeded",
    ),
    (
        Failure(CLIENT_ERROR),
        "ClientError, Bad request, Unauthorized, Forbidden",
    ),
    (
        Failure(SERVER_ERROR),
        "ServerError, Internal server error, Service unavailable",
    ),
];

/// The words of a row, its label first.
pub(super) fn words(row: &'static str) -> impl Iterator<Item = &'static str> {
    row.split(", ")
}

/// The label of a row.
pub(super) fn label(row: &'static str) -> &'static str {
    words(row).next().unwrap_or_default()
}

/// The levels that mean a failure. They decide only if there is neither a status nor a known result type.
pub(super) const FAILING_LEVELS: [&str; 2] = ["Error", "Critical"];

/// Answers that are not failures, whatever the result type: at the end of a call, a recording has often ended, or no longer
/// exists, before the request reaches it. The format is that of the key `failures.routine`.
pub(crate) const ROUTINE: &str = "StopRecording=404,409,412;PauseRecording=404,409,412;\
    ResumeRecording=404,409,412;GetRecording=404,409,412;DeleteRecording=404";

/// The statuses of the API's answers to requests that went well.
pub(super) const SUCCESSFUL_STATUSES: [&str; 3] = ["200", "202", "204"];

/// The failing statuses that ACS lists for Call Automation and Call Recording, and the phrase for each.
pub(super) const FAILING_STATUSES: [(&str, &str); 20] = [
    ("400", "BadRequest"),
    ("401", "Unauthorized"),
    ("403", "Forbidden"),
    ("404", "NotFound"),
    ("405", "MethodNotAllowed"),
    ("406", "NotAcceptable"),
    ("408", "RequestTimeout"),
    ("409", "Conflict"),
    ("412", "PreconditionFailed"),
    ("413", "TooLarge"),
    ("426", "UpgradeRequired"),
    ("429", "TooManyRequests"),
    ("481", "DoesNotExist"),
    ("487", "RequestTerminated"),
    ("500", "InternalServerError"),
    ("501", "NotImplemented"),
    ("502", "BadGateway"),
    ("503", "ServiceUnavailable"),
    ("504", "GatewayTimeout"),
    ("603", "Decline"),
];

/// The label `reason` of an answer with this status; `None` if it is not a failure.
///
/// ACS refuses a start with 409 if the call is recorded already (sub codes 8553 and 8571), or because of a conflict of
/// another kind (8519). 603 belongs to no class of HTTP statuses.
pub(super) fn of_status(operation: &str, status: u16) -> Option<&'static str> {
    match status {
        409 if operation == "StartRecording" => Some(CONFLICT),
        429 => Some(THROTTLED),
        400..=499 => Some(CLIENT_ERROR),
        500..=599 => Some(SERVER_ERROR),
        600..=699 => Some(FAILED),
        _ => None,
    }
}

/// What an end reason means. A failure is [`End::Broke`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Somebody wanted the end.
    Wanted,
    /// A documented limit was reached.
    Limit,
    /// The recording continues.
    GoesOn,
    /// Another recorder took over: the recording continues, but a part may be missing.
    HandedOver,
    /// Something broke.
    Broke,
}

use End::{Broke, GoesOn, HandedOver, Limit, Wanted};

/// The end reason of most recordings, and the only one that the log's documentation names.
pub(super) const CALL_ENDED: &str = "CallEnded";

/// End reasons, spelled as in the label `end_reason`, and their meanings.
pub(super) const END_REASONS: [(&str, End); 31] = [
    (CALL_ENDED, Wanted),
    ("InitiatorLeft", Wanted),
    ("HandedOverOrTransfered", Wanted), // the SDK's spelling
    ("AppHostedMediaFailureOutcomeGracefully", Wanted),
    ("MaximumSessionTimeReached", Limit),
    ("SessionStillOngoing", GoesOn),
    ("HandedOverDueToMediaTimeout", HandedOver),
    ("HandedOverDueToAudioStreamFailure", HandedOver),
    ("HandedOverDueToChunkCreationFailure", HandedOver),
    ("HandedOverDueToProcessingTimeout", HandedOver),
    ("CallStartTimeout", Broke),
    ("MediaTimeout", Broke),
    ("AudioStreamFailure", Broke),
    ("AllInstancesBusy", Broke),
    ("TeamsTokenConversionFailed", Broke),
    ("ReportCallStateFailed", Broke),
    ("ReportCallStateFailedAndSessionMustBeDiscarded", Broke),
    ("CouldNotRejoinCall", Broke),
    ("InvalidBotData", Broke),
    ("CouldNotStart", Broke),
    ("AppHostedMediaFailureOutcomeWithError", Broke),
    ("SpeechRecognitionSessionNonRetriableError", Broke),
    (
        "SpeechRecognitionSessionRetriableErrorMaxRetryCountReached",
        Broke,
    ),
    ("ChunkCreationFailed", Broke),
    ("ProcessingTimeout", Broke),
    ("TranscriptObjectCreationFailed", Broke),
    // The end reasons of chunks, in case this field ever contains one.
    ("SessionEnded", Wanted),
    ("ChunkMaximumSizeExceeded", Limit),
    ("ChunkMaximumTimeExceeded", Limit),
    ("ChunkIsBeingRecorded", GoesOn),
    ("ChunkUploadFailure", Broke),
];

/// An unknown end reason means that another recorder took over if it begins with this.
pub(super) const HANDED_OVER: &str = "HandedOver";

/// An unknown result type or end reason is a failure if it contains one of these, unless one of the [`NEGATIONS`] stands
/// directly before it.
pub(super) const FAILING_WORDS: [&str; 12] = [
    "fail",
    "error",
    "timeout",
    "timedout",
    "exception",
    "crash",
    "cancel",
    "abort",
    "reject",
    "denied",
    "throttl",
    "unavailable",
];

/// Words that reverse the next one: `NoError`, `CompletedWithoutErrors`.
pub(super) const NEGATIONS: [&str; 2] = ["no", "without"];

#[cfg(test)]
mod tests {
    use super::*;

    /// The page of the documentation has every row of these tables.
    #[test]
    fn the_documentation_has_the_tables() {
        let page = include_str!("../../docs/failures.md");
        let code = |word: &str| format!("`{word}`");
        let codes = |words: &[&str]| {
            words
                .iter()
                .map(|word| code(word))
                .collect::<Vec<_>>()
                .join(", ")
        };
        let said = |says| match says {
            Success => "success".to_owned(),
            NoFailure => "no failure so far".to_owned(),
            Failure(reason) => format!("failure, {}", code(reason)),
        };
        let result_types = RESULT_TYPES.map(|(says, row)| {
            let others: Vec<_> = words(row).skip(1).collect();
            [code(label(row)), codes(&others), said(says)].join(" | ")
        });
        let end_reasons = [
            (Wanted, "somebody wanted the end", "only if empty"),
            (Limit, "a limit was reached", "only if empty"),
            (GoesOn, "it goes on", "no"),
            (HandedOver, "another recorder took over", "no"),
            (Broke, "something broke", "yes, `ended_badly`"),
        ]
        .map(|(end, means, is_failure)| {
            let reasons = END_REASONS.iter().filter(|(_, other)| *other == end);
            let reasons: Vec<_> = reasons.map(|(reason, _)| *reason).collect();
            [means.to_owned(), codes(&reasons), is_failure.to_owned()].join(" | ")
        });
        let routine = ROUTINE.split(';').map(|answers| {
            let (operation, statuses) = answers.split_once('=').unwrap();
            let statuses: Vec<_> = statuses.split(',').collect();
            format!("{} | {}", code(operation), statuses.join(", "))
        });
        let rows = result_types.into_iter().chain(end_reasons).chain(routine);
        let rows: Vec<_> = rows.map(|row| format!("| {row} |")).collect();
        let documented: Vec<_> = page
            .lines()
            .filter(|line| line.starts_with("| ") && !line.starts_with("| -"))
            .collect();
        for row in &rows {
            assert!(
                documented.contains(&row.as_str()),
                "docs/failures.md lacks\n{row}"
            );
        }
        let statuses = FAILING_STATUSES.map(|(_, phrase)| phrase);
        for words in [
            codes(&statuses),
            codes(&FAILING_WORDS),
            codes(&FAILING_LEVELS),
            codes(&NEGATIONS),
        ] {
            assert!(page.contains(&words), "docs/failures.md lacks {words}");
        }
    }
}
