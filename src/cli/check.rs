//! The command `check`: validates the configuration, then the world that it describes, a line for each step.

use std::io::{self, IsTerminal, Write};

use clap::Args;
use serde::Serialize;

use super::run::RunArgs;
use super::{CommandError, FAILED, WRONG_CONFIG};
use crate::check::{self, Line, Outcome, Report, Step};
use crate::config::{self, Config, ConfigError, Sources};
use crate::telemetry::chain;

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(super) struct CheckArgs {
    #[command(flatten)]
    exporter: RunArgs,
    /// Check the configuration alone, without the network.
    #[arg(long)]
    offline: bool,
    /// Print one JSON document at the end, instead of a line for each step.
    #[arg(long)]
    json: bool,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  no step failed
  1  a step failed
  2  the configuration or the command line is wrong, and nothing else was checked";

/// What `--json` prints: docs/check.md describes it.
#[derive(Serialize)]
struct Document<'a> {
    version: &'static str,
    ok: bool,
    checks: &'a [Line],
}

/// At least one step failed; the report says which.
#[derive(Debug, thiserror::Error)]
#[error("{failed} of {all} checks failed")]
pub(crate) struct CheckFailed {
    failed: usize,
    all: usize,
    /// The exit code.
    pub(super) code: u8,
}

pub(super) async fn check(args: CheckArgs) -> Result<(), CommandError> {
    let sources = args.exporter.sources();
    let proxies = proxies(&sources.environment);
    let config = load(sources);
    let mut show = |line: &Line| {
        if !args.json {
            // A caller that uses the exit code may not read this.
            let _written = write_line(line);
        }
    };
    let mut report = Report::new(&mut show);
    let code = if is_valid(&config, &mut report) {
        FAILED
    } else {
        WRONG_CONFIG
    };
    if let (Ok(config), false) = (&config, args.offline) {
        Box::pin(check::world(config, &proxies, &mut report)).await;
    }
    let lines = report.lines;
    let is_failed = |line: &&Line| line.outcome == Outcome::Failed;
    let (failed, all) = (lines.iter().filter(is_failed).count(), lines.len());
    if args.json {
        let document = Document {
            version: env!("CARGO_PKG_VERSION"),
            ok: failed == 0,
            checks: &lines,
        };
        let document = serde_json::to_string_pretty(&document).map_err(io::Error::from)?;
        writeln!(io::stdout(), "{document}")?;
    }
    match failed {
        0 => Ok(()),
        failed => Err(CheckFailed { failed, all, code }.into()),
    }
}

/// The configuration, with the file of the endpoints' TLS and users, which the exporter reads by itself.
fn load(sources: Sources) -> Result<Config, ConfigError> {
    let config = config::load(sources)?;
    let web = config.http.web_config_file.as_deref();
    web.map(config::load_web).transpose()?;
    Ok(config)
}

fn is_valid(config: &Result<Config, ConfigError>, report: &mut Report<'_>) -> bool {
    let found = match config {
        Ok(config) => Ok(format!(
            "reads {} of `{}` in consumer group `{}`",
            names(&config.event_hub.event_hubs),
            config.event_hub.namespace.name(),
            config.event_hub.consumer_group
        )),
        Err(error) => Err(chain(error)),
    };
    report.add(Step::Configuration, "", found)
}

fn names(event_hubs: &[String]) -> String {
    format!("`{}`", event_hubs.join("`, `"))
}

/// The variables that set a proxy, for the clients of the identity service and of the blob store.
fn proxies(environment: &[(String, String)]) -> Vec<String> {
    let is_proxy = |name: &str| {
        ["HTTPS_PROXY", "ALL_PROXY"]
            .iter()
            .any(|proxy| name.eq_ignore_ascii_case(proxy))
    };
    let set = environment
        .iter()
        .filter(|(name, value)| is_proxy(name) && !value.is_empty());
    set.map(|(name, _)| name.clone()).collect()
}

/// The mark, the step, what was checked, and what was found. Colours are for people.
fn write_line(line: &Line) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let (mark, colour) = match line.outcome {
        Outcome::Ok => ("ok", "\x1b[32m"),
        Outcome::Failed => ("FAILED", "\x1b[31m"),
        Outcome::NotChecked => ("-", "\x1b[2m"),
    };
    let (colour, plain) = if out.is_terminal() {
        (colour, "\x1b[0m")
    } else {
        ("", "")
    };
    let subject = match line.subject.as_str() {
        "" => String::new(),
        subject => format!("{subject}: "),
    };
    let not_checked = match line.outcome {
        Outcome::NotChecked => "not checked: ",
        _ => "",
    };
    writeln!(
        out,
        "{colour}{mark:6}{plain}  {:15}  {subject}{not_checked}{}",
        line.step, line.text
    )
}
