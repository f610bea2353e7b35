//! What decides how records are counted, as far as a running exporter can change it.

use std::sync::Arc;

use super::settings::Settings;
use crate::acs::FailureRules;

/// What a reload of the configuration may change.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Rules {
    /// What counts as a failure.
    pub(super) failures: Arc<FailureRules>,
    pub(super) resources: Vec<String>,
    pub(super) resources_only: bool,
}

impl Rules {
    pub(super) fn of(settings: &Settings) -> Self {
        Self {
            failures: Arc::new(settings.failures.rules()),
            resources: settings.resources.clone(),
            resources_only: settings.resources_only,
        }
    }
}
