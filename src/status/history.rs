//! What the last hour was like, in bounded memory: a sample each half minute.

use std::collections::VecDeque;
use std::time::Duration;

use serde::Serialize;
use time::OffsetDateTime;

/// How often a sample is taken: a line over an hour has points enough, and a fault of a minute shows.
pub(crate) const SAMPLE_EVERY: Duration = Duration::from_secs(30);

/// An hour, with both its ends.
const SAMPLES_MAX: usize = 121;

/// How many kinds of failures are told apart, the first ones; the others count as one. With [`SAMPLES_MAX`], all samples
/// together stay below 100 kB.
const KINDS_MAX: usize = 100;

/// What failed and how. Few: operations, statuses and reasons are bounded labels, and resources are summed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Kind {
    /// The operation, or `recording`.
    pub operation: String,
    /// The status of the response, or the end reason of the recording.
    pub status: String,
    pub reason: String,
}

/// What is counted at one moment.
#[derive(Clone, Debug)]
pub(super) struct Counts {
    pub(super) at: OffsetDateTime,
    pub(super) events: u64,
    /// Those that are not 0.
    pub(super) failures: Vec<(Kind, u64)>,
    pub(super) lag_seconds: f64,
}

/// What happened between two samples.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Interval {
    /// Its end.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    pub events: u64,
    pub failures: u64,
    pub lag_seconds: f64,
}

/// How often something failed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Failures {
    #[serde(flatten)]
    pub kind: Kind,
    pub last_hour: u64,
    pub since_start: u64,
}

#[derive(Debug)]
struct Sample {
    at: OffsetDateTime,
    events: u64,
    /// In the order of the kinds; those that came later are missing.
    failures: Vec<u64>,
    lag_seconds: f64,
}

/// The last hour.
#[derive(Debug, Default)]
pub(super) struct History {
    kinds: Vec<Kind>,
    samples: VecDeque<Sample>,
}

impl History {
    /// Takes a sample.
    pub(super) fn add(&mut self, counts: &Counts) {
        if self.samples.len() == SAMPLES_MAX {
            self.samples.pop_front();
        }
        let sample = Sample {
            at: counts.at,
            events: counts.events,
            failures: self.in_order(&counts.failures),
            lag_seconds: counts.lag_seconds,
        };
        self.samples.push_back(sample);
    }

    /// When the hour began; later while the process is younger.
    pub(super) fn since(&self) -> Option<OffsetDateTime> {
        self.samples.front().map(|sample| sample.at)
    }

    /// What happened between each two samples, oldest first.
    pub(super) fn intervals(&self) -> Vec<Interval> {
        let pairs = self.samples.iter().zip(self.samples.iter().skip(1));
        let intervals = pairs.map(|(before, sample)| Interval {
            at: sample.at,
            events: sample.events.saturating_sub(before.events),
            failures: total(sample).saturating_sub(total(before)),
            lag_seconds: sample.lag_seconds,
        });
        intervals.collect()
    }

    /// The events up to now. A process starts to count at 0.
    pub(super) fn events(&self, now: &Counts) -> u64 {
        let before = self.samples.front().map_or(0, |sample| sample.events);
        now.events.saturating_sub(before)
    }

    /// The failures up to now, most of the last hour first.
    pub(super) fn failures(&mut self, now: &Counts) -> Vec<Failures> {
        let now = self.in_order(&now.failures);
        let oldest = self.samples.front();
        let before = |index: usize| oldest.and_then(|oldest| oldest.failures.get(index));
        let kinds = self.kinds.iter().zip(now).enumerate();
        let mut failures: Vec<_> = kinds
            .map(|(index, (kind, since_start))| Failures {
                kind: kind.clone(),
                last_hour: since_start.saturating_sub(before(index).copied().unwrap_or_default()),
                since_start,
            })
            .collect();
        failures.sort_by(|a, b| {
            let by_count = (b.last_hour, b.since_start).cmp(&(a.last_hour, a.since_start));
            by_count.then_with(|| a.kind.cmp(&b.kind))
        });
        failures
    }

