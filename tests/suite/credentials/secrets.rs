//! Nothing that the program writes contains a secret, or the content of an event, and nothing else of it does either: the
//! files that hold secrets, and core dumps.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use event_hub_emulator::{Emulator, EventHub};
use rustix::process::{Resource, getrlimit, setrlimit};
use serde_json::Value;

use super::{counts, exporter};
use crate::azure::{IdentityService, LocalHub};
use crate::world::{Exporter, Process, eventually};

const LEVEL: &str = "ACS_RECORDING_EXPORTER__LOG__LEVEL";

/// What a test of the log publishes: no part of it may be in the log.
pub(super) const MARKED_EVENT: &[u8] = br#"{"records":[{"category":"Usage","properties":{"usageType":"chat","unitType":"messages","quantity":1},"callerIpAddress":"192.0.2.77"}]}"#;

/// Every line is the exporter's own, and contains neither the key, a signature, nor a part of the event.
pub(super) fn has_no_secret(written: &str, connection_string: &str) {
    let (_, key) = connection_string.split_once("SharedAccessKey=").unwrap();
    let key = key.split(';').next().unwrap();
    for secret in [
        key,
        "sig=",
        "SharedAccessSignature",
        "192.0.2.77",
        "callerIp",
    ] {
        assert!(!written.contains(secret), "{secret} in:\n{written}");
    }
    for line in written.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let target = line.get("target").and_then(Value::as_str);
        let is_own = target.is_some_and(|target| target.starts_with("acs_recording_exporter"));
        assert!(is_own, "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_of_every_level_has_no_secret() {
    let hub = Emulator::start([EventHub::new("logs", 1)]).await.unwrap();
    let exporter = Exporter::reading(
        hub.connection_string(),
        &[
            ("ACS_RECORDING_EXPORTER__EVENT_HUB__START", "earliest"),
            (LEVEL, "trace"),
        ],
    )
    .await;
    hub.publish("logs", 0, MARKED_EVENT).unwrap();
    counts(&exporter, 1.0).await;
    hub.sever_connections(); // errors are logged too
    exporter.process.says("receiver failed").await;
    hub.publish("logs", 0, MARKED_EVENT).unwrap();
    counts(&exporter, 2.0).await;
    has_no_secret(&exporter.process.written(), hub.connection_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_level_for_another_library_is_warned_about() {
    let hub = Emulator::start([EventHub::new("logs", 1)]).await.unwrap();
    let level = [(LEVEL, "info,azure_core_amqp=trace")];
    let exporter = Exporter::reading(hub.connection_string(), &level).await;
    exporter.process.says("may contain secrets").await;
    exporter
        .process
        .says(r#""modules":"azure_core_amqp""#)
        .await;
    exporter.process.says(r#""target":"azure_core_amqp"#).await;
}

/// The service repeats what it was sent, as a proxy in front of it may, at a length that no log should have.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_identity_service_repeats_is_not_logged() {
    let hub = LocalHub::shared().await;
    let service = IdentityService::start(super::HOUR).await;
    let exporter = exporter(
        &hub,
        &service,
        "refused",
        &[
            ("AZURE_TENANT_ID", "tenant"),
            ("AZURE_CLIENT_ID", "client"),
            ("AZURE_CLIENT_SECRET", "c2VjcmV0"),
            ("AZURE_AUTHORITY_HOST", &service.address),
            (LEVEL, "trace"),
        ],
    )
    .await;
    let line = exporter.process.says("event hub does not answer").await;
    let written = exporter.process.written();
    assert!(written.contains("AADSTS7000215"), "{written}");
    assert!(!written.contains("c2VjcmV0"), "{written}");
    assert!(line.len() < 4000, "{} bytes: {line}", line.len());
}

#[tokio::test]
async fn a_secret_among_the_arguments_is_not_repeated() {
    let secret = "Endpoint=sb://a.b/;SharedAccessKeyName=n;SharedAccessKey=c2VjcmV0";
    for arguments in [["run", secret], ["run", "--listen"], ["--config", secret]] {
        let mut process = Process::exporter(&arguments, &[]);
        assert!(process.ended().await.code() != Some(0));
        let written = process.written();
        assert!(!written.contains("c2VjcmV0"), "{written}");
        assert!(
            written.contains("error") || written.contains("config"),
            "{written}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_file_that_everybody_can_read_is_warned_about() {
    let hub = Emulator::start([EventHub::new("logs", 1)]).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let write = |name: &str, text: &str, mode| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let string = hub.connection_string();
    let open = write("open", string, 0o644);
    let closed = write("closed", string, 0o640);
    let config = format!(
        "event_hub:\n  connection_string: {string}\n  consumer_group: exporter\nlog:\n  format: json\n"
    );
    let config = write("config.yaml", &config, 0o644);
    for (arguments, file, is_warned_about) in [
        (vec!["run"], Some(&open), true),
        (vec!["run"], Some(&closed), false),
        (vec!["run", "--config", &config], None, true),
    ] {
        let arguments = [&arguments[..], &["--listen", "127.0.0.1:0"]].concat();
        let mut variables = vec![
            ("ACS_RECORDING_EXPORTER__LOG__FORMAT", "json"),
            (
                "ACS_RECORDING_EXPORTER__EVENT_HUB__CONSUMER_GROUP",
                "exporter",
            ),
        ];
        variables.extend(file.map(|file| {
            (
                "ACS_RECORDING_EXPORTER__EVENT_HUB__CONNECTION_STRING_FILE",
                file.as_str(),
            )
        }));
        let exporter = Exporter::serving(Process::exporter(&arguments, &variables)).await;
        let written = exporter.process.written();
        let named = file.unwrap_or(&config);
        let warning = format!(r#""file":"{named}""#);
        assert_eq!(written.contains(&warning), is_warned_about, "{written}");
        assert_eq!(written.contains("chmod 600"), is_warned_about, "{written}");
    }
}

/// As a user without rights: for such a process the system hides what it says about one that leaves no core dump.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_with_secrets_leaves_no_core_dump_and_its_metrics_stay() {
    let limit = getrlimit(Resource::Core);
    let raised = rustix::process::Rlimit {
        current: limit.maximum,
        ..limit
    };
    setrlimit(Resource::Core, raised).unwrap(); // the exporter inherits it
    let hub = Emulator::start([EventHub::new("logs", 1)]).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let program = folder.path().join("exporter");
    fs::copy(env!("CARGO_BIN_EXE_acs-recording-exporter"), &program).unwrap();
    let program = program.to_str().unwrap();
    let is_root = rustix::process::geteuid().is_root();
    for (core_dumps, is_limited) in [("off", true), ("on", false)] {
        let mut command = vec![program, "run", "--listen", "127.0.0.1:0"];
        if is_root {
            command.splice(0..0, ["setpriv", "--reuid=54322", "--clear-groups"]);
        }
        let variables = [
            ("ACS_RECORDING_EXPORTER__LOG__FORMAT", "json"),
            ("ACS_RECORDING_EXPORTER__LOG__CORE_DUMPS", core_dumps),
            (
                "ACS_RECORDING_EXPORTER__EVENT_HUB__CONNECTION_STRING",
                hub.connection_string(),
            ),
            (
                "ACS_RECORDING_EXPORTER__EVENT_HUB__CONSUMER_GROUP",
                "exporter",
            ),
        ];
        let process = Process::start(Path::new(command[0]), &command[1..], &variables);
        let exporter = Exporter::serving(process).await;
        let limits = format!("/proc/{}/limits", exporter.process.id());
        let limits = fs::read_to_string(limits).unwrap();
        let of_core = limits
            .lines()
            .find(|line| line.starts_with("Max core file size"));
        let mut words = of_core.unwrap().split_whitespace().skip(4);
        assert_eq!(
            words.next() == Some("0"),
            is_limited || limit.maximum == Some(0),
            "{limits}"
        );
        eventually("the metrics of the process", || async {
            let scrape = exporter.scrape().await?;
            for name in [
                "process_open_fds",
                "process_max_fds",
                "process_resident_memory_bytes",
                "process_start_time_seconds",
            ] {
                if scrape.sum(name, &[]) <= 0.0 {
                    return Err(format!("no {name} in:\n{}", scrape.0));
                }
            }
            Ok(())
        })
        .await;
    }
    setrlimit(Resource::Core, limit).unwrap();
}

/// Whoever may send to the hub can send nonsense all day.
#[tokio::test(flavor = "multi_thread")]
async fn bad_events_by_the_thousand_are_a_few_lines() {
    const EVENTS: u32 = 3000;
    let hub = Emulator::start([EventHub::new("logs", 1)]).await.unwrap();
    let exporter = Exporter::reading(
        hub.connection_string(),
        &[("ACS_RECORDING_EXPORTER__EVENT_HUB__START", "earliest")],
    )
    .await;
    for kind in 0..EVENTS {
        let body = match kind % 4 {
            0 => "not JSON".to_owned(),
            1 => r#"{"records":[{"category":"#.to_owned(),
            2 => r#"{"records":[7]}"#.to_owned(),
            _ => format!(
                r#"{{"records":[{{"category":"Usage","properties":{{"quantity":"{kind}x"}}}}]}}"#
            ),
        };
        hub.publish("logs", 0, body.as_bytes()).unwrap();
    }
    counts(&exporter, f64::from(EVENTS)).await;
    let rejected = exporter
        .scrape()
        .await
        .unwrap()
        .sum("acs_recording_exporter_rejects_total", &[]);
    let written = exporter.process.written();
    let warnings = written
        .lines()
        .filter(|line| line.contains(r#""level":"WARN""#));
    let warnings: Vec<_> = warnings.collect();
    println!("{rejected} rejected, {} warnings", warnings.len());
    assert!(rejected >= f64::from(EVENTS / 2), "{rejected}");
    assert!(warnings.len() < 20, "{written}");
}
