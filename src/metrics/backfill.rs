//! The past: what moved when, by the records' own times, for a Prometheus that did not scrape it.
//!
//! Records may come in any order. Each moves the same series by the same code as in a running exporter; what a run of
//! records within one step has moved is then taken out of the registry and noted under that step. `openmetrics` adds
//! it up and writes it.
//!
//! Memory: one note, of 50 to 200 bytes, for each series (a whole histogram being one) in each step in which it moved.
//! Neither the records nor the steps in which nothing happened take any. So the bound is series times steps: a day in
//! steps of a minute takes 200 MB if a thousand label sets move in every minute of it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;

use super::{AcsMetrics, Settings, openmetrics};
use crate::acs::Observation;
use crate::family::Kind;
use crate::format::{Classic, Family, Histogram, Label, Series, Value, escaped};
use crate::telemetry::{Telemetry, float};

/// From one sample of a series to the next: whole seconds, at most [`Step::MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    seconds: i64,
}

impl Step {
    /// Prometheus takes a series for gone when its last sample is five minutes old
    /// (<https://prometheus.io/docs/prometheus/latest/querying/basics/#staleness>).
    pub(crate) const MAX: Duration = Duration::from_mins(5);

    /// Checks the step.
    ///
    /// # Errors
    ///
    /// When it is not a whole number of seconds, or out of range.
    pub(crate) fn new(step: Duration) -> Result<Self, &'static str> {
        let is_whole = step.subsec_nanos() == 0;
        match i64::try_from(step.as_secs()) {
            Ok(seconds) if is_whole && seconds > 0 && step <= Self::MAX => Ok(Self { seconds }),
            _ => Err(
                "must be whole seconds, from `1s` to `5m`: Prometheus takes a series for gone after five minutes",
            ),
        }
    }

    /// The first step that shows a record of this time: the one at which a scrape would have found it.
    fn of(self, time: OffsetDateTime) -> i64 {
        let whole = time.unix_timestamp();
        let seconds = whole + i64::from(time.nanosecond() > 0);
        // Division that rounds up: times before 1970 are legal.
        -(-seconds).div_euclid(self.seconds)
    }

    /// When the step is, in seconds since 1970.
    pub(super) fn timestamp(self, step: i64) -> i64 {
        step * self.seconds
    }
}

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Written {
    /// Series, as Prometheus counts them.
    pub series: usize,
    /// Samples of them.
    pub samples: usize,
}

/// What moved when.
#[derive(Debug)]
pub(crate) struct Backfill {
    step: Step,
    metrics: AcsMetrics,
    /// The step to which what stands in the registry belongs.
    current: Option<i64>,
    pub(super) noted: Noted,
}

/// What moved in which step.
#[derive(Debug, Default)]
pub(super) struct Noted {
    pub(super) families: BTreeMap<String, NotedFamily>,
    /// Every step in which anything moved.
    pub(super) steps: BTreeSet<i64>,
}

/// A family of which something moved.
#[derive(Debug, Default)]
pub(super) struct NotedFamily {
    /// The upper bounds of a histogram; `+Inf` is not among them.
    pub(super) bounds: Vec<f64>,
    /// By label set and by step.
    pub(super) movements: BTreeMap<Labels, BTreeMap<i64, Movement>>,
}

/// A label set as it is written: `resource="x",operation="y"`.
pub(super) type Labels = Box<str>;

/// By how much each series of a label set moved within a step. A counter or a gauge is one series; a histogram has one for
/// each bucket, `+Inf` included, its sum and its count, in this order.
pub(super) type Movement = Box<[f64]>;

impl Backfill {
    /// With nothing noted. Label caps and budget hold over all that is noted.
    pub(crate) fn new(settings: &Settings, telemetry: &Arc<Telemetry>, step: Step) -> Self {
        let mut metrics = AcsMetrics::new(settings, telemetry);
        metrics.clear();
        Self {
            step,
            metrics,
            current: None,
            noted: Noted::default(),
        }
    }

    /// Notes what an observation moves, at that time.
    pub(crate) fn note(&mut self, observation: &Observation<'_>, at: OffsetDateTime) {
        let step = self.step.of(at);
        if self.current != Some(step) {
            self.take();
            self.current = Some(step);
        }
        self.metrics.apply(observation, 1, 1); // no event is held for a snapshot
    }

