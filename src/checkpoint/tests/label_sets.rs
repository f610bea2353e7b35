//! The label sets have a file of their own, and what an earlier release wrote is read.

use super::super::format::{decode, encode};
use super::*;

/// What the release before this file wrote, after it had read the logs of three simulated resources.
const CAPTURED: &[u8] = include_bytes!("captured.json");

#[tokio::test]
async fn the_positions_of_the_release_before_hold_and_it_can_read_ours() {
    let folder = tempfile::tempdir().unwrap();
    let path = file_in(&folder);
    fs::write(&path, CAPTURED).unwrap();
    let scope = Scope::new("127.0.0.1", "exporter");
    let (store, state) = open_for(&path, scope.clone()).unwrap();
    let positions = state.checkpoints().values();
    let positions: Vec<_> = positions
        .map(|reached| reached.position.sequence_number)
        .collect();
    assert_eq!(positions, [5, 5]);
    assert_eq!(state.series().len(), 3);
    let (label_sets, lost) = FileSeries::open(&path, scope);
    assert!(lost.is_none(), "{lost:?}");
    assert!(label_sets.state().series().is_empty());
    label_sets.close().await.unwrap();
    store.close().await.unwrap();

    // That release denies what it does not know, so what is written must not have changed.
    let (scope, state) = decode(CAPTURED).unwrap();
    assert_eq!(encode(&scope, &state), CAPTURED);
}

const NOW: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);

fn seen(last_seen: OffsetDateTime) -> Vec<(Series, OffsetDateTime)> {
    vec![(Series::new("acs_recordings_total", &["a"]), last_seen)]
}

#[tokio::test]
async fn label_sets_are_written_when_they_are_news() {
    let folder = tempfile::tempdir().unwrap();
    let path = file_in(&folder);
    let (mut label_sets, lost) = FileSeries::open(&path, scope());
    assert!(lost.is_none());
    let file = folder.path().join("checkpoint.json.series");
    let written = || fs::read_to_string(&file).unwrap();
    label_sets.save(seen(NOW), NOW).await.unwrap();
    let first = written();
    let soon = NOW + time::Duration::HOUR;
    label_sets.save(seen(soon), soon).await.unwrap();
    assert_eq!(written(), first);
    let later = NOW + time::Duration::days(2);
    label_sets.save(seen(later), later).await.unwrap();
    assert_ne!(written(), first);
    label_sets.close().await.unwrap();

    let (label_sets, lost) = FileSeries::open(&path, scope());
    assert!(lost.is_none());
    assert_eq!(label_sets.state().series().len(), 1);
}

/// A release before this one has stored them.
#[tokio::test]
async fn label_sets_that_are_not_shown_any_more_are_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let path = file_in(&folder);
    let file = folder.path().join("checkpoint.json.series");
    let (mut label_sets, _) = FileSeries::open(&path, scope());
    let broken = r#"callerIpAddress": "192.0.2.77"#;
    for (family, labels) in [
        ("acs_resource_info", &["contoso"][..]),
        ("acs_resource_info", &["192.0.2.77"]),
        (
            "acs_recording_operation_failures_total",
            &["contoso", "StartRecording", broken, "failed"],
        ),
    ] {
        label_sets
            .save(vec![(Series::new(family, labels), NOW)], NOW)
            .await
            .unwrap();
    }
    label_sets.close().await.unwrap();
    assert!(fs::read_to_string(&file).unwrap().contains("192.0.2.77"));

    let (mut label_sets, lost) = FileSeries::open(&path, scope());
    assert!(lost.is_none());
    let contoso = Series::new("acs_resource_info", &["contoso"]);
    assert_eq!(
        label_sets.state().series().keys().collect::<Vec<_>>(),
        [&contoso]
    );
    label_sets.save(Vec::new(), NOW).await.unwrap();
    assert!(!fs::read_to_string(&file).unwrap().contains("192.0.2.77"));
}

#[tokio::test]
async fn label_sets_that_cannot_be_read_are_an_error_and_written_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = file_in(&folder);
    let file = folder.path().join("checkpoint.json.series");
    for damaged in [&b"{\"format\":"[..], &CAPTURED[..300], CAPTURED] {
        fs::write(&file, damaged).unwrap();
        let (mut label_sets, lost) = FileSeries::open(&path, scope());
        assert!(lost.is_some());
        label_sets.save(seen(NOW), NOW).await.unwrap();
        label_sets.close().await.unwrap();
        let (label_sets, lost) = FileSeries::open(&path, scope());
        assert!(lost.is_none(), "{lost:?}");
        assert_eq!(label_sets.state().series().len(), 1);
        label_sets.close().await.unwrap();
    }
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    let (mut label_sets, lost) = FileSeries::open(&path, scope());
    assert!(lost.is_some());
    assert!(label_sets.save(seen(NOW), NOW).await.is_err());
}
