//! The commands: flags -> config -> parts -> exit code.

use std::fs;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::cli_replay::{self, ReplayArgs, ReplayFailed};
use crate::config::{self, Config, ConfigError, File, Flag, Sources};
use crate::hub::{EventHub, Hub, HubError, TlsSettings};
use crate::metrics::AcsFamilies;
use crate::service::{Service, ServiceError};
use crate::source::event_hub::{ConnectionString, InvalidConnectionString, Namespace, producer};
use crate::telemetry::{self, ExporterFamilies, LogError};
use crate::{hub, shutdown, simulate};

/// Prometheus exporter for the Call Recording logs of Azure Communication Services, read from an Event Hub.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: Run,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Read the event hubs and serve the metrics, until told to stop. The default command.
    Run(Run),
    /// See it work without Azure: a local Event Hub, simulated calls and the exporter, in one process.
    Demo(Demo),
    /// Serve a local Event Hub, for tests and trials; prints its connection string.
    Hub(HubArgs),
    /// Send the logs of simulated calls to an event hub.
    Simulate(SimulateArgs),
    /// Count the records in files instead of an event hub, and print the metrics, or their history.
    Replay(ReplayArgs),
    /// List every metric: name, type, labels, help.
    Metrics,
}

#[derive(Debug, Args)]
struct Run {
    /// The configuration file, in YAML. Every key can also be a variable: `ACS_RECORDING_EXPORTER__SECTION__KEY`.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where to serve the metrics.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
}

#[derive(Debug, Args)]
struct Demo {
    /// Where to serve the metrics.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    #[command(flatten)]
    traffic: Traffic,
}

#[derive(Debug, Args)]
struct HubArgs {
    /// Where to listen, for AMQP without TLS.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:5672")]
    listen: SocketAddr,
    /// The name of an event hub; may be given several times.
    #[arg(long, value_name = "NAME", default_value = "acs-logs")]
    event_hub: Vec<String>,
    /// How many partitions each event hub has.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=1024))]
    partitions: u32,
    /// Where to take requests for faults over HTTP: cut connections, freeze partitions and so on. For tests; anyone who
    /// reaches the address may ask.
    #[arg(long, value_name = "ADDRESS")]
    admin: Option<SocketAddr>,
    /// How much memory the events of all event hubs may take together, such as `64MiB`; beyond it the oldest are dropped.
    #[arg(long, value_name = "SIZE", default_value = "256MiB", value_parser = bytes)]
    retain_bytes: usize,
    #[command(flatten)]
    tls: TlsArgs,
}

#[derive(Debug, Args)]
struct TlsArgs {
    /// Where to listen for TLS as well, for AMQP and for AMQP over WebSocket. Clients look for port 5671, or 443 with a
    /// WebSocket, unless they are given a custom endpoint.
    #[arg(long, value_name = "ADDRESS", requires = "tls_ca_file")]
    tls: Option<SocketAddr>,
    /// Where to write the certificate authority that clients have to trust; a new one at each start. `SSL_CERT_FILE` is
    /// the variable for that, in Python `connection_verify` the argument.
    #[arg(long, value_name = "FILE", requires = "tls")]
    tls_ca_file: Option<PathBuf>,
    /// The host name that the certificate is made out to, besides this machine's own.
    #[arg(
        long,
        value_name = "NAME",
        requires = "tls",
        default_value = "localhost"
    )]
    tls_host: String,
}

#[derive(Debug, Args)]
struct SimulateArgs {
    /// Where to send to. Prefer the variable: a command line is seen by everyone on the machine.
    #[arg(
        long,
        value_name = "TEXT",
        env = "ACS_RECORDING_EXPORTER__EVENT_HUB__CONNECTION_STRING",
        hide_env_values = true
    )]
    connection_string: String,
    /// The event hub to send to; may be given several times. Not needed if the connection string names one.
    #[arg(long, value_name = "NAME")]
    event_hub: Vec<String>,
    /// For how long, such as `10m`; until stopped if not given.
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    duration: Option<Duration>,
    #[command(flatten)]
    traffic: Traffic,
}

