//! History in blocks for a real Prometheus.

use std::path::Path;
use std::process::Command;

use super::text;

/// Turns a history into blocks; returns what promtool says of them.
pub(super) fn make_blocks(history: &Path, tsdb: &Path) -> String {
    let made = Command::new("promtool")
        .args([
            "tsdb",
            "create-blocks-from",
            "openmetrics",
            text(history),
            text(tsdb),
        ])
        .output()
        .expect("promtool is installed by `tests/run` (Debian's package prometheus)");
    let said =
        String::from_utf8_lossy(&made.stderr).into_owned() + &String::from_utf8_lossy(&made.stdout);
    assert!(made.status.success(), "promtool: {said}");
    said.trim_end().to_owned()
}
