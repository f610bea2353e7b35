//! Which build this is.

/// The version of the release.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit that it was built from, if the build was told: by the variable `ACS_RECORDING_EXPORTER_REVISION`.
pub(crate) const REVISION: &str = match option_env!("ACS_RECORDING_EXPORTER_REVISION") {
    Some(revision) => revision,
    None => "unknown",
};
