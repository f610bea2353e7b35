//! Call Recording summaries: one record for each recording, once its file is ready.
//!
//! Category `CallRecordingSummary`, table `ACSCallRecordingSummary`
//! (<https://learn.microsoft.com/azure/communication-services/concepts/analytics/logs/recording-logs>).
//!
//! The ids are not exported: they are unbounded.

use std::borrow::Cow;
use std::sync::LazyLock;

use time::{Duration, OffsetDateTime};

use super::category::{Category, Common, Failures, TakeLabels, UNKNOWN, hashed};
use super::end_reason::{FAILING_REASONS, OTHER_REASONS, end_reason};
use super::letters::letters;
use super::moves::{Moves, acs_families};
use super::outcome::{FAILED, FAILED_TYPE, RESULT_TYPES, result_type};
use super::schema::Schema;
use super::view::View;
use crate::family::LabelSet;

pub(super) static CATEGORY: Category = Category {
    name: "CallRecordingSummary",
    // `RecordingSummaryPUBLICPREVIEW` and its like were the name before the feature was released.
    other_names: &[
        "RecordingSummary",
        "RecordingSummaryPRIVATEPREVIEW",
        "RecordingSummaryPUBLICPREVIEW",
        "ACSCallRecordingSummary",
    ],
    // The columns of the table that are not common to all.
    schema: LazyLock::new(|| {
        Schema::of(&[
            "recordingId",
            "recordingEndReason",
            "recordingStartTime",
            "recordingLength",
            "chunkCount",
            "contentType",
            "channelType",
            "formatType",
            "audioChannelsCount",
        ])
    }),
    matches,
    own_time: Some("startTime"),
    identity: |view, _| {
        Some(hashed((
            CATEGORY.name,
            view.property("recordingId").text()?,
        )))
    },
    observe,
    families: FAMILIES,
    vocabularies: &[
        ("end_reason", &FAILING_REASONS),
        ("end_reason", &OTHER_REASONS),
        ("content_type", &["audio_video", "audio", "transcription"]),
        ("channel_type", &["mixed", "unmixed"]),
        ("format_type", &["mp4", "mp3", "wav"]),
        RESULT_TYPES,
    ],
    failures: Some(Failures {
        family: RecordingFailures::FAMILY,
        known: known_failures,
        message: "recording failed",
        logged: ("end_reason", "result_type"),
    }),
};

acs_families! {
    /// Recordings that were reported, however they ended.
    Recordings = Counter acs_recordings_total {
        resource, result_type, end_reason, content_type, channel_type, format_type
    };
    /// Recordings that failed, or that ended because something broke.
    RecordingFailures = Counter acs_recording_failures_total { resource, end_reason, reason };
    /// How long recordings are, in seconds.
    RecordingLength = Histogram acs_recording_length_seconds { resource, format_type };
    /// Files that recordings were split into.
    RecordingChunks = Counter acs_recording_chunks_total { resource, format_type };
    /// How many audio channels recordings have.
    // ACS mixes to one channel, or keeps up to five speakers apart
    // (<https://learn.microsoft.com/azure/communication-services/concepts/voice-video-calling/call-recording>).
    RecordingAudioChannels = Histogram acs_recording_audio_channels { resource } buckets [1.0, 2.0, 3.0, 4.0, 5.0];
    /// From the end of a recording to the time of its summary, in seconds.
    RecordingReportDelay = Histogram acs_recording_report_delay_seconds { resource };
}

/// The label `reason` where the end reason is one of a failure, though the result type does not say so.
const ENDED_BADLY: &str = "ended_badly";

/// By its operation, or by what only summaries have.
fn matches(view: &View<'_>) -> bool {
    let name = view.property("operationName").text();
    name.is_some_and(|name| {
        ["recordingsummary", "callrecordingsummary"].contains(&letters(&name).as_str())
    }) || ["recordingEndReason", "recordingLength"]
        .into_iter()
        .any(|name| view.property(name).text().is_some())
}

fn observe<'a>(view: &View<'a>, common: &Common<'_, 'a>, moves: &mut Moves<'a>) {
    let resource = common.resource;
    let result_type = &result_type(view.property("resultType").label());
    let end_reason = &end_reason(view.property("recordingEndReason").label());
    let reason = if result_type == FAILED_TYPE {
        Some(FAILED)
    } else {
        let is_failure = common.rules.ended_badly(end_reason);
        is_failure.then_some(ENDED_BADLY)
    };
    let format_type = &view.property("formatType").label_in_lower_case();
    moves.count(Recordings {
        resource,
        result_type,
        end_reason,
        content_type: &content_type(view.property("contentType").label()),
        channel_type: &view.property("channelType").label_in_lower_case(),
        format_type,
    });
    if let Some(reason) = &reason.map(Cow::Borrowed) {
        moves.count(RecordingFailures {
            resource,
            end_reason,
            reason,
        });
    }
    let of_format = RecordingLength {
        resource,
        format_type,
    };
    let length = view.property("recordingLength").amount();
    moves.take(of_format, length);
    moves.take(
        RecordingChunks {
            resource,
            format_type,
        },
        view.property("chunkCount").amount(),
    );
    moves.take(
        RecordingAudioChannels { resource },
        view.property("audioChannelsCount").amount(),
    );
    let started_at = view.property("recordingStartTime").instant();
    moves.take(
        RecordingReportDelay { resource },
        report_delay(started_at, length, common.time),
    );
}

fn known_failures(resource: &str, known: &mut TakeLabels<'_>) {
    let mut known = |end_reason, reason| {
        let series = RecordingFailures {
            resource,
            end_reason,
            reason,
        };
        known(series.values().as_ref());
    };
    for end_reason in FAILING_REASONS {
        known(end_reason, FAILED);
        known(end_reason, ENDED_BADLY);
    }
    for end_reason in OTHER_REASONS.into_iter().chain([UNKNOWN]) {
        known(end_reason, FAILED);
    }
}

/// The value of the label `content_type`. The log writes `Audio - Video`, the API `audioVideo`: blanks, case and
/// punctuation do not matter.
fn content_type(sent: Cow<'_, str>) -> Cow<'_, str> {
    match letters(&sent).as_str() {
        "audiovideo" => Cow::Borrowed("audio_video"),
        "audio" | "audioonly" => Cow::Borrowed("audio"),
        "transcription" => Cow::Borrowed("transcription"),
        _ => sent,
    }
}

/// From the end of a recording (start plus length) to the time of its summary, in seconds.
fn report_delay(
    started_at: Option<OffsetDateTime>,
    length: Option<f64>,
    reported_at: Option<OffsetDateTime>,
) -> Option<f64> {
    let length = Duration::checked_seconds_f64(length?)?;
    let ended_at = started_at?.checked_add(length)?;
    Some((reported_at? - ended_at).as_seconds_f64().max(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_content_type_is_one_value() {
        #[track_caller]
        fn check(sent: &str, expected: &str) {
            assert_eq!(content_type(sent.into()), expected);
        }
        check("Audio - Video", "audio_video");
        check("audioVideo", "audio_video");
        check("audio/video", "audio_video");
        check("Audio Only", "audio");
        check("audio-only", "audio");
        check("Audio", "audio");
        check("Transcription", "transcription");
        check("Hologram", "Hologram");
    }
}