    /// Writes all that was noted as OpenMetrics, version 1.0.0.
    ///
    /// # Errors
    ///
    /// When `out` cannot be written.
    pub(crate) fn write(mut self, out: &mut impl Write) -> io::Result<Written> {
        self.take();
        openmetrics::write(&self.noted, self.step, out)
    }

    /// Moves what stands in the registry to the notes of the current step.
    fn take(&mut self) {
        let Some(step) = self.current else {
            return;
        };
        for family in self.metrics.families() {
            for series in &family.series {
                self.noted.add(&family, series, step);
            }
        }
        self.metrics.clear();
    }
}

impl Noted {
    fn add(&mut self, family: &Family, series: &Series, step: i64) {
        let is_gauge = family.kind == Kind::Gauge;
        let movement = movement(&series.value);
        // What stands at zero has not moved: it may be one of the zeros that every failure family begins with.
        if !is_gauge && movement.iter().all(|series| *series == 0.0) {
            return;
        }
        self.steps.insert(step);
        let noted = self.families.entry(family.name.to_string()).or_default();
        if noted.bounds.is_empty()
            && let Value::Histogram(Histogram {
                classic: Some(classic),
                ..
            }) = &series.value
        {
            noted.bounds = classic.bounds.to_vec();
        }
        let steps = noted.movements.entry(labels(&series.labels)).or_default();
        steps
            .entry(step)
            .and_modify(|noted| add(noted, &movement, is_gauge))
            .or_insert(movement);
    }
}

/// Adds a movement of the same series. All gauges that are exported only grow: the largest value holds.
pub(super) fn add(noted: &mut [f64], movement: &[f64], is_gauge: bool) {
    for (noted, more) in noted.iter_mut().zip(movement) {
        *noted = if is_gauge {
            noted.max(*more)
        } else {
            *noted + more
        };
    }
}

fn movement(value: &Value) -> Movement {
    match value {
        Value::Counter(counter) => Box::new([counter.value]),
        Value::Gauge(value) => Box::new([*value]),
        Value::Histogram(histogram) => {
            let count = float(histogram.count);
            let classic = histogram.classic.iter().flat_map(Classic::cumulative);
            classic
                .map(|(_, count)| float(count))
                .chain([histogram.sum, count])
                .collect()
        }
    }
}

fn labels(labels: &[Label]) -> Labels {
    let mut text = String::new();
    for Label { name, value } in labels {
        if !text.is_empty() {
            text.push(',');
        }
        text.push_str(name);
        text.push_str("=\"");
        text.push_str(&escaped(value));
        text.push('"');
    }
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn a_record_is_seen_by_the_first_step_that_is_not_before_it() {
        let step = Step::new(Duration::from_mins(1)).unwrap();
        let check = |time, expected| {
            let seen = OffsetDateTime::from_unix_timestamp(step.timestamp(step.of(time))).unwrap();
            assert_eq!(seen, expected, "{time}");
        };
        check(
            datetime!(2026-01-31 12:00:00 UTC),
            datetime!(2026-01-31 12:00:00 UTC),
        );
        check(
            datetime!(2026-01-31 12:00:00.0000001 UTC),
            datetime!(2026-01-31 12:01:00 UTC),
        );
        check(
            datetime!(2026-01-31 12:00:59.9 UTC),
            datetime!(2026-01-31 12:01:00 UTC),
        );
        check(
            datetime!(1969-12-31 23:59:30 UTC),
            datetime!(1970-01-01 00:00:00 UTC),
        );
        check(
            datetime!(1969-12-31 23:58:30 UTC),
            datetime!(1969-12-31 23:59:00 UTC),
        );
    }

    #[test]
    fn a_step_is_whole_seconds_up_to_five_minutes() {
        for (step, is_valid) in [
            ("1s", true),
            ("5m", true),
            ("0s", false),
            ("301s", false),
            ("1500ms", false),
        ] {
            let duration = humantime::parse_duration(step).unwrap();
            assert_eq!(Step::new(duration).is_ok(), is_valid, "{step}");
        }
    }
}
