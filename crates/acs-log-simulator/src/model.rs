//! The content of the three Call Recording logs, as types.
//!
//! A record here is an occurrence, not its text: identifiers are numbers, vocabularies are enums.
//! [`records`](super::records) turns it into JSON. Nothing here draws a random number.

use azure_core::Uuid;
use time::{Duration, OffsetDateTime};

use super::world::{Resource, Sdk};

/// One log record, from any of the three logs.
#[derive(Debug, Clone)]
pub struct Record {
    /// When Azure wrote it: for a request when it was answered, for a summary when its file was ready.
    pub time: OffsetDateTime,
    /// The Communication Services resource that it belongs to.
    pub(crate) resource: &'static Resource,
    /// The call's id, the same in all records of a call.
    pub(crate) correlation_id: Uuid,
    /// The part that depends on its log.
    pub body: Body,
}

impl Record {
    /// The diagnostic category under which Azure exports it.
    pub fn category(&self) -> Category {
        match self.body {
            Body::Operation(_) => Category::Operational,
            Body::Summary(_) => Category::Summary,
            Body::Usage(_) => Category::Usage,
        }
    }

    /// A request that failed, or a recording that ended as `Failed`.
    pub fn is_failure(&self) -> bool {
        match &self.body {
            Body::Operation(operation) => operation.is_failure(),
            Body::Summary(summary) => summary.end_reason.is_failure(),
            Body::Usage(_) => false,
        }
    }
}

/// The diagnostic categories of Call Recording, in the order in which they are published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Category {
    /// `CallRecordingOperational`: requests to the Call Recording API.
    Operational,
    /// `CallRecordingSummary`: recordings whose file is ready.
    Summary,
    /// `Usage`: what is billed.
    Usage,
}

impl Category {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::Operational, Self::Summary, Self::Usage];

    /// The name as the diagnostic setting spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Operational => "CallRecordingOperational",
            Self::Summary => "CallRecordingSummary",
            Self::Usage => "Usage",
        }
    }
}

/// The part of a record that depends on its log.
#[derive(Debug, Clone)]
pub enum Body {
    /// The answer to one request.
    Operation(Operation),
    /// A finished recording.
    Summary(Summary),
    /// A billed quantity.
    Usage(Usage),
}

/// One request to the Call Recording API and its answer.
#[derive(Debug, Clone)]
pub struct Operation {
    /// The operation.
    pub verb: Verb,
    /// The HTTP status of the answer.
    pub(crate) status: u16,
    /// From the request to its answer.
    pub duration: Duration,
    /// The recording in question; a start has none yet.
    pub(crate) recording: Option<RecordingId>,
    /// The connection of the call.
    pub(crate) call_connection_id: Uuid,
    /// The last octet of the caller's address, within the resource's network.
    pub(crate) caller_host: u8,
    /// The client library of the caller.
    pub(crate) sdk: &'static Sdk,
}

impl Operation {
    /// Whether the answer was 2xx.
    pub(crate) fn succeeded(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Whether it was neither 2xx nor one of those that are routine at the end of a call.
    pub fn is_failure(&self) -> bool {
        let is_routine = match self.verb {
            Verb::Stop | Verb::Pause | Verb::Resume | Verb::Get => {
                [404, 409, 412].contains(&self.status)
            }
            Verb::Delete => self.status == 404,
            Verb::Start | Verb::Download => false,
        };
        !self.succeeded() && !is_routine
    }
}

/// The operations of the Call Recording API.
///
/// The documentation names the first four and "etc."; that the log has the other three, and under
/// these names, is an assumption: they exist as requests of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verb {
    /// `POST /calling/recordings`
    Start,
    /// `DELETE /calling/recordings/{id}`
    Stop,
    /// `POST /calling/recordings/{id}:pause`
    Pause,
    /// `POST /calling/recordings/{id}:resume`
    Resume,
    /// `GET /calling/recordings/{id}`
    Get,
    /// `GET` of the file's content
    Download,
    /// `DELETE` of the file
    Delete,
}

impl Verb {
    /// The first word of the operation's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Start => "Start",
            Self::Stop => "Stop",
            Self::Pause => "Pause",
            Self::Resume => "Resume",
            Self::Get => "Get",
            Self::Download => "Download",
            Self::Delete => "Delete",
        }
    }

    /// The status that the REST reference gives for success.
    pub(crate) const fn success(self) -> u16 {
        match self {
            Self::Start | Self::Pause | Self::Resume => 202,
            Self::Stop => 204,
            Self::Get | Self::Download | Self::Delete => 200,
        }
    }

    /// The median answer time in seconds. Azure publishes none, so these are guesses: a start has to find a recorder and
    /// join the call, a pause sets a flag, a download moves a file.
    pub(crate) const fn median_seconds(self) -> f64 {
        match self {
            Self::Start => 0.45,
            Self::Stop => 0.18,
            Self::Pause | Self::Resume => 0.12,
            Self::Get => 0.045,
            Self::Download => 0.6,
            Self::Delete => 0.09,
        }
    }
}

