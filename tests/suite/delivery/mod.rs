//! Exact delivery: what Prometheus has seen is what was published.
//!
//! `model` takes every interleaving of the parts in one process; the others take the program, a hub and a real
//! Prometheus that scrapes every second.

mod first_failure;
mod model;
pub(crate) mod restarts;
pub(crate) mod scene;
mod stopping;
mod two_scrapers;
