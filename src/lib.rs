//! A Prometheus exporter for the Call Recording logs of Azure Communication Services.

pub mod config;
pub mod hub;
pub mod simulate;
