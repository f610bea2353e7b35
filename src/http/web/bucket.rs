//! How often requests may come: a bucket of tokens, one of which each request takes.

use parking_lot::Mutex;
use tokio::time::Instant;

use super::config::Rate;

/// A bucket that is full at first.
#[derive(Debug)]
pub(super) struct Bucket {
    rate: Rate,
    /// How many tokens there were, and when.
    tokens: Mutex<(f64, Instant)>,
}

impl Bucket {
    pub(super) fn new(rate: Rate) -> Self {
        Self {
            rate,
            tokens: Mutex::new((f64::from(rate.burst), Instant::now())),
        }
    }

    /// Takes a token, if there is one.
    pub(super) fn take(&self, now: Instant) -> bool {
        let mut tokens = self.tokens.lock();
        let (before, at) = *tokens;
        let added = (now - at).as_secs_f64() / self.rate.interval.as_secs_f64();
        let there = (before + added).min(f64::from(self.rate.burst));
        let is_one = there >= 1.0;
        *tokens = (if is_one { there - 1.0 } else { there }, now);
        is_one
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn so_many_at_once_and_then_one_each_interval() {
        let (interval, burst) = (Duration::from_secs(2), 3);
        let bucket = Bucket::new(Rate { interval, burst });
        let begin = Instant::now();
        let takes = |seconds, times: usize| {
            let now = begin + Duration::from_secs(seconds);
            (0..times).filter(|_| bucket.take(now)).count()
        };
        assert_eq!(takes(0, 5), 3);
        assert_eq!(takes(1, 5), 0);
        assert_eq!(takes(2, 5), 1);
        assert_eq!(takes(100, 5), 3);
        let none = Bucket::new(Rate { interval, burst: 0 });
        assert!(!none.take(begin + interval));
    }
}
