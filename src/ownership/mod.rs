//! Which replica reads which partition.

mod settings;

pub use settings::Settings;
