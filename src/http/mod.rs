//! The HTTP endpoints of the exporter.

mod settings;

pub use settings::Settings;
