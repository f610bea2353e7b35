//! Where events come from.

pub mod event_hub;
pub mod replay;
