//! The same hub, judged by the official clients in other languages.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use acs_recording_exporter::hub::EventHub;
use tokio::task::spawn_blocking;

use super::support::RunningHub;

/// Where the clients and their scripts are.
fn interop() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop")
}

/// Runs a script against a hub of its own, and shows what it printed if it fails.
#[expect(clippy::print_stdout, reason = "the figures that a script measured")]
async fn check(interpreter: PathBuf, script: &str, arguments: &[&str]) {
    assert!(
        interpreter.exists(),
        "`{}` is missing: run tests/interop/setup, which installs the clients",
        interpreter.display()
    );
    let hub = RunningHub::start([EventHub::new("calls", 4)]).await;
    let mut command = Command::new(interpreter);
    command
        .arg(interop().join(script))
        .args(arguments)
        .env("EVENT_HUB_CONNECTION_STRING", &hub.connection_string)
        .stdin(Stdio::null());
    // The scripts end by themselves: each wait in them has a limit.
    let output = spawn_blocking(move || command.output())
        .await
        .expect("no panic")
        .expect("the interpreter starts");
    let (printed, complained) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(
        output.status.success(),
        "{script} {arguments:?}\n{printed}\n{complained}"
    );
    println!("{printed}");
}

#[expect(
    clippy::disallowed_methods,
    reason = "the environment names the interpreter of this machine"
)]
fn python() -> PathBuf {
    std::env::var("ACS_TEST_PYTHON")
        .map_or_else(|_| interop().join(".venv/bin/python"), PathBuf::from)
}

#[tokio::test(flavor = "multi_thread")]
async fn python_publishes_and_consumes_each_event_once() {
    check(python(), "python/roundtrip.py", &["10000"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn python_starts_at_every_kind_of_position() {
    check(python(), "python/positions.py", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn python_is_told_that_its_partition_was_stolen() {
    check(python(), "python/steal.py", &[]).await;
}
