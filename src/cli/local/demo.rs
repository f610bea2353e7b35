//! The command `demo`: the whole product in one process, without Azure.

use std::io::{self, Write};
use std::net::SocketAddr;

use acs_log_simulator::SimulateError;
use clap::Args;
use event_hub_emulator::{Emulator, EventHub};
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use super::LocalError;
use super::simulate::{Traffic, target};
use crate::cli::CommandError;
use crate::cli::run::listen_flag;
use crate::config::{self, Flag, Sources};
use crate::service::Service;
use crate::source::event_hub::ConnectionString;
use crate::telemetry;

#[derive(Debug, Args)]
pub(in crate::cli) struct DemoArgs {
    /// Where to serve the metrics.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    #[command(flatten)]
    traffic: Traffic,
}

/// The event hubs of the demo: those that a diagnostic setting makes when it names none, one for each category.
const DEMO_EVENT_HUBS: [&str; 3] = [
    "insights-logs-callrecordingoperational",
    "insights-logs-callrecordingsummary",
    "insights-logs-usage",
];

/// Two partitions each: enough to see that they are told apart.
const DEMO_PARTITIONS: u32 = 2;

pub(super) async fn demo(args: DemoArgs, stop: CancellationToken) -> Result<(), CommandError> {
    let event_hubs = DEMO_EVENT_HUBS.map(|name| EventHub::new(name, DEMO_PARTITIONS));
    let hub = Emulator::start(event_hubs)
        .await
        .map_err(LocalError::Emulator)?;
    let connection_string = hub.connection_string();

    let mut flags = listen_flag(args.listen);
    let flag = "demo";
    flags.push(Flag {
        key: "event_hub.connection_string",
        value: connection_string.to_owned(),
        flag,
    });
    flags.push(Flag {
        key: "event_hub.names",
        value: DEMO_EVENT_HUBS.join(","),
        flag,
    });
    let config = config::load(Sources {
        file: Some(config::DEMO),
        environment: config::environment(),
        flags,
    })?;
    telemetry::start_log(&config.log)?;
    let connection: ConnectionString = connection_string
        .parse()
        .map_err(LocalError::ConnectionString)?;
    let targets = DEMO_EVENT_HUBS
        .iter()
        .map(|name| target(&connection, name))
        .collect();
    let service = Service::build(config)?;
    welcome(
        &mut io::stdout().lock(),
        service.http_address(),
        connection_string,
    )?;

    // The exporter stops first, then the traffic, then the hub.
    let stop_traffic = CancellationToken::new();
    let mut traffic = JoinSet::new();
    let settings = args.traffic.settings(None);
    traffic.spawn(acs_log_simulator::run(
        settings,
        targets,
        stop_traffic.clone(),
    ));
    let result = tokio::select! {
        result = service.run(stop) => result.map_err(CommandError::from),
        Some(ended) = traffic.join_next() => outcome(ended),
    };
    stop_traffic.cancel();
    while let Some(ended) = traffic.join_next().await {
        outcome(ended)?;
    }
    hub.stop().await;
    result
}

/// Of the simulation.
fn outcome(ended: Result<Result<(), SimulateError>, JoinError>) -> Result<(), CommandError> {
    Ok(ended
        .map_err(LocalError::Task)?
        .map_err(LocalError::Simulate)?)
}

fn welcome(out: &mut impl Write, address: SocketAddr, connection_string: &str) -> io::Result<()> {
    let port = address.port();
    writeln!(
        out,
        "A local Event Hub, simulated calls of three ACS resources, and the exporter that reads them.\n\
         \n\
         metrics        http://localhost:{port}/metrics\n\
         readiness      http://localhost:{port}/-/ready\n\
         event hubs     {connection_string}\n\
         \n\
         Failures so far, once a few seconds have passed:\n\
         \n\
         curl -s localhost:{port}/metrics | grep _failures_total | grep -v ' 0$'\n\
         \n\
         Ctrl-C stops it."
    )?;
    out.flush()
}
