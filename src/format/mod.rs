//! What one scrape shows, and the formats in which it is written.
//!
//! A [`Family`] is a value: it is taken under the lock of `metrics` and written outside it. `text` writes the classic text
//! format and OpenMetrics, `protobuf` the delimited messages; a value has the same digits in each.

mod protobuf;
#[cfg(test)]
mod tests;
mod text;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use time::OffsetDateTime;

use crate::family::Kind;
pub(crate) use text::{base_name, escaped, unit};

/// A format in which Prometheus reads metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Format {
    /// The classic text format, version 0.0.4
    /// (<https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>).
    Text,
    /// OpenMetrics, version 1.0.0
    /// (<https://github.com/prometheus/OpenMetrics/blob/v1.0.0/specification/OpenMetrics.md>).
    OpenMetrics,
    /// Messages `io.prometheus.client.MetricFamily`, each after its length
    /// (<https://github.com/prometheus/client_model/blob/v0.6.1/io/prometheus/client/metrics.proto>).
    Protobuf,
}

impl Format {
    /// What `Content-Type` names the format. Prometheus 3 fails a scrape that has none.
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Protobuf => {
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
            }
        }
    }

    /// Families in the order of their names, written in the format. `created_samples` adds a sample `_created` with the start
    /// time to each counter and histogram in OpenMetrics; the protobuf messages always have it, and the classic text cannot.
    pub(crate) fn write(self, families: &[Family], created_samples: bool) -> Vec<u8> {
        match self {
            Self::Text => text::classic(families),
            Self::OpenMetrics => text::openmetrics(families, created_samples),
            Self::Protobuf => protobuf::write(families),
        }
    }
}

/// The series of one name.
#[derive(Clone, Debug)]
pub(crate) struct Family {
    /// The full name, which ends in `_total` for a counter.
    pub name: Cow<'static, str>,
    /// The HELP text.
    pub help: Cow<'static, str>,
    /// What each [`Value`] is.
    pub kind: Kind,
    /// In the order of their labels.
    pub series: Vec<Series>,
}

/// One label set of a family.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    /// In the order of their names.
    pub labels: Arc<[Label]>,
    pub value: Value,
}

/// The name and the value of a label. It orders series as their values do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Label {
    pub name: Cow<'static, str>,
    pub value: Box<str>,
}

/// What a series shows.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Counter(Counter),
    Gauge(f64),
    Histogram(Histogram),
}

/// A counter.
#[derive(Clone, Debug)]
pub(crate) struct Counter {
    pub value: f64,
    /// When it was 0 and existed, or was about to.
    pub started: OffsetDateTime,
    /// The latest.
    pub exemplar: Option<Exemplar>,
}

/// One event behind a number: which call it was.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Exemplar {
    /// The value of the only label, `correlation_id`: a GUID.
    pub correlation_id: Box<str>,
    /// What the event added to a counter, or what a histogram observed.
    pub value: f64,
    /// When the exporter counted it: times of one series never go back, as Prometheus requires.
    pub at: OffsetDateTime,
}

impl Exemplar {
    /// The name of the label of every exemplar.
    pub(crate) const LABEL: &'static str = "correlation_id";
}

/// A histogram: its buckets with configured bounds, its exponential ones, or both.
#[derive(Clone, Debug)]
pub(crate) struct Histogram {
    pub sum: f64,
    pub count: u64,
    /// As [`Counter::started`].
    pub started: OffsetDateTime,
    /// None where only the exponential buckets are shown: then text has the bucket `+Inf` alone, which it must have.
    pub classic: Option<Classic>,
    /// What only the protobuf messages can show.
    pub native: Option<Native>,
    /// The latest of each classic bucket, in their order; `+Inf` is the last. Empty if there are none.
    pub exemplars: Vec<Option<Exemplar>>,
}

/// The buckets of a classic histogram.
#[derive(Clone, Debug)]
pub(crate) struct Classic {
    /// The upper bounds; `+Inf` is not among them.
    pub bounds: Arc<[f64]>,
    /// How many values each bucket holds that the one before it does not; `+Inf` is the last, so there is one more than bounds.
    pub counts: Box<[u64]>,
}

impl Classic {
    /// The upper bound of each bucket, and how many values are at most that large.
    pub(crate) fn cumulative(&self) -> impl Iterator<Item = (f64, u64)> {
        let bounds = self.bounds.iter().copied().chain([f64::INFINITY]);
        let counts = self.counts.iter().scan(0, |sum, count| {
            *sum += count;
            Some(*sum)
        });
        bounds.zip(counts)
    }
}

/// The buckets of a native histogram: bucket `i` holds the values from (excluded) `2^((i-1) / 2^schema)` to `2^(i / 2^schema)`
/// (<https://prometheus.io/docs/specs/native_histograms/>).
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Native {
    /// From -4 to 8.
    pub schema: i32,
    /// Values of at most this are 0.
    pub zero_threshold: f64,
    /// How many are.
    pub zero: u64,
    /// Buckets that hold values, by index.
    pub positive: BTreeMap<i32, u64>,
    /// The same for values below 0, by their absolute value.
    pub negative: BTreeMap<i32, u64>,
}
