//! The commands that need no Azure: `demo`, `hub` and `simulate`. The feature `demo` has them; without it the program
//! is the exporter alone.

mod demo;
mod hub;
mod simulate;

use std::io;
use std::path::PathBuf;

use acs_log_simulator::SimulateError;
use clap::Subcommand;
use event_hub_emulator::HubError;
use tokio_util::sync::CancellationToken;

use super::CommandError;
use crate::source::event_hub::InvalidConnectionString;
use demo::DemoArgs;
use hub::HubArgs;
use simulate::SimulateArgs;

#[derive(Debug, Subcommand)]
pub(super) enum LocalCommand {
    /// See it work without Azure: a local Event Hub, simulated calls and the exporter, in one process.
    Demo(DemoArgs),
    /// Serve a local Event Hub, for tests and trials; prints its connection string.
    Hub(HubArgs),
    /// Send the logs of simulated calls to an event hub.
    Simulate(SimulateArgs),
}

/// What can go wrong with them besides what can with every command.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LocalError {
    /// Of the local hub.
    #[error("the local Event Hub failed")]
    Hub(#[source] HubError),
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
    Simulate(#[source] SimulateError),
    /// Of a connection string on the command line.
    #[error("`--connection-string` {0}")]
    ConnectionString(#[source] InvalidConnectionString),
    /// No event hub is named, neither by a flag nor by the connection string.
    #[error(
        "name the event hub: `--event-hub NAME`, or `EntityPath=NAME` in the connection string"
    )]
    NoEventHub,
    /// A task of the demo ended by itself.
    #[error("a part of the demo ended by itself")]
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