/// The two ids that Azure packs into a recording id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RecordingId {
    /// Of the recorder.
    pub(crate) platform_endpoint_id: Uuid,
    /// Of the recording.
    pub(crate) resource_specific_id: Uuid,
}

/// A recording whose file is ready, or that failed.
#[derive(Debug, Clone)]
pub struct Summary {
    /// The recording.
    pub(crate) recording: RecordingId,
    /// When it started.
    pub(crate) started_at: OffsetDateTime,
    /// Its length.
    pub(crate) length: Duration,
    /// The number of its files.
    pub(crate) chunk_count: i64,
    /// What was recorded.
    pub(crate) media: Media,
    /// The number of audio channels of its files.
    pub(crate) audio_channels: u8,
    /// Why it ended.
    pub end_reason: EndReason,
}

/// Content, channel and format: only some combinations exist, so they are one type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Media {
    /// Video, always mixed and MP4.
    Video,
    /// Audio, mixed, MP3.
    AudioMp3,
    /// Audio, mixed, WAV.
    AudioWav,
    /// Audio, a channel per participant, which exists as WAV only.
    AudioUnmixed,
}

impl Media {
    /// `contentType`, as the documentation spells it.
    pub(crate) const fn content(self) -> &'static str {
        match self {
            Self::Video => "Audio - Video",
            Self::AudioMp3 | Self::AudioWav | Self::AudioUnmixed => "Audio Only",
        }
    }

    /// `channelType`
    pub(crate) const fn channel(self) -> &'static str {
        match self {
            Self::Video | Self::AudioMp3 | Self::AudioWav => "mixed",
            Self::AudioUnmixed => "unmixed",
        }
    }

    /// `formatType`
    pub(crate) const fn format(self) -> &'static str {
        match self {
            Self::Video => "mp4",
            Self::AudioMp3 => "mp3",
            Self::AudioWav | Self::AudioUnmixed => "wav",
        }
    }
}

/// Why a recording ended, named as in `CallSessionEndReason` of Microsoft's SDKs.
///
/// The log's documentation shows `CallEnded` alone; that the field draws from that enumeration is
/// an assumption.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EndReason {
    /// The call ended, or the recording was stopped.
    CallEnded,
    /// The participant that had started it left.
    InitiatorLeft,
    /// The session's limit.
    MaximumSessionTimeReached,
    /// Another recorder continued after a fault: nothing is lost.
    HandedOverDueToMediaTimeout,
    /// No recorder was free.
    AllInstancesBusy,
    /// The recorder did not start.
    CouldNotStart,
    /// The call was not there in time.
    CallStartTimeout,
    /// The media stopped coming.
    MediaTimeout,
    /// The audio broke.
    AudioStreamFailure,
    /// A file could not be written.
    ChunkCreationFailed,
    /// A file was not ready in time.
    ProcessingTimeout,
}

impl EndReason {
    /// As Azure spells it in the log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CallEnded => "CallEnded",
            Self::InitiatorLeft => "InitiatorLeft",
            Self::MaximumSessionTimeReached => "MaximumSessionTimeReached",
            Self::HandedOverDueToMediaTimeout => "HandedOverDueToMediaTimeout",
            Self::AllInstancesBusy => "AllInstancesBusy",
            Self::CouldNotStart => "CouldNotStart",
            Self::CallStartTimeout => "CallStartTimeout",
            Self::MediaTimeout => "MediaTimeout",
            Self::AudioStreamFailure => "AudioStreamFailure",
            Self::ChunkCreationFailed => "ChunkCreationFailed",
            Self::ProcessingTimeout => "ProcessingTimeout",
        }
    }

    /// Whether the summary says `Failed`.
    pub(crate) const fn is_failure(self) -> bool {
        !matches!(
            self,
            Self::CallEnded
                | Self::InitiatorLeft
                | Self::MaximumSessionTimeReached
                | Self::HandedOverDueToMediaTimeout
        )
    }
}

/// A billed quantity.
#[derive(Debug, Clone)]
pub struct Usage {
    /// The id of the record itself.
    pub(crate) record_id: Uuid,
    /// What was used.
    pub(crate) kind: UsageKind,
    /// How much, in the kind's unit.
    pub(crate) quantity: f64,
    /// When its use began.
    pub(crate) started_at: OffsetDateTime,
    /// When its use ended.
    pub(crate) ended_at: OffsetDateTime,
    /// The participant that used it.
    pub(crate) participant_id: Uuid,
}

/// What is billed.
///
/// The documentation gives "Chat, PSTN, or NAT" as examples and none for a recording: the word
/// `CallRecording` is an assumption, so nothing may depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UsageKind {
    /// Minutes of recording.
    CallRecording,
    /// Minutes on the telephone network.
    Pstn,
    /// Messages.
    Chat,
}

impl UsageKind {
    /// `usageType`
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::CallRecording => "CallRecording",
            Self::Pstn => "PSTN",
            Self::Chat => "Chat",
        }
    }

    /// `unitType`
    pub(crate) const fn unit(self) -> &'static str {
        match self {
            Self::CallRecording | Self::Pstn => "minutes",
            Self::Chat => "messages",
        }
    }
}
