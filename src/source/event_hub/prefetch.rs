//! How many events the hub may send ahead, by a budget of bytes and the size of the events.
//!
//! The SDK takes a count when a link is opened and keeps that many events in memory. A fixed count is either slow for
//! small events or, for events of 1 MB on many partitions, takes gigabytes. So a link begins with the count that fits if
//! every event had the largest size, and is replaced when the events turn out to be much smaller, or larger.

use std::time::Duration;

/// The count for a partition's links.
#[derive(Clone, Debug)]
pub(super) struct Prefetch {
    budget: u64,
    /// The largest recent event; none before the first.
    size: Option<u64>,
    /// Of the link that is open.
    count: u32,
    /// The link was opened before the size of the events was known, or carefully.
    is_guess: bool,
    /// Events that came so many at once that the count limited them.
    limited: u64,
}

/// The largest event of a standard namespace.
const EVENT_BYTES_MAX: u64 = 1024 * 1024;

/// What an event takes beside its body: annotations, and the SDK's own structures.
const OVERHEAD_BYTES: u64 = 1024;

/// A higher count is not faster even at 20 ms to the hub (50,000 events a second and partition), and would cost more
/// memory when small events are suddenly followed by large ones.
const COUNT_MAX: u64 = 1000;

/// An event that cannot be decoded is received alone, so that it is known which one it is.
pub(super) const CAREFUL: u32 = 1;

impl Prefetch {
    pub(super) fn new(budget: u64) -> Self {
        Self {
            budget,
            size: None,
            count: 0,
            is_guess: true,
            limited: 0,
        }
    }

    /// The count for a link that is opened now.
    pub(super) fn open(&mut self, careful: bool) -> u32 {
        self.count = if careful { CAREFUL } else { self.fitting() };
        self.is_guess = careful || self.size.is_none();
        self.limited = 0;
        self.count
    }

    /// This many events came at once, the largest with a body of this many bytes.
    pub(super) fn saw(&mut self, events: u64, largest: u64) {
        // The SDK requests more when half of the count was taken.
        if events.saturating_mul(2) >= u64::from(self.count) {
            self.limited = self.limited.saturating_add(events);
        }
        // The remembered size decays slowly: by a thirty-second with each batch.
        let remembered = self.size.map_or(0, |size| size - size / 32);
        self.size = Some(remembered.max(largest.saturating_add(OVERHEAD_BYTES)));
    }

    /// Whether the count of the link, open for this long, is so wrong that the link should be replaced: it takes more than
    /// twice the budget, or a flow of events would be faster over a link with at least twice the count.
    pub(super) fn is_wrong(&self, open_for: Duration) -> bool {
        let (count, fitting) = (u64::from(self.count), u64::from(self.fitting()));
        let Some(size) = self.size else { return false };
        let holds_too_much =
            count > 1 && count.saturating_mul(size) > self.budget.saturating_mul(2);
        let flows = self.limited >= count.saturating_mul(2).max(FLOW);
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

/// Fewer events than this over one link are not a flow.
const FLOW: u64 = 32;

/// Where large and small events alternate, the count would change with each.
const GROWS_EVERY: Duration = Duration::from_mins(1);

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1024 * 1024;

    #[test]
    fn a_link_begins_with_the_count_for_the_largest_events_and_grows_when_small_events_flow() {
        let mut prefetch = Prefetch::new(8 * MIB);
        assert_eq!(prefetch.open(false), 8);
        prefetch.saw(8, 1000);
        assert!(
            !prefetch.is_wrong(Duration::ZERO),
            "eight events are not a flow"
        );
        prefetch.saw(24, 1000);
        assert!(prefetch.is_wrong(Duration::ZERO));
        assert_eq!(prefetch.open(false), 1000);
        prefetch.saw(10_000, 1000);
        assert!(!prefetch.is_wrong(Duration::ZERO));
    }

    #[test]
    fn large_events_replace_a_link_that_could_take_too_many_of_them_at_once() {
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
    fn a_size_is_forgotten_when_no_event_has_it_again() {
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
    fn a_careful_link_is_replaced_once_events_flow_again() {
        let mut prefetch = Prefetch::new(8 * MIB);
        prefetch.saw(1, 1000);
        assert_eq!(prefetch.open(true), CAREFUL);
        prefetch.saw(32, 1000);
        assert!(prefetch.is_wrong(Duration::ZERO));
    }
}
