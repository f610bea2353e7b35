//! The families about ACS, and how an observation moves them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use prometheus::{IntCounterVec, Registry};
use time::OffsetDateTime;

use super::budget::Budget;
use super::firsts::{FailureFamily, Firsts};
use super::labels::{Admitted, Label, Labels, OTHER};
use super::repeats::Repeats;
use super::{BucketSettings, Settings, zeros};
use crate::acs::{Moves, Observation, OperationMoves, SummaryMoves, UsageMoves};
use crate::delivery::{Series, Snapshot};
use crate::family::families;
use crate::telemetry::Telemetry;

families! {
    /// Every family about ACS. Total and failures are apart, as the Prometheus guide for exporters asks
    /// (<https://prometheus.io/docs/instrumenting/writing_exporters/>); units are base units.
    pub struct AcsFamilies(buckets: &BucketSettings), prefix "acs_" {
        /// Requests to the Call Recording APIs, however they ended.
        recording_operations_total: IntCounterVec["resource", "operation", "result_type", "result_signature"],
        /// Requests to the Call Recording APIs that failed.
        recording_operation_failures_total: IntCounterVec["resource", "operation", "result_signature", "reason"],
        /// How long ACS took to answer a request to the Call Recording APIs, in seconds.
        recording_operation_duration_seconds: HistogramVec["resource", "operation"]
            buckets buckets.operation_duration.as_slice(),
        /// Requests to the Call Recording APIs, by the SDK that sent them.
        recording_sdk_operations_total: IntCounterVec["resource", "sdk_type", "sdk_version"],
        /// Requests to the Call Recording APIs, by api-version.
        recording_operation_versions_total: IntCounterVec["resource", "operation_version"],
        /// Recordings that were reported, however they ended.
        recordings_total: IntCounterVec[
            "resource", "result_type", "end_reason", "content_type", "channel_type", "format_type"
        ],
        /// Recordings that failed, or that ended because something broke.
        recording_failures_total: IntCounterVec["resource", "end_reason", "reason"],
        /// How long recordings are, in seconds.
        recording_length_seconds: HistogramVec["resource", "format_type"] buckets buckets.recording_length.as_slice(),
        /// Files into which recordings were cut.
        recording_chunks_total: CounterVec["resource", "format_type"],
        /// How many audio channels recordings have.
        recording_audio_channels: HistogramVec["resource"] buckets &AUDIO_CHANNELS,
        /// From the end of a recording to the time of its summary, in seconds.
        recording_report_delay_seconds: HistogramVec["resource"] buckets buckets.report_delay.as_slice(),
        /// What was used, in units of its unit type.
        usage_quantity_total: CounterVec["resource", "usage_type", "unit_type"],
        /// Usage records.
        usage_records_total: IntCounterVec["resource", "usage_type", "unit_type"],
        /// Log records observed.
        log_records_total: IntCounterVec["resource", "category", "level"],
        /// From the time of a log record to when the event hub took it in, in seconds.
        log_record_delay_seconds: HistogramVec["category"] buckets buckets.record_delay.as_slice(),
        /// The time of the latest log record, in seconds since 1970.
        log_last_record_timestamp_seconds: GaugeVec["resource", "category"],
        /// The ACS resources seen, always 1.
        resource_info: GaugeVec["resource", "resource_group", "subscription_id"],
    }
}

impl AcsFamilies {
    fn of(&self, family: FailureFamily) -> &IntCounterVec {
        match family {
            FailureFamily::Operation => &self.recording_operation_failures_total,
            FailureFamily::Recording => &self.recording_failures_total,
        }
    }
}

/// A failure series.
struct FailureSeries<'v> {
    family: FailureFamily,
    labels: Vec<&'v str>,
}

/// What exists from the start is shown from here on.
const FIRST_SNAPSHOT: Snapshot = 1;

