//! The layers above the defaults: variables and flags become entries, as the lines of a file do in `yaml`. A layer checks
//! only how its keys are spelt.

use super::Flag;
use super::fault::{Fault, Origin};
use super::keys::{self, KEYS};
use crate::setting::{Key, PREFIX, Value};

/// One key that somebody set. It has no `Debug`: its value may be a secret.
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) value: Value,
    pub(super) origin: Origin,
}

/// The settings that keep a secret have a copy of their own.
impl Drop for Entry {
    fn drop(&mut self) {
        self.value.overwrite();
    }
}

/// The variables that start with our prefix, and those that were meant to.
pub(super) fn variables(environment: &[(String, String)], faults: &mut Vec<Fault>) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for (name, value) in environment {
        let entry = |key: String| Entry {
            key,
            value: Value::Text(value.clone()),
            origin: Origin::Variable(name.clone()),
        };
        if let Some(rest) = name.strip_prefix(PREFIX) {
            let entry = entry(rest.to_ascii_lowercase().replace("__", "."));
            match entries.iter().find(|other| other.key == entry.key) {
                Some(Entry { origin, .. }) => {
                    let problem = format!("{origin} sets the same key: keep one of the two");
                    faults.push(Fault::new(&entry, problem));
                }
                None => entries.push(entry),
            }
        } else if let Some(key) = meant_for_us(name) {
            let problem = format!("write `{}` instead", key.variable());
            faults.push(Fault::new(&entry(key.name.to_owned()), problem));
        }
    }
    entries
}

/// The variables that would be ours in upper case. Kubernetes and Docker take any case, and nobody reads them.
pub(crate) fn misspelt_variables(environment: &[(String, String)]) -> Vec<String> {
    let names = environment.iter().map(|(name, _)| name);
    let is_ours =
        |name: &&String| !name.starts_with(PREFIX) && name.to_ascii_uppercase().starts_with(PREFIX);
    names.filter(is_ours).cloned().collect()
}

/// The variables of Azure's own that set keys of ours. An empty one counts as not set, as in Azure's SDKs.
pub(super) fn azure_variables(environment: &[(String, String)]) -> Vec<Entry> {
    let entry = |key: &Key| {
        let name = key.azure_variable?;
        let (_, value) = environment
            .iter()
            .find(|(known, value)| known == name && !value.trim().is_empty())?;
        Some(Entry {
            key: key.name.to_owned(),
            value: Value::Text(value.clone()),
            origin: Origin::Variable(name.to_owned()),
        })
    };
    KEYS.iter().filter_map(entry).collect()
}

/// The flags, all of which name keys by construction.
pub(super) fn flags(flags: Vec<Flag>) -> Vec<Entry> {
    let entry = |Flag { key, value, flag }| Entry {
        key: key.to_owned(),
        value: Value::Text(value),
        origin: Origin::Flag(flag),
    };
    flags.into_iter().map(entry).collect()
}

/// A key written with single underscores (`ACS_RECORDING_EXPORTER_HTTP_LISTEN`) is a fault. Every other variable that
/// begins with `ACS_RECORDING_EXPORTER_` is set by Kubernetes for a Service of that name.
fn meant_for_us(name: &str) -> Option<&'static Key> {
    let rest = name.strip_prefix(PREFIX.strip_suffix('_')?)?;
    let misspelt = || keys::nearest(&rest.to_ascii_lowercase().replace("__", "."));
    let sounds_like = KEYS.iter().find(|key| keys::sounds_like(key, rest));
    // No name of Kubernetes has two underscores.
    sounds_like.or_else(|| rest.contains("__").then(misspelt).flatten())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Entries and faults, a line each.
    fn check(environment: &[(&str, &str)], expected: &[&str]) {
        let environment = environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let mut faults = Vec::new();
        let environment: Vec<_> = environment.collect();
        let entries = variables(&environment, &mut faults);
        let entries = entries
            .iter()
            .map(|entry| format!("{} = {:?}", entry.key, entry.value.items()));
        let lines: Vec<String> = entries.chain(faults.iter().map(Fault::to_string)).collect();
        assert_eq!(lines, expected);
    }

    #[test]
    fn two_underscores_stand_between_section_and_key() {
        check(
            &[
                ("ACS_RECORDING_EXPORTER__EVENT_HUB__NAMES", "a, b"),
                (
                    "ACS_RECORDING_EXPORTER__METRICS__BUCKETS__REPORT_DELAY",
                    "1",
                ),
                ("ACS_RECORDING_EXPORTER__METRICS__RESOURCES", ""),
                ("HOME", "/root"),
            ],
            &[
                "event_hub.names = [\"a\", \"b\"]",
                "metrics.buckets.report_delay = [\"1\"]",
                "metrics.resources = []",
            ],
        );
    }

    #[test]
    fn a_key_with_single_underscores_is_a_fault_and_a_kubernetes_service_is_none() {
        check(
            &[
                ("ACS_RECORDING_EXPORTER_SERVICE_HOST", "10.0.0.1"),
                ("ACS_RECORDING_EXPORTER_PORT_9464_TCP_ADDR", "10.0.0.1"),
                ("ACS_RECORDING_EXPORTER_HTTP_LISTEN", "[::]:80"),
                ("ACS_RECORDING_EXPORTER_LOG__LEVL", "debug"),
            ],
            &[
                "http.listen = `[::]:80` (variable ACS_RECORDING_EXPORTER_HTTP_LISTEN): write `ACS_RECORDING_EXPORTER__HTTP__LISTEN` instead",
                "log.level = `debug` (variable ACS_RECORDING_EXPORTER_LOG__LEVL): write `ACS_RECORDING_EXPORTER__LOG__LEVEL` instead",
            ],
        );
    }

    #[test]
    fn a_variable_in_lower_case_is_noticed() {
        let environment = [
            "acs_recording_exporter__log__level",
            "Acs_Recording_Exporter__X",
            "ACS_RECORDING_EXPORTER__LOG__LEVEL",
            "acs_other",
        ];
        let environment = environment.map(|name| (name.to_owned(), String::new()));
        let misspelt = misspelt_variables(&environment);
        assert_eq!(misspelt, [environment[0].0.as_str(), &environment[1].0]);
    }

    #[test]
    fn two_spellings_of_one_variable_are_a_fault() {
        check(
            &[
                ("ACS_RECORDING_EXPORTER__LOG__LEVEL", "info"),
                ("ACS_RECORDING_EXPORTER__log__level", "debug"),
            ],
            &[
                "log.level = [\"info\"]",
                "log.level = `debug` (variable ACS_RECORDING_EXPORTER__log__level): variable ACS_RECORDING_EXPORTER__LOG__LEVEL sets the same key: keep one of the two",
            ],
        );
    }
}
