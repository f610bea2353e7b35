//! How long an orderly stop takes, and how long each of its parts may take.

use std::time::Duration;

use tokio::time::Instant;

use crate::setting::{duration, settings};

settings! {
    /// Shutdown
    ///
    /// What happens between a stop signal and the end of the process.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Settings in "shutdown" {
        /// How long a stop waits for a last scrape, which delivers what was counted since the previous one.
        ///
        /// The next process reads again whatever was not delivered. `0s` does not wait. At least two seconds shorter than
        /// `deadline`: what the scrape delivers is checkpointed after it, and the leases are released.
        final_scrape: Duration = duration(Duration::ZERO..=DEADLINE_MOST).default("15s"),
        /// How long an orderly stop may take. After that the process ends at once.
        ///
        /// Keep it below terminationGracePeriodSeconds, which is 30 s by default.
        deadline: Duration = duration(DEADLINE_LEAST..=DEADLINE_MOST).default("25s"),
    }
}

/// Until when the parts of a stop may take, which follow each other. What one part leaves of its time, the next ones have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parts {
    /// A last scrape has come.
    pub(crate) scraped: Instant,
    /// The endpoints are closed.
    pub(crate) closed: Instant,
    /// The last checkpoint is written.
    pub(crate) checkpointed: Instant,
    /// The leases are released.
    pub(crate) released: Instant,
}

impl Settings {
    /// What must be left of the deadline after the final scrape: less than half a second for each part would end in the midst
    /// of ordinary requests.
    pub(crate) const REST_LEAST: Duration = Duration::from_secs(2);

    /// The parts of a stop that begins now. Three tenths of what the final scrape leaves are for each of the others, and the
    /// last tenth is for the process to end.
    pub(crate) fn parts(&self, now: Instant) -> Parts {
        let scraped = now + self.final_scrape;
        let part = self.deadline.saturating_sub(self.final_scrape) * 3 / 10;
        Parts {
            scraped,
            closed: scraped + part,
            checkpointed: scraped + part * 2,
            released: scraped + part * 3,
        }
    }
}

/// Less would abort every stop.
const DEADLINE_LEAST: Duration = Settings::REST_LEAST;

/// No supervisor waits longer; Kubernetes waits 30 s by default.
const DEADLINE_MOST: Duration = Duration::from_mins(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_stop_sum_to_less_than_its_deadline() {
        for (final_scrape, deadline) in [(15, 25), (0, 2), (7, 9), (598, 600)] {
            let settings = Settings {
                final_scrape: Duration::from_secs(final_scrape),
                deadline: Duration::from_secs(deadline),
            };
            let now = Instant::now();
            let parts = settings.parts(now);
            let ends = [
                now,
                parts.scraped,
                parts.closed,
                parts.checkpointed,
                parts.released,
                now + settings.deadline,
            ];
            assert!(ends.is_sorted(), "{ends:?}");
            for (begin, end) in ends.iter().zip(&ends[1..]).skip(1) {
                let part = *end - *begin;
                assert!(
                    part >= Settings::REST_LEAST / 10,
                    "{part:?} of {settings:?}"
                );
            }
        }
    }
}
