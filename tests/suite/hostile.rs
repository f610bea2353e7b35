//! Events that were made to be expensive: each costs an event, a bounded time and a bounded memory, and what comes behind
//! it is counted.

use std::fs;
use std::io::Write;
use std::path::Path;

use event_hub_emulator::{Emulator, EventHub};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::decoding::Decoder;
use crate::world::{Exporter, Process, Samples, eventually};

const EVENT_HUB: &str = "logs";

const EVENTS: &str = "acs_recording_exporter_events_total";

/// The memory that a process may have: anonymous, of all kinds. Of the program, more is in memory in a debug build than this.
const MEMORY_MAX: &str = "--data=134217728";

const REAL: &str = r#"{"records":[{"category":"CallRecordingOperational","resourceId":"/SUBSCRIPTIONS/S/RESOURCEGROUPS/G/PROVIDERS/MICROSOFT.COMMUNICATION/COMMUNICATIONSERVICES/A","operationName":"StartRecording","resultType":"Failed","resultSignature":"503"}]}"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_that_inflate_without_end_cost_an_event_each() {
    const TIMES: usize = 30;
    const INFLATED: usize = 16 << 20;
    let record = &REAL[12..REAL.len() - 2];
    let kinds = ["{},".to_owned(), format!("{record},"), "x".to_owned()];
    let hub = Emulator::start([EventHub::new(EVENT_HUB, 1)])
        .await
        .unwrap();
    let mut bytes = Vec::new();
    for kind in &kinds {
        let text = format!("[{}", kind.repeat(INFLATED / kind.len()));
        let body = gzip(text.as_bytes());
        bytes.push(body.len());
        for _ in 0..TIMES {
            hub.publish(EVENT_HUB, 0, &body).unwrap();
        }
    }
    hub.publish(EVENT_HUB, 0, REAL.as_bytes()).unwrap();
    let letters = tempfile::tempdir().unwrap();
    let directory = letters.path().to_str().unwrap();
    let exporter = exporter(
        &hub,
        &[("ACS_RECORDING_EXPORTER__DEAD_LETTERS__DIRECTORY", directory)],
    )
    .await;
    let scrape = reads(&exporter, kinds.len() * TIMES + 1).await;
    let sum = |name, label: &str| scrape.sum(name, &[label]);
    assert_eq!(
        sum(
            "acs_recording_exporter_rejects_total",
            r#"reason="inflates_too_far""#
        ),
        90.0
    );
    assert_eq!(
        sum(
            "acs_recording_operation_failures_total",
            r#"result_signature="503""#
        ),
        1.0
    );
    let lines = eventually("a dead letter for each", || async {
        let files = fs::read_dir(directory).unwrap().flatten();
        let texts = files.map(|file| fs::read_to_string(file.path()).unwrap());
        let lines: usize = texts.map(|text| text.lines().count()).sum();
        if lines == 90 {
            Ok(lines)
        } else {
            Err(lines.to_string())
        }
    })
    .await;
    println!(
        "3 times {TIMES} events of {bytes:?} bytes which inflate to 16 MiB, under a limit of 128 MiB: read, {lines} dead letters; {} MiB resident at most, of which {} MiB are the program",
        exporter.memory_mib("VmHWM"),
        exporter.memory_mib("RssFile"),
    );
}

/// Each takes as much as an event can.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_event_takes_more_than_48_mib() {
    let hub = Emulator::start([EventHub::new(EVENT_HUB, 1)])
        .await
        .unwrap();
    let exporter = exporter(&hub, &[]).await;
    hub.publish(EVENT_HUB, 0, REAL.as_bytes()).unwrap();
    reads(&exporter, 1).await;
    let before = exporter.memory_mib("VmRSS");
    let mut events = 1;
    for (name, body) in inflated() {
        // From now on, VmHWM is the most since now.
        fs::write(format!("/proc/{}/clear_refs", exporter.process.id()), "5").unwrap();
        hub.publish(EVENT_HUB, 0, &body).unwrap();
        events += 1;
        let scrape = reads(&exporter, events).await;
        let rejects = [r#"reason="inflates_too_far""#];
        assert_eq!(
            scrape.sum("acs_recording_exporter_rejects_total", &rejects),
            0.0,
            "{name}"
        );
        let took = exporter.memory_mib("VmHWM") - before;
        println!("{name}: {} bytes, and {took} MiB of memory", body.len());
        assert!(took <= 48, "{name}: {took} MiB");
    }
}

#[test]
fn an_event_takes_a_time_that_grows_as_its_bytes_do() {
    let took = |body: Vec<u8>| {
        let mut decoder = Decoder::new(&[]);
        let before = cpu_ms();
        decoder.apply([body]);
        cpu_ms() - before
    };
    let mut slowest = (0, "");
    for ((name, large), (_, small)) in plain(EVENT).into_iter().zip(plain(EVENT / 8)) {
        let (large, small) = (took(large), took(small));
        assert!(
            large < 16 * small + 200,
            "{name}: {small} ms, and {large} ms for 8 times as much"
        );
        slowest = slowest.max((large, name));
    }
    let (took, name) = slowest;
    println!("an event of {EVENT} bytes takes up to {took} ms of a processor: {name}");
}

/// The bytes of the largest event, less what the hub adds.
const EVENT: usize = 1_040_000;

/// As much as a body may inflate to.
const INFLATED: usize = 4 << 20;

