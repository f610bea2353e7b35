//! What the crate's map promises of its modules, read off the sources.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Which modules a module may use. A new arrow is a decision: make it here, and in the map.
const MAY_USE: [(&str, &[&str]); 29] = [
    ("event", &[]),
    ("disposition", &["family"]),
    ("repair", &["family"]),
    ("envelope", &["disposition", "repair"]),
    ("acs", &["disposition", "family", "repair"]),
    ("family", &[]),
    ("format", &["family"]),
    ("setting", &[]),
    ("version", &[]),
    ("watched", &[]),
    (
        "telemetry",
        &[
            "disposition",
            "event",
            "family",
            "repair",
            "setting",
            "version",
        ],
    ),
    (
        "dead_letters",
        &["disposition", "event", "setting", "telemetry"],
    ),
    ("delivery", &["event", "setting"]),
    ("queue", &["event"]),
    ("identity", &["telemetry"]),
    ("blobs", &["event", "identity", "telemetry"]),
    (
        "metrics",
        &[
            "acs",
            "delivery",
            "event",
            "family",
            "format",
            "setting",
            "telemetry",
        ],
    ),
    (
        "pipeline",
        &[
            "acs",
            "dead_letters",
            "delivery",
            "disposition",
            "envelope",
            "event",
            "liveness",
            "metrics",
            "queue",
            "telemetry",
        ],
    ),
    ("liveness", &["event"]),
    ("checkpoint", &["acs", "blobs", "delivery", "event"]),
    (
        "source",
        &[
            "dead_letters",
            "envelope",
            "event",
            "family",
            "identity",
            "liveness",
            "queue",
            "setting",
            "telemetry",
        ],
    ),
    (
        "replica",
        &[
            "blobs",
            "checkpoint",
            "delivery",
            "event",
            "identity",
            "metrics",
            "setting",
            "source",
            "telemetry",
        ],
    ),
    (
        "status",
        &[
            "delivery",
            "event",
            "format",
            "liveness",
            "metrics",
            "setting",
            "telemetry",
        ],
    ),
    (
        "http",
        &[
            "delivery",
            "format",
            "liveness",
            "metrics",
            "setting",
            "status",
            "telemetry",
            "watched",
        ],
    ),
    ("shutdown", &["setting"]),
    (
        "config",
        &[
            "blobs",
            "checkpoint",
            "dead_letters",
            "delivery",
            "family",
            "http",
            "identity",
            "metrics",
            "replica",
            "setting",
            "shutdown",
            "source",
            "telemetry",
        ],
    ),
    (
        "service",
        &[
            "blobs",
            "checkpoint",
            "config",
            "dead_letters",
            "delivery",
            "event",
            "http",
            "liveness",
            "metrics",
            "pipeline",
            "queue",
            "replica",
            "shutdown",
            "source",
            "status",
            "telemetry",
            "watched",
        ],
    ),
    (
        "check",
        &[
            "blobs",
            "checkpoint",
            "config",
            "identity",
            "source",
            "telemetry",
        ],
    ),
    (
        "cli",
        &[
            "acs",
            "check",
            "config",
            "disposition",
            "metrics",
            "pipeline",
            "service",
            "shutdown",
            "source",
            "telemetry",
            "version",
        ],
    ),
];

#[test]
fn modules_use_only_what_the_map_allows() {
    let allowed: BTreeMap<_, _> = MAY_USE.into_iter().collect();
    let mut faults = Vec::new();
    for (module, uses) in graph() {
        match allowed.get(module.as_str()) {
            Some(allowed) => {
                let forbidden = uses.iter().filter(|used| !allowed.contains(&used.as_str()));
                faults.extend(forbidden.map(|used| format!("`{module}` uses `{used}`")));
            }
            None => faults.push(format!("module `{module}` is not on the map")),
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Layer by layer: what uses only the layers below. A cycle is what no layer takes.
#[test]
fn no_two_modules_use_each_other_not_even_by_way_of_others() {
    let mut left = graph();
    println!("each module with what it uses, lowest layer first:");
    while !left.is_empty() {
        let is_above = |uses: &BTreeSet<String>| uses.iter().any(|used| left.contains_key(used));
        let layer = left.iter().filter(|(_, uses)| !is_above(uses));
        let layer: Vec<_> = layer.map(|(module, _)| module.clone()).collect();
        assert!(!layer.is_empty(), "these use each other: {left:#?}");
        println!();
        for module in layer {
            let uses = left.remove(&module).unwrap();
            let uses: Vec<_> = uses.iter().map(String::as_str).collect();
            println!("{module} -> {{{}}}", uses.join(", "));
        }
    }
}

/// The modules that each top-level module uses.
fn graph() -> BTreeMap<String, BTreeSet<String>> {
    let mut graph: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for (module, file) in sources() {
        let mut used = used_modules(&fs::read_to_string(&file).unwrap());
        used.retain(|used| *used != module);
        graph.entry(module).or_default().extend(used);
    }
    graph
}

/// Each source file below `src`, with the top-level module it belongs to.
fn sources() -> Vec<(String, PathBuf)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let below = path.strip_prefix(&root).unwrap();
            let module = Path::new(below.iter().next().unwrap())
                .file_stem()
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned();
            if !["lib", "main"].contains(&module.as_str()) {
                found.push((module, path));
            }
        }
    }
    found
}

/// The modules named after `crate::` in code, in a path or in a group.
fn used_modules(text: &str) -> Vec<String> {
    let code = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n");
    let first_word = |text: &str| -> String {
        text.trim_start()
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
            .collect()
    };
    let mut names = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            Some(group) => {
                // Commas inside nested groups do not end an item.
                let mut depth = 0;
                let mut item = String::new();
                for c in group.chars() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => names.push(first_word(&std::mem::take(&mut item))),
                        _ if depth == 0 => item.push(c),
                        _ => {}
                    }
                }
                names.push(first_word(&item));
            }
            None => names.push(first_word(rest)),
        }
    }
    names.retain(|name| !name.is_empty());
    names
}
