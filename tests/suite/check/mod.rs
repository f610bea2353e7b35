//! The command `check` in a world as it should be, and in worlds that lack one thing: the line of that thing is red, the lines
//! that depend on it are not checked, and all others are green.

mod event_hub;
mod network;
mod owners;
mod store;

use std::path::Path;
use std::process::{Command, Output};

use event_hub_emulator::{Emulator, EventHub, Policy, Rights, Settings};
use serde::Deserialize;
use tokio::task::spawn_blocking;

/// The steps for each event hub, all of which need the network and something to authenticate with.
const OF_EVENT_HUBS: [&str; 6] = [
    "rights",
    "event_hub",
    "partitions",
    "consumer_group",
    "owner",
    "last_event",
];

const CONNECTION_STRING: &str = "ACS_RECORDING_EXPORTER__EVENT_HUB__CONNECTION_STRING";
const CONSUMER_GROUP: &str = "ACS_RECORDING_EXPORTER__EVENT_HUB__CONSUMER_GROUP";
const STORE: &str = "ACS_RECORDING_EXPORTER__CHECKPOINT__STORE";

/// What the command has printed, and its exit code.
struct Checked {
    code: Option<i32>,
    document: Document,
}

#[derive(Debug, Deserialize)]
struct Document {
    version: String,
    ok: bool,
    checks: Vec<Line>,
}

#[derive(Debug, Deserialize)]
struct Line {
    step: String,
    outcome: String,
    text: String,
}

/// An event hub with two partitions, one consumer group, and a policy each for reading and for sending.
async fn hub() -> Emulator {
    let policy = |name: &str, listen| Policy {
        name: name.to_owned(),
        key: "a2V5".to_owned(),
        rights: Rights {
            listen,
            send: !listen,
        },
    };
    let event_hub = EventHub::new("logs", 2).with_consumer_groups(["exporter"]);
    let settings = Settings {
        policies: vec![policy("listener", true), policy("sender", false)],
        ..Settings::local([event_hub])
    };
    Emulator::start_with(settings).await.unwrap()
}

/// Runs the command with `--json`, for the consumer group `exporter` unless the variables say otherwise.
async fn check(variables: &[(&str, &str)]) -> Checked {
    let Output {
        status,
        stdout,
        stderr,
    } = run(&["--json"], variables).await;
    let text = String::from_utf8(stdout).unwrap();
    let document = serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{error}: {text}{}", String::from_utf8_lossy(&stderr)));
    Checked {
        code: status.code(),
        document,
    }
}

async fn run(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(Path::new(env!("CARGO_BIN_EXE_acs-recording-exporter")));
    command
        .arg("check")
        .args(arguments)
        .env(CONSUMER_GROUP, "exporter")
        .envs(variables.iter().copied());
    let ran = spawn_blocking(move || command.output()).await;
    ran.unwrap().unwrap()
}

impl Checked {
    /// These steps failed, each with this in its text; these were not checked; all others are ok.
    fn is(&self, failed: &[(&str, &str)], not_checked: &[&str]) {
        for line in &self.document.checks {
            let step = line.step.as_str();
            let failure = failed.iter().find(|(failed, _)| *failed == step);
            let expected = match failure {
                Some(_) => "failed",
                None if not_checked.contains(&step) => "not_checked",
                None => "ok",
            };
            assert_eq!(line.outcome, expected, "{line:?}\nof {:#?}", self.document);
            let part = failure.map_or("", |(_, part)| part);
            assert!(line.text.contains(part), "no `{part}`: {line:?}");
        }
        let steps: Vec<_> = self.document.checks.iter().map(|line| &line.step).collect();
        let mut named = failed.iter().map(|(step, _)| step).chain(not_checked);
        assert!(
            named.all(|named| steps.iter().any(|step| step == named)),
            "{steps:?}"
        );
        assert_eq!(self.document.ok, failed.is_empty());
        assert_eq!(self.document.version, env!("CARGO_PKG_VERSION"));
        let code = i32::from(!failed.is_empty());
        assert_eq!(self.code, Some(code));
    }

    /// The text of a step.
    fn text(&self, step: &str) -> &str {
        let mut lines = self.document.checks.iter();
        let line = lines.find(|line| line.step == step);
        &line.unwrap_or_else(|| panic!("no {step}")).text
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_step_is_a_line_of_text_with_what_was_found() {
    let hub = hub().await;
    hub.handle().publish("logs", 1, b"{}").unwrap();
    let output = run(&[], &[(CONNECTION_STRING, hub.connection_string())]).await;
    let text = String::from_utf8(output.stdout).unwrap();
    for line in [
        "ok      token            Event Hubs: the key of the shared access policy `listener`\n",
        "ok      partitions       logs: 2: 0, 1\n",
        "ok      consumer group   logs: `exporter` exists\n",
        "ok      owner            logs: nobody owns a partition (of 2)\n",
        "s ago, in partition 1\n",
        "-       clock            not checked: ",
    ] {
        assert!(text.contains(line), "no {line:?}:\n{text}");
    }
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(!text.contains('\x1b'), "colours are for terminals: {text}");
}

#[tokio::test]
async fn a_wrong_configuration_is_the_only_line_and_has_an_exit_code_of_its_own() {
    let checked = check(&[(STORE, "nowhere")]).await;
    let [line] = checked.document.checks.as_slice() else {
        panic!("{:?}", checked.document);
    };
    assert_eq!(
        (line.step.as_str(), line.outcome.as_str()),
        ("configuration", "failed")
    );
    for fault in [
        "checkpoint.store = `nowhere`",
        "event_hub.connection_string",
    ] {
        assert!(line.text.contains(fault), "no {fault}: {}", line.text);
    }
    assert_eq!(checked.code, Some(2));
}

#[tokio::test]
async fn offline_the_configuration_alone_is_checked() {
    let nobody = "Endpoint=sb://127.0.0.1:1;SharedAccessKeyName=a;SharedAccessKey=b;EntityPath=logs;UseDevelopmentEmulator=true";
    let output = run(&["--offline"], &[(CONNECTION_STRING, nobody)]).await;
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "ok      configuration    reads `logs` of `127.0.0.1:1` in consumer group `exporter`\n"
    );
    assert_eq!(output.status.code(), Some(0));

    // The file of TLS and users belongs to it.
    let missing = ["--offline", "--web.config.file", "/missing/web.yaml"];
    let output = run(&missing, &[(CONNECTION_STRING, nobody)]).await;
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("/missing/web.yaml"), "{text}");
    assert_eq!(output.status.code(), Some(2));
}

/// docs/check.md lists the steps, since programs read them.
#[tokio::test(flavor = "multi_thread")]
async fn every_step_is_documented() {
    let document = include_str!("../../../docs/check.md");
    let hub = hub().await;
    let checked = check(&[(CONNECTION_STRING, hub.connection_string())]).await;
    let steps = checked
        .document
        .checks
        .iter()
        .map(|line| line.step.as_str());
    for step in steps.chain(["store_write", "store_condition"]) {
        assert!(
            document.contains(&format!("| `{step}` |")),
            "no row for `{step}`"
        );
    }
}
