//! What `deploy/` says of the program, held against it. `tests/deploy-*` run the rest.

use acs_recording_exporter::checkpoint::StoreKind;
use acs_recording_exporter::config::{self, File, Sources};

const MANIFEST: &str = include_str!("../../deploy/kubernetes/exporter.yaml");

#[test]
fn the_configuration_in_the_manifest_is_taken_and_its_grace_period_fits() {
    let (_, rest) = MANIFEST.split_once("  exporter.yaml: |\n").unwrap();
    let lines = rest.lines().map_while(|line| line.strip_prefix("    "));
    let text = lines.collect::<Vec<_>>().join("\n");
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &text).unwrap();

    let config = config::load(Sources {
        file: Some(File::Path(file.path().to_owned())),
        ..Sources::default()
    });
    let config = config.unwrap_or_else(|error| panic!("{error}\n{text}"));
    let keeps = StoreKind::File("/var/lib/acs-recording-exporter/checkpoint".into());
    assert_eq!(config.checkpoint.store, keeps);
    let (_, rest) = MANIFEST
        .split_once("terminationGracePeriodSeconds: ")
        .unwrap();
    let grace: u64 = rest.lines().next().unwrap().parse().unwrap();
    assert!(grace > config.shutdown.deadline.as_secs());
}
