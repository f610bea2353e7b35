//! Simulated ACS traffic.
