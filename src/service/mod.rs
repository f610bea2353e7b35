//! The long-running service: what it is built of, and the order in which it stops.

mod settings;

pub use settings::Settings;
