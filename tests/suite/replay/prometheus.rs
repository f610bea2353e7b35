//! History in blocks for a real Prometheus.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use super::text;
use crate::prometheus::{Prometheus, Series};

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

/// The answer to a query at a time, by the values of a label. What is zero is left out.
pub(super) async fn ask(
    prometheus: &Prometheus,
    query: &str,
    at: i64,
    label: &str,
) -> BTreeMap<String, f64> {
    let answer = prometheus.query(query, Some(at)).await;
    let of = |series: &Series| (series.metric.get(label).unwrap().clone(), series.value());
    let answers = answer.iter().map(of);
    answers.filter(|(_, value)| *value != 0.0).collect()
}
