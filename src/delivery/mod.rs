//! What has been delivered: which positions a scrape has carried, and what waits until one has.
//!
//! So far only what it is told.

mod settings;

pub use settings::{CheckpointAfter, Settings};
