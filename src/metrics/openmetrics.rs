//! Notes of the past -> OpenMetrics with timestamps
//! (<https://github.com/prometheus/OpenMetrics/blob/v1.0.0/specification/OpenMetrics.md>), as
//! `promtool tsdb create-blocks-from openmetrics` reads it.
//!
//! Which samples there are:
//!
//! - A series has one at every step from its first to the last step of all, whether it moved or not: Prometheus takes
//!   it for gone five minutes after its last sample.
//! - It stands at 0 one step before it first rises, so that `increase()` sees the rise. A failure series stands at 0
//!   from the step before the first of all, as in a running exporter, but only if it ever rises: the whole vocabulary
//!   of failures would be some hundreds of series of zeros for each resource.
//! - More than [`QUIET_SECONDS_MAX`] without any record are left empty, and all series go on one step before the next:
//!   one record with a wrong year must not cost years of samples.
//! - A resource that moved to another group has both in `acs_resource_info` from then on.
//!
//! `le` is spelt as in the text format of a running exporter, so that both make the same series.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::backfill::{Movement, Noted, Step, Written, add};
use crate::acs;
use crate::family::{Family, Kind};
use crate::format::{base_name, escaped, unit};

/// A day: a customer who records nothing over night or on a Sunday has no gap in the graph.
const QUIET_SECONDS_MAX: i64 = 24 * 60 * 60;

/// Writes every family that has series, and the end mark.
pub(super) fn write(noted: &Noted, step: Step, out: &mut impl Write) -> io::Result<Written> {
    let spans = spans(noted, step);
    let mut written = Written::default();
    for family in acs::catalogue() {
        let Some(noted) = noted.families.get(family.name) else {
            continue;
        };
        write_head(family, out)?;
        for (labels, movements) in &noted.movements {
            let series = series(family, &noted.bounds, labels);
            let steps = write_label_set(family, &series, movements, step, &spans, out)?;
            written.series += series.len();
            written.samples += series.len() * steps;
        }
    }
    writeln!(out, "# EOF")?;
    out.flush()?;
    Ok(written)
}

/// Steps at which series have samples, both ends included; the first one is the step before the first record.
type Span = (i64, i64);

fn spans(noted: &Noted, step: Step) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    for &at in &noted.steps {
        match spans.last_mut() {
            Some((_, end)) if step.timestamp(at - *end) <= QUIET_SECONDS_MAX => *end = at,
            _ => spans.push((at - 1, at)),
        }
    }
    spans
}

fn write_head(family: &Family, out: &mut impl Write) -> io::Result<()> {
    let name = base_name(family.name, family.kind);
    writeln!(out, "# TYPE {name} {}", family.kind)?;
    if let Some(unit) = unit(name) {
        writeln!(out, "# UNIT {name} {unit}")?;
    }
    writeln!(out, "# HELP {name} {}", escaped(family.help()))
}

/// Writes the samples of a label set, which has these series. Returns in how many steps it has any.
fn write_label_set(
    family: &Family,
    series: &[String],
    movements: &BTreeMap<i64, Movement>,
    step: Step,
    spans: &[Span],
    out: &mut impl Write,
) -> io::Result<usize> {
    let Some((&first, _)) = movements.first_key_value() else {
        return Ok(0);
    };
    let is_gauge = family.kind == Kind::Gauge;
    let begins = if is_gauge {
        first // a gauge has no zero to start from
    } else if family.name.contains("_failures_") {
        i64::MIN
    } else {
        first - 1
    };
    let mut reached = vec![if is_gauge { f64::NEG_INFINITY } else { 0.0 }; series.len()];
    let mut movements = movements.iter().peekable();
    let mut steps = 0;
    for at in spans
        .iter()
        .flat_map(|(start, end)| (*start).max(begins)..=*end)
    {
        while let Some((_, movement)) = movements.next_if(|(moved_at, _)| **moved_at <= at) {
            add(&mut reached, movement, is_gauge);
        }
        for (series, value) in series.iter().zip(&reached) {
            writeln!(out, "{series} {value} {}", step.timestamp(at))?;
        }
        steps += 1;
    }
    Ok(steps)
}

