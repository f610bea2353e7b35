//! Where the HTTP endpoints listen, and what a client may take.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::setting::{address, path, settings, text, words};

settings! {
    /// HTTP
    ///
    /// The server of the metrics and the health endpoints.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Settings in "http" {
        /// Where /metrics and the health endpoints are served.
        ///
        /// `[::]:9464` for IPv6. Port 0 takes any free port, and the log reports which.
        listen: SocketAddr = address().default("0.0.0.0:9464"),
        /// The web configuration file: TLS, client certificates, users and their passwords, headers, a limit of requests. If
        /// it is not set, everybody who reaches the port reads the metrics, in plain text.
        ///
        /// The format is the one that Prometheus' exporters share:
        /// <https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md>. `docs/security.md` has an
        /// example, and the differences. The file, and the certificates that it names, are read again when they change.
        web_config_file: Option<PathBuf> = path().optional(),
        /// Whether `POST /-/reload` reloads the configuration.
        ///
        /// The web configuration applies to it: its users, and its client certificates. Without any, everybody who reaches the port
        /// could do it, so it is off by default. SIGHUP and a change of the file reload the configuration in any case.
        reload: bool = words([("off", false), ("on", true)]).default("off"),
        /// Where the runbooks of the alerts are, for a link on the page at `/`.
        ///
        /// The address that stands before the names of the runbooks in the alerts' `runbook_url`.
        runbooks_url: Option<String> = text("a URL that begins with `https://` or `http://`", url).optional(),
    }
}

/// A browser follows whatever a link has, so it is one to a page.
fn url(text: &str) -> Result<String, &'static str> {
    let is_one = ["https://", "http://"]
        .iter()
        .any(|scheme| text.starts_with(scheme));
    is_one
        .then(|| text.to_owned())
        .ok_or("must begin with `https://` or `http://`")
}

/// A few scrapers and probes; far below the usual limit of files, 1024.
pub(crate) const CONNECTIONS_MAX: usize = 256;

/// How much time a connection may take, and how many there may be. They are not configured: a scraper stays far below
/// each.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// How many connections are open at a time.
    pub(super) connections: usize,
    /// How long a request's head may take, from connecting or from its first byte.
    pub(super) head: Duration,
    /// How long a connection may be kept between two requests.
    pub(super) idle: Duration,
    /// How long a client may accept no byte of an answer.
    pub(super) stall: Duration,
    /// How long a whole answer may take, however steadily the client reads.
    pub(super) answer: Duration,
    /// How long an answer may still take once the endpoints stop.
    pub(super) farewell: Duration,
    /// How many bytes may be being sent when another snapshot is taken. A body that many share counts once.
    pub(super) bytes: usize,
    /// How many requests in a row may come before the answer to the one before was read.
    pub(super) pipelined: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: CONNECTIONS_MAX,
            head: Duration::from_secs(10),    // one packet in practice
            idle: Duration::from_mins(5),     // some intervals of the slowest scraper
            stall: Duration::from_secs(30),   // beyond what TCP needs to get over a loss
            answer: Duration::from_mins(5),   // some megabytes over the slowest of lines
            farewell: Duration::from_secs(5), // a part of `shutdown.deadline`, enough for the last scrape
            bytes: 32 * 1024 * 1024, // some of the largest bodies, which have some megabytes
            pipelined: 4,            // no scraper does it
        }
    }
}
