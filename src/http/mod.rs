//! The HTTP endpoints: `/metrics`, `/-/healthy`, `/-/ready`, `/-/reload`, `/` for people, and
//! `/api/v1/status` for scripts.
//!
//! They run on a thread and a runtime of their own: the SDK blocks its thread while it resolves a name, and whatever
//! the hub does, `/metrics` answers. No client keeps others out: `eviction` decides who makes room, `scrapes` shares one
//! body among those who ask for it together.
//!
//! A *qualifying scrape* is a GET of `/metrics` whose answer the socket accepted to its last byte, within the timeout that
//! its scraper announced: it acknowledges the snapshot that it shows. `scraper` knows which requests can qualify,
//! `connection` when the last byte was accepted, `delivery` what follows.

mod accept;
mod connection;
mod connections;
mod delivery;
mod endpoints;
mod eviction;
mod looks;
mod reload;
mod scrape_watch;
mod scraper;
mod scraper_check;
mod scrapes;
mod serve;
mod settings;
mod socket;
#[cfg(test)]
mod tests;
pub(crate) mod web;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub(crate) use reload::{ReloadRequest, Reloads, reloads};
pub(crate) use settings::{CONNECTIONS_MAX, Settings};

use crate::liveness::Liveness;
use crate::metrics::Exposition;
use crate::status::{Board, Facts};
use connections::Connections;
use looks::Looking;
use scrape_watch::ScrapeWatch;
use scrapes::Snapshots;
use settings::Limits;
use web::{Door, Web};

/// The endpoints, bound but not served yet.
#[derive(Debug)]
pub(crate) struct Server {
    listener: TcpListener,
    address: SocketAddr,
    limits: Limits,
    web: Arc<Web>,
}

/// What the endpoints serve.
#[derive(Clone, Debug)]
pub(crate) struct Content {
    /// For `/metrics`.
    pub exposition: Arc<Exposition>,
    /// For `/-/ready` and `/-/healthy`.
    pub liveness: Arc<Liveness>,
    /// What is expected of the scrapers, and who they can be.
    pub delivery: crate::delivery::Settings,
    /// What `/` shows beside what is counted.
    pub facts: Facts,
    /// For `/-/reload`; none if nobody may reload by a request.
    pub reloads: Option<Reloads>,
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
    /// TLS or passwords cannot be had.
    #[error("`http.web_config_file`")]
    Web(#[source] Box<dyn std::error::Error + Send + Sync>),
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
    pub(crate) fn bind(
        settings: &Settings,
        web: Web,
        connections: usize,
    ) -> Result<Self, HttpError> {
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
            web: Arc::new(web),
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
            .max_blocking_threads(1) // takes the snapshots, and is kept: later there may be no thread left
            .thread_keep_alive(Duration::MAX)
            .build()
            .map_err(HttpError::Start)?;
        drop(runtime.spawn_blocking(|| ()));
        let ended = stop.clone();
        let (served, serving) = oneshot::channel();
        let serve = move || {
            // Cancelled when this thread ends, even by a panic, so that the service stops too.
            let _ended = ended.drop_guard();
            let how = runtime.block_on(async move {
                let listener = tokio::net::TcpListener::from_std(self.listener);
                let listener = listener.map_err(|error| HttpError::Ended(Some(error)))?;
                let exposition = Arc::clone(&content.exposition);
                let web = Arc::clone(&self.web);
                let parts = Parts::new(content, self.web, self.limits, Instant::now());
                let (router, connections) = (parts.router, parts.connections);
                let following = Arc::clone(&web);
                tokio::select! {
                    () = serve::serve(listener, router, self.limits, connections, web, stop) => Ok(()),
                    never = following.watch(exposition.telemetry()) => match never {},
                    never = parts.watch.watch() => match never {},
                    never = parts.snapshots.take() => match never {},
                    never = parts.looking.answer() => match never {},
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

/// What serves the endpoints, put together.
#[derive(Debug)]
struct Parts {
    watch: Arc<ScrapeWatch>,
    connections: Arc<Connections>,
    snapshots: Snapshots,
    looking: Looking,
    router: axum::Router,
}

impl Parts {
    fn new(content: Content, web: Arc<Web>, limits: Limits, now: Instant) -> Self {
        let exposition = Arc::clone(&content.exposition);
        let watch = Arc::new(ScrapeWatch::new(&content, now));
        let connections = Connections::new(Arc::clone(&exposition), limits.connections);
        let connections = Arc::new(connections);
        let (scrapes, snapshots) = Snapshots::new(
            exposition,
            Arc::clone(&watch),
            Arc::clone(&connections),
            limits.bytes,
        );
        let door = Door {
            web,
            exposition: Arc::clone(&content.exposition),
        };
        let board = Board::new(
            Arc::clone(&content.exposition),
            Arc::clone(&content.liveness),
            content.facts.clone(),
        );
        let (looks, looking) = Looking::new(board, Arc::clone(&watch));
        Self {
            router: endpoints::router(content, Arc::clone(&watch), scrapes, looks, door),
            watch,
            connections,
            snapshots,
            looking,
        }
    }
}

/// The endpoints, being served.
pub(crate) type Serving = oneshot::Receiver<Result<(), HttpError>>;
