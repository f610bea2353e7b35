//! Positions and remembered series in blobs, shared by all replicas of a consumer group.
//!
//! `positions` has a blob for each partition, in the layout of the official SDKs, which is written by the partition's
//! owner alone; `format` is what it says. `series` is one blob for the group, which every replica adds to.

mod format;
mod positions;
mod series;

pub(crate) use positions::PositionError;
pub use positions::{BlobPositions, Held, Taken, Wrote};
pub(crate) use series::{BlobSeries, SeriesError};
