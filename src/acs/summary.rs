//! Call Recording summaries: one record for each recording, once its file is ready.
//!
//! Category `CallRecordingSummary`, table `ACSCallRecordingSummary`
//! (<https://learn.microsoft.com/azure/communication-services/concepts/analytics/logs/recording-logs>).
//!
//! The ids are not exported: they are unbounded.

use std::borrow::Cow;
use std::sync::LazyLock;

use time::{Duration, OffsetDateTime};

use super::category::{AtZero, Category, Common, Failures, UNKNOWN};
use super::failure::{
    CALL_ENDED, EMPTY, END_REASONS, ENDED_BADLY, End, FAILED, RESULT_TYPES, SUCCEEDED, label,
};
use super::letters::{contains, letters};
use super::moves::{Moves, acs_families};
use super::rules::{FailureRules, of_recording};
use super::schema::{Form, Schema};
use super::view::View;

pub(super) static CATEGORY: Category = Category {
    name: "CallRecordingSummary",
    table: "ACSCallRecordingSummary",
    // The names from before the feature was released.
    other_names: &[
        "RecordingSummary",
        "RecordingSummaryPRIVATEPREVIEW",
        "RecordingSummaryPUBLICPREVIEW",
    ],
    // The columns of the table that are not common to all logs.
    schema: LazyLock::new(|| {
        Schema::of(&[
            (
                Form::Text,
                &[
                    "channelType",
                    "contentType",
                    "formatType",
                    "recordingEndReason",
                    "recordingId",
                ],
            ),
            (Form::Amount, &["audioChannelsCount", "chunkCount"]),
            (Form::Length, &["recordingLength"]),
            (Form::Time, &["recordingStartTime", "startTime"]),
        ])
    }),
    matches,
    own_time: Some("startTime"),
    id: "recordingId",
    observe,
    families: FAMILIES,
    vocabularies: &[
        ("end_reason", || {
            END_REASONS.map(|(end_reason, _)| end_reason).to_vec()
        }),
        ("content_type", || {
            vec!["audio_video", "audio", "transcription"]
        }),
        ("channel_type", || CHANNEL_TYPES.to_vec()),
        ("format_type", || FORMAT_TYPES.to_vec()),
        ("result_type", || {
            RESULT_TYPES.map(|(_, row)| label(row)).to_vec()
        }),
    ],
    known,
    failures: Some(Failures {
        family: RecordingFailures::FAMILY,
        message: "recording failed",
        logged: ("end_reason", "result_type"),
    }),
};

acs_families! {
    /// Recordings that ACS reported, including failed ones.
    Recordings = Counter acs_recordings_total {
        resource, result_type, end_reason, content_type, channel_type, format_type
    };
    /// Recordings that failed, that ended because something broke, or that are empty, by reason.
    RecordingFailures = Counter acs_recording_failures_total { resource, end_reason, reason };
    /// How long recordings are, in seconds.
    RecordingLength = Histogram acs_recording_length_seconds { resource, format_type };
    /// Files that recordings were split into.
    RecordingChunks = Counter acs_recording_chunks_total { resource, format_type };
    /// How many audio channels recordings have.
    // ACS mixes to one channel, or keeps up to five speakers apart
    // (<https://learn.microsoft.com/azure/communication-services/concepts/voice-video-calling/call-recording>).
    RecordingAudioChannels = Histogram acs_recording_audio_channels { resource } buckets [1.0, 2.0, 3.0, 4.0, 5.0];
    /// Delay from the end of a recording to the time of its summary record, in seconds.
    RecordingReportDelay = Histogram acs_recording_report_delay_seconds { resource };
}

const CHANNEL_TYPES: [&str; 2] = ["mixed", "unmixed"];

const FORMAT_TYPES: [&str; 3] = ["mp4", "mp3", "wav"];

/// What ACS records: content, channels and format
/// (<https://learn.microsoft.com/azure/communication-services/concepts/voice-video-calling/call-recording>).
const RECORDED: [(&str, &str, &str); 4] = [
    ("audio_video", "mixed", "mp4"),
    ("audio", "mixed", "mp3"),
    ("audio", "mixed", "wav"),
    ("audio", "unmixed", "wav"),
];

