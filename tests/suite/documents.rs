//! What the documents promise of names and commands, held against the program.

use std::process::Command;

use acs_recording_exporter::inside::acs;
use acs_recording_exporter::inside::config::KEYS;
use acs_recording_exporter::inside::identity::CredentialKind;
use acs_recording_exporter::inside::repair::Repair;
use acs_recording_exporter::inside::telemetry::ExporterFamilies;

const README: &str = include_str!("../../README.md");

#[test]
fn every_metric_in_the_readme_exists() {
    let families: Vec<_> = acs::catalogue()
        .chain(ExporterFamilies::CATALOGUE)
        .map(|family| family.name)
        .collect();
    let is_of_a_name = |c: char| c.is_ascii_lowercase() || c == '_';
    let named = README
        .split(|c| !is_of_a_name(c))
        .filter(|word| word.starts_with("acs_"));
    let unknown: Vec<_> = named.filter(|name| !families.contains(name)).collect();
    assert!(
        unknown.is_empty(),
        "the README names metrics that do not exist: {unknown:?}"
    );
}

#[test]
fn every_command_in_the_readme_exists() {
    let help = Command::new(env!("CARGO_BIN_EXE_acs-recording-exporter"))
        .arg("--help")
        .output()
        .unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    for (_, rest) in README
        .match_indices("`acs-recording-exporter ")
        .map(|(at, found)| README.split_at(at + found.len()))
    {
        let command = rest.split(['`', ' ']).next().unwrap();
        assert!(
            help.contains(&format!("\n  {command} ")),
            "no command `{command}` in:\n{help}"
        );
    }
}

#[test]
fn every_kind_of_credential_is_documented_with_its_keys_and_variables() {
    let document = include_str!("../../docs/authentication.md");
    for kind in CredentialKind::ALL {
        assert!(
            document.contains(&format!("| `{}` |", kind.word())),
            "no row for `{}`",
            kind.word()
        );
    }
    for key in KEYS.iter().filter(|key| key.name.starts_with("auth.")) {
        let name = key.name.trim_start_matches("auth.");
        for name in [Some(name), key.azure_variable].into_iter().flatten() {
            assert!(document.contains(name), "no `{name}`");
        }
    }
}

const METRICS: &str = include_str!("../../docs/metrics.md");

#[test]
fn every_family_is_documented_with_its_type_and_labels() {
    for family in acs::catalogue().chain(ExporterFamilies::CATALOGUE) {
        let row = METRICS
            .lines()
            .find(|line| line.starts_with(&format!("| `{}` |", family.name)));
        let cells: Vec<_> = row
            .unwrap_or_else(|| panic!("no row for `{}`", family.name))
            .split('|')
            .map(str::trim)
            .collect();
        assert_eq!(
            cells[2].split(' ').next().unwrap(),
            family.kind.to_string(),
            "{}",
            family.name
        );
        assert_eq!(cells[3], family.all_labels().join(", "), "{}", family.name);
    }
}

#[test]
fn every_kind_of_repair_is_documented() {
    for kind in Repair::ALL.map(Repair::label) {
        assert!(
            METRICS.contains(&format!("| `{kind}` |")),
            "no row for `{kind}`"
        );
    }
}
