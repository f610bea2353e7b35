//! Which build this is. What it was not told is `unknown`.

/// The version of the release.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit that it was built from.
pub(crate) const REVISION: &str = known(option_env!("ACS_RECORDING_EXPORTER_REVISION"));

/// The date of that commit, not of the build: two builds of one commit are the same.
pub(crate) const BUILD_DATE: &str = known(option_env!("ACS_RECORDING_EXPORTER_BUILD_DATE"));

const fn known(told: Option<&'static str>) -> &'static str {
    match told {
        Some(told) => told,
        None => "unknown",
    }
}
