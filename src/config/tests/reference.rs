//! The reference of every key, generated from what the sections declare: `config/exporter.yaml` and
//! `docs/configuration.md`. `UPDATE_EXPECT=1` writes both. And `config/minimal.yaml`, which stands beside them.

use std::fmt::Write as _;

use expect_test::expect_file;

use super::{CONNECTION, least, sources};
use crate::config::sections::Sections;
use crate::config::{Config, File, KEYS, Sources, load, yaml};
use crate::setting::{Key, Setting, Source, Value};

#[test]
fn the_reference_file_is_what_the_sections_declare() {
    let mut file = Yaml::new(YAML_HEAD);
    Sections::take(&mut file);
    expect_file!["../../../config/exporter.yaml"].assert_eq(&file.text);
}

#[test]
fn the_reference_page_is_what_the_sections_declare() {
    let mut page = Markdown(MARKDOWN_HEAD.to_owned());
    Sections::take(&mut page);
    expect_file!["../../../docs/configuration.md"].assert_eq(&page.0);
}

#[test]
fn the_reference_file_as_it_stands_sets_the_defaults() {
    let mut file = Yaml::new("");
    Sections::take(&mut file);
    let file: &'static str = Box::leak(file.text.into_boxed_str());
    // Where a value came from differs.
    let settings = |file| Config {
        configured: Vec::new(),
        ..load(sources(file, &least(), &[])).expect("neither the file nor a default has a fault")
    };
    assert_eq!(settings(file), settings(""));
    let mut faults = Vec::new();
    let set = yaml::entries("file", file, &mut faults).expect("the reference file is YAML");
    let set: Vec<_> = set
        .iter()
        .map(|entry| match &entry.value {
            Value::Text(text) => (entry.key.as_str(), text.clone()),
            value => (entry.key.as_str(), value.items().join(", ")),
        })
        .collect();
    let defaults: Vec<_> = KEYS
        .iter()
        .filter_map(|key| Some((key.name, key.default?.to_owned())))
        .collect();
    assert_eq!(set, defaults);
}

#[test]
fn every_key_has_help_of_a_sentence_and_lines_that_fit() {
    for key in KEYS.iter() {
        let first = lines(key.help).first().copied().unwrap_or_default();
        assert!(first.contains(['.', ':']), "{}: {first}", key.name);
        assert!(
            lines(key.help).iter().all(|line| line.len() <= 120),
            "{}",
            key.name
        );
    }
}

#[test]
fn the_minimal_file_configures_the_exporter_with_six_keys() {
    let text = include_str!("../../../config/minimal.yaml");
    let file = Some(File::Embedded {
        name: "config/minimal.yaml",
        text,
    });
    let config = load(Sources {
        file,
        ..Sources::default()
    });
    config.expect("the minimal file has no fault");
    let set = yaml::entries("file", text, &mut Vec::new()).unwrap();
    let set: Vec<_> = set.iter().map(|entry| entry.key.as_str()).collect();
    assert_eq!(
        set,
        [
            "event_hub.namespace",
            "event_hub.names",
            "event_hub.consumer_group",
            "checkpoint.store",
            "checkpoint.path",
            "metrics.resources"
        ]
    );
    // What the file says instead of the namespace works too.
    let without = text.replace("  namespace:", "  # namespace:");
    let variable = [("EVENT_HUB__CONNECTION_STRING", CONNECTION)];
    load(sources(Box::leak(without.into_boxed_str()), &variable, &[]))
        .expect("a connection string replaces the namespace");
}

/// Writes the file.
struct Yaml {
    text: String,
    /// Whether the next key is the first of its section.
    begins: bool,
}

impl Yaml {
    fn new(head: &str) -> Self {
        let text = head.to_owned();
        Self {
            text,
            begins: false,
        }
    }

    fn comment(&mut self, indent: &str, text: &str) {
        for line in lines(text).into_iter().filter(|line| !line.is_empty()) {
            self.line(indent, &format!("# {line}"));
        }
    }

    fn line(&mut self, indent: &str, line: &str) {
        self.text += format!("{indent}{line}").trim_end();
        self.text += "\n";
    }
}

impl Source for Yaml {
    fn section(&mut self, name: &'static str, about: &'static str) {
        let Some((title, about)) = about.trim().split_once('\n') else {
            return;
        };
        let (indent, name) = place(name);
        let begins = format!("\n{indent}{name}:\n");
        if self.text.contains(&begins) {
            return;
        }
        if indent.is_empty() {
            let rule = "-".repeat(90 - title.len());
            self.line("", &format!("\n\n# ---- {title} {rule}"));
            self.line("", "");
        } else {
            self.line("", "");
        }
        self.comment(&indent, about);
        self.line(&indent, &format!("{name}:"));
        self.begins = true;
    }

    fn take<T>(&mut self, setting: Setting<T>) -> T {
        let key = setting.key;
        let (indent, name) = place(key.name);
        if !std::mem::take(&mut self.begins) {
            self.line("", "");
        }
        self.comment(&indent, key.help);
        self.comment(&indent, &format!("accepts: {}", key.accepts));
        let or = key.azure_variable.map(|name| format!(", or {name}"));
        let or = or.unwrap_or_default();
        self.comment(&indent, &format!("variable: {}{or}", key.variable()));
        let line = match key.default {
            None => format!("# {name}:"),
            Some(list) if list.is_empty() || list.contains(", ") => format!("{name}: [{list}]"),
            Some(value) => format!("{name}: {value}"),
        };
        self.line(&indent, &line);
        setting.unset
    }
}