/// ACS mixes to one channel, or keeps up to five speakers apart
/// (<https://learn.microsoft.com/azure/communication-services/concepts/voice-video-calling/call-recording>).
const AUDIO_CHANNELS: [f64; 5] = [1.0, 2.0, 3.0, 4.0, 5.0];

/// The families, and what is needed to keep them bounded.
#[derive(Debug)]
pub(crate) struct AcsMetrics {
    families: AcsFamilies,
    labels: Labels,
    budget: Budget,
    repeats: Repeats,
    /// The resources whose failure series stand at zero or above.
    exposed: HashSet<String>,
    firsts: Firsts,
    /// What `acs_resource_info` says of each resource now: group and subscription.
    info: HashMap<String, (String, String)>,
    telemetry: Arc<Telemetry>,
}

impl AcsMetrics {
    /// Registers the families, with the failure families of the configured resources at zero.
    pub(crate) fn new(
        registry: &Registry,
        settings: &Settings,
        telemetry: &Arc<Telemetry>,
    ) -> Self {
        let mut metrics = Self {
            families: AcsFamilies::register(registry, &settings.buckets),
            labels: Labels::new(settings, Arc::clone(telemetry)),
            budget: Budget::new(settings, Arc::clone(telemetry)),
            repeats: Repeats::default(),
            exposed: HashSet::new(),
            firsts: Firsts::default(),
            info: HashMap::new(),
            telemetry: Arc::clone(telemetry),
        };
        for resource in &settings.resources {
            metrics.expose(resource, FIRST_SNAPSHOT);
        }
        metrics
    }

    /// Lets what is remembered of an earlier process exist at 0.
    pub(super) fn restore(&mut self, remembered: Series, last_seen: OffsetDateTime) {
        let labels: Vec<_> = remembered.labels.iter().map(String::as_str).collect();
        let Some(resource) = labels.first() else {
            return;
        };
        let resource = self.labels.place(Label::Resource, resource);
        if !self.exposed.contains(resource.value) {
            self.expose(resource.value, FIRST_SNAPSHOT);
        }
        let family = FailureFamily::ALL
            .into_iter()
            .find(|family| family.name() == remembered.family);
        if let Some(family) = family {
            let made = self
                .families
                .of(family)
                .get_metric_with_label_values(&labels);
            if made.is_err() {
                return; // of a version with other labels
            }
            self.firsts.exists(family, &labels, FIRST_SNAPSHOT);
        }
        self.firsts.restore(remembered, last_seen);
    }

    /// What shall exist at 0 after a restart, and when it was last there.
    pub(super) fn remembered(&mut self, now: OffsetDateTime) -> Vec<(Series, OffsetDateTime)> {
        self.firsts.remembered(now)
    }

    /// The first snapshot to show the failure series that an observation moves, which exists from now on; the next snapshot is of
    /// this number. None if it moves none.
    pub(super) fn shown_from(
        &mut self,
        observation: &Observation<'_>,
        next: Snapshot,
    ) -> Option<Snapshot> {
        let failure = self.failure(observation)?;
        let resource = *failure.labels.first()?;
        if !self.exposed.contains(resource) {
            self.expose(resource, next);
        }
        if !self.firsts.has(failure.family, &failure.labels) {
            let _at_zero = self
                .families
                .of(failure.family)
                .with_label_values(&failure.labels);
        }
        Some(self.firsts.exists(failure.family, &failure.labels, next))
    }

    /// Nobody waits any longer for the failure series to be shown that an observation moves.
    pub(super) fn waited_enough(&mut self, observation: &Observation<'_>) {
        if let Some(failure) = self.failure(observation) {
            self.firsts.waited_enough(failure.family, &failure.labels);
        }
    }

