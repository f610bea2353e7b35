//! The HTTP endpoints: `/metrics`, `/-/healthy`, `/-/ready`, and `/` for people.
//!
//! They run on a thread and a runtime of their own: the SDK blocks its thread while it resolves a name, and whatever
//! the hub does, `/metrics` answers.
//!
//! A *qualifying scrape* is a GET of `/metrics` whose answer the socket accepted to its last byte, within the timeout that
//! its scraper announced: it acknowledges the snapshot that it shows. `scraper` knows which requests can qualify,
//! `connection` when the last byte was accepted, `delivery` what follows.

mod connection;
mod delivery;
mod endpoints;
mod scrape_watch;
mod scraper;
mod scraper_check;
mod serve;
mod settings;
mod socket;
#[cfg(test)]
mod tests;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread;

use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub(crate) use settings::{CONNECTIONS_MAX, Settings};

use crate::liveness::Liveness;
use crate::metrics::Exposition;
use scrape_watch::ScrapeWatch;
use settings::Limits;

/// The endpoints, bound but not served yet.
#[derive(Debug)]
pub(crate) struct Server {
    listener: TcpListener,
    address: SocketAddr,
    limits: Limits,
}

/// What the endpoints serve.
#[derive(Clone, Debug)]
pub(crate) struct Content {
    /// For `/metrics`.
    pub exposition: Arc<Exposition>,
    /// For `/-/ready` and `/-/healthy`.
    pub liveness: Arc<Liveness>,
    /// What is expected of the scrapers.
    pub delivery: crate::delivery::Settings,
}

/// The endpoints could not be served.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpError {
    /// The port is taken, or reserved.
    #[error("cannot listen on `{address}`: choose another address with `http.listen`")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// No runtime.
    #[error(
        "cannot start the thread of the HTTP endpoints: raise the limits on threads and open files"
    )]
    Start(#[source] io::Error),
    /// The thread ended before it was stopped.
    #[error("the HTTP endpoints ended unexpectedly")]
    Ended(#[source] Option<io::Error>),
}

impl Server {
    /// Takes the port, for so many connections at a time.
    ///
    /// # Errors
    ///
    /// [`HttpError::Bind`] when it cannot be taken.
    pub(crate) fn bind(settings: &Settings, connections: usize) -> Result<Self, HttpError> {
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
            limits: Limits {
                connections,
                ..Limits::default()
            },
        })
    }

    /// The address on which the server listens, with the real port even if 0 was configured.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves on a thread of its own until `stop` is cancelled; requests under way are answered first.
    ///
    /// # Errors
    ///
    /// [`HttpError::Start`] when there can be no runtime; the task's is [`HttpError::Ended`].
    pub(crate) fn spawn(
        self,
        content: Content,
        stop: CancellationToken,
    ) -> Result<Serving, HttpError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(HttpError::Start)?;
        let ended = stop.clone();
        let (served, serving) = oneshot::channel();
        let serve = move || {
            // Cancelled when this thread ends, even by a panic, so that the service stops too.
            let _ended = ended.drop_guard();
            let how = runtime.block_on(async move {
                let listener = tokio::net::TcpListener::from_std(self.listener);
                let listener = listener.map_err(|error| HttpError::Ended(Some(error)))?;
                let watch = Arc::new(ScrapeWatch::new(&content, Instant::now()));
                let router = endpoints::router(content, Arc::clone(&watch));
                tokio::select! {
                    () = serve::serve(listener, router, self.limits, stop) => Ok(()),
                    never = watch.watch() => match never {},
                }
            });
            // A service that did not wait has ended.
            drop(served.send(how));
        };
        let thread = thread::Builder::new().name("http".to_owned());
        thread.spawn(serve).map_err(HttpError::Start)?;
        Ok(serving)
    }
}

/// The endpoints, being served.
pub(crate) type Serving = oneshot::Receiver<Result<(), HttpError>>;
