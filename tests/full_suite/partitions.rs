//! A thousand partitions, with as many open files as the system allows and with 1,024: ready in how long, and at what cost.

use std::fs;
use std::path::Path;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::time::Instant;

use crate::world::{Exporter, Process};

const PARTITIONS: &str = "1000";

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_partitions_are_ready() {
    // The hub has a connection for each, too, and inherits the limit.
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    setrlimit(Resource::Nofile, raised).unwrap();
    let arguments = [
        "hub",
        "--listen",
        "127.0.0.1:0",
        "--event-hub",
        "logs",
        "--partitions",
        PARTITIONS,
    ];
    let hub = Process::exporter(&arguments, &[]);
    let connection_string = hub.says("connection string: ").await;

    let program = env!("CARGO_BIN_EXE_acs-recording-exporter");
    start(program, &[], &connection_string).await;
    start("prlimit", &["--nofile=1024", program], &connection_string).await;
}

async fn start(starter: &str, arguments: &[&str], connection_string: &str) {
    let started = Instant::now();
    let command = [arguments, &["run", "--listen", "127.0.0.1:0"]].concat();
    let variables = [
        ("ACS_RECORDING_EXPORTER__LOG__FORMAT", "json"),
        ("ACS_RECORDING_EXPORTER__DELIVERY__START_GATE", "0s"),
        // Otherwise only root sees which files the process has open.
        ("ACS_RECORDING_EXPORTER__LOG__CORE_DUMPS", "on"),
        (
            "ACS_RECORDING_EXPORTER__EVENT_HUB__CONNECTION_STRING",
            connection_string,
        ),
        (
            "ACS_RECORDING_EXPORTER__EVENT_HUB__CONSUMER_GROUP",
            "exporter",
        ),
    ];
    let process = Process::start(Path::new(starter), &command, &variables);
    let exporter = Exporter::serving(process).await;
    exporter.ready().await;
    let took = started.elapsed();
    let count = |what| {
        fs::read_dir(format!("/proc/{}/{what}", exporter.process.id()))
            .unwrap()
            .count()
    };
    println!(
        "{PARTITIONS} partitions, {}: ready in {took:.1?}, with {} threads, {} open files and {} MiB (at most {}), and {} lines in the log",
        arguments.first().unwrap_or(&"the system's limits"),
        count("task"),
        count("fd"),
        exporter.memory_mib("VmRSS"),
        exporter.memory_mib("VmHWM"),
        exporter.process.written().lines().count(),
    );
}