    /// The failure series that an observation moves.
    fn failure<'v>(&mut self, observation: &'v Observation<'_>) -> Option<FailureSeries<'v>> {
        let labels = &mut self.labels;
        let (family, labels) = match &observation.moves {
            Moves::Operation(moves) => {
                let reason = moves.failure?;
                let series = [
                    labels.place(Label::Resource, &observation.resource),
                    labels.place(Label::Operation, &moves.operation),
                    labels.place(Label::ResultSignature, &moves.result_signature),
                    Admitted::known(reason.label()),
                ];
                let family = &self.families.recording_operation_failures_total;
                let labels = self.budget.settle(family, series).to_vec();
                (FailureFamily::Operation, labels)
            }
            Moves::Summary(moves) => {
                let reason = moves.failure?;
                let series = [
                    labels.place(Label::Resource, &observation.resource),
                    labels.place(Label::EndReason, &moves.end_reason),
                    Admitted::known(reason.label()),
                ];
                let family = &self.families.recording_failures_total;
                (
                    FailureFamily::Recording,
                    self.budget.settle(family, series).to_vec(),
                )
            }
            Moves::Usage(_) => return None,
        };
        Some(FailureSeries { family, labels })
    }

    /// Moves every series that an observation names. The next snapshot is of this number.
    pub(super) fn apply(&mut self, observation: &Observation<'_>, next: Snapshot) {
        if let Some(failure) = self.failure(observation) {
            let FailureSeries { family, labels } = &failure;
            self.firsts.exists(*family, labels, next);
            self.firsts.moved(*family, labels);
        }
        let resource = self.labels.admit(Label::Resource, &observation.resource);
        if !self.exposed.contains(resource.value) {
            self.expose(resource.value, next);
        }
        self.firsts.resource_moved(resource.value);
        if observation
            .identity
            .is_some_and(|identity| self.repeats.is_repeat(identity))
        {
            self.telemetry.record_repeated();
        }
        self.apply_log(resource, observation);
        match &observation.moves {
            Moves::Operation(moves) => self.apply_operation(resource, moves),
            Moves::Summary(moves) => self.apply_summary(resource, moves),
            Moves::Usage(moves) => self.apply_usage(resource, moves),
        }
    }

    /// Takes every series out, so that only what moves next is there. What is remembered of labels, budget and
    /// repeats stays.
    pub(super) fn reset(&self) {
        self.families.reset();
    }

    fn expose(&mut self, resource: &str, next: Snapshot) {
        zeros::expose(&self.families, &mut self.firsts, resource, next);
        self.exposed.insert(resource.to_owned());
    }

