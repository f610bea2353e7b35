//! The simulator as a command: its arguments, and their running. Only with the feature `cli`.

use std::time::Duration;

use clap::Args;
use tokio_util::sync::CancellationToken;

use super::{Settings, SimulateError, Target, run};

/// Send the logs of simulated calls to an event hub.
#[derive(Debug, Args)]
pub struct SimulateArgs {
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
    traffic: TrafficArgs,
}

/// The rate and the seed of the traffic.
#[derive(Clone, Debug, Args)]
pub struct TrafficArgs {
    /// Number of calls that begin in a second.
    #[arg(long, value_name = "N", default_value_t = Settings::default().calls_per_second)]
    calls_per_second: f64,
    /// Seed of the random numbers: the same seed gives the same calls.
    #[arg(long, value_name = "N", default_value_t = Settings::default().seed)]
    seed: u64,
}

impl SimulateArgs {
    /// Sends until `stop` is cancelled or the duration is over. It logs its own report.
    ///
    /// # Errors
    ///
    /// As of [`Target::connect`] and [`run`].
    pub async fn run(self, stop: CancellationToken) -> Result<(), SimulateError> {
        let connect = |event_hub| Target::connect(&self.connection_string, event_hub);
        let targets = match self.event_hub.as_slice() {
            [] => vec![connect(None)?],
            names => names
                .iter()
                .map(|name| connect(Some(name)))
                .collect::<Result<_, _>>()?,
        };
        run(self.traffic.settings(self.duration), targets, stop).await
    }
}

impl TrafficArgs {
    /// This traffic, for so long.
    pub fn settings(&self, duration: Option<Duration>) -> Settings {
        Settings {
            calls_per_second: self.calls_per_second,
            seed: self.seed,
            duration,
        }
    }
}
