//! Every series about ACS, the caps that bound them, and the one lock under which they move.
//!
//! `vectors` registers the families that `acs` declares, and the submodule `acs` moves them as observations say. `labels`
//! caps what becomes a label value and `budget` how many series there are, `repeats` notices records that come twice, and
//! `firsts` knows since which snapshot each failure series exists. [`Exposition`] has the lock: a batch is applied under
//! it and a scrape is gathered under it, so that what a scrape shows is a consistent snapshot.
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
pub(crate) use exposition::{Hold, Moves};
pub(crate) use settings::{Duplicates, Records, Settings};
