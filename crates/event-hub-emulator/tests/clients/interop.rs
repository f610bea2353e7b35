//! The same, judged by the official clients in other languages.

use event_hub_emulator::{Emulator, EventHub};

use crate::script;

/// Runs a script against an emulator of its own.
#[expect(clippy::print_stdout, reason = "the figures that a script measured")]
async fn check(script: &str, arguments: &[&str]) {
    let hub = Emulator::start([EventHub::new("calls", 4)])
        .await
        .expect("started");
    println!(
        "{}",
        script::run(script, arguments, hub.connection_string()).await
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn python_publishes_and_consumes_each_event_once() {
    check("python/roundtrip.py", &["4000"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn asynchronous_python_publishes_and_consumes_each_event_once() {
    check("python/roundtrip_aio.py", &["4000"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn python_starts_at_every_kind_of_position() {
    check("python/positions.py", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn python_notices_that_another_reader_displaced_it() {
    check("python/steal.py", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn javascript_publishes_and_consumes_each_event_once() {
    check("javascript/roundtrip.js", &["4000"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn javascript_starts_at_every_kind_of_position() {
    check("javascript/positions.js", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn javascript_notices_that_another_reader_displaced_it() {
    check("javascript/steal.js", &[]).await;
}
