//! What the exporter tells about itself.

mod settings;

pub use settings::{Format, InvalidLevel, Level, Settings};
