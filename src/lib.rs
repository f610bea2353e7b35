//! A Prometheus exporter for the Call Recording logs of Azure Communication Services.

pub mod acs;
pub mod config;
pub mod disposition;
pub mod envelope;
pub mod event;
pub mod http;
pub mod hub;
pub mod metrics;
pub mod pipeline;
pub mod readiness;
pub mod service;
pub mod shutdown;
pub mod simulate;
pub mod source;
pub mod telemetry;
