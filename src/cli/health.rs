//! The command `health`: asks the running exporter whether it is healthy. It is the health check of a container that has
//! no shell and no HTTP client.
//!
//! It finds the exporter by the exporter's own configuration: the same files, the same variables, the same flags. Of HTTP it
//! implements one request and the status of the answer. Over TLS it takes any certificate, as the kubelet does: it sends
//! nothing secret, and the certificate may be for a name that this machine does not have.

use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use clap::Args;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use super::run::RunArgs;
use crate::check::any_certificate;
use crate::config::{self, ConfigError};

#[derive(Debug, Args)]
pub(super) struct HealthArgs {
    #[command(flatten)]
    exporter: RunArgs,
    /// The address to ask, instead of the configured one.
    #[arg(long, value_name = "ADDRESS", conflicts_with_all = ["config", "listen"])]
    address: Option<SocketAddr>,
}

/// Why the exporter is not healthy.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HealthError {
    /// The configured address is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The exporter listens on any free port, and no other process knows which.
    #[error("`http.listen` has port 0: set `--address` to the exporter's address")]
    UnknownPort,
    /// The connection failed.
    #[error("cannot connect to `{address}`")]
    Unreachable {
        /// The exporter's.
        address: SocketAddr,
        /// Reported by the system.
        #[source]
        source: io::Error,
    },
    /// The exporter took too long.
    #[error("`{0}` did not answer within {PATIENCE:?}")]
    Silent(SocketAddr),
    /// The exporter answered that it is not healthy, or another program answered.
    #[error("`{address}` answered: {answer}")]
    Unhealthy {
        /// The exporter's.
        address: SocketAddr,
        /// In one line.
        answer: String,
    },
}

/// The exporter answers from memory, on a thread of its own. This is shorter than the timeout of the image's health check,
/// so that this command reports why.
const PATIENCE: Duration = Duration::from_secs(3);

/// The answer has a few lines; a longer one is not the exporter's.
const ANSWER_BYTES_MAX: u64 = 16 * 1024;

pub(super) async fn health(args: HealthArgs, out: &mut impl Write) -> Result<(), HealthError> {
    let http = config::load_http(args.exporter.sources())?;
    let web = http.web_config_file.as_deref().map(config::load_web);
    let has_tls = web.transpose()?.is_some_and(|web| web.tls.is_some());
    let address = args.address.unwrap_or(reachable(http.listen));
    if address.port() == 0 {
        return Err(HealthError::UnknownPort);
    }
    let answer = tokio::time::timeout(PATIENCE, ask(address, has_tls))
        .await
        .map_err(|_| HealthError::Silent(address))?
        .map_err(|source| HealthError::Unreachable { address, source })?;
    if !is_success(&answer) {
        let answer = in_one_line(&answer);
        return Err(HealthError::Unhealthy { address, answer });
    }
    // A caller that uses the exit code may not read this.
    let _written = writeln!(out, "healthy");
    Ok(())
}

/// The address to connect to on this machine: nothing can connect to the unspecified address.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let address = match listen.ip() {
        IpAddr::V4(address) if address.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(address) if address.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        address => address,
    };
    SocketAddr::new(address, listen.port())
}

async fn ask(address: SocketAddr, has_tls: bool) -> io::Result<String> {
    let stream = TcpStream::connect(address).await?;
    if has_tls {
        let stream = any_certificate::connector().connect(address.ip().into(), stream);
        answer(stream.await?, address).await
    } else {
        answer(stream, address).await
    }
}

async fn answer(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    address: SocketAddr,
) -> io::Result<String> {
    let request =
        format!("GET /-/healthy HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream
        .take(ANSWER_BYTES_MAX)
        .read_to_end(&mut answer)
        .await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn is_success(answer: &str) -> bool {
    let mut status_line = answer.lines().next().unwrap_or_default().split(' ');
    let version = status_line.next();
    version.is_some_and(|version| version.starts_with("HTTP/1."))
        && status_line.next() == Some("200")
}

/// The body if there is one, otherwise the whole answer: the head is for programs.
fn in_one_line(answer: &str) -> String {
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body.trim());
    let text = body.filter(|body| !body.is_empty()).unwrap_or(answer);
    let lines: Vec<_> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    if lines.is_empty() {
        return "nothing".to_owned();
    }
    lines.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exporter_that_listens_on_all_addresses_is_asked_on_its_own_machine() {
        let check = |listen: &str, asked: &str| {
            let address = reachable(listen.parse().unwrap());
            assert_eq!(address.to_string(), asked, "{listen}");
        };
        check("0.0.0.0:9464", "127.0.0.1:9464");
        check("[::]:9464", "[::1]:9464");
        check("10.0.0.1:80", "10.0.0.1:80");
    }

    #[test]
    fn only_200_is_healthy_and_every_other_answer_is_shown_in_a_line() {
        let check = |answer: &str, success: bool, shown: &str| {
            assert_eq!(is_success(answer), success, "{answer}");
            assert_eq!(in_one_line(answer), shown, "{answer}");
        };
        check("HTTP/1.1 200 OK\r\n\r\nhealthy\n", true, "healthy");
        check(
            "HTTP/1.1 503 Service Unavailable\r\nx: y\r\n\r\nnot healthy\nstuck\n",
            false,
            "not healthy; stuck",
        );
        check(
            "HTTP/1.1 404 Not Found\r\n\r\n",
            false,
            "HTTP/1.1 404 Not Found",
        );
        check("SSH-2.0 200", false, "SSH-2.0 200");
        check("", false, "nothing");
    }
}
