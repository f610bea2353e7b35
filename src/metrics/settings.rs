//! Which metrics about ACS are exported, and their limits.

use std::num::NonZeroUsize;

use crate::acs::{Exceptions, FailureRules, ROUTINE, Routine};
use crate::family::Family;
use crate::setting::{Check, items, list, number, settings, words};

settings! {
    /// Metrics
    ///
    /// What is exported about ACS, and the limits on it.
    #[derive(Clone, Debug, PartialEq)]
    pub struct Settings in "metrics" {
        /// The ACS resources whose series exist at 0 from the start, so that `increase()` shows the first failure.
        ///
        /// These are the known failures and the usual successes, some 440 series for each resource.
        ///
        /// Use names, not resource ids. Other resources are exported too, from their first record on.
        ///
        /// These resources are never replaced by `other`, whatever else is sent. The series of one that is taken off the list
        /// go if no record of it has come; otherwise they stay.
        resources: Vec<String> = list(0..=RESOURCES_MAX, resource).default("").reloads(),
        /// Whether the records of all other resources are ignored. Then a sender cannot add resources.
        ///
        /// Such a record changes no metric about ACS. It counts as ignored, and `acs_recording_exporter_unlisted_records_total`
        /// counts it. A record without a readable resource id is observed, with `resource="unknown"`.
        resources_only: bool = words([("true", true), ("false", false)]).default("false").reloads(),
        /// How many different values one label may have.
        ///
        /// Further values become `other`; totals stay correct. Known values, such as documented ones, do not count towards this
        /// limit.
        label_values_max: NonZeroUsize = number(1..=LABEL_VALUES_LIMIT).default("100"),
        /// How many series there may be, not counting those whose label values are all known.
        ///
        /// Beyond this limit, unknown label values of a new series become `other`; totals stay correct. Series that exist at 0
        /// because an earlier process has shown them count too, and make room for others until they move.
        series_max: NonZeroUsize = number(SERIES_FEWEST..=SERIES_LIMIT).default("20000"),
        /// What the histograms of durations, lengths and delays show.
        ///
        /// - `classic`: one series for each bucket of `metrics.buckets`, which every Prometheus reads
        /// - `native`: one native histogram, which only a scrape by protobuf has. In text, only `_sum`, `_count` and the bucket
        ///   `+Inf` are left.
        /// - `both`: each; a Prometheus that reads native histograms drops the classic ones unless its configuration has
        ///   `always_scrape_classic_histograms: true`
        ///
        /// The dashboard uses the classic ones.
        histograms: HistogramKind = words([
            ("classic", HistogramKind::Classic),
            ("native", HistogramKind::Native),
            ("both", HistogramKind::Both),
        ]).default("classic"),
        /// How fine native histograms are.
        native_histograms: NativeSettings,
        /// Whether failure counters and the buckets of request durations have exemplars: the `correlationId` of the latest call.
        ///
        /// An exemplar leads from a failure to the call. It is personal data like a line of the failure log, and goes to
        /// everyone who may scrape or query. Scrapes by OpenMetrics and protobuf have exemplars; Prometheus stores them with
        /// `--enable-feature=exemplar-storage`.
        exemplars: bool = words([("off", false), ("on", true)]).default("off"),
        /// Whether OpenMetrics has a sample `_created` with the start time of each counter and histogram.
        ///
        /// Protobuf has start times in any case. A server that does not use the samples stores one more series for each.
        created_samples: bool = words([("off", false), ("on", true)]).default("off"),
        /// Upper bounds of the histograms.
        buckets: BucketSettings,
        /// What counts as a failure.
        failures: Failures,
        /// What becomes of records that come twice.
        records: Records,
    }
}

settings! {
    /// Buckets
    ///
    /// The upper bounds of the histograms, in seconds. The bound `+Inf` is always added. Each bound is one more series for
    /// each label set.
    #[derive(Clone, Debug, PartialEq)]
    pub struct BucketSettings in "metrics.buckets" {
        /// Buckets of `acs_recording_operation_duration_seconds`: how long an API request took.
        operation_duration: Vec<f64> = buckets().default("0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10"),
        /// Buckets of `acs_recording_length_seconds`: how long a recording is.
        recording_length: Vec<f64> = buckets().default("1, 10, 30, 60, 300, 600, 1800, 3600, 7200, 14400, 28800, 43200"),
        /// Buckets of `acs_recording_report_delay_seconds`: from the end of a recording to its summary.
        report_delay: Vec<f64> = buckets()
            .default("1, 5, 15, 60, 300, 900, 1800, 3600, 7200, 21600, 43200, 86400, 172800"),
        /// Buckets of `acs_log_record_delay_seconds`: from a record's own time to its arrival in the event hub.
        record_delay: Vec<f64> = buckets().default("1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1200, 1800, 3600"),
    }
}

