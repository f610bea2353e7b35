//! Exact delivery: what Prometheus has seen is what was published.
//!
//! Here run the program, a hub and a real Prometheus that scrapes every second; random interleavings of the exporter's
//! parts in one process are a test of the pipeline.

mod first_failure;
pub(crate) mod restarts;
pub(crate) mod scene;
mod stopping;
mod two_scrapers;
