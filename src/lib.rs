//! A Prometheus exporter for the Call Recording logs of Azure Communication Services.

pub mod acs;
pub mod config;
pub mod disposition;
pub mod envelope;
pub mod event;
pub mod hub;
pub mod simulate;
