//! Settings of the metrics about ACS.

use std::num::NonZeroUsize;

use crate::acs::{BucketSettings, FailureRules};

/// Settings of the metrics about ACS.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// ACS resources whose failure series exist at zero from the start: names in lower case, each once.
    pub resources: Vec<String>,
    /// How many values a label may take before further ones become `other`.
    pub label_values_max: NonZeroUsize,
    /// How many series there may be of label sets outside the known vocabularies.
    pub series_max: NonZeroUsize,
    /// Exceptions to what counts as a failure.
    pub failures: FailureRules,
    /// The upper bounds of the histograms.
    pub buckets: BucketSettings,
}
