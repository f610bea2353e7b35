//! The formats say the same.

use prometheus::{CounterVec, Gauge, HistogramOpts, HistogramVec, Opts, Registry, TextEncoder};
use proptest::collection::vec;
use proptest::prelude::*;
use prost::Message;
use time::macros::datetime;

use super::protobuf::{BucketSpan, MetricFamily};
use super::*;

const STARTED: OffsetDateTime = datetime!(2026-03-01 12:00:00.25 UTC);

fn labels(pairs: &[(&'static str, &str)]) -> Arc<[Label]> {
    let labels = pairs.iter().map(|(name, value)| Label {
        name: Cow::Borrowed(name),
        value: (*value).into(),
    });
    labels.collect()
}

fn family(name: &'static str, help: &'static str, kind: Kind, series: Vec<Series>) -> Family {
    Family {
        name: name.into(),
        help: help.into(),
        kind,
        series,
    }
}

fn counter(value: f64, exemplar: Option<Exemplar>) -> Value {
    Value::Counter(Counter {
        value,
        started: STARTED,
        exemplar,
    })
}

fn histogram(bounds: &[f64], counts: &[u64], sum: f64) -> Histogram {
    Histogram {
        sum,
        count: counts.iter().sum(),
        started: STARTED,
        classic: Some(Classic {
            bounds: bounds.into(),
            counts: counts.into(),
        }),
        native: None,
        exemplars: Vec::new(),
    }
}

fn exemplar() -> Exemplar {
    Exemplar {
        correlation_id: "11110000-bb11-2222-33cc-555555dddddd".into(),
        value: 0.5,
        at: datetime!(2026-03-01 13:00:00.007 UTC),
    }
}

fn read(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

#[test]
fn the_classic_text_is_that_of_the_prometheus_crate() {
    let registry = Registry::new();
    let help = "Back\\slash, \"quotes\" and\na new line.";
    let odd = "a\\b\"c\nd";
    let counters = CounterVec::new(Opts::new("a_total", help), &["y", "x"]).unwrap();
    counters.with_label_values(&[odd, "2"]).inc_by(1e21);
    counters.with_label_values(&["", "1"]).inc_by(0.1);
    registry.register(Box::new(counters)).unwrap();
    let histogram_opts = HistogramOpts::new("b_seconds", "B.").buckets(vec![0.005, 10.0]);
    let histograms = HistogramVec::new(histogram_opts, &["x"]).unwrap();
    for value in [0.005, 1.0, 2.5, 1e9] {
        histograms.with_label_values(&["1"]).observe(value);
    }
    registry.register(Box::new(histograms)).unwrap();
    for (name, value) in [
        ("c", f64::INFINITY),
        ("d", f64::NEG_INFINITY),
        ("e", f64::NAN),
        ("f", -0.0),
        ("g", 1.5e-300),
    ] {
        let gauge = Gauge::new(name, "-").unwrap();
        gauge.set(value);
        registry.register(Box::new(gauge)).unwrap();
    }
    let gauge = |name, value| {
        let series = Series {
            labels: labels(&[]),
            value: Value::Gauge(value),
        };
        family(name, "-", Kind::Gauge, vec![series])
    };
    let families = [
        family(
            "a_total",
            help,
            Kind::Counter,
            vec![
                Series {
                    labels: labels(&[("x", "1"), ("y", "")]),
                    value: counter(0.1, Some(exemplar())),
                },
                Series {
                    labels: labels(&[("x", "2"), ("y", odd)]),
                    value: counter(1e21, None),
                },
            ],
        ),
        family(
            "b_seconds",
            "B.",
            Kind::Histogram,
            vec![Series {
                labels: labels(&[("x", "1")]),
                value: Value::Histogram(histogram(&[0.005, 10.0], &[1, 2, 1], 1e9 + 3.505)),
            }],
        ),
        gauge("c", f64::INFINITY),
        gauge("d", f64::NEG_INFINITY),
        gauge("e", f64::NAN),
        gauge("f", -0.0),
        gauge("g", 1.5e-300),
    ];
    let expected = TextEncoder::new().encode_to_string(&registry.gather());
    let expected = expected.unwrap();
    // The crate spells infinity as Rust does.
    let expected = expected
        .replace("c inf", "c +Inf")
        .replace("d -inf", "d -Inf");
    assert_eq!(read(Format::Text.write(&families, true)), expected);
}

#[test]
fn openmetrics_has_units_exemplars_start_times_and_an_end() {
    let mut duration = histogram(&[0.5, 10.0], &[1, 0, 2], 100.25);
    duration.exemplars = vec![Some(exemplar()), None, None];
    let families = [
        family(
            "a_bytes_total",
            "Of \"a\".",
            Kind::Counter,
            vec![Series {
                labels: labels(&[("x", "1")]),
                value: counter(3.0, Some(exemplar())),
            }],
        ),
        family(
            "b_seconds",
            "B.",
            Kind::Histogram,
            vec![Series {
                labels: labels(&[]),
                value: Value::Histogram(duration),
            }],
        ),
    ];
    expect_test::expect![[r#"
        # TYPE a_bytes counter
        # UNIT a_bytes bytes
        # HELP a_bytes Of \"a\".
        a_bytes_total{x="1"} 3 # {correlation_id="11110000-bb11-2222-33cc-555555dddddd"} 0.5 1772370000.007
        a_bytes_created{x="1"} 1772366400.250
        # TYPE b_seconds histogram
        # UNIT b_seconds seconds
        # HELP b_seconds B.
        b_seconds_bucket{le="0.5"} 1 # {correlation_id="11110000-bb11-2222-33cc-555555dddddd"} 0.5 1772370000.007
        b_seconds_bucket{le="10.0"} 1
        b_seconds_bucket{le="+Inf"} 3
        b_seconds_sum 100.25
        b_seconds_count 3
        b_seconds_created 1772366400.250
        # EOF
    "#]].assert_eq(&read(Format::OpenMetrics.write(&families, true)));
    let without = read(Format::OpenMetrics.write(&families, false));
    assert!(!without.contains("_created"));
}

/// As Prometheus 2.42 spells the bounds that it reads from protobuf.
#[test]
fn bounds_are_spelt_in_openmetrics_as_prometheus_spells_those_of_protobuf() {
    let bounds = [1e-5, 0.0001, 2.5, 10.0, 100_000.0, 1e6, 2_592_000.0, 1e300];
    let series = Series {
        labels: labels(&[]),
        value: Value::Histogram(histogram(&bounds, &[0; 9], 0.0)),
    };
    let families = [family("b", "B.", Kind::Histogram, vec![series])];
    let text = read(Format::OpenMetrics.write(&families, false));
    let spelt = text.split('"').skip(1).step_by(2).collect::<Vec<_>>();
    let expected = [
        "1e-05",
        "0.0001",
        "2.5",
        "10.0",
        "100000.0",
        "1e+06",
        "2.592e+06",
        "1e+300",
        "+Inf",
    ];
    assert_eq!(spelt, expected);
}

#[test]
fn a_native_histogram_alone_has_one_bucket_in_text_and_spans_in_protobuf() {
    let mut duration = histogram(&[1.0], &[2, 5], 9.5);
    duration.classic = None;
    duration.exemplars = vec![Some(exemplar()), None];
    duration.native = Some(Native {
        schema: 1,
        zero_threshold: 1e-9,
        zero: 1,
        positive: BTreeMap::from([(-3, 2), (-2, 1), (4, 2)]),
        negative: BTreeMap::from([(0, 1)]),
    });
    let series = Series {
        labels: labels(&[]),
        value: Value::Histogram(duration),
    };
    let families = [family("b_seconds", "B.", Kind::Histogram, vec![series])];
    expect_test::expect![[r#"
        # HELP b_seconds B.
        # TYPE b_seconds histogram
        b_seconds_bucket{le="+Inf"} 7
        b_seconds_sum 9.5
        b_seconds_count 7
    "#]]
    .assert_eq(&read(Format::Text.write(&families, false)));
    let message = decoded(&Format::Protobuf.write(&families, false)).remove(0);
    assert_eq!(message.unit.as_deref(), Some("seconds"));
    let histogram = message.metric[0].histogram.clone().unwrap();
    assert!(histogram.bucket.is_empty());
    let spans = |spans: &[BucketSpan]| -> Vec<_> {
        let spans = spans.iter();
        spans
            .map(|span| (span.offset.unwrap(), span.length.unwrap()))
            .collect()
    };
    assert_eq!(spans(&histogram.positive_span), [(-3, 2), (5, 1)]);
    assert_eq!(histogram.positive_delta, [2, -1, 1]);
    assert_eq!(spans(&histogram.negative_span), [(0, 1)]);
    assert_eq!(histogram.negative_delta, [1]);
    let all = (
        histogram.schema,
        histogram.zero_count,
        histogram.exemplars.len(),
    );
    assert_eq!(all, (Some(1), Some(1), 1));
    let created = histogram.created_timestamp.unwrap();
    assert_eq!(
        (created.seconds, created.nanos),
        (1_772_366_400, 250_000_000)
    );
}

fn decoded(mut bytes: &[u8]) -> Vec<MetricFamily> {
    let mut families = Vec::new();
    while !bytes.is_empty() {
        families.push(MetricFamily::decode_length_delimited(&mut bytes).unwrap());
    }
    families
}

/// The values of the samples of a text, in their order.
fn numbers(text: &str) -> Vec<f64> {
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    let values = samples.map(|line| line.rsplit(' ').next().unwrap().parse().unwrap());
    values.collect()
}

proptest! {
    #[test]
    fn every_number_is_the_same_in_each_format(
        counts in vec(0..u64::from(u32::MAX), 3), values in vec(proptest::num::f64::ANY, 3), value in ".*",
    ) {
        let (gauge, counted, sum) = (values[0], values[1], values[2]);
        let of = |value| Series { labels: labels(&[("x", "y")]), value };
        let families = [
            family("a", "", Kind::Gauge, vec![Series { labels: labels(&[("x", &value.replace(' ', "_"))]), value: Value::Gauge(gauge) }]),
            family("b_total", "", Kind::Counter, vec![of(counter(counted, None))]),
            family("c", "", Kind::Histogram, vec![of(Value::Histogram(histogram(&[0.5, 1.0], &counts, sum)))]),
        ];
        let messages = decoded(&Format::Protobuf.write(&families, false));
        let label = &messages[0].metric[0].label[0];
        prop_assert_eq!(label.value.as_deref(), Some(&*value.replace(' ', "_")));
        let c = messages[2].metric[0].histogram.clone().unwrap();
        let buckets = c.bucket.iter().map(|bucket| bucket.cumulative_count.unwrap());
        #[expect(clippy::cast_precision_loss, clippy::as_conversions, reason = "less than 2^53")]
        let float = |count: u64| count as f64;
        let mut expected = vec![
            messages[0].metric[0].gauge.as_ref().unwrap().value.unwrap(),
            messages[1].metric[0].counter.as_ref().unwrap().value.unwrap(),
        ];
        expected.extend(buckets.map(float));
        expected.extend([c.sample_sum.unwrap(), float(c.sample_count.unwrap())]);
        let same = |a: &[f64], b: &[f64]| {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan())
        };
        for format in [Format::Text, Format::OpenMetrics] {
            let text = read(format.write(&families, false));
            prop_assert!(same(&numbers(&text), &expected), "{} {:?}", text, expected);
        }
    }
}
