//! Why a recording ended, and which of the reasons are failures.
//!
//! The log's documentation names only `CallEnded`. The vocabulary is that of Microsoft's own SDK, `CallSessionEndReason`
//! and `ChunkEndReason` of azure-communication-callautomation
//! (<https://github.com/Azure/azure-rest-api-specs/pull/30865>): that `recordingEndReason` draws from them is
//! inferred from the value they share. No page sorts them: the classes below are read off the names, so an unknown
//! reason is never a failure by itself; then the result type decides.

use std::borrow::Cow;

use super::letters::letters;

/// The known reasons of which a recording ends because something broke, as the label `end_reason` writes them.
pub(super) const FAILING_REASONS: [&str; 17] = [
    "CallStartTimeout",
    "MediaTimeout",
    "AudioStreamFailure",
    "AllInstancesBusy",
    "TeamsTokenConversionFailed",
    "ReportCallStateFailed",
    "ReportCallStateFailedAndSessionMustBeDiscarded",
    "CouldNotRejoinCall",
    "InvalidBotData",
    "CouldNotStart",
    "AppHostedMediaFailureOutcomeWithError",
    "SpeechRecognitionSessionNonRetriableError",
    "SpeechRecognitionSessionRetriableErrorMaxRetryCountReached",
    "ChunkCreationFailed",
    "ProcessingTimeout",
    "TranscriptObjectCreationFailed",
    "ChunkUploadFailure", // of a chunk, should one ever stand in this field
];

/// The known reasons that are not failures by themselves.
pub(super) const OTHER_REASONS: [&str; 14] = [
    // Somebody wanted the end.
    "CallEnded",
    "InitiatorLeft",
    "HandedOverOrTransfered", // the SDK's spelling
    "AppHostedMediaFailureOutcomeGracefully",
    // A documented limit.
    "MaximumSessionTimeReached",
    // No end.
    "SessionStillOngoing",
    // Another recorder took over after a fault: the recording goes on, something may be missing.
    "HandedOverDueToMediaTimeout",
    "HandedOverDueToAudioStreamFailure",
    "HandedOverDueToChunkCreationFailure",
    "HandedOverDueToProcessingTimeout",
    // The reasons of a chunk, should one ever stand in this field.
    "SessionEnded",
    "ChunkMaximumSizeExceeded",
    "ChunkMaximumTimeExceeded",
    "ChunkIsBeingRecorded",
];

/// The value of the label `end_reason`. Case, blanks and punctuation do not matter: the API writes `callEnded` where the
/// log writes `CallEnded`.
pub(super) fn end_reason(sent: Cow<'_, str>) -> Cow<'_, str> {
    let known = find(&sent).or_else(|| match letters(&sent).as_str() {
        "handedoverortransferred" => find("HandedOverOrTransfered"), // should the SDK ever learn to spell
        word => find(word),
    });
    known.map_or(sent, Cow::Borrowed)
}

fn find(word: &str) -> Option<&'static str> {
    FAILING_REASONS
        .into_iter()
        .chain(OTHER_REASONS)
        .find(|known| known.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_reason_is_one_value_however_it_is_written() {
        #[track_caller]
        fn check(sent: &str, expected: &str) {
            assert_eq!(end_reason(sent.into()), expected);
        }
        check("callEnded", "CallEnded");
        check("MEDIATIMEOUT", "MediaTimeout");
        check(
            "Handed over, due to media timeout.",
            "HandedOverDueToMediaTimeout",
        );
        check("handedOverOrTransferred", "HandedOverOrTransfered");
        check("SolarFlare", "SolarFlare");
    }
}
