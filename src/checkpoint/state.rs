//! What outlives the process. Plain values: no I/O, no clock.

use std::collections::BTreeMap;
use std::fmt;

use time::{Duration, OffsetDateTime};

use crate::delivery::Series;
use crate::event::{PartitionId, Reached};

/// A series is kept for 30 days after it was last seen: to the day is near enough.
const SEEN_AGAIN_AFTER: Duration = Duration::DAY;

/// A series that was not seen for so long is forgotten: if it comes back, its first failure is a first one again.
const REMEMBERED_FOR: Duration = Duration::days(30);

/// At some 150 bytes each, 3 MB; as many as the series that metrics may have outside the known vocabularies.
pub(super) const SERIES_MAX: usize = 20_000;

/// How far each partition was delivered, and which series there have been, so that they exist at 0 from the start of the next
/// process. Both are optional: failure series are stored with the positions, all others by themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct State {
    /// By the partitions' folded ids.
    checkpoints: BTreeMap<PartitionId, Reached>,
    /// With the time each was last seen. At most [`SERIES_MAX`].
    series: BTreeMap<Series, OffsetDateTime>,
}

impl State {
    /// How far each partition was delivered, also of event hubs that are no longer configured. Ids are
    /// [folded](PartitionId::folded).
    pub(crate) fn checkpoints(&self) -> &BTreeMap<PartitionId, Reached> {
        &self.checkpoints
    }

    /// Notes how far a partition was delivered. That may be further back than before: a hub that was made anew begins
    /// its numbers again.
    pub(crate) fn deliver(&mut self, partition: &PartitionId, checkpoint: Reached) {
        self.checkpoints.insert(partition.folded(), checkpoint);
    }

    /// Every series that is remembered, and when it was last seen.
    pub(crate) fn series(&self) -> &BTreeMap<Series, OffsetDateTime> {
        &self.series
    }

    /// Notes that series were seen. Where there are too many, those that were seen longest ago are forgotten.
    pub(super) fn remember(&mut self, seen: impl IntoIterator<Item = (Series, OffsetDateTime)>) {
        for (series, now) in seen {
            let seen = self.series.entry(series).or_insert(now);
            *seen = now.max(*seen);
        }
        let too_many = self.series.len().saturating_sub(SERIES_MAX);
        if too_many > 0 {
            let by_age = self.series.iter().map(|(series, seen)| (*seen, series));
            let mut by_age: Vec<_> = by_age.collect();
            by_age.sort_unstable();
            let oldest = by_age.into_iter().take(too_many);
            let oldest: Vec<_> = oldest.map(|(_, series)| series.clone()).collect();
            for series in oldest {
                self.series.remove(&series);
            }
        }
    }

    /// Notes what was seen, if that is news, and forgets what was not seen for 30 days.
    pub(crate) fn learn(&mut self, seen: Vec<(Series, OffsetDateTime)>, now: OffsetDateTime) {
        if self.has_news(&seen, now) {
            self.remember(seen);
        }
        self.forget_unseen(now);
    }

    /// Whether a series was seen that is not known, or not for a day.
    pub(super) fn has_news(&self, seen: &[(Series, OffsetDateTime)], now: OffsetDateTime) -> bool {
        // Where there are too many, the one that is missing must not drive out another at every call.
        let is_full = self.series.len() >= SERIES_MAX;
        let oldest = self.series.values().min().filter(|_| is_full);
        let is_news = |(series, last_seen): &(Series, OffsetDateTime)| {
            let known = self.series.get(series).or(oldest);
            now - *last_seen <= REMEMBERED_FOR
                && known.is_none_or(|known| *last_seen - *known > SEEN_AGAIN_AFTER)
        };
        seen.iter().any(is_news)
    }

    /// Forgets the series that were not seen for 30 days.
    pub(crate) fn forget_unseen(&mut self, now: OffsetDateTime) {
        self.series.retain(|_, seen| {
            // A clock that was ahead once must not keep a series for good.
            *seen = now.min(*seen);
            now - *seen <= REMEMBERED_FOR
        });
    }
}

