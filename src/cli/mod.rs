//! The commands: flags -> config -> parts -> exit code. One file for each command.

mod check;
#[cfg(feature = "demo")]
mod demo;
mod health;
mod metrics;
mod replay;
mod run;

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::LazyLock;

use clap::{Parser, Subcommand};
#[cfg(feature = "demo")]
use event_hub_emulator::cli::{HubArgs, HubError};
use tokio_util::sync::CancellationToken;

use crate::config::ConfigError;
use crate::service::ServiceError;
use crate::shutdown;
use crate::telemetry::{self, LogError, looks_secret, redacted};
use crate::version;
use check::CheckArgs;
pub(crate) use check::CheckFailed;
use health::HealthArgs;
pub(crate) use health::HealthError;
use replay::ReplayArgs;
pub(crate) use replay::ReplayFailed;
use run::RunArgs;

/// Prometheus exporter for the Call Recording logs of Azure Communication Services, read from an Event Hub.
#[derive(Debug, Parser)]
#[command(
    version = VERSION_TEXT.as_str(),
    args_conflicts_with_subcommands = true,
    after_help = EXAMPLES
)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: RunArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Read the event hubs and serve the metrics until a signal stops it. The default command.
    Run(RunArgs),
    #[cfg(feature = "demo")]
    Demo(demo::DemoArgs),
    #[cfg(feature = "demo")]
    Hub(HubArgs),
    #[cfg(feature = "demo")]
    Simulate(acs_log_simulator::cli::SimulateArgs),
    /// Count the records in files instead of an event hub, and print the metrics, or their history.
    Replay(ReplayArgs),
    /// Validate the configuration, then check the network, the identity, the event hubs and the checkpoint store. Disturbs nobody.
    Check(CheckArgs),
    /// Ask the running exporter whether it is healthy: the health check of a container. Exits with 0 if it is, otherwise with 1.
    Health(HealthArgs),
    /// List every metric: name, type, labels, help.
    Metrics,
}

static VERSION_TEXT: LazyLock<String> = LazyLock::new(|| {
    let (revision, date) = (version::REVISION, version::BUILD_DATE);
    format!("{} (revision {revision}, {date})", version::VERSION)
});

const EXAMPLES: &str = "Examples:
  acs-recording-exporter demo                             try it without Azure, and open http://localhost:9464
  acs-recording-exporter --config config/exporter.yaml    read Event Hubs, and serve the metrics
  acs-recording-exporter --web.config.file web.yml        serve over TLS, configured by variables
  acs-recording-exporter check --config exporter.yaml     check the configuration, and whether Azure allows it
  acs-recording-exporter health                           ask whether the running exporter is healthy
  acs-recording-exporter replay capture/*.avro            count the records of archives
  acs-recording-exporter metrics                          list every metric

Every key of the configuration and its variable: docs/configuration.md";

impl Cli {
    /// Reads the command line. Help and version end the process, as in every program.
    ///
    /// # Errors
    ///
    /// The exit code, if the command line is wrong; the error is printed. It quotes the arguments, so that a secret among
    /// them is removed.
    pub fn read() -> Result<Self, ExitCode> {
        Self::try_parse().map_err(|error| {
            let text = error.render().to_string();
            if !looks_secret(&text) {
                error.exit()
            }
            // Standard error may be closed; the exit code is not.
            let _written = write!(io::stderr(), "{}", redacted(&text));
            ExitCode::from(WRONG_CONFIG)
        })
    }
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    /// The configuration is wrong; the text has all faults.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The log cannot be set up.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The exporter failed.
    #[error("the exporter failed")]
    Service(#[from] ServiceError),
    /// The replay failed.
    #[error(transparent)]
    Replay(#[from] ReplayFailed),
    /// A step of the check failed.
    #[error(transparent)]
    Check(#[from] CheckFailed),
    /// The running exporter is not healthy, or did not answer.
    #[error(transparent)]
    Health(#[from] HealthError),
    /// The local Event Hub failed.
    #[cfg(feature = "demo")]
    #[error(transparent)]
    Hub(#[from] HubError),
    /// The simulation failed.
    #[cfg(feature = "demo")]
    #[error("the simulation failed")]
    Simulate(#[from] acs_log_simulator::SimulateError),
    /// Signals cannot be handled, or standard output is closed.
    #[error("signals or standard output failed")]
    Io(#[from] io::Error),
}

/// The exit code for a wrong configuration: nothing was started.
const WRONG_CONFIG: u8 = 2;

/// The exit code for every other failure.
const FAILED: u8 = 1;

/// Runs the command to its end or until a signal, and prints the error if it fails.
pub async fn run(cli: Cli) -> ExitCode {
    let stop = CancellationToken::new();
    let command = command(cli.command.unwrap_or(Command::Run(cli.run)), stop.clone());
    let result = tokio::select! {
        result = command => result,
        error = shutdown::on_signals(stop) => error.map(|never| match never {}).map_err(CommandError::from),
    };
    match result {
        Err(error) if !is_pipe_closed(&error) => {
            // Standard error may be closed; the exit code is not.
            let _written = writeln!(io::stderr(), "{}", telemetry::chain(&error));
            match error {
                CommandError::Config(_) | CommandError::Replay(ReplayFailed::Config(_)) => {
                    ExitCode::from(WRONG_CONFIG)
                }
                CommandError::Check(failed) => ExitCode::from(failed.code),
                _ => ExitCode::from(FAILED),
            }
        }
        Ok(()) | Err(_) => ExitCode::SUCCESS,
    }
}

/// Whether the reader of our output has read enough: `metrics | head`.
fn is_pipe_closed(error: &CommandError) -> bool {
    let is_closed = |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe;
    match error {
        CommandError::Io(error) | CommandError::Replay(ReplayFailed::Io(error)) => is_closed(error),
        #[cfg(feature = "demo")]
        CommandError::Hub(HubError::Output(error)) => is_closed(error),
        _ => false,
    }
}

async fn command(command: Command, stop: CancellationToken) -> Result<(), CommandError> {
    match command {
        Command::Run(args) => run::run(args, stop).await,
        #[cfg(feature = "demo")]
        Command::Demo(args) => demo::demo(args, stop).await,
        #[cfg(feature = "demo")]
        Command::Hub(args) => Ok(args.run(stop).await?),
        #[cfg(feature = "demo")]
        Command::Simulate(args) => {
            let _lines_are_not_shown = telemetry::start_log(&telemetry::Settings::default())?;
            Ok(args.run(stop).await?)
        }
        Command::Replay(args) => Ok(replay::replay(args, stop).await?),
        Command::Check(args) => check::check(args).await,
        Command::Health(args) => Ok(health::health(args, &mut io::stdout()).await?),
        Command::Metrics => Ok(metrics::list(&mut io::stdout().lock())?),
    }
}
