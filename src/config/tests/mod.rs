//! The whole of it: layers in, configuration or the text of the faults out; and the files that we ship.

#![expect(
    clippy::needless_raw_string_hashes,
    reason = "`UPDATE_EXPECT=1` writes them so"
)]

mod auth;
mod reference;
mod reload;
mod secrets;
mod stores;
mod web;

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use expect_test::{Expect, expect};
use tracing::Level;

use super::*;
use crate::checkpoint::StoreKind;
use crate::delivery::CheckpointAfter;
use crate::source::event_hub::{Authentication, Start, Transport};
use crate::telemetry::looks_secret;

const CONNECTION: &str = "Endpoint=sb://contoso.servicebus.windows.net/;SharedAccessKeyName=listen;SharedAccessKey=c2VjcmV0";

/// Layers in short: a file, variables without their prefix, flags.
fn sources(
    file: &'static str,
    environment: &[(&str, &str)],
    flags: &[(&'static str, &'static str, &str)],
) -> Sources {
    Sources {
        file: Some(File::Embedded {
            name: "x.yaml",
            text: file,
        }),
        environment: environment
            .iter()
            .map(|(name, value)| {
                (
                    format!("ACS_RECORDING_EXPORTER__{name}"),
                    (*value).to_owned(),
                )
            })
            .collect(),
        flags: flags
            .iter()
            .map(|(flag, key, value)| Flag {
                key,
                value: (*value).to_owned(),
                flag,
            })
            .collect(),
    }
}

/// The least that configures the program, by variable.
fn least() -> Vec<(&'static str, &'static str)> {
    vec![
        ("EVENT_HUB__CONNECTION_STRING", CONNECTION),
        ("EVENT_HUB__NAMES", "logs"),
        ("EVENT_HUB__CONSUMER_GROUP", "exporter"),
    ]
}

fn check_faults(sources: Sources, expected: &Expect) {
    let error = load(sources).expect_err("the sources have faults");
    expected.assert_eq(&error.to_string());
    assert!(
        !format!("{error} {error:?}").contains("c2VjcmV0"),
        "a secret in a fault: {error:?}"
    );
}

