//! Clients in other languages: scripts that publish and consume, and judge for themselves what came.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tokio::task::spawn_blocking;

/// Runs a script of `tests/interop` to its end. Gives what it printed.
///
/// The scripts end by themselves: each wait in them has a limit.
pub(crate) async fn run(script: &str, arguments: &[&str], connection_string: &str) -> String {
    let interop = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .map(|folder| folder.join("tests/interop"))
        .find(|folder| folder.exists())
        .expect("the clients stand at the root of the workspace");
    let mut command = Command::new(interpreter(&interop, script));
    command
        .arg(interop.join(script))
        .args(arguments)
        .env("EVENT_HUB_CONNECTION_STRING", connection_string)
        .stdin(Stdio::null());
    let output = spawn_blocking(move || command.output())
        .await
        .expect("no panic")
        .expect("the interpreter starts");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{script} {arguments:?}\n{printed}\n{complained}"
    );
    printed
}

fn interpreter(interop: &Path, script: &str) -> PathBuf {
    let (interpreter, installed) = if script.starts_with("python/") {
        let python = interop.join(".venv/bin/python");
        (python.clone(), python)
    } else {
        let clients = interop.join("javascript/node_modules/@azure/event-hubs");
        (PathBuf::from("node"), clients)
    };
    assert!(
        installed.exists(),
        "`{}` is missing: run tests/interop/setup, which installs the clients",
        installed.display()
    );
    interpreter
}
