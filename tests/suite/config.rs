//! A wrong configuration, as the operator sees it.

use std::fs;

use crate::world::Process;

#[tokio::test]
async fn three_mistakes_are_reported_at_once_with_key_value_and_origin() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("exporter.yaml");
    fs::write(&file, "event_hub:\n  namespace: contoso\n  names: [acs-logs]\n  consumer_group: exporter\n  start: yesterday\n")
        .unwrap();
    let path = file.to_str().unwrap();
    let mut process = Process::exporter(
        &["run", "--config", path, "--listen", "localhost"],
        &[("ACS_RECORDING_EXPORTER__SHUTDOWN__DEADLINE", "25")],
    );
    let status = process.ended().await;
    assert_eq!(status.code(), Some(2));
    let written = process.written().replace(path, "exporter.yaml");
    let readme = include_str!("../../README.md");
    assert!(
        readme.contains(&written),
        "the README promises something else than:\n{written}"
    );
    assert_eq!(
        written.lines().count(),
        4,
        "a headline and three faults:\n{written}"
    );
}
