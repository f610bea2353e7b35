//! When something counts as delivered, and how long anything waits for that.

use std::num::NonZeroUsize;
use std::time::Duration;

/// Settings of the delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// What an event must have been through before a checkpoint passes it.
    pub checkpoint_after: CheckpointAfter,
    /// How many different scrapers must have carried a cut before it is acknowledged.
    pub scrapers: NonZeroUsize,
    /// How long reading waits at the start for the scrapers to see the zeros; zero does not wait.
    pub start_gate: Duration,
    /// How long an event waits for the scrapers to see the series that it would move; zero does not wait.
    pub hold_max: Duration,
}

/// What an event must have been through before a checkpoint passes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckpointAfter {
    /// A scrape has carried it: a crash loses nothing.
    Scrape,
    /// It was counted: a crash loses what no scrape has carried.
    Processing,
}
