//! Layered configuration: default < file < environment < flag, checked whole, with every fault reported at once.
//!
//! Each layer is flattened into dotted keys ([`KEYS`]), each with its value and where it came from. A reader then
//! takes each key once, through a getter of its type, from the highest layer that has it; a key that nobody took is
//! unknown. What comes out is a [`Config`] of the modules' own settings, which hold nothing that could be wrong.
//!
//! Why not serde, with its derived types? It stops at the first fault of a document, and an operator then repairs a
//! deployment one rollout at a time. Nor does it know where a value came from once layers are merged, and half of all
//! faults are a value that somebody else's layer has overridden.
//!
//! Nothing in here is read later: there is no reload, and no module reads the environment by itself. What the Azure
//! SDK reads (`AZURE_CLIENT_ID` and its like) is between Azure and the SDK.

mod fault;
mod getters;
mod keys;
mod layers;
mod reader;
mod sections;
mod sources;
#[cfg(test)]
mod tests;
mod yaml;

pub use fault::{ConfigError, Fault, Origin};
pub use keys::{KEYS, Key};
pub use sources::{DEMO, File, Flag, Sources, environment};

use crate::{acs, http, metrics, shutdown, source, telemetry};

/// All that the program is told.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// `event_hub` and `auth`: what to read, and as whom.
    pub event_hub: source::event_hub::Settings,
    /// `metrics`: what to export.
    pub metrics: metrics::Settings,
    /// `failures`: what counts as a failure.
    pub failures: acs::FailureRules,
    /// `http`: where to serve it.
    pub http: http::Settings,
    /// `shutdown`: how to stop.
    pub shutdown: shutdown::Settings,
    /// `log`: what to tell.
    pub log: telemetry::Settings,
}

/// Reads and checks the configuration. The file is read here; all else arrives as a value.
///
/// # Errors
/// A file that cannot be read, or is no YAML; or every fault there is.
pub fn load(sources: Sources) -> Result<Config, ConfigError> {
    let mut faults = Vec::new();
    let mut entries = match sources.file {
        Some(file) => {
            let (name, text) = file.read()?;
            yaml::entries(&name, &text, &mut faults)?
        }
        None => Vec::new(),
    };
    entries.extend(layers::variables(sources.environment, &mut faults));
    entries.extend(layers::flags(sources.flags));

    let mut reader = reader::Reader::new(entries, faults);
    let config = sections::config(&mut reader);
    let faults = reader.finish();
    match config {
        Some(config) if faults.is_empty() => Ok(config),
        _ => Err(ConfigError::Faults(faults)),
    }
}
