//! Call Recording summaries: one record for each recording, once its file is ready.
//!
//! Category `CallRecordingSummary`, table `ACSCallRecordingSummary`
//! (<https://learn.microsoft.com/azure/communication-services/concepts/analytics/logs/recording-logs>).

use std::borrow::Cow;
use std::sync::LazyLock;

use time::{Duration, OffsetDateTime};

use super::end_reason::end_reason;
use super::outcome::ResultType;
use super::resource::lower_case;
use super::rules::FailureRules;
use super::schema::Schema;
use super::view::View;
use super::vocabulary::letters;
use super::{Moves, UNKNOWN};

/// The record, property by property. The ids are not exported: they are unbounded.
#[derive(Clone, Debug)]
pub struct Summary<'a> {
    /// `resultType`: how the recording ended.
    pub result_type: Option<Cow<'a, str>>,
    /// `recordingEndReason`: and why.
    pub recording_end_reason: Option<Cow<'a, str>>,
    /// `recordingStartTime`: when it began.
    pub recording_start_time: Option<OffsetDateTime>,
    /// `recordingLength`, in seconds.
    pub recording_length: Option<f64>,
    /// `chunkCount`: into how many files it was cut.
    pub chunk_count: Option<f64>,
    /// `contentType`: `Audio - Video`, `Audio Only`, `Transcription`.
    pub content_type: Option<Cow<'a, str>>,
    /// `channelType`: `mixed` or `unmixed`.
    pub channel_type: Option<Cow<'a, str>>,
    /// `formatType`: `mp4`, `mp3` or `wav`.
    pub format_type: Option<Cow<'a, str>>,
    /// `audioChannelsCount`: how many audio channels it has.
    pub audio_channels_count: Option<f64>,
    /// `recordingId`.
    pub recording_id: Option<Cow<'a, str>>,
    /// `correlationId`: the call; one call may have many recordings.
    pub correlation_id: Option<Cow<'a, str>>,
}

/// What a record of a recording moves.
#[derive(Clone, Debug, PartialEq)]
pub struct SummaryMoves<'a> {
    /// `Succeeded`, `Failed`, else as sent.
    pub result_type: Cow<'a, str>,
    /// One of [`END_REASONS`](super::END_REASONS), else as sent.
    pub end_reason: Cow<'a, str>,
    /// `audio_video`, `audio`, `transcription`, else as sent.
    pub content_type: Cow<'a, str>,
    /// `mixed`, `unmixed`, else as sent, in lower case.
    pub channel_type: Cow<'a, str>,
    /// `mp4`, `mp3`, `wav`, else as sent, in lower case.
    pub format_type: Cow<'a, str>,
    /// Why it counts as failed, if it does.
    pub failure: Option<RecordingFailure>,
    /// How long it is, in seconds.
    pub length_seconds: Option<f64>,
    /// Into how many files it was cut.
    pub chunks: Option<f64>,
    /// How many audio channels it has.
    pub audio_channels: Option<f64>,
    /// From its end (start plus length) to the summary's own time, in seconds.
    pub report_delay_seconds: Option<f64>,
}

/// Why a recording counts as failed; the value of the label `reason`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RecordingFailure {
    /// Its result type says so.
    Failed,
    /// Its end reason is one of a failure, though its result type does not say so.
    EndedBadly,
}

impl RecordingFailure {
    /// The value of the label `reason`.
    pub fn label(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::EndedBadly => "ended_badly",
        }
    }
}

/// The columns of the table that are not common to all.
pub(super) static SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
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
});

/// Whether a record that has no category is one of these: by its operation, or by what only they have.
pub(super) fn looks_like_one(view: &View<'_>) -> bool {
    let name = view.property("operationName").text();
    name.is_some_and(|name| {
        ["recordingsummary", "callrecordingsummary"].contains(&letters(&name).as_str())
    }) || ["recordingEndReason", "recordingLength"]
        .into_iter()
        .any(|name| view.property(name).text().is_some())
}

pub(super) fn read<'a>(view: &View<'a>) -> Summary<'a> {
    Summary {
        result_type: view.property("resultType").text(),
        recording_end_reason: view.property("recordingEndReason").text(),
        recording_start_time: view.property("recordingStartTime").instant(),
        recording_length: view.property("recordingLength").amount(),
        chunk_count: view.property("chunkCount").amount(),
        content_type: view.property("contentType").text(),
        channel_type: view.property("channelType").text(),
        format_type: view.property("formatType").text(),
        audio_channels_count: view.property("audioChannelsCount").amount(),
        recording_id: view.property("recordingId").text(),
        correlation_id: view.property("correlationId").text(),
    }
}

pub(super) fn observe<'a>(
    summary: &Summary<'a>,
    time: Option<OffsetDateTime>,
    rules: &FailureRules,
) -> Moves<'a> {
    let result_type = ResultType::parse(summary.result_type.clone());
    let (end_reason, class) = summary
        .recording_end_reason
        .clone()
        .map_or((Cow::Borrowed(UNKNOWN), None), end_reason);
    let failure = if result_type == ResultType::Failed {
        Some(RecordingFailure::Failed)
    } else {
        rules
            .ended_badly(&end_reason, class)
            .then_some(RecordingFailure::EndedBadly)
    };
    let in_lower_case =
        |text: &Option<Cow<'a, str>>| text.as_ref().map_or(Cow::Borrowed(UNKNOWN), lower_case);
    Moves::Summary(SummaryMoves {
        result_type: result_type.label(),
        end_reason,
        content_type: summary
            .content_type
            .clone()
            .map_or(Cow::Borrowed(UNKNOWN), content_type),
        channel_type: in_lower_case(&summary.channel_type),
        format_type: in_lower_case(&summary.format_type),
        failure,
        length_seconds: summary.recording_length,
        chunks: summary.chunk_count,
        audio_channels: summary.audio_channels_count,
        report_delay_seconds: report_delay(summary, time),
    })
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

fn report_delay(summary: &Summary<'_>, time: Option<OffsetDateTime>) -> Option<f64> {
    let length = Duration::checked_seconds_f64(summary.recording_length?)?;
    let ended_at = summary.recording_start_time?.checked_add(length)?;
    Some((time? - ended_at).as_seconds_f64().max(0.0))
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