settings! {
    /// Native histograms
    ///
    /// Their buckets have no configured bounds: each ends at the same multiple of its start.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct NativeSettings in "metrics.native_histograms" {
        /// The resolution: a power of two is divided into 2^schema buckets.
        ///
        /// With 3, each bucket ends 9 % above its start; with 8, 0.3 %; with 0, 100 %.
        schema: i32 = number(0..=SCHEMA_MAX).default("3"),
        /// How many buckets a histogram may have before its resolution is halved.
        buckets_max: usize = number(NATIVE_BUCKETS_FEWEST..=NATIVE_BUCKETS_LIMIT).default("160"),
    }
}

settings! {
    /// Failures
    ///
    /// What counts as a failure. A request counts as failed by its status (400 to 699) or by its result type, unless the
    /// answer is routine. If it has neither, its level decides. A recording counts as failed by its result type or by its end
    /// reason, or because it is empty. `docs/failures.md` has the tables. Only letters and digits of a word are compared:
    /// `System failure` matches `systemFailure`.
    #[derive(Clone, Debug, PartialEq)]
    pub struct Failures in "failures" {
        /// End reasons that count as failures in addition to the built-in ones.
        end_reasons: Vec<String> = list(0..=FAILURE_RULES_MAX, word).default("").reloads(),
        /// End reasons that do not count as failures, although they are in the built-in table or contain a word such as `error`.
        ///
        /// A recording still counts if its result type is a failure, or if it is empty.
        end_reasons_except: Vec<String> = list(0..=FAILURE_RULES_MAX, word).default("").reloads(),
        /// Result types that count as failures in addition to the built-in ones.
        result_types: Vec<String> = list(0..=FAILURE_RULES_MAX, word).default("").reloads(),
        /// Result types that do not count as failures, although the built-in table lists them.
        ///
        /// For example `Canceled`. The label of a row of the table in `docs/failures.md` excepts the whole row; another word
        /// excepts only itself. A request whose status is 400 or above still counts.
        result_types_except: Vec<String> = list(0..=FAILURE_RULES_MAX, word).default("").reloads(),
        /// Answers that are routine: operations, each with the statuses from 400 to 699 that do not count as failures.
        ///
        /// The exporter checks for them first, whatever the result type. `acs_recording_operations_total` counts them with
        /// `outcome="routine"`. In a file, the value may be a list with one operation in each item. With `[]`, or with an
        /// empty variable, no answer is routine.
        routine: Routine = routine().default(ROUTINE).reloads(),
    }
}

settings! {
    /// Records
    ///
    /// What the exporter does with the records that it can read.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Records in "records" {
        /// What to do with a record that was received before: one with an id and a time, and the same values of all
        /// properties that the exporter reads. `acs_recording_exporter_duplicate_records_total` counts it either way.
        ///
        /// - `count`: the exporter counts it again, like any other record
        /// - `drop`: the record changes no metric about ACS, and counts as ignored
        ///
        /// Two diagnostic settings that send to one event hub send every record twice, and Azure's exports may repeat records for
        /// hours. The exporter remembers at least the last 65,536 records, in memory. It does not know the records from before
        /// its start, nor those that another replica read. So `drop` is a configuration error if `checkpoint.store` is `blob`.
        duplicates: Duplicates = words([
            ("count", Duplicates::Count),
            ("drop", Duplicates::Drop),
        ]).default("count"),
    }
}

/// What histograms show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HistogramKind {
    /// Buckets with configured bounds.
    Classic,
    /// Exponential buckets.
    Native,
    /// Either.
    Both,
}

/// What to do with a record that has come before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duplicates {
    /// Count it again.
    Count,
    /// Let it move nothing.
    Drop,
}

impl BucketSettings {
    /// The bounds of a histogram: its own, unless they can be configured.
    pub(super) fn of<'a>(&'a self, family: &'a Family) -> &'a [f64] {
        match family.name {
            "acs_recording_operation_duration_seconds" => &self.operation_duration,
            "acs_recording_length_seconds" => &self.recording_length,
            "acs_recording_report_delay_seconds" => &self.report_delay,
            "acs_log_record_delay_seconds" => &self.record_delay,
            _ => family.buckets,
        }
    }
}

impl Failures {
    /// The rules that follow from these keys.
    pub fn rules(&self) -> FailureRules {
        FailureRules {
            end_reasons: Exceptions {
                also: self.end_reasons.clone(),
                except: self.end_reasons_except.clone(),
            },
            result_types: Exceptions {
                also: self.result_types.clone(),
                except: self.result_types_except.clone(),
            },
            routine: self.routine.clone(),
        }
    }
}

/// The name of an ACS resource, in lower case as in the labels.
fn resource(text: &str) -> Result<String, &'static str> {
    // Azure allows 63; what matters here is that it is a label's value and a name, and not a resource id.
    let is_name = (1..=63).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    is_name.then(|| text.to_ascii_lowercase()).ok_or(
        "must be the name of an ACS resource: up to 63 letters, digits, `-` and `_`, not its whole id",
    )
}

