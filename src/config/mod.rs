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
//! Nothing in here is read later: there is no reload, and no module reads the environment by itself. Azure's own
//! variables (`AZURE_CLIENT_ID` and its like) are a layer too, the lowest above the defaults; only those that lead to a
//! machine's identity endpoint (`IDENTITY_ENDPOINT` and its like) are between Azure and its library.

mod auth;
mod bytes;
mod delivered;
mod fault;
mod getters;
mod keys;
mod layers;
mod reader;
mod sections;
mod sources;
mod stores;
#[cfg(test)]
mod tests;
mod yaml;

pub(crate) use bytes::parse as bytes;
pub(crate) use fault::ConfigError;
pub use keys::KEYS;
#[cfg(feature = "demo")]
pub(crate) use sources::DEMO;
pub(crate) use sources::environment;
pub use sources::{File, Flag, Sources};

use crate::{
    checkpoint, dead_letters, delivery, http, identity, metrics, replica, shutdown, source,
    telemetry,
};

/// All that the program is told.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// `event_hub` and `auth`: what to read, and as whom.
    pub event_hub: source::event_hub::Settings,
    /// `checkpoint`: where it is kept how far all was delivered.
    pub checkpoint: checkpoint::Settings,
    /// As whom the container of `checkpoint` is entered, where it wants tokens.
    pub store_credential: Option<identity::Credential>,
    /// `ownership`: how replicas share the partitions.
    pub ownership: replica::Settings,
    /// `delivery`: when something counts as delivered.
    pub delivery: delivery::Settings,
    /// `metrics` and `failures`: what to export, and what of it counts as a failure.
    pub metrics: metrics::Settings,
    /// `http`: where to serve it.
    pub http: http::Settings,
    /// `shutdown`: how to stop.
    pub shutdown: shutdown::Settings,
    /// `dead_letters`: where to keep what cannot be read, if anywhere.
    pub dead_letters: Option<dead_letters::Settings>,
    /// `log`: what to tell.
    pub log: telemetry::Settings,
}

/// Reads and checks the configuration. The file is read here; all else arrives as a value.
///
/// # Errors
/// A file that cannot be read, or is no YAML; or every fault there is.
pub fn load(sources: Sources) -> Result<Config, ConfigError> {
    let mut reader = read(sources)?;
    let config = sections::config(&mut reader);
    let faults = reader.finish();
    match config {
        Some(config) if faults.is_empty() => Ok(config),
        _ => Err(ConfigError::Faults(faults)),
    }
}

/// As [`load`], for a command that reads no event hub: what is wrong outside of `metrics` and `failures`, or missing
/// there, is no fault.
///
/// # Errors
/// A file that cannot be read, or is no YAML; or every fault of these sections.
pub(crate) fn load_metrics(sources: Sources) -> Result<metrics::Settings, ConfigError> {
    load_part(sources, sections::metrics, &["metrics", "failures"])
}

/// As [`load`], for a command that only asks where the exporter serves: what is wrong outside of `http` is no fault.
///
/// # Errors
/// A file that cannot be read, or is no YAML; or every fault of the section `http`.
pub(crate) fn load_http(sources: Sources) -> Result<http::Settings, ConfigError> {
    load_part(sources, sections::http, &["http"])
}

fn load_part<T>(
    sources: Sources,
    take: impl FnOnce(&mut reader::Reader) -> Option<T>,
    sections: &[&str],
) -> Result<T, ConfigError> {
    let mut reader = read(sources)?;
    let part = take(&mut reader);
    let mut faults = reader.finish();
    faults.retain(|fault| {
        sections
            .iter()
            .any(|section| fault.key().starts_with(section))
    });
    match part {
        Some(part) if faults.is_empty() => Ok(part),
        _ => Err(ConfigError::Faults(faults)),
    }
}

/// Every layer's entries, ready to be taken.
fn read(sources: Sources) -> Result<reader::Reader, ConfigError> {
    let mut faults = Vec::new();
    let mut entries = layers::azure_variables(&sources.environment);
    entries.extend(match sources.file {
        Some(file) => {
            let (name, text) = file.read()?;
            yaml::entries(&name, &text, &mut faults)?
        }
        None => Vec::new(),
    });
    entries.extend(layers::variables(sources.environment, &mut faults));
    entries.extend(layers::flags(sources.flags));
    Ok(reader::Reader::new(entries, faults))
}
