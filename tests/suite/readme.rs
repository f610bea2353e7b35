//! What the README promises of names and commands.

use std::process::Command;

use acs_recording_exporter::metrics::AcsFamilies;
use acs_recording_exporter::telemetry::ExporterFamilies;

const README: &str = include_str!("../../README.md");

#[test]
fn every_metric_in_the_readme_exists() {
    let families: Vec<_> = AcsFamilies::CATALOGUE
        .iter()
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
