//! When an event counts as delivered, and how long it may wait for that.

use std::num::NonZeroUsize;
use std::time::Duration;

/// Settings of the delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// When a checkpoint may advance past an event.
    pub checkpoint_after: CheckpointAfter,
    /// How many different scrapers must have received a snapshot before it is acknowledged.
    pub scrapers: NonZeroUsize,
    /// At startup, how long to wait for a scrape, so that failure series are visible at 0, before consuming; zero does not
    /// wait.
    pub start_gate: Duration,
    /// How long an event is held until a scrape has shown at 0 the series that it would move; zero does not hold.
    pub hold_max: Duration,
}

/// When a checkpoint may advance past an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckpointAfter {
    /// Once a scrape has delivered it: a crash loses nothing.
    Scrape,
    /// Once it is counted: a crash loses what no scrape has delivered.
    Processing,
}