/// An end reason or a result type, however it is written.
fn word(text: &str) -> Result<String, &'static str> {
    let is_word = text.len() <= 128 && text.contains(char::is_alphanumeric);
    is_word
        .then(|| text.to_owned())
        .ok_or("must be a word such as `MediaTimeout` or `Media timeout`, with at least one letter")
}

fn routine() -> Check<Routine> {
    items(
        "operations and statuses: `StopRecording=404,409;DeleteRecording=404`",
        |items| Routine::parse(items.iter().copied()),
    )
}

fn buckets() -> Check<Vec<f64>> {
    items(format!("1 to {BUCKETS_MAX} increasing seconds"), |items| {
        let seconds: Result<Vec<f64>, _> = items.iter().map(|item| item.parse()).collect();
        let seconds =
            seconds.map_err(|_| "must be a list of seconds, for example `[0.5, 1, 2.5]`")?;
        increasing(seconds)
    })
}

/// Upper bounds of a histogram: 1 to 50 of them, positive, finite, strictly increasing. `+Inf` is not among them:
/// the registry adds it.
fn increasing(bounds: Vec<f64>) -> Result<Vec<f64>, String> {
    if !(1..=BUCKETS_MAX).contains(&bounds.len()) {
        let given = bounds.len();
        return Err(format!("must have 1 to {BUCKETS_MAX} bounds, not {given}"));
    }
    let is_usable = |bound: &f64| bound.is_finite() && *bound > 0.0;
    if let Some(bound) = bounds.iter().find(|bound| !is_usable(bound)) {
        return Err(format!(
            "must be positive, finite seconds, not `{bound}`; `+Inf` is always added"
        ));
    }
    let mut pairs = bounds.iter().zip(bounds.iter().skip(1));
    match pairs.find(|(left, right)| left >= right) {
        Some((left, right)) => Err(format!("must increase: `{left}` stands before `{right}`")),
        None => Ok(bounds),
    }
}

/// Each bound is a series of every label set, so their number has a limit; Prometheus' own defaults are 11.
const BUCKETS_MAX: usize = 50;

/// The highest resolution that the format has: each bucket ends 0.3 % above its start.
const SCHEMA_MAX: usize = 8;

/// With the lowest resolution, 9 buckets hold every delay from a microsecond to a year.
const NATIVE_BUCKETS_FEWEST: usize = 20;

/// Each bucket takes some 50 bytes of each label set; Prometheus' own limits are about as large.
const NATIVE_BUCKETS_LIMIT: usize = 1000;

/// Each resource has its failures and usual successes from the start, some 440 series.
const RESOURCES_MAX: usize = 100;

/// A label with more values than this is an identifier.
const LABEL_VALUES_LIMIT: usize = 10_000;

/// Fewer would hide what one resource sends on a normal day.
const SERIES_FEWEST: usize = 100;

/// A Prometheus of ordinary size has about a million series in all.
const SERIES_LIMIT: usize = 1_000_000;

/// There are about thirty end reasons and twenty statuses.
const FAILURE_RULES_MAX: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setting::Value;

    #[test]
    fn bounds_are_few_positive_finite_and_increasing() {
        let check = |bounds: &[f64], expected: Option<&str>| {
            let fault = increasing(bounds.to_vec()).err();
            assert_eq!(fault.as_deref(), expected, "{bounds:?}");
        };
        check(&[0.5], None);
        check(&[0.5, 1.0, 2.5], None);
        check(&[], Some("must have 1 to 50 bounds, not 0"));
        check(&[1.0; 51], Some("must have 1 to 50 bounds, not 51"));
        check(
            &[0.0, 1.0],
            Some("must be positive, finite seconds, not `0`; `+Inf` is always added"),
        );
        check(
            &[f64::NAN],
            Some("must be positive, finite seconds, not `NaN`; `+Inf` is always added"),
        );
        check(
            &[1.0, f64::INFINITY],
            Some("must be positive, finite seconds, not `inf`; `+Inf` is always added"),
        );
        check(&[1.0, 1.0], Some("must increase: `1` stands before `1`"));
        check(
            &[1.0, 3.0, 2.0],
            Some("must increase: `3` stands before `2`"),
        );
    }

    #[test]
    fn buckets_are_seconds() {
        let check = |text: &str, expected: &str| {
            let fault = buckets().read(&Value::Text(text.to_owned())).unwrap_err();
            assert_eq!(fault, expected, "{text}");
        };
        check(
            "1s, 2s",
            "must be a list of seconds, for example `[0.5, 1, 2.5]`",
        );
        check("1, 1", "must increase: `1` stands before `1`");
        check("", "must have 1 to 50 bounds, not 0");
    }
}
