//! The delimited messages of `io.prometheus.client`, with the numbers of their fields
//! (<https://github.com/prometheus/client_model/blob/v0.6.1/io/prometheus/client/metrics.proto>).

use std::collections::BTreeMap;

use prost::Message;
use time::OffsetDateTime;

use super::{Value, text};
use crate::family::Kind;

/// Each family as a message, after its length.
pub(super) fn write(families: &[super::Family]) -> Vec<u8> {
    let mut out = Vec::new();
    for family in families {
        MetricFamily::from(family)
            .encode_length_delimited(&mut out)
            .expect("a vector grows");
    }
    out
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct MetricFamily {
    #[prost(string, optional, tag = "1")]
    pub(super) name: Option<String>,
    #[prost(string, optional, tag = "2")]
    pub(super) help: Option<String>,
    #[prost(int32, optional, tag = "3")]
    pub(super) kind: Option<i32>,
    #[prost(message, repeated, tag = "4")]
    pub(super) metric: Vec<Metric>,
    #[prost(string, optional, tag = "5")]
    pub(super) unit: Option<String>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Metric {
    #[prost(message, repeated, tag = "1")]
    pub(super) label: Vec<LabelPair>,
    #[prost(message, optional, tag = "2")]
    pub(super) gauge: Option<Gauge>,
    #[prost(message, optional, tag = "3")]
    pub(super) counter: Option<Counter>,
    #[prost(message, optional, tag = "7")]
    pub(super) histogram: Option<Histogram>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct LabelPair {
    #[prost(string, optional, tag = "1")]
    pub(super) name: Option<String>,
    #[prost(string, optional, tag = "2")]
    pub(super) value: Option<String>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Gauge {
    #[prost(double, optional, tag = "1")]
    pub(super) value: Option<f64>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Counter {
    #[prost(double, optional, tag = "1")]
    pub(super) value: Option<f64>,
    #[prost(message, optional, tag = "2")]
    pub(super) exemplar: Option<Exemplar>,
    #[prost(message, optional, tag = "3")]
    pub(super) created_timestamp: Option<Timestamp>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Histogram {
    #[prost(uint64, optional, tag = "1")]
    pub(super) sample_count: Option<u64>,
    #[prost(double, optional, tag = "2")]
    pub(super) sample_sum: Option<f64>,
    #[prost(message, repeated, tag = "3")]
    pub(super) bucket: Vec<Bucket>,
    #[prost(sint32, optional, tag = "5")]
    pub(super) schema: Option<i32>,
    #[prost(double, optional, tag = "6")]
    pub(super) zero_threshold: Option<f64>,
    #[prost(uint64, optional, tag = "7")]
    pub(super) zero_count: Option<u64>,
    #[prost(message, repeated, tag = "9")]
    pub(super) negative_span: Vec<BucketSpan>,
    #[prost(sint64, repeated, packed = "false", tag = "10")]
    pub(super) negative_delta: Vec<i64>,
    #[prost(message, repeated, tag = "12")]
    pub(super) positive_span: Vec<BucketSpan>,
    #[prost(sint64, repeated, packed = "false", tag = "13")]
    pub(super) positive_delta: Vec<i64>,
    #[prost(message, optional, tag = "15")]
    pub(super) created_timestamp: Option<Timestamp>,
    #[prost(message, repeated, tag = "16")]
    pub(super) exemplars: Vec<Exemplar>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Bucket {
    #[prost(uint64, optional, tag = "1")]
    pub(super) cumulative_count: Option<u64>,
    #[prost(double, optional, tag = "2")]
    pub(super) upper_bound: Option<f64>,
    #[prost(message, optional, tag = "3")]
    pub(super) exemplar: Option<Exemplar>,
}

/// Buckets beside one another. The offset of the first is an index, that of each later one the gap behind the one before.
#[derive(Clone, PartialEq, Message)]
pub(super) struct BucketSpan {
    #[prost(sint32, optional, tag = "1")]
    pub(super) offset: Option<i32>,
    #[prost(uint32, optional, tag = "2")]
    pub(super) length: Option<u32>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Exemplar {
    #[prost(message, repeated, tag = "1")]
    pub(super) label: Vec<LabelPair>,
    #[prost(double, optional, tag = "2")]
    pub(super) value: Option<f64>,
    #[prost(message, optional, tag = "3")]
    pub(super) timestamp: Option<Timestamp>,
}

/// `google.protobuf.Timestamp`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Timestamp {
    #[prost(int64, tag = "1")]
    pub(super) seconds: i64,
    #[prost(int32, tag = "2")]
    pub(super) nanos: i32,
}

impl From<&super::Family> for MetricFamily {
    fn from(family: &super::Family) -> Self {
        let kind = match family.kind {
            Kind::Counter => 0,
            Kind::Gauge => 1,
            Kind::Histogram => 4,
        };
        Self {
            name: Some(family.name.to_string()),
            help: Some(family.help.to_string()),
            kind: Some(kind),
            metric: family.series.iter().map(Metric::from).collect(),
            unit: text::unit(text::base_name(&family.name, family.kind)).map(str::to_owned),
        }
    }
}

impl From<&super::Series> for Metric {
    fn from(super::Series { labels, value }: &super::Series) -> Self {
        let pairs = labels.iter();
        let mut metric = Self {
            label: pairs
                .map(|of| LabelPair::new(&of.name, &of.value))
                .collect(),
            ..Self::default()
        };
        match value {
            Value::Gauge(value) => {
                metric.gauge = Some(Gauge {
                    value: Some(*value),
                });
            }
            Value::Counter(counter) => {
                metric.counter = Some(Counter {
                    value: Some(counter.value),
                    exemplar: counter.exemplar.as_ref().map(Exemplar::from),
                    created_timestamp: Some(counter.started.into()),
                });
            }
            Value::Histogram(histogram) => metric.histogram = Some(histogram.into()),
        }
        metric
    }
}

impl LabelPair {
    fn new(name: &str, value: &str) -> Self {
        Self {
            name: Some(name.to_owned()),
            value: Some(value.to_owned()),
        }
    }
}

impl From<&super::Histogram> for Histogram {
    fn from(histogram: &super::Histogram) -> Self {
        let exemplars = || histogram.exemplars.iter().map(Option::as_ref);
        let buckets = histogram
            .classic
            .iter()
            .flat_map(super::Classic::cumulative);
        let exemplars_of_buckets = exemplars().chain(std::iter::repeat(None));
        let bucket = buckets
            .zip(exemplars_of_buckets)
            .map(|((bound, count), exemplar)| Bucket {
                cumulative_count: Some(count),
                upper_bound: Some(bound),
                exemplar: exemplar.map(Exemplar::from),
            });
        let mut message = Self {
            sample_count: Some(histogram.count),
            sample_sum: Some(histogram.sum),
            bucket: bucket.collect(),
            created_timestamp: Some(histogram.started.into()),
            ..Self::default()
        };
        if let Some(native) = &histogram.native {
            message.schema = Some(native.schema);
            message.zero_threshold = Some(native.zero_threshold);
            message.zero_count = Some(native.zero);
            (message.positive_span, message.positive_delta) = spans(&native.positive);
            (message.negative_span, message.negative_delta) = spans(&native.negative);
            message.exemplars = exemplars().flatten().map(Exemplar::from).collect();
        }
        message
    }
}

/// Buckets as spans of neighbours, and by how much each count differs from the one before.
fn spans(buckets: &BTreeMap<i32, u64>) -> (Vec<BucketSpan>, Vec<i64>) {
    let (mut spans, mut deltas) = (Vec::<BucketSpan>::new(), Vec::new());
    let (mut next, mut before) = (0, 0);
    for (index, count) in buckets {
        match spans.last_mut() {
            Some(span) if *index == next => span.length = span.length.map(|length| length + 1),
            _ => spans.push(BucketSpan {
                offset: Some(index - next),
                length: Some(1),
            }),
        }
        let count = i64::try_from(*count).unwrap_or(i64::MAX);
        deltas.push(count - before);
        (next, before) = (index + 1, count);
    }
    (spans, deltas)
}

impl From<&super::Exemplar> for Exemplar {
    fn from(exemplar: &super::Exemplar) -> Self {
        Self {
            label: vec![LabelPair::new(
                super::Exemplar::LABEL,
                &exemplar.correlation_id,
            )],
            value: Some(exemplar.value),
            timestamp: Some(exemplar.at.into()),
        }
    }
}

impl From<OffsetDateTime> for Timestamp {
    fn from(time: OffsetDateTime) -> Self {
        Self {
            seconds: time.unix_timestamp(),
            nanos: i32::try_from(time.nanosecond()).unwrap_or(0),
        }
    }
}
