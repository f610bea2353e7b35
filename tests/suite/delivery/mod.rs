//! Exact delivery: what Prometheus has seen is what was published.

mod model;
