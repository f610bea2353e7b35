//! Which keys a reload changes, and what it does with the others.

use super::*;

/// `service/reload.rs` applies these, and docs/configuration.md says so.
#[test]
fn these_keys_change_by_a_reload_and_all_others_by_a_restart() {
    let reloads = KEYS.iter().filter(|key| key.reloads);
    let reloads: Vec<_> = reloads.map(|key| key.name).collect();
    let expected = [
        "metrics.resources",
        "metrics.resources_only",
        "failures.end_reasons",
        "failures.end_reasons_except",
        "failures.result_types",
        "failures.result_types_except",
        "failures.routine",
        "log.level",
    ];
    assert_eq!(reloads, expected);
}

#[test]
fn a_reload_keeps_what_needs_a_restart_and_names_it_also_if_it_is_a_secret() {
    let configured = |file: &'static str, key: &str| {
        let connection = CONNECTION.replace("c2VjcmV0", key);
        let mut environment = least();
        environment.retain(|(name, _)| *name != "EVENT_HUB__CONNECTION_STRING");
        environment.push(("EVENT_HUB__CONNECTION_STRING", &connection));
        let config = load(sources(file, &environment, &[]));
        config.expect("no fault").configured
    };
    let running = configured("log: {level: info}", "c2VjcmV0");
    // A default that is written down is no change.
    let same = configured("metrics: {series_max: 20000}", "c2VjcmV0");
    let (_, waiting) = merged(&running, &same);
    assert!(waiting.is_empty(), "{waiting:?}");

    let file = "log: {level: debug}\nmetrics: {series_max: 30000}\nhttp: {runbooks_url: https://a}";
    let loaded = configured(file, "b3RoZXI=");
    let (merged_once, waiting) = merged(&running, &loaded);
    let expected = [
        "event_hub.connection_string",
        "metrics.series_max",
        "http.runbooks_url",
    ];
    assert_eq!(waiting, expected);
    let values = |all: &[Configured]| -> Vec<_> {
        let of = |key| all.iter().find(|it| it.key == key);
        let keys = ["log.level", "metrics.series_max", "http.runbooks_url"];
        keys.map(|key| of(key).map(|it| it.value.clone())).to_vec()
    };
    let kept = [Some("debug".to_owned()), Some("20000".to_owned()), None];
    assert_eq!(values(&merged_once), kept);
    assert_eq!(merged(&merged_once, &loaded).1, expected);
    assert!(merged(&merged_once, &running).1.is_empty());
}
