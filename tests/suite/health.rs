//! The command `health`: its answer for an exporter, and for whatever else may listen in its place.

use std::process::{Command, Output};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::spawn_blocking;

use crate::prometheus::free_address;
use crate::world::Process;

#[tokio::test]
async fn a_running_exporter_is_healthy_by_flag_by_variable_and_by_file() {
    let demo = Process::exporter(&["demo", "--listen", "127.0.0.1:0"], &[]);
    let rest = demo.says("http://localhost:").await;
    let port = rest.split('/').next().unwrap();
    let listens = format!("0.0.0.0:{port}"); // 127.0.0.1 is asked of them
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("http: {{listen: \"{listens}\"}}\n")).unwrap();

    let address = format!("127.0.0.1:{port}");
    let path = file.path().to_str().unwrap();
    check(&["--address", &address], &[], 0, "healthy").await;
    check(&["--listen", &listens], &[], 0, "healthy").await;
    check(&["--config", path], &[], 0, "healthy").await;
    check(&[], &[(LISTEN, &listens)], 0, "healthy").await;
}

#[tokio::test]
async fn an_exporter_that_does_not_answer_200_is_not_healthy_and_the_command_says_why() {
    let nobody = free_address();
    check(&["--address", &nobody], &[], 1, "cannot connect to").await;
    let unhealthy = answering("HTTP/1.1 503 Service Unavailable\r\n\r\nnot healthy\nstuck\n").await;
    check(&["--address", &unhealthy], &[], 1, "not healthy; stuck").await;
    let other = answering("220 mail.example.com ESMTP\r\n").await;
    check(&["--address", &other], &[], 1, "220 mail.example.com ESMTP").await;
    // It never accepts a connection.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap().to_string();
    check(&["--address", &address], &[], 1, "did not answer within 3s").await;
    check(&["--listen", "127.0.0.1:0"], &[], 1, "`--address`").await;
    check(
        &[],
        &[(LISTEN, "localhost")],
        1,
        "http.listen = `localhost`",
    )
    .await;
}

const LISTEN: &str = "ACS_RECORDING_EXPORTER__HTTP__LISTEN";

/// Runs the command and compares how it ends, and part of what it writes.
async fn check(arguments: &[&str], variables: &[(&str, &str)], code: i32, text: &str) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_acs-recording-exporter"));
    command
        .arg("health")
        .args(arguments)
        .envs(variables.iter().copied());
    let Output {
        status,
        stdout,
        stderr,
    } = spawn_blocking(move || command.output())
        .await
        .unwrap()
        .unwrap();
    let written = String::from_utf8([stdout, stderr].concat()).unwrap();
    assert!(
        status.code() == Some(code) && written.contains(text),
        "{arguments:?} {variables:?}: {status}, not {code} and `{text}`\n{written}"
    );
}

/// A server that answers its first request so, and where it listens.
async fn answering(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    #[expect(
        clippy::disallowed_methods,
        reason = "it ends with the runtime of its test, which does not wait for it"
    )]
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 1024];
        let _read = stream.read(&mut request).await.unwrap();
        stream.write_all(answer.as_bytes()).await.unwrap();
    });
    address
}