#[derive(Clone, Debug, Args)]
struct Traffic {
    /// How many calls begin in a second.
    #[arg(long, value_name = "N", default_value_t = 2.0)]
    calls_per_second: f64,
    /// The same seed gives the same calls.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
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
    Simulate(#[from] simulate::SimulateError),
    /// Of a replay.
    #[error(transparent)]
    Replay(#[from] ReplayFailed),
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
        Command::Run(args) => exporter(args, stop).await,
        Command::Demo(args) => demo(args, stop).await,
        Command::Hub(args) => local_hub(args, stop).await,
        Command::Simulate(args) => simulation(args, stop).await,
        Command::Replay(args) => Ok(cli_replay::replay(args, stop).await?),
        Command::Metrics => Ok(catalogue(&mut io::stdout().lock())?),
    }
}

async fn exporter(args: Run, stop: CancellationToken) -> Result<(), CommandError> {
    let config = config::load(Sources {
        file: args.config.map(File::Path),
        environment: config::environment(),
        flags: listen_flag(args.listen),
    })?;
    telemetry::start_log(&config.log)?;
    let service = Service::build(config)?;
    tracing::info!(address = %service.http_address(), "serving metrics");
    Ok(service.run(stop).await?)
}

/// The event hubs of the demo: those that a diagnostic setting makes when it names none, one for each category.
const DEMO_EVENT_HUBS: [&str; 3] = [
    "insights-logs-callrecordingoperational",
    "insights-logs-callrecordingsummary",
    "insights-logs-usage",
];

/// Two partitions each: enough to see that they are told apart.
const DEMO_PARTITIONS: u32 = 2;

async fn demo(args: Demo, stop: CancellationToken) -> Result<(), CommandError> {
    let event_hubs = DEMO_EVENT_HUBS.map(|name| EventHub::new(name, DEMO_PARTITIONS));
    let hub = Hub::bind(hub::Settings::local(event_hubs)).await?;
    let connection_string = hub.connection_string();

    let mut flags = listen_flag(args.listen);
    let flag = "demo";
    flags.push(Flag {
        key: "event_hub.connection_string",
        value: connection_string.clone(),
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
    let targets = targets(&config);
    let service = Service::build(config)?;
    welcome(
        &mut io::stdout().lock(),
        service.http_address(),
        &connection_string,
    )?;

    // The exporter stops first, then what it reads from.
    let stop_world = CancellationToken::new();
    let mut world = JoinSet::new();
    let token = stop_world.clone();
    world.spawn(async move { hub.serve(token).await.map_err(CommandError::from) });
    let (settings, token) = (args.traffic.settings(None), stop_world.clone());
    world.spawn(async move {
        simulate::run(settings, targets, token).await?;
        Ok(())
    });
    let result = tokio::select! {
        result = service.run(stop) => result.map_err(CommandError::from),
        Some(ended) = world.join_next() => ended?,
    };
    stop_world.cancel();
    while let Some(ended) = world.join_next().await {
        ended??;
    }
    result
}

async fn local_hub(args: HubArgs, stop: CancellationToken) -> Result<(), CommandError> {
    let event_hubs = args
        .event_hub
        .into_iter()
        .map(|name| EventHub::new(name, args.partitions));
    let hub = Hub::bind(hub::Settings {
        listen: args.listen,
        retain_bytes: args.retain_bytes,
        tls: args.tls.settings(),
        ..hub::Settings::local(event_hubs)
    })
    .await?;
    let mut out = io::stdout();
    writeln!(out, "connection string: {}", hub.connection_string())?;
    if let (Some(tls), Some(connection_string), Some(ca_file)) = (
        hub.tls(),
        hub.tls_connection_string(),
        &args.tls.tls_ca_file,
    ) {
        fs::write(ca_file, tls.ca_certificate()).map_err(|source| CommandError::CaFile {
            path: ca_file.clone(),
            source,
        })?;
        writeln!(out, "over TLS: {connection_string}")?;
        writeln!(out, "custom endpoint: {}", tls.endpoint())?;
        writeln!(out, "trust: SSL_CERT_FILE={}", ca_file.display())?;
    }
    let mut admin = JoinSet::new();
    if let Some(address) = args.admin {
        let listener = tokio::net::TcpListener::bind(address).await?;
        writeln!(out, "faults: POST to http://{}", listener.local_addr()?)?;
        let (router, stop) = (hub::admin::router(hub.handle()), stop.clone());
        admin.spawn(async move {
            axum::serve(listener, router)
                .with_graceful_shutdown(stop.cancelled_owned())
                .await
        });
    }
    writeln!(out, "ready: listening on {}", hub.address())?;
    out.flush()?;
    hub.serve(stop).await?;
    admin.shutdown().await;
    Ok(())
}

async fn simulation(args: SimulateArgs, stop: CancellationToken) -> Result<(), CommandError> {
    let connection: ConnectionString = args
        .connection_string
        .parse()
        .map_err(CommandError::ConnectionString)?;
    let mut names = args.event_hub;
    if names.is_empty() {
        names.extend(connection.event_hub().map(str::to_owned));
    }
    if names.is_empty() {
        return Err(CommandError::NoEventHub);
    }
    let namespace = connection.into_namespace();
    telemetry::start_log(&telemetry::Settings::default())?;
    let targets = names.iter().map(|name| target(&namespace, name)).collect();
    simulate::run(args.traffic.settings(args.duration), targets, stop).await?; // it logs its report
    Ok(())
}

fn catalogue(out: &mut impl Write) -> io::Result<()> {
    for family in AcsFamilies::CATALOGUE
        .iter()
        .chain(ExporterFamilies::CATALOGUE)
    {
        writeln!(
            out,
            "{} ({})\n  {}",
            family.name,
            family.kind,
            family.help()
        )?;
        if !family.labels.is_empty() {
            writeln!(out, "  labels: {}", family.labels.join(", "))?;
        }
    }
    Ok(())
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

fn listen_flag(listen: Option<String>) -> Vec<Flag> {
    listen
        .map(|value| Flag {
            key: "http.listen",
            value,
            flag: "--listen",
        })
        .into_iter()
        .collect()
}

fn targets(config: &Config) -> Vec<simulate::Target> {
    config
        .event_hub
        .event_hubs
        .iter()
        .map(|name| target(&config.event_hub.namespace, name))
        .collect()
}

fn target(namespace: &Namespace, event_hub: &str) -> simulate::Target {
    let (namespace, name) = (namespace.clone(), event_hub.to_owned());
    simulate::Target::new(event_hub, move || {
        let (namespace, name) = (namespace.clone(), name.clone());
        async move { producer(&namespace, &name).await }
    })
}

/// A number of bytes with a unit, as people write it: `64MiB`.
fn bytes(text: &str) -> Result<usize, &'static str> {
    let parse = || {
        let digits = text.find(|character: char| !character.is_ascii_digit())?;
        let (number, unit) = text.split_at_checked(digits)?;
        let unit: usize = match unit.trim_start() {
            "B" => 1,
            "KiB" => 1024,
            "MiB" => 1024 * 1024,
            "GiB" => 1024 * 1024 * 1024,
            _ => return None,
        };
        number.parse::<usize>().ok()?.checked_mul(unit)
    };
    parse().ok_or("must be a whole number with a unit, for example `64MiB`")
}

impl TlsArgs {
    fn settings(&self) -> Option<TlsSettings> {
        self.tls.map(|listen| TlsSettings {
            listen,
            host: self.tls_host.clone(),
        })
    }
}

impl Traffic {
    fn settings(&self, duration: Option<Duration>) -> simulate::Settings {
        simulate::Settings {
            calls_per_second: self.calls_per_second,
            seed: self.seed,
            duration,
            ..simulate::Settings::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_their_unit() {
        assert_eq!(bytes("64MiB"), Ok(64 * 1024 * 1024));
        assert_eq!(bytes("1 GiB"), Ok(1024 * 1024 * 1024));
        assert_eq!(bytes("0B"), Ok(0));
        for text in [
            "",
            "64",
            "MiB",
            "64MB",
            "-1KiB",
            "1.5GiB",
            "99999999999999GiB",
        ] {
            assert!(bytes(text).is_err(), "{text}");
        }
        assert_eq!(bytes("256MiB"), Ok(hub::RETAIN_BYTES), "the default");
    }
}