/// Writes the page.
struct Markdown(String);

impl Source for Markdown {
    fn section(&mut self, name: &'static str, about: &'static str) {
        let Some((title, about)) = about.trim().split_once('\n') else {
            return;
        };
        let begins = format!("\n## {title}: `{name}`\n");
        if self.0.contains(&begins) {
            return;
        }
        let about = lines(about).join("\n");
        write!(self.0, "{begins}\n{}\n", about.trim()).unwrap();
    }

    fn take<T>(&mut self, Setting { key, unset, .. }: Setting<T>) -> T {
        let help = lines(key.help).join("\n");
        let Key { name, accepts, .. } = &key;
        let default = match key.default {
            None => "none".to_owned(),
            Some("") => "`[]`".to_owned(),
            Some(default) => format!("`{default}`"),
        };
        let or = key.azure_variable.map(|name| format!(", or `{name}`"));
        let or = or.unwrap_or_default();
        let variable = key.variable();
        let applied_by = if key.reloads { "reload" } else { "restart" };
        write!(
            self.0,
            "\n### `{name}`\n\n{}\n\n| default | accepts | applied by | variable |\n| --- | --- | --- | --- |\n| {default} | {accepts} | {applied_by} | `{variable}`{or} |\n",
            help.trim()
        )
        .unwrap();
        unset
    }
}

/// The lines of a doc comment.
fn lines(doc: &str) -> Vec<&str> {
    doc.trim()
        .lines()
        .map(|line| line.strip_prefix(' ').unwrap_or(line))
        .collect()
}

/// How far a key is indented in the file, and its name there.
fn place(name: &str) -> (String, &str) {
    let indent = "  ".repeat(name.matches('.').count());
    (indent, name.rsplit('.').next().unwrap())
}

const YAML_HEAD: &str = "\
# acs-recording-exporter: every key, with its default. Generated from the declarations in src: edit those.
#
# A value is looked up in this order; the first one found is used:
#
#   1. a flag             --listen 127.0.0.1:9464
#   2. a variable         ACS_RECORDING_EXPORTER__HTTP__LISTEN=127.0.0.1:9464
#   3. this file          http: {listen: \"127.0.0.1:9464\"}
#   4. the default        as written below
#
# In a variable, two underscores separate section and key, and commas separate the items of a list: `a, b`.
# Durations need a unit: `25s`, `1m 30s`; so do sizes: B, KiB, MiB, GiB, TiB, kB, MB, GB, TB. An unknown key is a
# fault, here and in a variable. All faults are reported at once, before anything starts.
#
# This file alone is not enough to start the exporter. Three things have no default: access to the namespace
# (connection_string, connection_string_file or namespace), the names of the event hubs, and the consumer group.
# config/minimal.yaml has the six keys that matter.
";

const MARKDOWN_HEAD: &str = "\
<!-- Generated from the declarations in src: edit those, then run `UPDATE_EXPECT=1 cargo test --lib config::tests::reference`. -->

# Configuration

[config/minimal.yaml](../config/minimal.yaml) has the six keys that matter: start from it. This page and
[config/exporter.yaml](../config/exporter.yaml) list every key.

A value is looked up in this order; the first one found is used:

| from | for example |
| --- | --- |
| a flag | `--listen 127.0.0.1:9464` |
| a variable | `ACS_RECORDING_EXPORTER__HTTP__LISTEN=127.0.0.1:9464` |
| the file of `--config` | `http: {listen: \"127.0.0.1:9464\"}` |
| the default | |

In a variable, two underscores separate section and key, and commas separate the items of a list: `a, b`. Durations need a
unit: `25s`, `1m 30s`; so do sizes: `B`, `KiB`, `MiB`, `GiB`, `TiB`, `kB`, `MB`, `GB`, `TB`.

All configuration errors are reported at once, each with the source of the value, before anything starts. An unknown key
is an error.

## Reload

The exporter reads its configuration again when the file of `--config` changes, on SIGHUP, and on `POST /-/reload` if
`http.reload` is `on`. Replace the file by renaming a new one, or half of it may be read. A ConfigMap must be mounted as a
folder for that; the chart replaces the pod instead. If the configuration has a fault, nothing changes, and the log has every
fault. Otherwise the keys that are `applied by` a reload change at once: no count is lost, and no connection is closed. All
other keys keep their values: a log line, and the page at `/`, name those that were changed and need a restart. New flags and
variables need a restart too.

New rules under `failures`, and new `metrics.resources`, apply to records only after a scrape has shown the series that they
add at 0, or after `delivery.start_gate` without one. The log has a line when they apply. The web configuration, the
certificates that it names, and the files with secrets need no reload: they are read again whenever they are used or change.

`acs_recording_exporter_config_last_reload_successful` and
`acs_recording_exporter_config_last_reload_success_timestamp_seconds` have the result.
";
