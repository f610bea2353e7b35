//! Every domain series, the caps that bound them, and the one lock under which they move.
//!
//! `acs` declares the families and moves them, `labels` caps what becomes a label
//! value and `budget` how many series there are, `repeats` notices records that come twice, `zeros` shows failure
//! series before the first failure and `firsts` knows since which cut. [`Exposition`] holds the lock: a batch is applied under it and a scrape is
//! gathered under it, so what a scrape shows is a consistent cut.
//!
//! [`Backfill`] is for the past: the same series, moved at the records' own times and written as `openmetrics`.

mod acs;
mod backfill;
mod budget;
mod exposition;
mod firsts;
mod labels;
mod openmetrics;
mod repeats;
mod settings;
mod vectors;

pub(crate) use acs::AcsMetrics;
pub(crate) use backfill::{Backfill, Step, Written};
pub use exposition::Exposition;
pub(crate) use exposition::{Applying, LetGo, Patience};
pub(crate) use settings::Settings;
