//! What can happen to a process, its scrapers and its partitions.

use proptest::prelude::*;

use super::{EVENTS, PARTITIONS};

#[derive(Clone, Copy, Debug)]
pub(super) enum Action {
    Publish {
        partition: usize,
        event: usize,
    },
    /// The reader hands over so many events, if there are so many and the lane has a place.
    Deliver {
        partition: usize,
        events: usize,
    },
    ScrapeBegins {
        scraper: usize,
    },
    /// The scrape that began is delivered, or breaks off.
    ScrapeEnds {
        scraper: usize,
        whole: bool,
    },
    Checkpoint,
    /// The hand-over of a partition begins: nothing more of it is applied.
    HandOver {
        partition: usize,
    },
    /// It ends: the next owner goes on at the checkpoint, or, if a scraper is missing, the partition is kept.
    HandOverEnds {
        partition: usize,
    },
    Crash,
    /// Orderly, with so many of the scrapers coming once more.
    Stop {
        last_scrapes: usize,
    },
    /// So much time passes.
    Pass {
        seconds: u64,
    },
}

/// `passes`: the weight with which time passes, so that an event that waits for a scraper may wait too long.
pub(super) fn actions(crashes: bool, passes: u32) -> impl Strategy<Value = Action> {
    prop_oneof![
        6 => (0..PARTITIONS, 0..EVENTS.len()).prop_map(|(partition, event)| Action::Publish { partition, event }),
        6 => (0..PARTITIONS, 1..5_usize).prop_map(|(partition, events)| Action::Deliver { partition, events }),
        4 => (0..2_usize).prop_map(|scraper| Action::ScrapeBegins { scraper }),
        5 => (0..2_usize, prop::bool::weighted(0.8)).prop_map(|(scraper, whole)| Action::ScrapeEnds { scraper, whole }),
        2 => Just(Action::Checkpoint),
        1 => (0..PARTITIONS).prop_map(|partition| Action::HandOver { partition }),
        2 => (0..PARTITIONS).prop_map(|partition| Action::HandOverEnds { partition }),
        1 => (0..3_usize).prop_map(move |last_scrapes| if crashes { Action::Crash } else { Action::Stop { last_scrapes } }),
        1 => (0..3_usize).prop_map(|last_scrapes| Action::Stop { last_scrapes }),
        passes => (1..150_u64).prop_map(|seconds| Action::Pass { seconds }),
    ]
}
