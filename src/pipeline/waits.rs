//! How long a partition has waited for scrapes: within any ten minutes, no longer than `delivery.hold_max`.
//!
//! Otherwise a sender of ever new failures would delay all that comes behind them, each event by a scrape. Time is an
//! argument.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// The time over which waits are added up.
const WINDOW: Duration = Duration::from_mins(10);

/// Waits that are remembered one by one. A wait ends with a scrape, so there are more only if the partition waits for less
/// than two seconds at a time. Then the time between the two oldest counts as waited too.
const WAITS_MAX: usize = 256;

/// The waits of one partition.
#[derive(Debug, Default)]
pub(super) struct Waits {
    /// Those that are over, oldest first.
    past: VecDeque<Wait>,
    /// The one that is not over, and when it has to be.
    current: Option<Wait>,
}

#[derive(Clone, Copy, Debug)]
struct Wait {
    begin: Instant,
    end: Instant,
}

impl Waits {
    /// The partition waits from now on, if it does not wait already.
    pub(super) fn begin(&mut self, now: Instant, max: Duration) {
        let end = now + self.left(now, max);
        self.current.get_or_insert(Wait { begin: now, end });
    }

    /// The partition does not wait any more.
    pub(super) fn end(&mut self, now: Instant) {
        if let Some(Wait { begin, .. }) = self.current.take() {
            self.past.push_back(Wait { begin, end: now });
        }
        while self
            .past
            .front()
            .is_some_and(|wait| now - wait.end >= WINDOW)
        {
            self.past.pop_front();
        }
        if self.past.len() > WAITS_MAX
            && let Some(oldest) = self.past.pop_front()
            && let Some(next) = self.past.front_mut()
        {
            next.begin = oldest.begin;
        }
    }

    /// When the partition has waited long enough, if it waits.
    pub(super) fn until(&self) -> Option<Instant> {
        self.current.map(|wait| wait.end)
    }

    /// How much longer the partition may wait.
    pub(super) fn left(&self, now: Instant, max: Duration) -> Duration {
        if let Some(wait) = self.current {
            return wait.end.saturating_duration_since(now);
        }
        let within = |at| WINDOW.min(now - at);
        let waited = self
            .past
            .iter()
            .map(|wait| within(wait.begin).saturating_sub(within(wait.end)));
        max.saturating_sub(waited.sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: Duration = Duration::from_mins(2);

    /// Waits from one second to another, or to the end of what is left. Returns how much is left then.
    fn wait(waits: &mut Waits, start: Instant, seconds: [u64; 2]) -> u64 {
        let [from, to] = seconds.map(|seconds| start + Duration::from_secs(seconds));
        waits.begin(from, MAX);
        let end = waits.until().unwrap().min(to);
        waits.end(end);
        waits.left(end, MAX).as_secs()
    }

    #[test]
    fn a_partition_waits_for_two_minutes_in_ten() {
        let (mut waits, start) = (Waits::default(), Instant::now());
        assert_eq!(wait(&mut waits, start, [0, 50]), 70);
        assert_eq!(wait(&mut waits, start, [300, 500]), 0);
        let left = |waits: &Waits, at| waits.left(start + Duration::from_secs(at), MAX).as_secs();
        assert_eq!(left(&waits, 600), 0);
        assert_eq!(left(&waits, 630), 30);
        // Forty seconds are left, and ten of those that were used up fall out of the window meanwhile.
        assert_eq!(wait(&mut waits, start, [640, 900]), 10);
        assert_eq!(left(&waits, 970), 80);
        assert_eq!(left(&waits, 1280), 120);
    }

    #[test]
    fn what_waits_already_does_not_wait_anew() {
        let (mut waits, start) = (Waits::default(), Instant::now());
        waits.begin(start, MAX);
        let later = start + Duration::from_secs(50);
        waits.begin(later, MAX);
        assert_eq!(waits.until(), Some(start + MAX));
        assert_eq!(waits.left(later, MAX), Duration::from_secs(70));
    }

    #[test]
    fn however_many_waits_there_are_few_are_remembered_and_none_is_forgotten() {
        let (mut waits, start) = (Waits::default(), Instant::now());
        let mut waited = Duration::ZERO;
        for tick in 0..2000_u32 {
            let now = start + tick * Duration::from_millis(100);
            waits.begin(now, MAX);
            let end = (now + Duration::from_millis(10)).min(waits.until().unwrap());
            waits.end(end);
            waited += end - now;
            assert!(waits.past.len() <= WAITS_MAX);
            assert!(waits.left(end, MAX) + waited <= MAX);
        }
    }
}
