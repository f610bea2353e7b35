//! Too few open files or threads for the partitions: they share connections, and the endpoints answer all the while.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use event_hub_emulator::{Emulator, EventHub};
use rustix::process::{Pid, Resource, Rlimit, prlimit};

use crate::world::{Exporter, Process, eventually, get};

const EVENT_HUB: &str = "logs";

const EVENTS: &str = "acs_recording_exporter_events_total";

/// What stands in the log if partitions share more connections than was configured.
const WARNING: &str = "raise the limits, or `event_hub.partitions_per_connection`";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_endpoints_answer_while_300_partitions_have_256_files() {
    let hub = hub(300).await;
    let program = env!("CARGO_BIN_EXE_acs-recording-exporter");
    let exporter = start(&["prlimit", "--nofile=256", program], &hub).await;
    publish(&hub, 300);
    reads(&exporter, 300).await;
    // All connections are replaced, and may not take more files meanwhile.
    hub.sever_connections();
    publish(&hub, 300);
    reads(&exporter, 600).await;
    assert!(exporter.process.written().contains(WARNING));
}

/// A partition that has used the only connection gets another, although its neighbours still read over the first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_whose_link_ends_is_read_again_although_no_more_connections_are_allowed() {
    let hub = hub(8).await;
    let program = env!("CARGO_BIN_EXE_acs-recording-exporter");
    let exporter = start(&["prlimit", "--nofile=32", program], &hub).await;
    publish(&hub, 8);
    reads(&exporter, 8).await;
    hub.poison(EVENT_HUB, 2, 1).unwrap();
    publish(&hub, 8);
    publish(&hub, 8);
    reads(&exporter, 23).await;
}

/// The system applies the limit to all threads of a user, and not to root. So root starts the exporter as a user that has
/// no other thread, and any other user adds the threads that it has.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_partitions_are_read_under_a_limit_of_40_threads() {
    let hub = hub(64).await;
    // The folder of the build may be closed to another user.
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let program = folder.path().join("exporter");
    fs::copy(env!("CARGO_BIN_EXE_acs-recording-exporter"), &program).unwrap();
    let program = program.to_str().unwrap();
    let exporter = if rustix::process::geteuid().is_root() {
        let as_user = ["setpriv", "--reuid=54321", "--clear-groups"];
        let limited = ["prlimit", "--nproc=40", program];
        start(&[&as_user[..], &limited[..]].concat(), &hub).await
    } else {
        let limit = format!("--nproc={}", threads_of_user() + 40);
        start(&["prlimit", &limit, program], &hub).await
    };
    publish(&hub, 64);
    reads(&exporter, 64).await;
    let threads = fs::read_dir(format!("/proc/{}/task", exporter.process.id()));
    let threads = threads.unwrap().count();
    println!("64 partitions are read by {threads} threads");
    assert!(threads <= 40);
}

/// As if other programs had taken all files of the system. The wait until the next try takes most of the time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lack_of_files_is_a_cause_of_its_own_and_is_over_when_there_are_files() {
    let hub = hub(1).await;
    let program = env!("CARGO_BIN_EXE_acs-recording-exporter");
    let exporter = start(&["prlimit", "--nofile=1024", program], &hub).await;
    publish(&hub, 1);
    reads(&exporter, 1).await;
    limit_files(&exporter, 10);
    hub.sever_connections();
    let failed = exporter.process.says(r#""cause":"resources""#).await;
    assert!(failed.contains("raise the limits"), "{failed}");
    limit_files(&exporter, 1024);
    publish(&hub, 1);
    reads(&exporter, 2).await;
}

fn limit_files(exporter: &Exporter, most: u64) {
    let process = i32::try_from(exporter.process.id()).unwrap();
    let limit = Rlimit {
        current: Some(most),
        maximum: Some(1024),
    };
    prlimit(Pid::from_raw(process), Resource::Nofile, limit).unwrap();
}

async fn hub(partitions: u32) -> Emulator {
    let hubs = [EventHub::new(EVENT_HUB, partitions)];
    Emulator::start(hubs).await.unwrap()
}

/// Starts the exporter by a command that ends with its program.
async fn start(command: &[&str], hub: &Emulator) -> Exporter {
    let (starter, arguments) = command.split_first().unwrap();
    let arguments = [arguments, &["run", "--listen", "127.0.0.1:0"]].concat();
    let variables = [
        ("ACS_RECORDING_EXPORTER__LOG__FORMAT", "json"),
        ("ACS_RECORDING_EXPORTER__DELIVERY__START_GATE", "0s"),
        (
            "ACS_RECORDING_EXPORTER__EVENT_HUB__CONNECTION_STRING",
            hub.connection_string(),
        ),
        (
            "ACS_RECORDING_EXPORTER__EVENT_HUB__CONSUMER_GROUP",
            "exporter",
        ),
        ("ACS_RECORDING_EXPORTER__EVENT_HUB__START", "earliest"),
    ];
    Exporter::serving(Process::start(Path::new(starter), &arguments, &variables)).await
}

fn publish(hub: &Emulator, partitions: u32) {
    for partition in 0..partitions {
        hub.publish(EVENT_HUB, partition, b"{}").unwrap();
    }
}

/// Waits until so many events are read. Every endpoint answers each time that it is asked meanwhile.
async fn reads(exporter: &Exporter, events: u32) {
    eventually("all partitions are read", || async {
        let mut answers = Vec::new();
        for path in ["/metrics", "/-/healthy", "/-/ready"] {
            answers.push(get(&exporter.address, path).await.unwrap());
        }
        let read = exporter.scrape().await?.sum(EVENTS, &[]);
        let statuses: Vec<_> = answers.iter().map(|(status, _)| *status).collect();
        if read == f64::from(events) && statuses == [200, 200, 200] {
            return Ok(());
        }
        let written = exporter.process.written();
        Err(format!("{read} read; {statuses:?}\n{written}"))
    })
    .await;
}

/// How many threads the user of this process has.
fn threads_of_user() -> usize {
    let user = rustix::process::getuid().as_raw();
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let statuses =
        processes.filter_map(|process| fs::read_to_string(process.path().join("status")).ok());
    let threads = statuses.filter_map(|status| {
        let field = |name| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next()?.parse::<usize>().ok()
        };
        (field("Uid:")? == usize::try_from(user).unwrap()).then(|| field("Threads:"))?
    });
    threads.sum()
}
