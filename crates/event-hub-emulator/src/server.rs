//! Accepts connections, and owns their tasks until the end.

use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::clock::Now;
use super::connection::Connection;
use super::connection::task::{Transport, keep_open, serve};
use super::faults::until;
use super::listener::Listener;
use super::mailbox::Mailbox;
use super::namespace::Namespace;
use super::tls::{Acceptor, Tls, TlsListener};
use super::{EmulatorError, Settings};

/// Connections at a time; as many as Event Hubs allows a namespace of the standard tier. More wait in the backlog.
const CONNECTIONS_MAX: usize = 5000;

/// How long to wait after the system refuses to accept: it has run out of something, and would refuse again at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The listeners of a namespace.
#[derive(Debug)]
pub(crate) struct Server {
    listener: Listener,
    tls: Option<TlsListener>,
    namespace: Arc<Namespace>,
}

impl Server {
    /// Checks the settings and takes the ports.
    pub(crate) async fn bind(settings: &Settings) -> Result<Self, EmulatorError> {
        settings.check()?;
        let listener = Listener::bind(settings.listen).await?;
        let now = Now::read().timestamp;
        let tls = match &settings.tls {
            Some(tls) => Some(TlsListener::bind(tls, now).await?),
            None => None,
        };
        Ok(Self {
            listener,
            tls,
            namespace: Arc::new(Namespace::new(settings, now)),
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// How clients connect over TLS, if they can.
    pub(crate) fn tls(&self, settings: &Settings) -> Option<Tls> {
        self.tls.as_ref().map(|tls| tls.describe(settings))
    }

    pub(crate) fn namespace(&self) -> Arc<Namespace> {
        Arc::clone(&self.namespace)
    }

    /// Serves clients until it is stopped; then closes their connections, and returns when all have ended.
    pub(crate) async fn serve(mut self, stop: CancellationToken) {
        let mut connections = JoinSet::new();
        let mut serial = 0;
        let mut faults = self.namespace.faults.subscribe();
        let mut away = false;
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Ok(now_away) = async { faults.wait_for(|faults| faults.away != away).await.map(|faults| faults.away) } => {
                    away = now_away;
                    self.listen(!away);
                }
                Some(ended) = connections.join_next() => report(ended),
                accepted = self.accept(), if connections.len() < CONNECTIONS_MAX => match accepted {
                    Ok((socket, peer, tls)) => {
                        serial += 1;
                        tracing::debug!(connection = serial, %peer, "connection accepted");
                        connections.spawn(converse(serial, socket, tls, Arc::clone(&self.namespace), stop.clone()));
                    }
                    Err(error) => {
                        tracing::warn!(%error, "cannot accept a connection");
                        sleep(ACCEPT_PAUSE).await;
                    }
                },
            }
        }
        while let Some(ended) = connections.join_next().await {
            report(ended);
        }
    }

    /// Begins or ceases to listen. Open connections stay open.
    fn listen(&mut self, on: bool) {
        let tls = self.tls.as_mut().map(TlsListener::listener);
        for listener in [&mut self.listener].into_iter().chain(tls) {
            let address = listener.address();
            match listener.listen(on) {
                Ok(()) => tracing::debug!(%address, on, "listening changed"),
                Err(error) => tracing::error!(%error, %address, on, "cannot change listening"),
            }
        }
    }

    /// The next client, and what secures it if it came to the port of TLS.
    async fn accept(&self) -> io::Result<(TcpStream, SocketAddr, Option<Acceptor>)> {
        let secured = async {
            match &self.tls {
                Some(tls) => tls.accept().await,
                None => pending().await,
            }
        };
        tokio::select! {
            plain = self.listener.accept() => plain.map(|(socket, peer)| (socket, peer, None)),
            secured = secured => secured.map(|(socket, peer, acceptor)| (socket, peer, Some(acceptor))),
        }
    }
}

async fn converse(
    serial: u64,
    socket: TcpStream,
    tls: Option<Acceptor>,
    namespace: Arc<Namespace>,
    stop: CancellationToken,
) {
    // Frames are written as a whole; waiting for more would only add to their delay.
    if let Err(error) = socket.set_nodelay(true) {
        tracing::debug!(connection = serial, %error, "cannot send without delay");
    }
    let stream: Box<dyn Transport> = match tls {
        None => Box::new(socket),
        Some(acceptor) => {
            let handshake = async {
                until(&mut namespace.faults.subscribe(), |active| !active.silent).await;
                acceptor.accept(socket).await
            };
            let secured = tokio::select! {
                () = stop.cancelled() => return,
                secured = handshake => secured,
            };
            match secured {
                Ok(stream) => stream,
                Err(error) => {
                    tracing::debug!(connection = serial, %error, "TLS or WebSocket handshake failed");
                    return;
                }
            }
        }
    };
    let (mailbox, inbox) = Mailbox::new();
    let _registered = Registered::new(serial, &namespace, mailbox.clone());
    let (away, never_answers) = namespace
        .faults
        .get(|faults| (faults.away, faults.never_answers));
    let ended = if away {
        Ok(()) // it was accepted just before the listener closed
    } else if never_answers {
        keep_open(stream, &inbox, &stop).await;
        Ok(())
    } else {
        let connection = Connection::new(serial, Arc::clone(&namespace), mailbox);
        serve(connection, stream, inbox, stop).await
    };
    match ended {
        Ok(()) => tracing::debug!(connection = serial, "connection ended"),
        // Clients that are dropped reset their connections: nothing to worry about.
        Err(error) => tracing::debug!(connection = serial, %error, "connection lost"),
    }
}

/// The connection's entry among those that faults reach.
struct Registered<'a> {
    serial: u64,
    namespace: &'a Namespace,
}

impl<'a> Registered<'a> {
    fn new(serial: u64, namespace: &'a Namespace, mailbox: Mailbox) -> Self {
        namespace.connected(serial, mailbox);
        Self { serial, namespace }
    }
}

impl Drop for Registered<'_> {
    fn drop(&mut self) {
        self.namespace.disconnected(self.serial);
    }
}

fn report(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "the task of a connection failed");
    }
}
