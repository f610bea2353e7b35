//! The commands: flags -> config -> parts -> exit code. One file for each command.

mod demo;
mod health;
mod hub;
mod metrics;
mod replay;
mod run;
mod simulate;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tokio_util::sync::CancellationToken;

use crate::config::ConfigError;
use crate::hub::HubError;
use crate::service::ServiceError;
use crate::shutdown;
use crate::simulate::SimulateError;
use crate::source::event_hub::InvalidConnectionString;
use crate::telemetry::{self, LogError};
use demo::DemoArgs;
use health::HealthArgs;
pub use health::HealthError;
use hub::HubArgs;
use replay::ReplayArgs;
pub use replay::ReplayFailed;
use run::RunArgs;
use simulate::SimulateArgs;

/// Prometheus exporter for the Call Recording logs of Azure Communication Services, read from an Event Hub.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: RunArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Read the event hubs and serve the metrics, until told to stop. The default command.
    Run(RunArgs),
    /// See it work without Azure: a local Event Hub, simulated calls and the exporter, in one process.
    Demo(DemoArgs),
    /// Serve a local Event Hub, for tests and trials; prints its connection string.
    Hub(HubArgs),
    /// Send the logs of simulated calls to an event hub.
    Simulate(SimulateArgs),
    /// Count the records in files instead of an event hub, and print the metrics, or their history.
    Replay(ReplayArgs),
    /// Ask the running exporter whether it is healthy: the health check of a container. 0 if it is, else 1.
    Health(HealthArgs),
    /// List every metric: name, type, labels, help.
    Metrics,
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// Of the configuration; the text has all faults.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Of the log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// Of the service.
    #[error("the exporter failed")]
    Service(#[from] ServiceError),
    /// Of the local hub.
    #[error("the local Event Hub failed")]
    Hub(#[from] HubError),
    /// The file of `--tls-ca-file`.
    #[error("cannot write `{}`", path.display())]
    CaFile {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// Of the simulation.
    #[error("the simulation failed")]
    Simulate(#[from] SimulateError),
    /// Of a replay.
    #[error(transparent)]
    Replay(#[from] ReplayFailed),
    /// The running exporter is not healthy, or cannot be asked.
    #[error(transparent)]
    Health(#[from] HealthError),
    /// Of a connection string on the command line.
    #[error("`--connection-string` {0}")]
    ConnectionString(#[source] InvalidConnectionString),
    /// No event hub is named, neither by a flag nor by the connection string.
    #[error(
        "name the event hub: `--event-hub NAME`, or `EntityPath=NAME` in the connection string"
    )]
    NoEventHub,
    /// The signals cannot be handled, or standard output is gone.
    #[error("the system refused")]
    Io(#[from] io::Error),
    /// A task of the demo ended by itself.
    #[error("a part of the demo ended by itself")]
    Task(#[from] tokio::task::JoinError),
}

/// A wrong configuration: nothing was started. Anything else that fails is 1.
const WRONG_CONFIG: u8 = 2;

/// Runs the command, to its end or until a signal; prints why it failed if it did.
pub async fn run(cli: Cli) -> ExitCode {
    let stop = CancellationToken::new();
    let command = command(cli.command.unwrap_or(Command::Run(cli.run)), stop.clone());
    let result = tokio::select! {
        result = command => result,
        error = shutdown::on_signals(stop) => error.map(|never| match never {}).map_err(CommandError::from),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read our output has read enough: `metrics | head`.
        Err(CommandError::Io(error) | CommandError::Replay(ReplayFailed::Io(error)))
            if error.kind() == io::ErrorKind::BrokenPipe =>
        {
            ExitCode::SUCCESS
        }
        Err(error) => {
            let is_of_config = matches!(
                error,
                CommandError::Config(_) | CommandError::Replay(ReplayFailed::Config(_))
            );
            let code = if is_of_config {
                ExitCode::from(WRONG_CONFIG)
            } else {
                ExitCode::FAILURE
            };
            // Standard error may be gone; the exit code is not.
            let _written = writeln!(io::stderr(), "{}", telemetry::chain(&error));
            code
        }
    }
}

async fn command(command: Command, stop: CancellationToken) -> Result<(), CommandError> {
    match command {
        Command::Run(args) => run::run(args, stop).await,
        Command::Demo(args) => demo::demo(args, stop).await,
        Command::Hub(args) => hub::hub(args, stop).await,
        Command::Simulate(args) => simulate::simulate(args, stop).await,
        Command::Replay(args) => Ok(replay::replay(args, stop).await?),
        Command::Health(args) => Ok(health::health(args, &mut io::stdout()).await?),
        Command::Metrics => Ok(metrics::list(&mut io::stdout().lock())?),
    }
}
