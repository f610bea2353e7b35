//! Where events come from.

pub(crate) mod event_hub;
pub(crate) mod replay;
