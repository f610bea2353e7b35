//! Every series about ACS, the caps that bound them, and the one lock under which they move.
//!
//! `vectors` holds the series of the families that `acs` declares, and the submodule `acs` moves them as observations say. `labels`
//! caps what becomes a label value, `label_sets` caps how many series there are and knows since which snapshot each label set
//! exists, and `repeats` notices records that come twice. [`Exposition`] has the lock: an event is applied under it and a
//! scrape is gathered under it, so that what a scrape shows is a consistent snapshot.
//!
//! [`Backfill`] is for the past: the same series, moved at the records' own times and written as `openmetrics`.

mod acs;
mod backfill;
mod exposition;
mod histogram;
mod label_sets;
mod labels;
mod openmetrics;
mod own;
mod repeats;
mod rules;
mod settings;
#[cfg(test)]
mod tests;
mod vectors;

pub(crate) use acs::AcsMetrics;
pub use acs::Remembered;
pub(crate) use backfill::{Backfill, Step, Written};
pub use exposition::Exposition;
pub(crate) use exposition::{Hold, NotShown, Scrape};
pub(crate) use settings::{Duplicates, Records, Settings};
