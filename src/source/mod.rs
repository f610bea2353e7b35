//! Where events come from.

pub mod event_hub;
