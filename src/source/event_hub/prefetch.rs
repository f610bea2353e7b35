//! How many events the hub may send ahead, from a budget of bytes and the size of the events that come.
//!
//! The SDK takes a count when a link is opened and holds so many events in memory. A fixed count is either slow for
//! small events or, for events of 1 MB on many partitions, gigabytes. So a link begins with what fits if every event
//! were as large as an event can be, and is opened again when the events turn out to be much smaller, or larger.

use std::time::Duration;

/// The count for a partition's links.
#[derive(Clone, Debug)]
pub(super) struct Prefetch {
    budget: u64,
    /// The largest event of late; none before the first.
    size: Option<u64>,
    /// Of the link that is open.
    count: u32,
    /// That link was opened before anything was known, or carefully.
    is_guess: bool,
    /// Events that came over it so many at once that it held them up.
    held_up: u64,
}

/// The largest event of a standard namespace.
const EVENT_BYTES_MAX: u64 = 1024 * 1024;

/// What an event takes beside its body: annotations, and the SDK's own structures.
const OVERHEAD_BYTES: u64 = 1024;

/// More brings nothing even at 20 ms to the hub (50,000 events a second and partition), and is what a sudden change
/// from small events to the largest can cost before it is noticed.
const COUNT_MAX: u64 = 1000;

/// An event that cannot be decoded is met alone, so that it is known which one it is.
pub(super) const CAREFUL: u32 = 1;

impl Prefetch {
    pub(super) fn new(budget: u64) -> Self {
        Self {
            budget,
            size: None,
            count: 0,
            is_guess: true,
            held_up: 0,
        }
    }

    /// The count for a link that is opened now.
    pub(super) fn open(&mut self, careful: bool) -> u32 {
        self.count = if careful { CAREFUL } else { self.fitting() };
        self.is_guess = careful || self.size.is_none();
        self.held_up = 0;
        self.count
    }

    /// Events came at once, the largest with a body of so many bytes.
    pub(super) fn saw(&mut self, events: u64, largest: u64) {
        // The SDK asks for more when half of the count was taken.
        if events.saturating_mul(2) >= u64::from(self.count) {
            self.held_up = self.held_up.saturating_add(events);
        }
        // Sizes of the past are forgotten slowly: a thirty-second part with each batch.
        let remembered = self.size.map_or(0, |size| size - size / 32);
        self.size = Some(remembered.max(largest.saturating_add(OVERHEAD_BYTES)));
    }

    /// Whether the link, open for so long, has so wrong a count that opening another is worth while: it holds more than
    /// twice the budget, or a flow of events is there that a link with at least twice the count would carry better.
    pub(super) fn is_wrong(&self, open_for: Duration) -> bool {
        let (count, fitting) = (u64::from(self.count), u64::from(self.fitting()));
        let Some(size) = self.size else { return false };
        let holds_too_much =
            count > 1 && count.saturating_mul(size) > self.budget.saturating_mul(2);
        let flows = self.held_up >= count.saturating_mul(2).max(FLOW);
        let may_grow = self.is_guess || open_for >= GROWS_EVERY;
        (holds_too_much && fitting < count)
            || (flows && may_grow && fitting >= count.saturating_mul(2))
    }

    fn fitting(&self) -> u32 {
        let size = self.size.unwrap_or(EVENT_BYTES_MAX).max(1);
        let count = (self.budget / size).clamp(1, COUNT_MAX);
        u32::try_from(count).unwrap_or(u32::MAX)
    }
}

/// Fewer events than this over one link are no flow.
const FLOW: u64 = 32;

/// Where large events come among small ones, the count would go up and down with each.
const GROWS_EVERY: Duration = Duration::from_mins(1);

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1024 * 1024;

    #[test]
    fn a_link_begins_with_what_fits_in_any_case_and_grows_when_small_events_flow() {
        let mut prefetch = Prefetch::new(8 * MIB);
        assert_eq!(prefetch.open(false), 8);
        prefetch.saw(8, 1000);
        assert!(
            !prefetch.is_wrong(Duration::ZERO),
            "eight events are no flow"
        );
        prefetch.saw(24, 1000);
        assert!(prefetch.is_wrong(Duration::ZERO));
        assert_eq!(prefetch.open(false), 1000);
        prefetch.saw(10_000, 1000);
        assert!(!prefetch.is_wrong(Duration::ZERO));
    }

    #[test]
    fn large_events_close_a_link_that_would_hold_too_many_of_them_at_once() {
        let mut prefetch = Prefetch::new(8 * MIB);
        prefetch.saw(1, 1000);
        assert_eq!(prefetch.open(false), 1000);
        prefetch.saw(1, MIB);
        assert!(prefetch.is_wrong(Duration::ZERO));
        assert_eq!(prefetch.open(false), 7);
        prefetch.saw(1000, MIB);
        assert!(!prefetch.is_wrong(Duration::ZERO));
    }

    #[test]
    fn a_size_is_forgotten_when_it_does_not_come_again() {
        let mut prefetch = Prefetch::new(8 * MIB);
        prefetch.saw(1, MIB);
        assert_eq!(prefetch.open(false), 7);
        for _ in 0..400 {
            prefetch.saw(7, 1000);
        }
        assert!(!prefetch.is_wrong(Duration::from_secs(59)));
        assert!(prefetch.is_wrong(Duration::from_mins(1)));
        assert_eq!(prefetch.open(false), 1000);
    }

    #[test]
    fn a_budget_smaller_than_an_event_still_lets_one_through_and_is_never_wrong() {
        let mut prefetch = Prefetch::new(1000);
        assert_eq!(prefetch.open(false), 1);
        prefetch.saw(1000, MIB);
        assert!(!prefetch.is_wrong(Duration::ZERO));
    }

    #[test]
    fn a_careful_link_is_given_up_once_events_flow_again() {
        let mut prefetch = Prefetch::new(8 * MIB);
        prefetch.saw(1, 1000);
        assert_eq!(prefetch.open(true), CAREFUL);
        prefetch.saw(32, 1000);
        assert!(prefetch.is_wrong(Duration::ZERO));
    }
}