/// The consumer group to which positions belong: those of another group or namespace mean nothing here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scope {
    /// Its host.
    pub(super) namespace: String,
    pub(super) consumer_group: String,
}

impl Scope {
    /// The consumer group of that name in the namespace of that host; upper and lower case are the same, as they are
    /// to the service.
    pub(crate) fn new(namespace: &str, consumer_group: &str) -> Self {
        Self {
            namespace: namespace.to_lowercase(),
            consumer_group: consumer_group.to_lowercase(),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (group, namespace) = (&self.consumer_group, &self.namespace);
        write!(f, "consumer group `{group}` of `{namespace}`")
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::event::Position;

    const NOW: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);

    fn series(name: &str) -> Series {
        Series {
            family: "failures".into(),
            labels: [name.to_owned()].into(),
        }
    }

    fn names(state: &State) -> Vec<&str> {
        let names = state.series().keys();
        names.map(|series| series.labels[0].as_str()).collect()
    }

    #[test]
    fn a_series_is_forgotten_30_days_after_it_was_last_seen() {
        let mut state = State::default();
        state.remember([(series("seen_once"), NOW)]);
        state.remember([(series("seen_again"), NOW)]);
        state.remember([(series("seen_again"), NOW + Duration::days(10))]);
        // Time runs backwards on one clock or another; what was seen stays seen.
        state.remember([(series("seen_again"), NOW - Duration::days(10))]);

        state.forget_unseen(NOW + Duration::days(30));
        assert_eq!(names(&state), ["seen_again", "seen_once"]);
        state.forget_unseen(NOW + Duration::days(30) + Duration::SECOND);
        assert_eq!(names(&state), ["seen_again"]);
        state.forget_unseen(NOW + Duration::days(40) + Duration::SECOND);
        assert_eq!(names(&state), [""; 0]);
    }

    #[test]
    fn a_clock_that_was_ahead_does_not_keep_a_series_for_good() {
        let mut state = State::default();
        state.remember([(series("from_2099"), datetime!(2099-01-01 0:00 UTC))]);
        state.forget_unseen(NOW);
        assert_eq!(names(&state), ["from_2099"]);
        state.forget_unseen(NOW + Duration::days(31));
        assert_eq!(names(&state), [""; 0]);
    }

    #[test]
    fn beyond_the_cap_the_oldest_goes_first() {
        let mut state = State::default();
        state.remember([(series("oldest"), NOW - Duration::days(2))]);
        state.remember([(series("older"), NOW - Duration::days(1))]);
        state.remember((2..SERIES_MAX).map(|number| (series(&number.to_string()), NOW)));
        assert_eq!(state.series().len(), SERIES_MAX);
        state.remember([(series("oldest"), NOW)]);
        state.remember([(series("one_more"), NOW)]);
        assert_eq!(state.series().len(), SERIES_MAX);
        assert!(names(&state).contains(&"oldest"), "it was seen again");
        assert!(names(&state).contains(&"one_more"));
        assert!(!names(&state).contains(&"older"));
        // What is older than all that is there does not drive out anything.
        state.remember([(series("ancient"), NOW - Duration::days(20))]);
        assert!(!names(&state).contains(&"ancient"));
        assert_eq!(state.series().len(), SERIES_MAX);
    }

    #[test]
    fn case_does_not_tell_partitions_or_scopes_apart() {
        let checkpoint = Reached {
            position: Position {
                sequence_number: 7,
                offset: None,
            },
            enqueued_at: None,
        };
        let mut state = State::default();
        state.deliver(&PartitionId::new("Logs", "0"), checkpoint.clone());
        let found: Vec<_> = state.checkpoints().iter().collect();
        assert_eq!(found, [(&PartitionId::new("logs", "0"), &checkpoint)]);
        assert_eq!(
            Scope::new("Contoso.servicebus.windows.net", "$Default"),
            Scope::new("contoso.servicebus.windows.net", "$default")
        );
    }
}
