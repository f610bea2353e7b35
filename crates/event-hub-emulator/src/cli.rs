//! The emulator as a command: its arguments, and their running. Only with the feature `cli`.

use std::fs;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;

use bytesize::ByteSize;
use clap::Args;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::limits::PARTITIONS_MAX;
use super::{Emulator, EmulatorError, EventHub, Policy, Settings, TlsSettings, admin};

/// Serve a local Event Hub, for tests and trials, and print its connection string.
#[derive(Debug, Args)]
pub struct HubArgs {
    /// Address to listen on, for AMQP without TLS.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:5672")]
    listen: SocketAddr,
    /// Name of an event hub; may be given several times.
    #[arg(long, value_name = "NAME", default_value = "acs-logs")]
    event_hub: Vec<String>,
    /// Number of partitions of each event hub.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=i64::from(PARTITIONS_MAX)))]
    partitions: u32,
    /// Name of a consumer group of each event hub, besides `$Default`; may be given several times. Without it, every group
    /// is accepted; with it, others are refused.
    #[arg(long, value_name = "NAME")]
    consumer_group: Vec<String>,
    /// Shared access policy, as `NAME:RIGHTS:KEY` with the rights `listen`, `send` or `listen+send`; may be given several
    /// times. Without it, every key is accepted; with it, signatures are checked. The first is that of the connection
    /// string.
    #[arg(long, value_name = "POLICY")]
    policy: Vec<Policy>,
    /// Address for the HTTP endpoints that cause faults: sever connections, freeze partitions and so on. For tests; it has
    /// no authentication. A POST needs the header `X-Event-Hub-Emulator: 1`, so that no web page can send it.
    #[arg(long, value_name = "ADDRESS")]
    admin: Option<SocketAddr>,
    /// Memory for the events of all event hubs together, such as `64MiB`; beyond it the oldest are dropped.
    #[arg(long, value_name = "SIZE", default_value = "256MiB")]
    retain_bytes: ByteSize,
    #[command(flatten)]
    tls: TlsArgs,
}

#[derive(Debug, Args)]
struct TlsArgs {
    /// Second address to listen on, for AMQP over TLS and for AMQP over WebSocket. Clients connect to port 5671, or 443
    /// with a WebSocket, unless they are given a custom endpoint.
    #[arg(long, value_name = "ADDRESS", requires = "tls_ca_file")]
    tls: Option<SocketAddr>,
    /// File to write the certificate authority to that clients have to trust; a new one at each start. They trust it
    /// through the variable `SSL_CERT_FILE`, in Python through the argument `connection_verify`.
    #[arg(long, value_name = "FILE", requires = "tls")]
    tls_ca_file: Option<PathBuf>,
    /// Host name in the certificate, besides this machine's own.
    #[arg(
        long,
        value_name = "NAME",
        requires = "tls",
        default_value = "localhost"
    )]
    tls_host: String,
}

/// Why the command failed.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    /// The emulator did not start.
    #[error("cannot start the local Event Hub")]
    Start(#[from] EmulatorError),
    /// The file of `--tls-ca-file`.
    #[error("cannot write `{}`", path.display())]
    CaFile {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// The address of `--admin`.
    #[error("cannot listen on `{address}`")]
    Admin {
        /// The address.
        address: SocketAddr,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// Standard output is closed.
    #[error("standard output failed")]
    Output(#[from] io::Error),
}

impl HubArgs {
    /// Serves until `stop` is cancelled. Prints the connection string, and at last that it is ready.
    ///
    /// # Errors
    ///
    /// If it cannot start, or what it prints cannot be written.
    pub async fn run(self, stop: CancellationToken) -> Result<(), HubError> {
        let names = self.event_hub.into_iter();
        let event_hubs = names.map(|name| {
            let event_hub = EventHub::new(name, self.partitions);
            if self.consumer_group.is_empty() {
                event_hub
            } else {
                event_hub.with_consumer_groups(&self.consumer_group)
            }
        });
        let hub = Emulator::start_with(Settings {
            listen: self.listen,
            retain_bytes: usize::try_from(self.retain_bytes.as_u64()).unwrap_or(usize::MAX),
            tls: self.tls.settings(),
            policies: self.policy,
            ..Settings::local(event_hubs)
        })
        .await?;
        let mut out = io::stdout();
        writeln!(out, "connection string: {}", hub.connection_string())?;
        if let (Some(tls), Some(ca_file)) = (hub.tls(), self.tls.tls_ca_file) {
            fs::write(&ca_file, tls.ca_certificate()).map_err(|source| HubError::CaFile {
                path: ca_file.clone(),
                source,
            })?;
            writeln!(out, "over TLS: {}", tls.connection_string())?;
            writeln!(out, "custom endpoint: {}", tls.endpoint())?;
            writeln!(out, "trust: SSL_CERT_FILE={}", ca_file.display())?;
        }
        let mut serving = JoinSet::new();
        if let Some(address) = self.admin {
            let failed = |source| HubError::Admin { address, source };
            let listener = TcpListener::bind(address).await.map_err(failed)?;
            let address = listener.local_addr().map_err(failed)?;
            writeln!(out, "faults: POST to http://{address}")?;
            let (router, stop) = (admin::router(hub.handle(), address), stop.clone());
            serving.spawn(async move {
                axum::serve(listener, router)
                    .with_graceful_shutdown(stop.cancelled_owned())
                    .await
            });
        }
        writeln!(out, "ready: listening on {}", hub.address())?;
        out.flush()?;
        stop.cancelled().await;
        hub.stop().await;
        serving.shutdown().await;
        Ok(())
    }
}

impl TlsArgs {
    fn settings(&self) -> Option<TlsSettings> {
        self.tls.map(|listen| TlsSettings {
            listen,
            host: self.tls_host.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::{Command, FromArgMatches};

    use super::*;
    use crate::RETAIN_BYTES;

    #[test]
    fn the_default_size_is_that_of_the_emulator() {
        let command = HubArgs::augment_args(Command::new("hub"));
        let args = HubArgs::from_arg_matches(&command.get_matches_from(["hub"])).expect("defaults");
        assert_eq!(
            args.retain_bytes.as_u64(),
            u64::try_from(RETAIN_BYTES).unwrap()
        );
    }
}
