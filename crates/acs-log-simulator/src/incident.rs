//! Incidents: short times in which the requests of one resource are refused.
//!
//! The first begins within seconds of the start, so that a demonstration soon shows a failure; the rest follow a schedule,
//! so that a dashboard shows a rhythm. Which request fails is not decided here.

use time::{Duration, OffsetDateTime};

use super::world::{RESOURCES, Resource};

/// From the start of the traffic to the first incident.
const FIRST_AFTER: Duration = Duration::seconds(5);
/// Short, so that a spectator also sees the alert resolve.
const FIRST_LENGTH: Duration = Duration::seconds(6);
/// From one incident to the next.
const EVERY: Duration = Duration::minutes(5);
/// Two scrapes at Prometheus' usual 15 s.
const LENGTH: Duration = Duration::seconds(30);

/// The schedule of all incidents of a run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Incidents {
    start: OffsetDateTime,
}

/// One incident.
#[derive(Debug, Clone, Copy)]
pub(super) struct Incident {
    pub(super) resource: &'static Resource,
    pub(super) begins_at: OffsetDateTime,
    pub(super) ends_at: OffsetDateTime,
}

impl Incidents {
    pub(super) fn new(start: OffsetDateTime) -> Self {
        Self { start }
    }

    /// The `number`th incident, from 0. The resources take turns, the busiest first.
    pub(super) fn nth(self, number: u32) -> Incident {
        let turn = usize::try_from(number).unwrap_or(0) % RESOURCES.len();
        let resource = RESOURCES.get(turn).expect("less than its length");
        let (after, length) = match number {
            0 => (FIRST_AFTER, FIRST_LENGTH),
            later => (EVERY.saturating_mul(later.cast_signed()), LENGTH),
        };
        let begins_at = self.start.saturating_add(after);
        Incident {
            resource,
            begins_at,
            ends_at: begins_at.saturating_add(length),
        }
    }

    /// The incident that hits this resource at this time.
    pub(super) fn at(self, resource: &Resource, time: OffsetDateTime) -> Option<Incident> {
        self.overlapping(resource, time, time)
    }

    /// The first incident that hits this resource between the two times.
    pub(super) fn overlapping(
        self,
        resource: &Resource,
        from: OffsetDateTime,
        to: OffsetDateTime,
    ) -> Option<Incident> {
        let periods = |time: OffsetDateTime| {
            let periods = (time - self.start).whole_seconds() / EVERY.whole_seconds();
            u32::try_from(periods).unwrap_or_default()
        };
        (periods(from)..=periods(to))
            .map(|number| self.nth(number))
            .find(|incident| {
                incident.resource == resource && incident.begins_at <= to && from < incident.ends_at
            })
    }
}
