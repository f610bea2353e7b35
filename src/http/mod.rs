//! The HTTP endpoints: `/metrics`, `/-/healthy`, `/-/ready`, and `/` for people.
//!
//! They run on a thread and a runtime of their own: the SDK blocks its thread while it resolves a name, and whatever
//! the hub does, `/metrics` answers.
//!
//! A *completed scrape* is a GET of `/metrics` whose answer was accepted by the socket to its last byte, within the
//! time-out that its scraper announced: it acknowledges the cut that it shows. `scraper` tells who counts, `connection`
//! how the last byte is known, `delivery` what follows.

mod audience;
mod connection;
mod delivery;
mod endpoints;
mod scraper;
mod serve;
mod settings;
mod socket;
#[cfg(test)]
mod tests;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub use settings::Limits;
pub(crate) use settings::Settings;

use audience::Audience;

use crate::liveness::Liveness;
use crate::metrics::Exposition;

/// The endpoints, bound but not served yet.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    limits: Limits,
}

/// What the endpoints show.
#[derive(Clone, Debug)]
pub struct Shown {
    /// For `/metrics`.
    pub exposition: Arc<Exposition>,
    /// For `/-/ready` and `/-/healthy`.
    pub liveness: Arc<Liveness>,
}

/// The endpoints could not be served.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The port is taken, or not ours to take.
    #[error("cannot listen on `{address}`: choose another address with `http.listen`")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// No thread, or no runtime on it.
    #[error("cannot start the thread of the HTTP endpoints")]
    Start(#[source] io::Error),
    /// The thread ended by itself.
    #[error("the HTTP endpoints ended by themselves")]
    Ended(#[source] Option<io::Error>),
}

impl Server {
    /// Takes the port.
    ///
    /// # Errors
    ///
    /// [`HttpError::Bind`] when it cannot be had.
    pub fn bind(settings: &Settings) -> Result<Self, HttpError> {
        let failed = |source| HttpError::Bind {
            address: settings.listen,
            source,
        };
        let listener = TcpListener::bind(settings.listen).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self {
            listener,
            address,
            limits: Limits::default(),
        })
    }

    /// With other limits than the usual ones.
    #[must_use]
    pub fn limited_to(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Where it listens; the port is a real one even if 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves on a thread of its own until told to stop; requests under way are answered first.
    ///
    /// # Errors
    ///
    /// [`HttpError::Start`] when the system has no thread for it.
    pub fn spawn(self, shown: Shown, stop: CancellationToken) -> Result<Serving, HttpError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(HttpError::Start)?;
        let ended = stop.clone();
        let thread = std::thread::Builder::new()
            .name("http".to_owned())
            .spawn(move || {
                // Whoever waits for this thread is told that it ended, even by a panic.
                let _ended = ended.drop_guard();
                runtime.block_on(async move {
                    let listener = tokio::net::TcpListener::from_std(self.listener)?;
                    let audience = Arc::new(Audience::new(Instant::now()));
                    let router = endpoints::router(shown, Arc::clone(&audience));
                    tokio::select! {
                        () = serve::serve(listener, router, self.limits, stop) => Ok(()),
                        never = audience.watch() => match never {},
                    }
                })
            })
            .map_err(HttpError::Start)?;
        Ok(Serving { thread })
    }
}

/// The endpoints, being served.
#[derive(Debug)]
pub struct Serving {
    thread: JoinHandle<io::Result<()>>,
}

impl Serving {
    /// Waits until the endpoints have stopped.
    ///
    /// # Errors
    ///
    /// [`HttpError::Ended`] when they stopped for a reason of their own.
    pub async fn join(self) -> Result<(), HttpError> {
        let joined = tokio::task::spawn_blocking(|| self.thread.join()).await;
        match joined {
            Ok(Ok(Ok(()))) => Ok(()),
            Ok(Ok(Err(error))) => Err(HttpError::Ended(Some(error))),
            Ok(Err(_panic)) => Err(HttpError::Ended(None)),
            Err(_cancelled) => Err(HttpError::Ended(None)),
        }
    }
}
