//! What `deploy/` says of the program, held against it. `tests/deploy-*` run the rest.

use std::fs;
use std::path::Path;

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

/// The replicas of one Prometheus operator share their configuration: with a name in it, two would look like one.
#[test]
fn nothing_that_is_shipped_names_its_scraper() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join("deploy"), root.join("config")];
    let mut files = vec![root.join("README.md")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let is_installed = path.ends_with("deploy/grafana/.venv");
            if path.is_dir() && !is_installed {
                folders.push(path);
            } else if path.is_file() {
                files.push(path);
            }
        }
    }
    assert!(files.len() > 50, "{}", files.len());
    for path in files {
        let Ok(text) = fs::read_to_string(&path) else {
            continue; // not a text
        };
        for way in ["scraper:", "\"scraper\":", "podMonitor.scraper"] {
            assert!(!text.contains(way), "{}: `{way}`", path.display());
        }
    }
}

/// The store that a manifest configures, once all of its configuration was taken.
fn store_of(manifest: &str) -> StoreKind {
    let (_, rest) = manifest.split_once("  exporter.yaml: |\n").unwrap();
    let lines = rest.lines().map_while(|line| line.strip_prefix("    "));
    let text = lines.collect::<Vec<_>>().join("\n");
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), &text).unwrap();

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