/// Recognises a record by its operation, or by a property that only summaries have.
fn matches(view: &View<'_>) -> bool {
    let has = |name: &&str| view.property(name).text().is_some();
    let name = view.property("operationName").text();
    name.is_some_and(|name| contains(&letters(&name), "recordingsummary"))
        || ["recordingEndReason", "recordingLength"].iter().any(has)
        || has(&"recordingId") && ["chunkCount", "formatType", "channelType"].iter().any(has)
}

fn observe<'a>(view: &View<'a>, common: &Common<'_, 'a>, moves: &mut Moves<'a>) {
    let resource = common.resource;
    let rules = common.rules;
    let (result_type, says) = &rules.worst_result_type(view.property("resultType"));
    let (end_reason, end) = &rules.worst_end_reason(view.property("recordingEndReason"));
    let length = view.property("recordingLength").length();
    let chunks = view.property("chunkCount").amount();
    let is_empty = [length, chunks].contains(&Some(0.0));
    let reason = of_recording(*says, *end, is_empty, common.level);
    let format_type = &view.property("formatType").label_of(FORMAT_TYPES);
    moves.count(Recordings {
        resource,
        result_type,
        end_reason,
        content_type: &content_type(view.property("contentType").label()),
        channel_type: &view.property("channelType").label_of(CHANNEL_TYPES),
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
    moves.take(of_format, length);
    moves.take(
        RecordingChunks {
            resource,
            format_type,
        },
        chunks,
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

fn known(resource: &str, at_zero: &mut AtZero<'_>) {
    for (content_type, channel_type, format_type) in RECORDED {
        at_zero.add(Recordings {
            resource,
            result_type: SUCCEEDED,
            end_reason: CALL_ENDED,
            content_type,
            channel_type,
            format_type,
        });
    }
    for format_type in FORMAT_TYPES {
        at_zero.add(RecordingLength {
            resource,
            format_type,
        });
        at_zero.add(RecordingChunks {
            resource,
            format_type,
        });
    }
    at_zero.add(RecordingAudioChannels { resource });
    at_zero.add(RecordingReportDelay { resource });
    known_failures(resource, at_zero);
}

fn known_failures(resource: &str, at_zero: &mut AtZero<'_>) {
    let mut known = |end_reason, reason| {
        at_zero.add(RecordingFailures {
            resource,
            end_reason,
            reason,
        });
    };
    for (end_reason, end) in END_REASONS.into_iter().chain([(UNKNOWN, End::Wanted)]) {
        known(end_reason, FAILED);
        match end {
            End::Wanted | End::Limit => known(end_reason, EMPTY),
            End::Broke => known(end_reason, ENDED_BADLY),
            End::GoesOn | End::HandedOver => {}
        }
    }
}

/// The end reasons of the table that the rules make failures. The spelling of others is known when one comes.
pub(super) fn known_by(rules: &FailureRules, resource: &str, at_zero: &mut AtZero<'_>) {
    for end_reason in rules.known_end_reasons() {
        at_zero.add(RecordingFailures {
            resource,
            end_reason,
            reason: ENDED_BADLY,
        });
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
    fn every_spelling_of_a_channel_or_a_format_is_one_value() {
        #[track_caller]
        fn check(sent: &str, channel_type: &str, format_type: &str) {
            let record = format!(r#"{{"sent":"{sent}"}}"#);
            let view = View::read(&record).unwrap();
            assert_eq!(view.common("sent").label_of(CHANNEL_TYPES), channel_type);
            assert_eq!(view.common("sent").label_of(FORMAT_TYPES), format_type);
        }
        check("un-mixed", "unmixed", "un-mixed");
        check("Mixed", "mixed", "mixed");
        check(".MP4", ".mp4", "mp4");
        check("WAV", "wav", "wav");
        check("Quadraphonic", "quadraphonic", "quadraphonic");
        check("", UNKNOWN, UNKNOWN);
    }

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