#[test]
fn three_mistakes_in_three_layers_are_reported_at_once() {
    check_faults(
        sources(
            "event_hub:\n  names: [logs]\n  consumer_group: exporter\nmetrics:\n  label_values_max: 0\n",
            &[
                ("EVENT_HUB__CONNECTION_STRING", CONNECTION),
                ("SHUTDOWN__DEADLINE", "25"),
            ],
            &[("--listen", "http.listen", "localhost:9464")],
        ),
        &expect![[r#"
            config: 3 faults
              metrics.label_values_max = `0` (built-in x.yaml:5): must be a whole number between 1 and 10000
              http.listen = `localhost:9464` (flag --listen): must be an IP address and a port, for example `0.0.0.0:9464` or `[::]:9464`
              shutdown.deadline = `25` (variable ACS_RECORDING_EXPORTER__SHUTDOWN__DEADLINE): needs a unit, for example `25s`"#]],
    );
}

#[test]
fn what_is_required_is_asked_for() {
    check_faults(
        sources("", &[], &[]),
        &expect![[r#"
            config: 3 faults
              event_hub.connection_string (not set): set it, or `event_hub.namespace` to authenticate with Microsoft Entra ID
              event_hub.names (not set): set it to the event hubs that the diagnostic settings write to
              event_hub.consumer_group (not set): set it to a consumer group that no other program uses: Azure disconnects its readers without an owner level, so `$Default` is used only if it is named here"#]],
    );
}

#[test]
fn unknown_keys_are_reported_where_they_stand_with_what_was_meant() {
    let mut environment = least();
    environment.extend([
        ("HTTP__LISTN", "[::]:80"),
        ("EVENT_HUB__CONECTION_STRING", CONNECTION),
        ("LOG", "debug"),
    ]);
    check_faults(
        sources(
            "http:\n  listn: 0.0.0.0:80\n  listen:\n    port: 80\nhtttp:\n  tls: yes\nlog:\nauth:\n",
            &environment,
            &[],
        ),
        &expect![[r#"
            config: 6 faults
              http.listn = `0.0.0.0:80` (built-in x.yaml:2): unknown key; did you mean `http.listen`?
              http.listen.port = <redacted> (built-in x.yaml:4): unknown key: `http.listen` has a value, and no keys below it
              htttp.tls = <redacted> (built-in x.yaml:6): unknown key; `config/exporter.yaml` lists every key
              http.listn = `[::]:80` (variable ACS_RECORDING_EXPORTER__HTTP__LISTN): unknown key; did you mean `ACS_RECORDING_EXPORTER__HTTP__LISTEN`?
              event_hub.conection_string = <redacted> (variable ACS_RECORDING_EXPORTER__EVENT_HUB__CONECTION_STRING): unknown key; did you mean `ACS_RECORDING_EXPORTER__EVENT_HUB__CONNECTION_STRING`?
              log = <redacted> (variable ACS_RECORDING_EXPORTER__LOG): is a section: set one of its keys: `ACS_RECORDING_EXPORTER__LOG__FORMAT`, `ACS_RECORDING_EXPORTER__LOG__LEVEL`, `ACS_RECORDING_EXPORTER__LOG__FAILURES`, `ACS_RECORDING_EXPORTER__LOG__CORE_DUMPS`"#]],
    );
}

#[test]
fn contradictions_name_both_sides() {
    check_faults(
        sources(
            "event_hub:\n  namespace: contoso\n  names: [a, b]\n  transport: websocket\nauth:\n  kind: azure_cli\n",
            &[(
                "EVENT_HUB__CONNECTION_STRING",
                &format!("{CONNECTION};EntityPath=logs;UseDevelopmentEmulator=true"),
            )],
            &[("--consumer-group", "event_hub.consumer_group", "$default")],
        ),
        &expect![[r#"
            config: 3 faults
              event_hub.connection_string = <redacted> (variable ACS_RECORDING_EXPORTER__EVENT_HUB__CONNECTION_STRING): its `UseDevelopmentEmulator=true` turns TLS off, but its `Endpoint` is in Azure: remove `UseDevelopmentEmulator`
              event_hub.namespace = `contoso` (built-in x.yaml:2): `event_hub.connection_string` is set too (variable ACS_RECORDING_EXPORTER__EVENT_HUB__CONNECTION_STRING): keep one of the two
              auth.kind = `azure_cli` (built-in x.yaml:6): has no effect with `event_hub.connection_string` (variable ACS_RECORDING_EXPORTER__EVENT_HUB__CONNECTION_STRING): use `event_hub.namespace` instead, or remove this key"#]],
    );
}

#[test]
fn replicas_cannot_drop_what_another_has_read() {
    let mut environment = least();
    environment.extend([
        ("CHECKPOINT__STORE", "blob"),
        (
            "CHECKPOINT__CONTAINER_URL",
            "https://contoso.blob.core.windows.net/checkpoints",
        ),
    ]);
    check_faults(
        sources("records:\n  duplicates: drop\n", &environment, &[]),
        &expect![[r#"
            config: 1 fault
              records.duplicates = `drop` (built-in x.yaml:2): must be `count` while `checkpoint.store` is `blob`: a replica does not know which records another has read"#]],
    );
}

#[test]
fn where_no_resource_is_listed_others_cannot_be_ignored() {
    check_faults(
        sources("metrics:\n  resources_only: true\n", &least(), &[]),
        &expect![[r#"
            config: 1 fault
              metrics.resources_only = `true` (built-in x.yaml:2): must be `false` while `metrics.resources` is empty: every record would be ignored"#]],
    );
}

#[test]
fn an_unreadable_connection_string_does_not_draw_further_faults() {
    check_faults(
        sources(
            "event_hub:\n  consumer_group: exporter\n",
            &[("EVENT_HUB__CONNECTION_STRING", "SharedAccessKey=c2VjcmV0")],
            &[],
        ),
        &expect![[r#"
            config: 1 fault
              event_hub.connection_string = <redacted> (variable ACS_RECORDING_EXPORTER__EVENT_HUB__CONNECTION_STRING): has no `Endpoint`: copy the whole `Endpoint=sb://...;SharedAccessKeyName=...;SharedAccessKey=...`"#]],
    );
}

#[test]
fn the_highest_layer_holds_and_hides_the_faults_below_it() {
    let mut environment = least();
    environment.push(("LOG__LEVEL", "debug"));
    let file = "log:\n  level: loud\n  failures: on\nhttp:\n  listen: nowhere\n";
    let config = load(sources(
        file,
        &environment,
        &[("--listen", "http.listen", "127.0.0.1:0")],
    ))
    .expect("the faults are overridden");
    assert_eq!(config.http.listen.to_string(), "127.0.0.1:0");
    let logs = |level| {
        config
            .log
            .level
            .would_enable("acs_recording_exporter", &level)
    };
    assert!(logs(Level::DEBUG) && !logs(Level::TRACE));
    assert!(config.log.failures);
}

#[test]
fn a_namespace_is_read_with_a_credential() {
    let file = "event_hub:\n  namespace: Contoso\n  names: a, b\n  consumer_group: $Default\n  start: 2026-01-31T12:00:00Z\n  transport: websocket\nauth:\n  kind: azure_cli\n";
    let settings = load(sources(file, &[], &[]))
        .expect("nothing is missing")
        .event_hub;
    assert_eq!(settings.namespace.host, "contoso.servicebus.windows.net");
    assert_eq!(settings.namespace.endpoint, None);
    assert!(matches!(
        settings.namespace.authentication,
        Authentication::Credential(_)
    ));
    assert_eq!(settings.event_hubs, ["a", "b"]);
    assert_eq!(settings.consumer_group, "$Default");
    assert_eq!(
        settings.start,
        Start::At(time::macros::datetime!(2026-01-31 12:00 UTC))
    );
    assert_eq!(settings.amqp.transport, Transport::WebSocket);
}

#[test]
fn where_to_begin_depends_on_whether_positions_outlive_the_process() {
    let check = |file: &'static str, start: Start| {
        let config = load(sources(file, &least(), &[])).expect(file);
        assert_eq!(config.event_hub.start, start, "{file}");
        config.checkpoint.store
    };
    assert_eq!(check("", Start::Latest), StoreKind::Memory);
    let store = check(
        "checkpoint: {store: file, path: /var/lib/x/checkpoint.json}",
        Start::Earliest,
    );
    assert_eq!(store, StoreKind::File("/var/lib/x/checkpoint.json".into()));
    check(
        "checkpoint: {store: file, path: x}\nevent_hub: {start: latest}",
        Start::Latest,
    );
    check("event_hub: {start: earliest}", Start::Earliest);
}

#[test]
fn a_file_store_has_a_path_and_no_other_has() {
    let check = |file: &'static str, expected: &Expect| {
        check_faults(sources(file, &least(), &[]), expected);
    };
    check(
        "checkpoint:\n  store: file\n",
        &expect![[r#"
            config: 1 fault
              checkpoint.path (not set): set it to a file on a volume that outlives the process: `checkpoint.store` is `file`"#]],
    );
    check(
        "checkpoint:\n  path: /var/lib/x/checkpoint.json\n",
        &expect![[r#"
            config: 1 fault
              checkpoint.path = `/var/lib/x/checkpoint.json` (built-in x.yaml:2): has no effect while `checkpoint.store` is `memory`: set `checkpoint.store` to `file`, or remove this key"#]],
    );
    check(
        "checkpoint:\n  store: file\n  path: /var/lib/x/\n  interval: 0s\n",
        &expect![[r#"
            config: 2 faults
              checkpoint.path = `/var/lib/x/` (built-in x.yaml:3): must end in the name of a file, for example `/var/lib/acs-recording-exporter/checkpoint.json`
              checkpoint.interval = `0s` (built-in x.yaml:4): must be between `100ms` and `10m`"#]],
    );
    check(
        "checkpoint:\n  store: blobs\n  path: x\n",
        &expect![[r#"
            config: 1 fault
              checkpoint.store = `blobs` (built-in x.yaml:2): must be one of `memory`, `file`, `blob`"#]],
    );
}

#[test]
fn waits_may_be_zero_and_have_an_end() {
    let file = "delivery: {start_gate: 0s, hold_max: 0s, scrapers: 10, checkpoint_after: processing}\nshutdown: {final_scrape: 0s}\n";
    let config = load(sources(file, &least(), &[])).expect("no fault");
    let delivery = config.delivery;
    assert_eq!(delivery.checkpoint_after, CheckpointAfter::Processing);
    assert_eq!(delivery.scrapers.get(), 10);
    assert_eq!(delivery.start_gate, Duration::ZERO);
    assert_eq!(delivery.hold_max, Duration::ZERO);
    assert_eq!(config.shutdown.final_scrape, Duration::ZERO);
    check_faults(
        sources(
            "delivery:\n  start_gate: 2h\n  hold_max: 5\n  scrapers: 11\n",
            &least(),
            &[],
        ),
        &expect![[r#"
            config: 3 faults
              delivery.scrapers = `11` (built-in x.yaml:4): must be a whole number between 1 and 10
              delivery.start_gate = `2h` (built-in x.yaml:2): must be between `0s` and `1h`
              delivery.hold_max = `5` (built-in x.yaml:3): needs a unit, for example `5s`"#]],
    );
}

#[test]
fn the_final_scrape_has_to_come_before_the_deadline() {
    let check = |file: &'static str, expected: &Expect| {
        check_faults(sources(file, &least(), &[]), expected);
    };
    check(
        "shutdown:\n  final_scrape: 25s\n",
        &expect![[r#"
            config: 1 fault
              shutdown.final_scrape = `25s` (built-in x.yaml:2): must be at least `2s` shorter than `shutdown.deadline`, which is `25s`: what the last scrape delivers has yet to be checkpointed"#]],
    );
    check(
        "shutdown:\n  deadline: 10s\n",
        &expect![[r#"
            config: 1 fault
              shutdown.deadline = `10s` (built-in x.yaml:2): must be at least `2s` longer than `shutdown.final_scrape`, which is `15s`: set both"#]],
    );
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let path = PathBuf::from("no/such/file.yaml");
    let error = load(Sources {
        file: Some(File::Path(path)),
        ..Sources::default()
    })
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        "config: file no/such/file.yaml cannot be read"
    );
    let error = load(sources("http:\n\tlisten: a\n", &[], &[])).unwrap_err();
    expect!["config: built-in x.yaml:2: tabs disallowed within this context (block indentation)"]
        .assert_eq(&error.to_string());
}

#[test]
fn a_file_on_disk_is_named_with_the_line() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "http:\n  listen: x\n").unwrap();
    let sources = Sources {
        file: Some(File::Path(file.path().to_owned())),
        ..sources("", &least(), &[])
    };
    let error = load(sources).unwrap_err().to_string();
    assert!(
        error.contains(&format!("(file {}:2)", file.path().display())),
        "{error}"
    );
}

#[test]
fn a_directory_of_dead_letters_that_every_user_can_write_to_is_a_fault() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::set_permissions(directory.path(), Permissions::from_mode(0o777)).unwrap();
    let path = directory.path().to_str().unwrap();
    let set = |path: &str| {
        load(sources(
            "",
            &least(),
            &[("--x", "dead_letters.directory", path)],
        ))
    };
    let error = set(path).unwrap_err().to_string();
    let fault = format!(
        "dead_letters.directory = `{path}` (flag --x): is a directory that every user can write to: run `chmod o-w` on it"
    );
    assert!(error.contains(&fault), "{error}");
    set(&format!("{path}/letters")).unwrap();
}

#[test]
fn a_directory_of_dead_letters_that_cannot_be_created_is_a_fault() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().display();
    let directory = format!("{path}/new/letters");
    let error = load(sources(
        "",
        &least(),
        &[("--x", "dead_letters.directory", &directory)],
    ))
    .unwrap_err()
    .to_string();
    let fault = format!("does not exist, and the exporter cannot create it in `{path}`");
    assert!(error.contains(&fault), "{error}");
}

#[test]
fn the_demo_file_lacks_only_the_connection_string() {
    let connection = format!("{CONNECTION};EntityPath=logs");
    let flags = vec![Flag {
        key: "event_hub.connection_string",
        value: connection,
        flag: "--demo",
    }];
    let config = load(Sources {
        file: Some(DEMO),
        flags,
        ..Sources::default()
    })
    .expect("the demo file has no fault");
    assert_eq!(config.event_hub.consumer_group, "acs-recording-exporter");
    assert_eq!(config.event_hub.start, Start::Earliest);
    assert_eq!(config.delivery.start_gate, Duration::ZERO);
    assert_eq!(config.delivery.hold_max, Duration::ZERO);
    assert!(config.http.listen.ip().is_loopback());
    assert_eq!(
        config.metrics.resources,
        [
            "contoso-contact-center",
            "contoso-support",
            "fabrikam-telehealth"
        ]
    );
}
