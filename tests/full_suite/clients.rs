//! The full counts of the clients in other languages.

use crate::process::HubProcess;
use crate::script;

/// Room for all that is published here.
const RETAIN: &str = "1GiB";

async fn check(script: &str, count: &str) {
    let hub = HubProcess::start(RETAIN).await;
    let printed = script::run(script, &[count], &hub.connection_string).await;
    println!("{script} {count}\n{printed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn python_100_000() {
    check("python/roundtrip.py", "100000").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn asynchronous_python_100_000() {
    check("python/roundtrip_aio.py", "100000").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn javascript_10_000() {
    check("javascript/roundtrip.js", "10000").await;
}
