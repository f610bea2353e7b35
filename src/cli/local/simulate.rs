//! The command `simulate`: realistic logs to any event hub.

use std::time::Duration;

use clap::Args;
use tokio_util::sync::CancellationToken;

use super::LocalError;
use crate::cli::CommandError;
use crate::source::event_hub::{ConnectionString, producer};
use crate::telemetry;

#[derive(Debug, Args)]
pub(in crate::cli) struct SimulateArgs {
    /// Connection string of the namespace to send to. Prefer the variable: every user of the machine can read a command
    /// line.
    #[arg(
        long,
        value_name = "TEXT",
        env = "ACS_RECORDING_EXPORTER__EVENT_HUB__CONNECTION_STRING",
        hide_env_values = true
    )]
    connection_string: String,
    /// Event hub to send to; may be given several times. Not needed if the connection string names one.
    #[arg(long, value_name = "NAME")]
    event_hub: Vec<String>,
    /// How long to send, such as `10m`; until stopped if not given.
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    duration: Option<Duration>,
    #[command(flatten)]
    traffic: Traffic,
}

/// The rate and the seed of the traffic.
#[derive(Clone, Debug, Args)]
pub(super) struct Traffic {
    /// Number of calls that begin in a second.
    #[arg(long, value_name = "N", default_value_t = 2.0)]
    calls_per_second: f64,
    /// Seed of the random numbers: the same seed gives the same calls.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

pub(super) async fn simulate(
    args: SimulateArgs,
    stop: CancellationToken,
) -> Result<(), CommandError> {
    let connection: ConnectionString = args
        .connection_string
        .parse()
        .map_err(LocalError::ConnectionString)?;
    let mut names = args.event_hub;
    if names.is_empty() {
        names.extend(connection.event_hub().map(str::to_owned));
    }
    if names.is_empty() {
        return Err(LocalError::NoEventHub.into());
    }
    telemetry::start_log(&telemetry::Settings::default())?;
    let targets = names.iter().map(|name| target(&connection, name)).collect();
    // It logs its own report.
    acs_log_simulator::run(args.traffic.settings(args.duration), targets, stop)
        .await
        .map_err(LocalError::Simulate)?;
    Ok(())
}

/// The event hub of that name, as the simulator opens it.
pub(super) fn target(connection: &ConnectionString, event_hub: &str) -> acs_log_simulator::Target {
    let (connection, name) = (connection.clone(), event_hub.to_owned());
    acs_log_simulator::Target::new(event_hub, move || {
        let (connection, name) = (connection.clone(), name.clone());
        async move { producer(&connection, &name).await }
    })
}

impl Traffic {
    pub(super) fn settings(&self, duration: Option<Duration>) -> acs_log_simulator::Settings {
        acs_log_simulator::Settings {
            calls_per_second: self.calls_per_second,
            seed: self.seed,
            duration,
        }
    }
}
