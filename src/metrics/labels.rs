//! The caps on label values: whatever is sent, the number of series stays bounded and totals stay right.
//!
//! A value of a known vocabulary always passes. Any other passes until its label has shown as many distinct ones as
//! allowed; from then on a new one is `other`, which is counted, and logged once for each label.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::Settings;
use crate::acs::{END_REASONS, FAILURE_STATUSES, OPERATIONS, UNKNOWN};
use crate::telemetry::Telemetry;

/// What stands for the values above a cap.
pub(super) const OTHER: &str = "other";

/// The longest value that is a label, in bytes. ACS names and versions stay far below; text that long is a payload.
const VALUE_BYTES_MAX: usize = 128;

/// The labels whose values come from the records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Label {
    ChannelType,
    ContentType,
    EndReason,
    FormatType,
    Level,
    Operation,
    OperationVersion,
    Resource,
    ResultSignature,
    ResultType,
    SdkType,
    SdkVersion,
    UnitType,
    UsageType,
}

impl Label {
    pub(super) const ALL: [Self; 14] = [
        Self::ChannelType,
        Self::ContentType,
        Self::EndReason,
        Self::FormatType,
        Self::Level,
        Self::Operation,
        Self::OperationVersion,
        Self::Resource,
        Self::ResultSignature,
        Self::ResultType,
        Self::SdkType,
        Self::SdkVersion,
        Self::UnitType,
        Self::UsageType,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::ChannelType => "channel_type",
            Self::ContentType => "content_type",
            Self::EndReason => "end_reason",
            Self::FormatType => "format_type",
            Self::Level => "level",
            Self::Operation => "operation",
            Self::OperationVersion => "operation_version",
            Self::Resource => "resource",
            Self::ResultSignature => "result_signature",
            Self::ResultType => "result_type",
            Self::SdkType => "sdk_type",
            Self::SdkVersion => "sdk_version",
            Self::UnitType => "unit_type",
            Self::UsageType => "usage_type",
        }
    }

    fn vocabulary(self) -> Vec<String> {
        fn owned(values: &[&str]) -> Vec<String> {
            values.iter().map(|value| (*value).to_owned()).collect()
        }
        match self {
            Self::ChannelType => owned(&["mixed", "unmixed"]),
            Self::ContentType => owned(&["audio_video", "audio", "transcription"]),
            Self::EndReason => END_REASONS
                .iter()
                .map(|(reason, _)| (*reason).to_owned())
                .collect(),
            Self::FormatType => owned(&["mp4", "mp3", "wav"]),
            Self::Level => owned(&["Informational", "Warning", "Error", "Critical"]),
            Self::Operation => owned(&OPERATIONS),
            Self::ResultSignature => {
                let successes = [200, 202, 204];
                successes
                    .iter()
                    .chain(&FAILURE_STATUSES)
                    .map(u16::to_string)
                    .collect()
            }
            Self::ResultType => owned(&["Succeeded", "Failed"]),
            _ => Vec::new(),
        }
    }
}

/// A value that may be shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Admitted<'v> {
    pub(super) value: &'v str,
    /// Of a vocabulary, of a closed set, or a resource: such values are never replaced by `other` to save series.
    pub(super) is_known: bool,
}

impl Admitted<'static> {
    /// A value of a closed set of ours.
    pub(super) fn known(value: &'static str) -> Self {
        Self {
            value,
            is_known: true,
        }
    }
}

/// What each label has shown so far.
#[derive(Debug)]
pub(super) struct Labels {
    values_max: usize,
    shown: HashMap<Label, Shown>,
    telemetry: Arc<Telemetry>,
}

#[derive(Debug, Default)]
struct Shown {
    /// Whether a value outside `known` is news: ACS has changed, or we never knew.
    has_vocabulary: bool,
    known: HashSet<String>,
    /// As sent, up to the cap.
    others: HashSet<String>,
}

impl Labels {
    pub(super) fn new(settings: &Settings, telemetry: Arc<Telemetry>) -> Self {
        let mut shown: HashMap<Label, Shown> = HashMap::new();
        for label in Label::ALL {
            telemetry.label_is_capped(label.name());
            let mut known: HashSet<_> = label.vocabulary().into_iter().collect();
            let has_vocabulary = !known.is_empty();
            if has_vocabulary {
                telemetry.drift_is_watched(label.name());
            }
            known.extend([UNKNOWN.to_owned(), OTHER.to_owned()]);
            if label == Label::Resource {
                known.extend(settings.resources.iter().cloned());
            }
            shown.insert(
                label,
                Shown {
                    has_vocabulary,
                    known,
                    others: HashSet::new(),
                },
            );
        }
        Self {
            values_max: settings.label_values_max.get(),
            shown,
            telemetry,
        }
    }

    /// The value to use: the one given, or `other`. A series moves by it: what is new or too much is counted.
    pub(super) fn admit<'v>(&mut self, label: Label, value: &'v str) -> Admitted<'v> {
        let shown = self.shown.entry(label).or_default();
        if shown.has_vocabulary && !shown.known.contains(value) {
            self.telemetry.drifted(label.name(), value);
        }
        let admitted = self.place(label, value);
        if admitted.value != value {
            self.telemetry.label_overflowed(label.name());
        }
        admitted
    }

    /// The same, where nothing moves yet.
    pub(super) fn place<'v>(&mut self, label: Label, value: &'v str) -> Admitted<'v> {
        let shown = self.shown.entry(label).or_default();
        if shown.known.contains(value) {
            return Admitted {
                value,
                is_known: true,
            };
        }
        if !shown.others.contains(value) {
            if shown.others.len() >= self.values_max || value.len() > VALUE_BYTES_MAX {
                return Admitted::known(OTHER);
            }
            shown.others.insert(value.to_owned());
        }
        // A resource is worth its series: there are at most as many as its cap.
        Admitted {
            value,
            is_known: label == Label::Resource,
        }
    }
}
