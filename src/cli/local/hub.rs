//! The command `hub`: the local Event Hub as a process of its own.

use std::fs;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use event_hub_emulator::{Emulator, EventHub, Settings, TlsSettings};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::LocalError;
use crate::cli::CommandError;
use crate::config;

#[derive(Debug, Args)]
pub(in crate::cli) struct HubArgs {
    /// Address to listen on, for AMQP without TLS.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:5672")]
    listen: SocketAddr,
    /// Name of an event hub; may be given several times.
    #[arg(long, value_name = "NAME", default_value = "acs-logs")]
    event_hub: Vec<String>,
    /// Number of partitions of each event hub.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=1024))]
    partitions: u32,
    /// Address for the HTTP endpoints that cause faults: sever connections, freeze partitions and so on. For tests; it has
    /// no authentication.
    #[arg(long, value_name = "ADDRESS")]
    admin: Option<SocketAddr>,
    /// Memory for the events of all event hubs together, such as `64MiB`; beyond it the oldest are dropped.
    #[arg(long, value_name = "SIZE", default_value = "256MiB", value_parser = size)]
    retain_bytes: usize,
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

pub(super) async fn hub(args: HubArgs, stop: CancellationToken) -> Result<(), CommandError> {
    let event_hubs = args
        .event_hub
        .into_iter()
        .map(|name| EventHub::new(name, args.partitions));
    let hub = Emulator::start_with(Settings {
        listen: args.listen,
        retain_bytes: args.retain_bytes,
        tls: args.tls.settings(),
        ..Settings::local(event_hubs)
    })
    .await
    .map_err(LocalError::Emulator)?;
    let mut out = io::stdout();
    writeln!(out, "connection string: {}", hub.connection_string())?;
    if let (Some(tls), Some(ca_file)) = (hub.tls(), &args.tls.tls_ca_file) {
        fs::write(ca_file, tls.ca_certificate()).map_err(|source| LocalError::CaFile {
            path: ca_file.clone(),
            source,
        })?;
        writeln!(out, "over TLS: {}", tls.connection_string())?;
        writeln!(out, "custom endpoint: {}", tls.endpoint())?;
        writeln!(out, "trust: SSL_CERT_FILE={}", ca_file.display())?;
    }
    let mut admin = JoinSet::new();
    if let Some(address) = args.admin {
        let listener = tokio::net::TcpListener::bind(address).await?;
        writeln!(out, "faults: POST to http://{}", listener.local_addr()?)?;
        let (router, stop) = (
            event_hub_emulator::admin::router(hub.handle()),
            stop.clone(),
        );
        admin.spawn(async move {
            axum::serve(listener, router)
                .with_graceful_shutdown(stop.cancelled_owned())
                .await
        });
    }
    writeln!(out, "ready: listening on {}", hub.address())?;
    out.flush()?;
    stop.cancelled().await;
    hub.stop().await;
    admin.shutdown().await;
    Ok(())
}

impl TlsArgs {
    fn settings(&self) -> Option<TlsSettings> {
        self.tls.map(|listen| TlsSettings {
            listen,
            host: self.tls_host.clone(),
        })
    }
}

/// A number of bytes with its unit.
fn size(text: &str) -> Result<usize, String> {
    let bytes = config::bytes(text)?;
    usize::try_from(bytes).map_err(|_| "is more than this machine can address".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_size_is_that_of_the_hub() {
        assert_eq!(size("256MiB"), Ok(event_hub_emulator::RETAIN_BYTES));
    }
}
