//! How long an orderly stop takes.

use std::time::Duration;

use crate::setting::{duration, settings};

settings! {
    /// Shutdown
    ///
    /// What happens between a stop signal and the end of the process.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Settings in "shutdown" {
        /// How long a stop waits for a last scrape, which delivers what was counted since the previous one.
        ///
        /// The next process reads again whatever was not delivered. `0s` does not wait. Must be shorter than `deadline`.
        final_scrape: Duration = duration(Duration::ZERO..=DEADLINE_MOST).default("15s"),
        /// How long an orderly stop may take. After that the process ends at once.
        ///
        /// Keep it below terminationGracePeriodSeconds, which is 30 s by default.
        deadline: Duration = duration(DEADLINE_LEAST..=DEADLINE_MOST).default("25s"),
    }
}

/// Less would abort every stop.
const DEADLINE_LEAST: Duration = Duration::from_secs(1);

/// No supervisor waits longer; Kubernetes waits 30 s by default.
const DEADLINE_MOST: Duration = Duration::from_mins(10);
