//! Why a recording ended, and which of the reasons are failures.
//!
//! The log's documentation names only `CallEnded`. The vocabulary is that of Microsoft's own SDK, `CallSessionEndReason`
//! and `ChunkEndReason` of azure-communication-callautomation
//! (<https://github.com/Azure/azure-rest-api-specs/pull/30865>): that `recordingEndReason` draws from them is
//! inferred from the value they share. No page sorts them: the classes below are read off the names, so an unknown
//! reason is never a failure by itself; then the result type decides.

use std::borrow::Cow;

use super::vocabulary::letters;

/// What a reason says about the recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndClass {
    /// It ended as somebody wanted.
    Normal,
    /// It was cut off by a documented limit.
    Limit,
    /// It has not ended.
    Ongoing,
    /// Another recorder took over after a fault: the recording goes on, something may be missing.
    Degraded,
    /// It ended because something broke.
    Failure,
}

use EndClass::{Degraded, Failure, Limit, Normal, Ongoing};

/// Every reason known, as the label `end_reason` writes it, and its class.
pub(crate) const END_REASONS: [(&str, EndClass); 31] = [
    ("CallEnded", Normal),
    ("InitiatorLeft", Normal),
    ("HandedOverOrTransfered", Normal), // the SDK's spelling
    ("AppHostedMediaFailureOutcomeGracefully", Normal),
    ("MaximumSessionTimeReached", Limit),
    ("SessionStillOngoing", Ongoing),
    ("HandedOverDueToMediaTimeout", Degraded),
    ("HandedOverDueToAudioStreamFailure", Degraded),
    ("HandedOverDueToChunkCreationFailure", Degraded),
    ("HandedOverDueToProcessingTimeout", Degraded),
    ("CallStartTimeout", Failure),
    ("MediaTimeout", Failure),
    ("AudioStreamFailure", Failure),
    ("AllInstancesBusy", Failure),
    ("TeamsTokenConversionFailed", Failure),
    ("ReportCallStateFailed", Failure),
    ("ReportCallStateFailedAndSessionMustBeDiscarded", Failure),
    ("CouldNotRejoinCall", Failure),
    ("InvalidBotData", Failure),
    ("CouldNotStart", Failure),
    ("AppHostedMediaFailureOutcomeWithError", Failure),
    ("SpeechRecognitionSessionNonRetriableError", Failure),
    (
        "SpeechRecognitionSessionRetriableErrorMaxRetryCountReached",
        Failure,
    ),
    ("ChunkCreationFailed", Failure),
    ("ProcessingTimeout", Failure),
    ("TranscriptObjectCreationFailed", Failure),
    // The reasons of a chunk, should one ever stand in this field.
    ("SessionEnded", Normal),
    ("ChunkMaximumSizeExceeded", Normal),
    ("ChunkMaximumTimeExceeded", Normal),
    ("ChunkIsBeingRecorded", Ongoing),
    ("ChunkUploadFailure", Failure),
];

/// The value of the label `end_reason`, and the reason's class if it is known. Case, blanks and punctuation do not
/// matter: the API writes `callEnded` where the log writes `CallEnded`.
pub(super) fn end_reason(text: Cow<'_, str>) -> (Cow<'_, str>, Option<EndClass>) {
    let known = find(&text).or_else(|| match letters(&text).as_str() {
        "handedoverortransferred" => find("HandedOverOrTransfered"), // should the SDK ever learn to spell
        word => find(word),
    });
    match known {
        Some((known, class)) => (Cow::Borrowed(*known), Some(*class)),
        None => (text, None),
    }
}

fn find(word: &str) -> Option<&'static (&'static str, EndClass)> {
    END_REASONS
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_reason_is_told_in_any_case() {
        assert_eq!(
            end_reason("callEnded".into()),
            ("CallEnded".into(), Some(Normal))
        );
        assert_eq!(
            end_reason("MEDIATIMEOUT".into()),
            ("MediaTimeout".into(), Some(Failure))
        );
        assert_eq!(
            end_reason("Handed over, due to media timeout.".into()),
            ("HandedOverDueToMediaTimeout".into(), Some(Degraded))
        );
        assert_eq!(
            end_reason("handedOverOrTransferred".into()),
            ("HandedOverOrTransfered".into(), Some(Normal))
        );
    }

    #[test]
    fn an_unknown_reason_is_kept_as_sent() {
        assert_eq!(end_reason("SolarFlare".into()), ("SolarFlare".into(), None));
    }
}
