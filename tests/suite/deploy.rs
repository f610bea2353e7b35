//! What `deploy/` says of the program, held against it. `tests/deploy-*` run the rest.

use acs_recording_exporter::inside::checkpoint::StoreKind;
use acs_recording_exporter::inside::config::{self, File, Sources};

#[test]
fn the_configuration_in_each_manifest_is_taken_and_its_grace_period_fits() {
    let one = include_str!("../../deploy/kubernetes/exporter.yaml");
    let keeps = StoreKind::File("/var/lib/acs-recording-exporter/checkpoint".into());
    assert_eq!(store_of(one), keeps);

    let replicas = include_str!("../../deploy/kubernetes/replicas.yaml");
    assert!(matches!(store_of(replicas), StoreKind::Blob(_)));
}

/// The store that a manifest configures, once all of its configuration was taken.
fn store_of(manifest: &str) -> StoreKind {
    let (_, rest) = manifest.split_once("  exporter.yaml: |\n").unwrap();
    let lines = rest.lines().map_while(|line| line.strip_prefix("    "));
    let text = lines.collect::<Vec<_>>().join("\n");
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &text).unwrap();

    let config = config::load(Sources {
        file: Some(File::Path(file.path().to_owned())),
        ..Sources::default()
    });
    let config = config.unwrap_or_else(|error| panic!("{error}\n{text}"));
    let (_, rest) = manifest
        .split_once("terminationGracePeriodSeconds: ")
        .unwrap();
    let grace: u64 = rest.lines().next().unwrap().parse().unwrap();
    assert!(grace > config.shutdown.deadline.as_secs());
    config.checkpoint.store
}
