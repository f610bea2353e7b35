//! TLS, passwords and headers of the endpoints: what the web configuration file says now.
//!
//! The format is the one that Prometheus' exporters share (github.com/prometheus/exporter-toolkit,
//! docs/web-configuration.md). When the file changes, or a file that it names, the next connection and the next request
//! follow it. If it cannot be read then, what it said before stays.

mod admission;
mod bucket;
mod config;
mod passwords;
mod tls;

use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio_rustls::TlsAcceptor;

pub(super) use admission::{Door, admit};
pub(crate) use config::{ClientAuth, Rate, TlsConfig, WebConfig};
pub(crate) use tls::{CIPHER_SUITES, CURVES, HTTP2_SUITES};

use crate::telemetry::Telemetry;
use crate::watched::Watched;
use bucket::Bucket;
use passwords::Passwords;

/// Why the file is not followed.
pub(crate) type LoadError = Box<dyn Error + Send + Sync>;

/// Reads the file and checks it.
pub(crate) type Load = Box<dyn Fn() -> Result<WebConfig, LoadError> + Send + Sync>;

/// What the web configuration file says now.
pub(crate) struct Web {
    load: Load,
    current: Mutex<Arc<Current>>,
    passwords: Passwords,
}

/// One state of the file.
#[derive(Default)]
struct Current {
    config: WebConfig,
    acceptor: Option<TlsAcceptor>,
    bucket: Option<Bucket>,
}

impl fmt::Debug for Web {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Web").finish_non_exhaustive()
    }
}

impl Default for Web {
    /// Without a file.
    fn default() -> Self {
        Self {
            load: Box::new(|| Ok(WebConfig::default())),
            current: Mutex::default(),
            passwords: Passwords::default(),
        }
    }
}

impl Web {
    /// # Errors
    ///
    /// The file cannot be read or has faults, or what it names does not go together.
    pub(crate) fn new(load: Load) -> Result<Self, LoadError> {
        let current = Current::of(load()?)?;
        Ok(Self {
            load,
            current: Mutex::new(Arc::new(current)),
            ..Self::default()
        })
    }

    /// How a new connection begins. None: in plain text.
    pub(super) fn acceptor(&self) -> Option<TlsAcceptor> {
        self.current().acceptor.clone()
    }

    /// Follows the files for as long as this is polled.
    pub(super) async fn watch(&self, telemetry: &Telemetry) -> Infallible {
        let mut watched = Watched::new(self.current().config.files.clone());
        loop {
            watched.changed().await;
            match (self.load)().and_then(Current::of) {
                Ok(current) => {
                    if current.config.files != watched.files() {
                        watched = Watched::new(current.config.files.clone());
                    }
                    *self.current.lock() = Arc::new(current);
                    telemetry.web_config_reloaded();
                }
                Err(error) => telemetry.web_config_not_reloaded(&*error),
            }
        }
    }

    fn current(&self) -> Arc<Current> {
        Arc::clone(&self.current.lock())
    }
}

impl Current {
    fn of(config: WebConfig) -> Result<Self, LoadError> {
        let tls = config.tls.as_ref().map(tls::server_config).transpose();
        let tls = tls.map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => {
                "tls_server_config: `key_file` does not belong to `cert_file`".to_owned()
            }
            error => format!("tls_server_config: {error}"),
        })?;
        Ok(Self {
            acceptor: tls.map(|config| TlsAcceptor::from(Arc::new(config))),
            bucket: config.rate.map(Bucket::new),
            config,
        })
    }
}