/// Name and labels of each series of a label set, in the order of a [`Movement`].
fn series(family: &Family, bounds: &[f64], labels: &str) -> Vec<String> {
    let name = family.name;
    if family.kind != Kind::Histogram {
        return vec![format!("{name}{{{labels}}}")];
    }
    let bounds = bounds.iter().map(f64::to_string).chain(["+Inf".to_owned()]);
    let buckets = bounds.map(|bound| format!("{name}_bucket{{{labels},le=\"{bound}\"}}"));
    let sum_and_count = ["sum", "count"].map(|part| format!("{name}_{part}{{{labels}}}"));
    buckets.chain(sum_and_count).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn noted(family: &str, labels: &str, movements: &[(i64, Movement)], noted: &mut Noted) {
        noted.steps.extend(movements.iter().map(|(step, _)| step));
        noted
            .families
            .entry(family.to_owned())
            .or_default()
            .movements
            .insert(labels.into(), movements.iter().cloned().collect());
    }

    fn one(value: f64) -> Movement {
        Box::new([value])
    }

    #[track_caller]
    fn check(noted: &Noted, expected: &str) {
        let mut out = Vec::new();
        write(noted, Step::new(Duration::from_mins(1)).unwrap(), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let samples: String = text
            .lines()
            .filter(|line| !line.starts_with("# HELP"))
            .fold(String::new(), |all, line| all + line + "\n");
        assert_eq!(samples, expected);
    }

    #[test]
    fn a_series_begins_at_zero_before_its_first_rise_and_has_a_sample_at_every_step() {
        let mut all = Noted::default();
        let rises = [(2, one(1.0)), (4, one(2.5))];
        noted(
            "acs_usage_quantity_total",
            r#"usage_type="a""#,
            &rises,
            &mut all,
        );
        noted(
            "acs_usage_quantity_total",
            r#"usage_type="b""#,
            &[(4, one(1.0))],
            &mut all,
        );
        check(
            &all,
            "# TYPE acs_usage_quantity counter\n\
             acs_usage_quantity_total{usage_type=\"a\"} 0 60\n\
             acs_usage_quantity_total{usage_type=\"a\"} 1 120\n\
             acs_usage_quantity_total{usage_type=\"a\"} 1 180\n\
             acs_usage_quantity_total{usage_type=\"a\"} 3.5 240\n\
             acs_usage_quantity_total{usage_type=\"b\"} 0 180\n\
             acs_usage_quantity_total{usage_type=\"b\"} 1 240\n\
             # EOF\n",
        );
    }

    #[test]
    fn a_failure_stands_at_zero_from_the_start() {
        let mut all = Noted::default();
        noted(
            "acs_usage_records_total",
            "x=\"\"",
            &[(1, one(1.0))],
            &mut all,
        );
        noted(
            "acs_recording_failures_total",
            "x=\"\"",
            &[(2, one(1.0))],
            &mut all,
        );
        check(
            &all,
            "# TYPE acs_recording_failures counter\n\
             acs_recording_failures_total{x=\"\"} 0 0\n\
             acs_recording_failures_total{x=\"\"} 0 60\n\
             acs_recording_failures_total{x=\"\"} 1 120\n\
             # TYPE acs_usage_records counter\n\
             acs_usage_records_total{x=\"\"} 0 0\n\
             acs_usage_records_total{x=\"\"} 1 60\n\
             acs_usage_records_total{x=\"\"} 1 120\n\
             # EOF\n",
        );
    }

    #[test]
    fn a_histogram_is_written_whole_at_each_step() {
        let mut all = Noted::default();
        noted(
            "acs_recording_audio_channels",
            "x=\"\"",
            &[(1, Box::new([2.0, 2.0, 2.0, 0.25, 2.0]))],
            &mut all,
        );
        for family in all.families.values_mut() {
            family.bounds = vec![0.5, 1.0];
        }
        check(
            &all,
            "# TYPE acs_recording_audio_channels histogram\n\
             acs_recording_audio_channels_bucket{x=\"\",le=\"0.5\"} 0 0\n\
             acs_recording_audio_channels_bucket{x=\"\",le=\"1\"} 0 0\n\
             acs_recording_audio_channels_bucket{x=\"\",le=\"+Inf\"} 0 0\n\
             acs_recording_audio_channels_sum{x=\"\"} 0 0\n\
             acs_recording_audio_channels_count{x=\"\"} 0 0\n\
             acs_recording_audio_channels_bucket{x=\"\",le=\"0.5\"} 2 60\n\
             acs_recording_audio_channels_bucket{x=\"\",le=\"1\"} 2 60\n\
             acs_recording_audio_channels_bucket{x=\"\",le=\"+Inf\"} 2 60\n\
             acs_recording_audio_channels_sum{x=\"\"} 0.25 60\n\
             acs_recording_audio_channels_count{x=\"\"} 2 60\n\
             # EOF\n",
        );
    }

    #[test]
    fn a_quiet_day_is_filled_and_a_quiet_year_is_not() {
        let day = 24 * 60;
        let mut all = Noted::default();
        let rises = [(1, one(1.0)), (1 + day, one(1.0)), (400 * day, one(1.0))];
        noted("acs_usage_records_total", "x=\"\"", &rises, &mut all);
        assert_eq!(
            spans(&all, Step::new(Duration::from_mins(1)).unwrap()),
            [(0, 1 + day), (400 * day - 1, 400 * day)]
        );
    }

    #[test]
    fn seconds_have_their_unit_and_labels_are_escaped() {
        let mut all = Noted::default();
        noted(
            "acs_log_last_record_timestamp_seconds",
            "x=\"\"",
            &[(1, one(7.5))],
            &mut all,
        );
        check(
            &all,
            "# TYPE acs_log_last_record_timestamp_seconds gauge\n\
             # UNIT acs_log_last_record_timestamp_seconds seconds\n\
             acs_log_last_record_timestamp_seconds{x=\"\"} 7.5 60\n\
             # EOF\n",
        );
        assert_eq!(escaped("a\"b\\c\nd"), "a\\\"b\\\\c\\nd");
    }
}
