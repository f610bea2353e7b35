//! The commands that need no Azure: `demo`, `hub` and `simulate`. They are behind the feature `demo`; without it the
//! program is the exporter alone.

mod demo;
mod hub;
mod simulate;

use std::io;
use std::path::PathBuf;

use acs_log_simulator::SimulateError;
use clap::Subcommand;
use event_hub_emulator::EmulatorError;
use tokio_util::sync::CancellationToken;

use super::CommandError;
use crate::source::event_hub::InvalidConnectionString;
use demo::DemoArgs;
use hub::HubArgs;
use simulate::SimulateArgs;

#[derive(Debug, Subcommand)]
pub(super) enum LocalCommand {
    /// Try the exporter without Azure: a local Event Hub, simulated calls and the exporter in one process.
    Demo(DemoArgs),
    /// Serve a local Event Hub, for tests and trials, and print its connection string.
    Hub(HubArgs),
    /// Send the logs of simulated calls to an event hub.
    Simulate(SimulateArgs),
}

/// What can go wrong with these commands, besides what can go wrong with every command.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LocalError {
    /// Of the local Event Hub.
    #[error("cannot start the local Event Hub")]
    Emulator(#[source] EmulatorError),
    /// The file of `--tls-ca-file`.
    #[error("cannot write `{}`", path.display())]
    CaFile {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// Of the simulation.
    #[error("the simulation failed")]
    Simulate(#[source] SimulateError),
    /// Of a connection string on the command line.
    #[error("`--connection-string` {0}")]
    ConnectionString(#[source] InvalidConnectionString),
    /// Neither a flag nor the connection string names an event hub.
    #[error(
        "name the event hub: `--event-hub NAME`, or `EntityPath=NAME` in the connection string"
    )]
    NoEventHub,
    /// The demo's task for the simulation panicked.
    #[error("the simulation panicked")]
    Task(#[source] tokio::task::JoinError),
}

pub(super) async fn run(
    command: LocalCommand,
    stop: CancellationToken,
) -> Result<(), CommandError> {
    match command {
        LocalCommand::Demo(args) => demo::demo(args, stop).await,
        LocalCommand::Hub(args) => hub::hub(args, stop).await,
        LocalCommand::Simulate(args) => simulate::simulate(args, stop).await,
    }
}