    fn apply_log(&mut self, resource: Admitted<'_>, observation: &Observation<'_>) {
        let category = observation.category.label();
        let level = self.labels.admit(Label::Level, &observation.level);
        let series = [resource, Admitted::known(category), level];
        self.budget
            .counter(&self.families.log_records_total, series)
            .inc();
        if let Some(delay) = observation.delay_seconds {
            self.families
                .log_record_delay_seconds
                .with_label_values(&[category])
                .observe(delay);
        }
        if let Some(time) = observation.time {
            #[expect(
                clippy::cast_precision_loss,
                clippy::as_conversions,
                reason = "milliseconds fit for millennia"
            )]
            let seconds = (time.unix_timestamp_nanos() / 1_000_000) as f64 / 1000.0;
            let latest = self
                .families
                .log_last_record_timestamp_seconds
                .with_label_values(&[resource.value, category]);
            latest.set(latest.get().max(seconds));
        }
        self.describe(resource.value, observation);
    }

    /// Keeps one info series for each resource: one that moved to another group does not have two.
    fn describe(&mut self, resource: &str, observation: &Observation<'_>) {
        let (Some(group), Some(subscription)) =
            (&observation.resource_group, &observation.subscription_id)
        else {
            return;
        };
        if resource == OTHER {
            return;
        }
        let known = self.info.get(resource);
        if known.is_some_and(|(g, s)| g == group && s == subscription) {
            return;
        }
        let info = &self.families.resource_info;
        if let Some((group, subscription)) = known {
            // It was set below, under this very name.
            let _removed = info.remove_label_values(&[resource, group, subscription]);
        }
        info.with_label_values(&[resource, group.as_ref(), subscription.as_ref()])
            .set(1.0);
        self.info.insert(
            resource.to_owned(),
            (group.to_string(), subscription.to_string()),
        );
    }

    fn apply_operation(&mut self, resource: Admitted<'_>, moves: &OperationMoves<'_>) {
        let (families, labels, budget) = (&self.families, &mut self.labels, &mut self.budget);
        let operation = labels.admit(Label::Operation, &moves.operation);
        let result_type = labels.admit(Label::ResultType, &moves.result_type);
        let signature = labels.admit(Label::ResultSignature, &moves.result_signature);
        let series = [resource, operation, result_type, signature];
        budget
            .counter(&families.recording_operations_total, series)
            .inc();
        if let Some(reason) = moves.failure {
            let series = [
                resource,
                operation,
                signature,
                Admitted::known(reason.label()),
            ];
            budget
                .counter(&families.recording_operation_failures_total, series)
                .inc();
        }
        if let Some(duration) = moves.duration_seconds {
            let series = [resource, operation];
            budget
                .histogram(&families.recording_operation_duration_seconds, series)
                .observe(duration);
        }
        let sdk_type = labels.admit(Label::SdkType, &moves.sdk_type);
        let sdk_version = labels.admit(Label::SdkVersion, &moves.sdk_version);
        let series = [resource, sdk_type, sdk_version];
        budget
            .counter(&families.recording_sdk_operations_total, series)
            .inc();
        let version = labels.admit(Label::OperationVersion, &moves.operation_version);
        budget
            .counter(
                &families.recording_operation_versions_total,
                [resource, version],
            )
            .inc();
    }

    fn apply_summary(&mut self, resource: Admitted<'_>, moves: &SummaryMoves<'_>) {
        let (families, labels, budget) = (&self.families, &mut self.labels, &mut self.budget);
        let result_type = labels.admit(Label::ResultType, &moves.result_type);
        let end_reason = labels.admit(Label::EndReason, &moves.end_reason);
        let content_type = labels.admit(Label::ContentType, &moves.content_type);
        let channel_type = labels.admit(Label::ChannelType, &moves.channel_type);
        let format_type = labels.admit(Label::FormatType, &moves.format_type);
        let series = [
            resource,
            result_type,
            end_reason,
            content_type,
            channel_type,
            format_type,
        ];
        budget.counter(&families.recordings_total, series).inc();
        if let Some(reason) = moves.failure {
            let series = [resource, end_reason, Admitted::known(reason.label())];
            budget
                .counter(&families.recording_failures_total, series)
                .inc();
        }
        if let Some(length) = moves.length_seconds {
            budget
                .histogram(&families.recording_length_seconds, [resource, format_type])
                .observe(length);
        }
        if let Some(chunks) = moves.chunks {
            budget
                .amount(&families.recording_chunks_total, [resource, format_type])
                .inc_by(chunks);
        }
        if let Some(channels) = moves.audio_channels {
            budget
                .histogram(&families.recording_audio_channels, [resource])
                .observe(channels);
        }
        if let Some(delay) = moves.report_delay_seconds {
            budget
                .histogram(&families.recording_report_delay_seconds, [resource])
                .observe(delay);
        }
    }

    fn apply_usage(&mut self, resource: Admitted<'_>, moves: &UsageMoves<'_>) {
        let usage_type = self.labels.admit(Label::UsageType, &moves.usage_type);
        let unit_type = self.labels.admit(Label::UnitType, &moves.unit_type);
        let series = [resource, usage_type, unit_type];
        self.budget
            .counter(&self.families.usage_records_total, series)
            .inc();
        if let Some(quantity) = moves.quantity {
            self.budget
                .amount(&self.families.usage_quantity_total, series)
                .inc_by(quantity);
        }
    }
}
