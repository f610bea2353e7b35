//! The long forms of two tests of the suite: a storm of faults as long as one likes, and a hub that is stopped for a minute.

use std::time::Duration;

use crate::faults::{stopped, storm};

/// What `tests/full` allows for it.
const SECONDS: u64 = 600;

#[tokio::test(flavor = "multi_thread")]
async fn a_long_storm() {
    let seconds = storm::variable("ACS_STORM_SECONDS").unwrap_or(SECONDS);
    let seed = storm::variable("ACS_STORM_SEED").unwrap_or_else(rand::random);
    storm::pass(Duration::from_secs(seconds), seed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_is_stopped_for_a_minute() {
    stopped::check(Duration::from_mins(1)).await;
}