    /// The counts in the order of the kinds, and new kinds behind them.
    fn in_order(&mut self, failures: &[(Kind, u64)]) -> Vec<u64> {
        let mut counts = vec![0; self.kinds.len()];
        for (kind, count) in failures {
            let index = self.index(kind);
            counts.resize(self.kinds.len(), 0);
            if let Some(sum) = counts.get_mut(index) {
                *sum += count;
            }
        }
        counts
    }

    fn index(&mut self, kind: &Kind) -> usize {
        let known = self.kinds.iter().position(|known| known == kind);
        known.unwrap_or_else(|| {
            if self.kinds.len() < KINDS_MAX - 1 {
                self.kinds.push(kind.clone());
            } else if self.kinds.len() < KINDS_MAX {
                let other = || "other".to_owned();
                self.kinds.push(Kind {
                    operation: other(),
                    status: other(),
                    reason: other(),
                });
            }
            self.kinds.len() - 1
        })
    }
}

fn total(sample: &Sample) -> u64 {
    sample.failures.iter().sum()
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const START: OffsetDateTime = datetime!(2026-01-31 12:00 UTC);

    fn counts(minute: u64, failures: impl IntoIterator<Item = (usize, u64)>) -> Counts {
        let kind = |number| Kind {
            operation: "StartRecording".to_owned(),
            status: format!("{number:03}"),
            reason: "server_error".to_owned(),
        };
        let failures = failures
            .into_iter()
            .map(|(number, count)| (kind(number), count));
        Counts {
            at: START + Duration::from_mins(minute),
            events: minute * 10,
            failures: failures.collect(),
            lag_seconds: 0.5,
        }
    }

    #[test]
    fn the_last_hour_is_what_was_counted_since_its_oldest_sample() {
        let mut history = History::default();
        history.add(&counts(0, []));
        history.add(&counts(1, [(503, 2)]));
        history.add(&counts(2, [(429, 1), (503, 5)]));
        let intervals = history.intervals();
        let failures: Vec<_> = intervals.iter().map(|interval| interval.failures).collect();
        assert_eq!((failures, intervals[0].events), (vec![2, 4], 10));
        let shown = |history: &mut History, now: &Counts| {
            let failures = history.failures(now).into_iter();
            let failures = failures.map(|failures| {
                let Failures {
                    kind,
                    last_hour,
                    since_start,
                } = failures;
                (kind.status, last_hour, since_start)
            });
            failures.collect::<Vec<_>>()
        };
        let now = counts(3, [(429, 7), (503, 6)]);
        let expected = [("429".to_owned(), 7, 7), ("503".to_owned(), 6, 6)];
        assert_eq!(shown(&mut history, &now), expected);
        for minute in 3..300 {
            history.add(&counts(minute, [(429, 7), (503, 5)]));
        }
        let now = counts(300, [(429, 8), (503, 5)]);
        let expected = [("429".to_owned(), 1, 8), ("503".to_owned(), 0, 5)];
        assert_eq!(shown(&mut history, &now), expected);
    }

    #[test]
    fn samples_and_kinds_are_bounded_and_no_failure_is_left_out() {
        let mut history = History::default();
        for minute in 0..1000 {
            history.add(&counts(minute, (0..900).map(|number| (number, 1))));
        }
        assert_eq!(history.samples.len(), SAMPLES_MAX);
        assert_eq!(history.kinds.len(), KINDS_MAX);
        let now = counts(1000, (0..900).map(|number| (number, 2)));
        let failures = history.failures(&now);
        assert_eq!(
            failures
                .iter()
                .map(|failures| failures.last_hour)
                .sum::<u64>(),
            900
        );
        assert_eq!(
            (failures[0].kind.operation.as_str(), failures[0].last_hour),
            ("other", 801)
        );
    }
}
