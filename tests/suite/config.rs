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
    let expected = expect_test::expect![[r#"
        config: 3 faults
          event_hub.start = `yesterday` (file exporter.yaml:5): must be `earliest`, `latest` or a time, for example `2026-01-31T12:00:00Z`
          http.listen = `localhost` (flag --listen): must be an IP address and a port, for example `0.0.0.0:9464` or `[::]:9464`
          shutdown.deadline = `25` (variable ACS_RECORDING_EXPORTER__SHUTDOWN__DEADLINE): needs a unit, for example `25s`"#]];
    expected.assert_eq(&process.written().replace(path, "exporter.yaml"));
}
