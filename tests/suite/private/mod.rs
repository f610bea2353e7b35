//! Nothing about a person or a call is shown, whatever a sender breaks: addresses, telephone numbers, URIs and ids are put
//! into every field of the three logs, and the records are broken in every way that is known. Then the scrape, the log at every
//! level, what is remembered across restarts, and the other pages are searched for them.

mod attack;

use std::fs;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use event_hub_emulator::{Emulator, EventHub};
use proptest::test_runner::TestRunner;
use tracing::level_filters::LevelFilter;

use self::attack::attack;
use crate::decoding::Decoder;
use crate::replay::replay_with;
use crate::world::{Exporter, Signal, eventually, get};

#[test]
fn no_record_shows_what_is_personal() {
    check(2_000);
}

#[test]
#[ignore = "takes minutes: tests/full runs it, and a short form is tested above"]
fn none_of_a_hundred_thousand_records_shows_what_is_personal() {
    check(100_000);
}

/// The command that prints what it could not read.
#[test]
fn a_replay_reports_nothing_personal() {
    let (bodies, needles) = attack(&mut TestRunner::deterministic());
    let lines = bodies.join(&b'\n');
    let replayed = replay_with(&["-"], &lines);
    let written = replayed.metrics + &replayed.summary;
    assert!(written.contains("records: "), "{written}");
    assert_eq!(found(&written, &needles), [""; 0]);
}

/// The whole process: also its pages, and the files of its checkpoint.
#[tokio::test(flavor = "multi_thread")]
async fn a_running_exporter_shows_and_stores_nothing_personal() {
    let (bodies, needles) = attack(&mut TestRunner::deterministic());
    let hub = Emulator::start([EventHub::new("logs", 1)]).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let checkpoint = folder.path().join("checkpoint.json");
    let variables = [
        (
            "ACS_RECORDING_EXPORTER__LOG__LEVEL",
            "acs_recording_exporter=trace",
        ),
        ("ACS_RECORDING_EXPORTER__CHECKPOINT__STORE", "file"),
        (
            "ACS_RECORDING_EXPORTER__CHECKPOINT__PATH",
            checkpoint.to_str().unwrap(),
        ),
        (
            "ACS_RECORDING_EXPORTER__DELIVERY__CHECKPOINT_AFTER",
            "processing",
        ),
    ];
    let mut exporter = Exporter::reading(hub.connection_string(), &variables).await;
    exporter.ready().await;
    for body in &bodies {
        hub.publish("logs", 0, body).unwrap();
    }
    let scrape = eventually("every event is received", || async {
        let scrape = exporter.scrape().await?;
        if scrape.sum("acs_recording_exporter_events_total", &[]) < 50.0 {
            return Err(scrape.0);
        }
        Ok(scrape)
    });
    let mut written = scrape.await.0;
    for page in ["/-/ready", "/-/healthy", "/", "/api/v1/status"] {
        written += &get(&exporter.address, page).await.unwrap().1;
    }
    exporter.process.signal(Signal::TERM);
    assert!(exporter.process.ended().await.success());
    written += &exporter.process.written();
    for file in fs::read_dir(folder.path()).unwrap() {
        written += &fs::read_to_string(file.unwrap().path()).unwrap();
    }
    assert!(
        written.contains("acs-recording-exporter checkpoint"),
        "{written}"
    );
    assert_eq!(found(&written, &needles), [""; 0]);
}

/// Few enough that neither the caps on label values nor those on log lines hide any.
const RECORDS: usize = 50;

fn check(records: usize) {
    let mut runner = TestRunner::deterministic();
    let mut leaked = Vec::new();
    let mut searched = 0;
    for _ in 0..records / RECORDS {
        let (bodies, needles) = attack(&mut runner);
        let written = applied(bodies);
        searched += needles.len();
        leaked.extend(found(&written, &needles));
    }
    println!(
        "{records} records, {searched} texts searched for, {} found",
        leaked.len()
    );
    leaked.truncate(20);
    assert_eq!(leaked, [""; 0]);
}

/// Everything that is written while these bodies are applied.
fn applied(bodies: Vec<Vec<u8>>) -> String {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let shown = tracing::subscriber::with_default(subscriber, || {
        let mut decoder = Decoder::new(&[]);
        decoder.apply(bodies);
        decoder.scrape() + &decoder.remembered()
    });
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("WARN"), "{log}");
    shown + &log
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn found(written: &str, needles: &[String]) -> Vec<String> {
    let written = written.to_lowercase();
    let found = needles.iter().filter(|needle| written.contains(*needle));
    let found = found.map(|needle| {
        let line = written.lines().find(|line| line.contains(needle));
        format!("{needle} in {}", line.unwrap_or_default())
    });
    found.collect()
}
