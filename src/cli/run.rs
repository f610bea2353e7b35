//! The command `run`: the long-running exporter.

use std::path::PathBuf;

use clap::Args;
use tokio_util::sync::CancellationToken;

use super::CommandError;
use crate::config::{self, File, Flag, Sources};
use crate::service::Service;
use crate::telemetry;

#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// The configuration file, in YAML. Every key can also be a variable: `ACS_RECORDING_EXPORTER__SECTION__KEY`.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where the metrics are served.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
}

pub(super) async fn run(args: RunArgs, stop: CancellationToken) -> Result<(), CommandError> {
    let config = config::load(args.sources())?;
    telemetry::start_log(&config.log)?;
    let service = Service::build(config)?;
    tracing::info!(address = %service.http_address(), "serving metrics");
    Ok(service.run(stop).await?)
}

impl RunArgs {
    /// What they configure, together with the environment.
    pub(super) fn sources(self) -> Sources {
        Sources {
            file: self.config.map(File::Path),
            environment: config::environment(),
            flags: listen_flag(self.listen),
        }
    }
}

/// What `--listen` sets.
pub(super) fn listen_flag(listen: Option<String>) -> Vec<Flag> {
    listen
        .map(|value| Flag {
            key: "http.listen",
            value,
            flag: "--listen",
        })
        .into_iter()
        .collect()
}