/// A record that takes as much memory as any of its length, and some more in text that is not borrowed.
fn failure() -> String {
    let escaped = r"\u0041\u0062\u0063";
    let id = "S".repeat(30);
    format!(
        r#"{{"category":"CallRecordingOperational","resourceId":"/SUBSCRIPTIONS/{id}/RESOURCEGROUPS/{id}/PROVIDERS/MICROSOFT.COMMUNICATION/COMMUNICATIONSERVICES/{id}","operationName":"{escaped}","resultType":"{escaped}","resultSignature":"{escaped}","correlationId":"{escaped}","level":"Error"}}"#
    )
}

/// A list of this, over and over.
fn list(item: &str, bytes: usize) -> String {
    format!(
        "[{}{item}]",
        format!("{item},").repeat((bytes - 1) / (item.len() + 1) - 1)
    )
}

/// An object with ever new keys, which may be a wrapper.
fn keys(bytes: usize) -> String {
    let keys = (0..bytes / 11).map(|key| format!(r#","{key:06}":1"#));
    format!(r#"{{"ody":1{}}}"#, keys.collect::<String>())
}

fn text(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

/// Bodies of so many bytes.
fn plain(bytes: usize) -> Vec<(&'static str, Vec<u8>)> {
    const USAGE: &str = r#"{"category":"Usage"}"#;
    let nested = text(&text(&list(&"1".repeat(1000), bytes)));
    let utf16 = format!("\u{feff}{}", list(USAGE, bytes / 2));
    let utf16 = utf16.encode_utf16().flat_map(u16::to_le_bytes);
    let bodies = [
        ("empty records", list("{}", bytes)),
        ("short records", list(USAGE, bytes)),
        ("failures", list(&failure(), bytes)),
        ("broken records", list("{'category':'Usage'}", bytes)),
        ("numbers", list("1", bytes)),
        ("properties", keys(bytes)),
        (
            "envelopes",
            list(r#"{"records":[{"records":[{}]}]}"#, bytes),
        ),
        (
            "envelopes that never end",
            r#"{"records":["#.repeat(bytes / 12),
        ),
        (
            "lists that never end",
            r#"{"a":[{"time":1},"#.repeat(bytes / 17),
        ),
        ("objects that never end", r#"{"time":"#.repeat(bytes / 8)),
        ("text of records", text(&list("[1]", bytes))),
        ("text in text in text", nested),
        ("one text", format!("[\"{}\"]", "x".repeat(bytes))),
        ("quotes", "\"".repeat(bytes)),
        ("repaired text", format!("{{'a':'{}'}}", "\n".repeat(bytes))),
    ];
    let mut bodies: Vec<_> = bodies.map(|(name, body)| (name, body.into_bytes())).into();
    bodies.push(("UTF-16", utf16.collect()));
    bodies.push(("empty gzip streams", gzip(b"").repeat(bytes / 20)));
    bodies
}

/// Bodies that inflate to as much as they may.
fn inflated() -> impl Iterator<Item = (&'static str, Vec<u8>)> {
    // It keeps them within the ratio that is allowed.
    let noise = (0_u32..20_000).map(|n| format!("{:08x}", n.wrapping_mul(2_654_435_761)));
    let noise = format!("\"{}\"\n", noise.collect::<String>());
    let bytes = INFLATED - noise.len();
    let bodies = [
        ("empty records", list("{}", bytes)),
        ("failures", list(&failure(), bytes)),
        ("broken failures", list(&failure().replace('"', "'"), bytes)),
        ("properties", list(&keys(EVENT), bytes)),
        ("properties of a wrapper", keys(bytes - 9)),
        ("text of records", list(&text(&list("[1]", EVENT)), bytes)),
        (
            "repaired text",
            format!("{{'a':'{}'}}", "\n".repeat(bytes - 8)),
        ),
    ];
    bodies.into_iter().map(move |(name, body)| {
        let body = format!("{noise}{body}");
        assert!(body.len() <= INFLATED, "{name}");
        (name, gzip(body.as_bytes()))
    })
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// The time that this thread has had a processor for.
fn cpu_ms() -> u64 {
    let statistics = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    let nanoseconds: u64 = statistics.split(' ').next().unwrap().parse().unwrap();
    nanoseconds / 1_000_000
}

async fn exporter(hub: &Emulator, variables: &[(&str, &str)]) -> Exporter {
    let program = env!("CARGO_BIN_EXE_acs-recording-exporter");
    let arguments = [MEMORY_MAX, program, "run", "--listen", "127.0.0.1:0"];
    let mut all = vec![
        ("ACS_RECORDING_EXPORTER__LOG__FORMAT", "json"),
        ("ACS_RECORDING_EXPORTER__DELIVERY__START_GATE", "0s"),
        (
            "ACS_RECORDING_EXPORTER__EVENT_HUB__CONNECTION_STRING",
            hub.connection_string(),
        ),
        ("ACS_RECORDING_EXPORTER__EVENT_HUB__NAMES", EVENT_HUB),
        (
            "ACS_RECORDING_EXPORTER__EVENT_HUB__CONSUMER_GROUP",
            "exporter",
        ),
        ("ACS_RECORDING_EXPORTER__EVENT_HUB__START", "earliest"),
    ];
    all.extend(variables);
    Exporter::serving(Process::start(Path::new("prlimit"), &arguments, &all)).await
}

/// Waits until so many events are read.
async fn reads(exporter: &Exporter, events: usize) -> Samples {
    let events = u32::try_from(events).unwrap();
    eventually("all events are read", || async {
        let scrape = exporter.scrape().await?;
        let read = scrape.sum(EVENTS, &[]);
        if read == f64::from(events) {
            return Ok(scrape);
        }
        Err(format!(
            "{read} of {events}\n{}",
            exporter.process.written()
        ))
    })
    .await
}
