//! The command `demo`: the whole product in one process, without Azure. It is behind the feature `demo`.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::pin::pin;

use acs_log_simulator::cli::TrafficArgs;
use acs_log_simulator::{SimulateError, Target};
use clap::Args;
use event_hub_emulator::cli::HubError;
use event_hub_emulator::{Emulator, EventHub};
use tokio_util::sync::CancellationToken;

use super::CommandError;
use super::run::Settings;
use crate::config::{self, Flag, Sources};
use crate::service::Service;
use crate::telemetry;

/// Try the exporter without Azure: a local Event Hub, simulated calls and the exporter in one process.
#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    traffic: TrafficArgs,
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
    let hub = Emulator::start(event_hubs).await.map_err(HubError::Start)?;
    let connection_string = hub.connection_string();

    let set = |key, value| Flag {
        key,
        value,
        flag: "demo",
    };
    let mut flags = args.settings.flags();
    flags.push(set(
        "event_hub.connection_string",
        connection_string.to_owned(),
    ));
    flags.push(set("event_hub.names", DEMO_EVENT_HUBS.join(",")));
    let sources = Sources {
        file: Some(config::DEMO),
        environment: config::environment(),
        flags,
    };
    let config = config::load(sources.clone())?;
    let log = telemetry::start_log(&config.log)?;
    let targets = DEMO_EVENT_HUBS.map(|name| Target::connect(connection_string, Some(name)));
    let targets = targets.into_iter().collect::<Result<_, SimulateError>>()?;
    let service = Service::build(config, sources, log)?;
    welcome(
        &mut io::stdout().lock(),
        service.http_address(),
        connection_string,
    )?;

    // The exporter stops first, then the traffic, then the hub.
    let stop_traffic = CancellationToken::new();
    let traffic = args.traffic.settings(None);
    let mut traffic = pin!(acs_log_simulator::run(
        traffic,
        targets,
        stop_traffic.clone()
    ));
    let result = tokio::select! {
        result = service.run(stop) => {
            stop_traffic.cancel();
            traffic.await?;
            result.map_err(CommandError::from)
        }
        ended = &mut traffic => ended.map_err(CommandError::from),
    };
    hub.stop().await;
    result
}

fn welcome(out: &mut impl Write, address: SocketAddr, connection_string: &str) -> io::Result<()> {
    let port = address.port();
    writeln!(
        out,
        "A local Event Hub, simulated calls of three ACS resources, and the exporter that reads them.\n\
         \n\
         status         http://localhost:{port}/\n\
         metrics        http://localhost:{port}/metrics\n\
         readiness      http://localhost:{port}/-/ready\n\
         event hubs     {connection_string}\n\
         \n\
         Failures so far, once a few seconds have passed:\n\
         \n\
         curl -s localhost:{port}/metrics | grep '_failures_total{{' | grep -v ' 0$'\n\
         \n\
         Ctrl-C stops it."
    )?;
    out.flush()
}
