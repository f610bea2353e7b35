//! What the crate's map promises of its modules, read off the sources.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Which modules a module may use. A new arrow is a decision: make it here, and in the map.
const MAY_USE: [(&str, &[&str]); 23] = [
    ("event", &[]),
    ("disposition", &[]),
    ("repair", &[]),
    ("envelope", &["disposition", "repair"]),
    ("acs", &["disposition", "family", "repair"]),
    ("family", &[]),
    ("telemetry", &["disposition", "event", "family"]),
    ("dead_letters", &["disposition", "event", "telemetry"]),
    ("delivery", &["event"]),
    ("queue", &["event"]),
    ("secret_file", &[]),
    ("blobs", &["event", "secret_file", "telemetry"]),
    ("ownership", &["blobs"]),
    (
        "metrics",
        &["acs", "delivery", "event", "family", "telemetry"],
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
    ("checkpoint", &["blobs", "delivery", "event"]),
    (
        "source",
        &[
            "checkpoint",
            "dead_letters",
            "event",
            "liveness",
            "queue",
            "secret_file",
            "telemetry",
        ],
    ),
    ("http", &["liveness", "metrics", "telemetry"]),
    ("shutdown", &[]),
    (
        "config",
        &[
            "acs",
            "blobs",
            "checkpoint",
            "dead_letters",
            "delivery",
            "http",
            "metrics",
            "ownership",
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
            "ownership",
            "pipeline",
            "queue",
            "shutdown",
            "source",
            "telemetry",
        ],
    ),
    (
        "cli",
        &[
            "acs",
            "config",
            "disposition",
            "metrics",
            "pipeline",
            "service",
            "shutdown",
            "source",
            "telemetry",
        ],
    ),
];

#[test]
fn modules_use_only_what_the_map_allows() {
    let allowed: BTreeMap<_, _> = MAY_USE.into_iter().collect();
    let mut faults = Vec::new();
    for (module, file) in sources() {
        let Some(allowed) = allowed.get(module.as_str()) else {
            faults.push(format!("module `{module}` is not on the map"));
            continue;
        };
        let text = fs::read_to_string(&file).unwrap();
        for used in used_modules(&text) {
            if used != module && !allowed.contains(&used.as_str()) {
                faults.push(format!("{}: uses `{used}`", file.display()));
            }
        }
    }
    faults.sort();
    faults.dedup();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
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
                // Commas inside nested groups are not ours.
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
