//! Layered configuration: default < file < environment < flag, checked as a whole, with every fault reported at once.
//!
//! A key is declared once, with its default, its check and its help, in the `settings.rs` of the module that uses it (see
//! `setting`); keys that decide together what one setting is (`event_hub`, `auth`, `checkpoint`) are declared here. From
//! these declarations come the table of [`KEYS`], `config/exporter.yaml` and `docs/configuration.md`.
//!
//! Each layer is flattened into dotted keys, each with its value and where it came from. A reader takes each key from the
//! highest layer that sets it; a key that no section declares is unknown. The result is a [`Config`] of the modules' own
//! settings, whose values have all been checked.
//!
//! Why not serde, with its derived types? It stops at the first fault of a document, and an operator then repairs a
//! deployment one rollout at a time. Nor does it know where a value came from once layers are merged, and half of all
//! faults are a value that another layer has overridden.
//!
//! A reload reads all of it again, applies the keys that are declared as `reloads`, and keeps the others as they run:
//! [`merged`]. No module reads the environment by itself. Azure's own
//! variables (`AZURE_CLIENT_ID` and its like) are a layer too, the lowest above the defaults; only those that lead to a
//! machine's identity endpoint (`IDENTITY_ENDPOINT` and its like) are read by Azure's library.

mod auth;
mod checkpoint;
mod event_hub;
mod fault;
mod keys;
mod layers;
mod reader;
mod sections;
mod sources;
#[cfg(test)]
mod tests;
mod web;
mod yaml;

pub(crate) use fault::ConfigError;
pub use keys::KEYS;
pub(crate) use layers::misspelt_variables;
#[cfg(feature = "demo")]
pub(crate) use sources::DEMO;
pub(crate) use sources::environment;
pub use sources::{File, Flag, Sources};
pub(crate) use web::load as load_web;

use std::path::PathBuf;

use zeroize::Zeroizing;

use crate::setting::Configured;
use crate::{
    dead_letters, delivery, http, identity, metrics, replica, shutdown, source, telemetry,
};
use reader::Reader;

/// The whole configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// `event_hub`, `auth` and `watchdog`: what to read, and with which identity.
    pub event_hub: source::event_hub::Settings,
    /// `checkpoint`: where checkpoints are stored.
    pub checkpoint: crate::checkpoint::Settings,
    /// The identity for the container of `checkpoint`, if it needs tokens.
    pub store_credential: Option<identity::Credential>,
    /// `ownership`: how replicas share the partitions.
    pub ownership: replica::Settings,
    /// `delivery`: when a scrape counts as delivered.
    pub delivery: delivery::Settings,
    /// `metrics`, `failures` and `records`: what to export, and what of it counts as a failure.
    pub metrics: metrics::Settings,
    /// `http`: where to serve them.
    pub http: http::Settings,
    /// `shutdown`: how to stop.
    pub shutdown: shutdown::Settings,
    /// `dead_letters`: where to keep events that cannot be read, if anywhere.
    pub dead_letters: dead_letters::Settings,
    /// `log`: how to log.
    pub log: telemetry::Settings,
    /// The files that contain secrets and that every user of the machine can read; the configuration's own may be among them.
    pub open_secret_files: Vec<PathBuf>,
    /// Every key that has a value, without secrets, and where each came from: for the page at `/`.
    pub(crate) configured: Vec<Configured>,
}

/// Reads and checks the configuration. The file is read here; all else arrives as a value.
///
/// # Errors
/// The file cannot be read, or is not YAML; or every fault.
pub fn load(sources: Sources) -> Result<Config, ConfigError> {
    load_part(sources, sections::config, &[""])
}

/// What runs after a reload of `loaded`, and the keys whose new values wait for a restart.
pub(crate) fn merged(
    running: &[Configured],
    loaded: &[Configured],
) -> (Vec<Configured>, Vec<&'static str>) {
    let (mut merged, mut waiting) = (Vec::new(), Vec::new());
    for key in KEYS.iter() {
        let of = |all: &[Configured]| all.iter().find(|it| it.key == key.name).cloned();
        let (was, is) = (of(running), of(loaded));
        let fingerprint = |it: &Option<Configured>| it.as_ref().map(|it| it.fingerprint);
        if key.reloads || fingerprint(&was) == fingerprint(&is) {
            merged.extend(is);
        } else {
            merged.extend(was);
            waiting.push(key.name);
        }
    }
    (merged, waiting)
}

/// As [`load`], for a command that reads no event hub: only faults of `metrics`, `failures` and `records` count.
///
/// # Errors
/// The file cannot be read, or is not YAML; or every fault of these sections.
pub(crate) fn load_metrics(sources: Sources) -> Result<metrics::Settings, ConfigError> {
    let take = |reader: &mut Reader| {
        let settings = metrics::Settings::take(reader);
        sections::check_resources(reader, &settings);
        Some(settings)
    };
    load_part(sources, take, &["metrics", "failures", "records"])
}

/// As [`load`], for a command that only needs the exporter's address: only faults of `http` count.
///
/// # Errors
/// The file cannot be read, or is not YAML; or every fault of the section `http`.
pub(crate) fn load_http(sources: Sources) -> Result<http::Settings, ConfigError> {
    let take = |reader: &mut Reader| Some(http::Settings::take(reader));
    load_part(sources, take, &["http"])
}

/// What `take` makes of the sections whose names begin with these; none only where a fault was noted.
fn load_part<T>(
    sources: Sources,
    take: impl FnOnce(&mut Reader) -> Option<T>,
    sections: &[&str],
) -> Result<T, ConfigError> {
    let mut reader = read(sources)?;
    let part = take(&mut reader);
    let mut faults = reader.finish();
    faults.retain(|fault| {
        let mut sections = sections.iter();
        sections.any(|section| fault.key().starts_with(section))
    });
    match part {
        Some(part) if faults.is_empty() => Ok(part),
        _ => Err(ConfigError::Faults(faults)),
    }
}

/// Every layer's entries.
fn read(sources: Sources) -> Result<Reader, ConfigError> {
    let mut faults = Vec::new();
    let environment = Zeroizing::new(sources.environment);
    let mut entries = layers::azure_variables(&environment);
    entries.extend(match &sources.file {
        Some(file) => {
            let (name, text) = file.read()?;
            yaml::entries(&name, &text, &mut faults)?
        }
        None => Vec::new(),
    });
    entries.extend(layers::variables(&environment, &mut faults));
    entries.extend(layers::flags(sources.flags));
    Ok(Reader::new(entries, faults, sources.file))
}
