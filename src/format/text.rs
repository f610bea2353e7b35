//! The classic text format, and OpenMetrics.

use super::Family;

/// In the classic format.
pub(super) fn classic(families: &[Family]) -> Vec<u8> {
    let _ = families;
    Vec::new()
}

/// In OpenMetrics.
pub(super) fn openmetrics(families: &[Family], created_samples: bool) -> Vec<u8> {
    let _ = (families, created_samples);
    Vec::new()
}
