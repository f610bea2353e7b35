//! The command `replay`: files -> the decoder and the metrics of a running exporter -> standard output.
//!
//! Standard output has the metrics, standard error the progress (on a terminal) and a summary of the records.

mod report;

use std::cell::Cell;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use prometheus::Registry;
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

use crate::acs::FailureRules;
use crate::config::{self, ConfigError, File, Sources};
use crate::metrics::{Backfill, Exposition, Settings, Step};
use crate::pipeline::{self, Ended, OpenedEvent};
use crate::source::replay::{self, Replayed};
use crate::telemetry::Telemetry;
use report::Report;

/// What to replay, and as what to print it.
#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    /// Files or folders: PT1H.json archives, JSON lines, arrays, envelopes, dead letters, Event Hubs Capture, each also
    /// compressed with gzip or as UTF-16; `-` is standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The exporter's configuration file, for `metrics.*`: buckets, caps, resources.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print the history as OpenMetrics with timestamps, for `promtool tsdb create-blocks-from openmetrics`.
    #[arg(long)]
    openmetrics: bool,
    /// How far the samples of the history are apart, 1s to 5m.
    #[arg(long, value_name = "DURATION", default_value = "1m", value_parser = step, requires = "openmetrics")]
    step: Step,
    /// Fail if any record is rejected, or a file is empty.
    #[arg(long)]
    strict: bool,
}

/// Why a replay failed. What could be read was counted all the same.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReplayFailed {
    /// The configuration has faults.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A signal came before the end.
    #[error("stopped before the end: the printed metrics are of a part of the input")]
    Stopped,
    /// Each is named on standard error.
    #[error("{0} of the inputs could not be read")]
    Unreadable(u64),
    /// Their ends are missing, or they are beyond a limit: of a record, an inflated body, or the records of a body.
    #[error("truncated records: {0}")]
    Truncated(u64),
    /// With `--strict`.
    #[error("{0} records were rejected")]
    Rejected(u64),
    /// Standard output is closed.
    #[error("cannot write the metrics")]
    Io(#[from] io::Error),
    /// A defect of the program.
    #[error("the replay ended unexpectedly")]
    Task(#[from] tokio::task::JoinError),
}

/// The exporter's own metrics that are printed: how the records were accounted for, and what was odd about them.
const ACCOUNTING: [&str; 9] = [
    "acs_recording_exporter_records_received_total",
    "acs_recording_exporter_records_total",
    "acs_recording_exporter_rejects_total",
    "acs_recording_exporter_repairs_total",
    "acs_recording_exporter_unreadable_values_total",
    "acs_recording_exporter_drift_total",
    "acs_recording_exporter_duplicate_records_total",
    "acs_recording_exporter_label_overflow_total",
    "acs_recording_exporter_series_overflow_total",
];

/// Replays the files, on a thread that may block on disks.
pub(crate) async fn replay(args: ReplayArgs, stop: CancellationToken) -> Result<(), ReplayFailed> {
    let settings = config::load_metrics(Sources {
        file: args.config.clone().map(File::Path),
        environment: config::environment(),
        flags: Vec::new(),
    })?;
    tokio::task::spawn_blocking(move || {
        let mut out = BufWriter::new(io::stdout().lock());
        let replayed = run(&args, &settings, &stop, &mut out)?;
        // Standard output is complete before anything else is written.
        replayed.report(&mut io::stderr().lock())?;
        replayed.verdict(args.strict)
    })
    .await?
}

fn run(
    args: &ReplayArgs,
    settings: &Settings,
    stop: &CancellationToken,
    out: &mut impl Write,
) -> Result<Report, ReplayFailed> {
    let registry = Registry::new();
    let telemetry = Arc::new(Telemetry::new(&registry, ""));
    let mut sink = if args.openmetrics {
        Sink::History(
            Box::new(Backfill::new(settings, &telemetry, args.step)),
            settings.failures.rules(),
        )
    } else {
        Sink::State(Box::new(Exposition::new(
            settings,
            1, // a replay is not scraped
            registry,
            Arc::clone(&telemetry),
        )))
    };
    let (inputs, unreadable) = replay::find(&args.files);
    let sizes: Option<u64> = inputs.iter().map(|(_, size)| *size).sum();
    let mut report = Report::new(sizes);
    for unreadable in &unreadable {
        report.unreadable(unreadable);
    }
    let read = Cell::new(0);
    for (input, _) in &inputs {
        let mut previous = None;
        let ended = replay::read(input, &read, &mut |replayed| {
            let Replayed {
                enqueued_at,
                opened,
                locations,
            } = replayed;
            let event = OpenedEvent {
                enqueued_at,
                opened,
            };
            let ended = sink.take(&event, &mut previous, &mut report.undated);
            report.bytes = read.get();
            report.records(input, &locations, &ended);
            !stop.is_cancelled()
        });
        report.bytes = read.get();
        report.files += 1;
        if let Err(error) = ended {
            report.unreadable(&error);
        }
        if stop.is_cancelled() {
            report.is_stopped = true;
            break;
        }
    }
    report.progress.finish_and_clear();
    report.repeated = telemetry.records_repeated();
    match sink {
        Sink::State(exposition) => {
            let is_shown = |name: &str| {
                !name.starts_with("acs_recording_exporter_") && name.starts_with("acs_")
                    || ACCOUNTING.contains(&name)
            };
            let mut scrape = exposition.scrape();
            scrape.retain(is_shown);
            out.write_all(&scrape.text())?;
        }
        Sink::History(backfill, _) => report.written = Some(backfill.write(out)?),
    }
    out.flush()?;
    Ok(report)
}

/// The metrics that the events move.
enum Sink {
    /// The metrics as they stand at the end.
    State(Box<Exposition>),
    /// The metrics as they stood at each step.
    History(Box<Backfill>, FailureRules),
}

impl Sink {
    /// Applies records. `previous` is the time of the record before them in their file.
    ///
    /// A record without a time has that of its event's enqueuing, or else that of the record before it. If neither is
    /// known, the record is counted as `undated` and is not part of the history.
    fn take(
        &mut self,
        event: &OpenedEvent<'_>,
        previous: &mut Option<OffsetDateTime>,
        undated: &mut u64,
    ) -> Ended {
        match self {
            Self::State(exposition) => pipeline::apply_opened(event, exposition),
            Self::History(backfill, rules) => {
                let decoded = pipeline::decode(event, rules);
                for observation in &decoded.observations {
                    let time = observation.time.or(event.enqueued_at).or(*previous);
                    match time {
                        Some(time) => backfill.note(observation, time),
                        None => *undated += 1,
                    }
                    *previous = time;
                }
                decoded.ended
            }
        }
    }
}

fn step(text: &str) -> Result<Step, String> {
    let duration: Duration = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    Step::new(duration).map_err(str::to_owned)
}
