//! The listener: accepts connections, and owns their tasks until the end.

use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{interval, sleep};
use tokio_util::sync::CancellationToken;

use super::clock::Now;
use super::connection::Connection;
use super::connection::task::{Transport, becomes, hold, serve};
use super::listener::Listener;
use super::mailbox::Mailbox;
use super::namespace::Namespace;
use super::tls::{Acceptor, Tls};
use super::{EventHub, Handle, HubError, PARTITIONS_MAX, Settings};

/// Connections at a time; as many as Event Hubs allows a namespace of the standard tier. More wait in the backlog.
const CONNECTIONS_MAX: usize = 5000;

/// How often events that are too old are looked for. They may stay this much longer.
const AGING_INTERVAL: Duration = Duration::from_secs(1);

/// How long to wait after the system refuses to accept: it has run out of something, and would refuse again at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The policy and key of the connection string. Any would do; these are those of Microsoft's emulator, so that what was
/// written for it works here.
const KEY: &str = "SharedAccessKeyName=RootManageSharedAccessKey;SharedAccessKey=SAS_KEY_VALUE";

/// A local Event Hub that listens and does not serve yet.
#[derive(Debug)]
pub struct Hub {
    listener: Listener,
    tls: Option<Tls>,
    /// The name of the event hub, if there is exactly one.
    entity_path: Option<String>,
    namespace: Arc<Namespace>,
}

impl Hub {
    /// Checks the settings and takes the port.
    ///
    /// # Errors
    ///
    /// If the settings cannot be, or the address cannot be listened on.
    pub async fn bind(settings: Settings) -> Result<Self, HubError> {
        check(&settings.event_hubs)?;
        let cannot_bind = |source| HubError::Bind {
            address: settings.listen,
            source,
        };
        let listener = Listener::bind(settings.listen).await.map_err(cannot_bind)?;
        let now = Now::read();
        let tls = match &settings.tls {
            Some(tls) => Some(Tls::bind(tls, now).await?),
            None => None,
        };
        let entity_path = match settings.event_hubs.as_slice() {
            [only] => Some(only.name.clone()),
            _ => None,
        };
        let namespace = Arc::new(Namespace::new(&settings, now.timestamp));
        Ok(Self {
            listener,
            tls,
            entity_path,
            namespace,
        })
    }

    /// Where it listens, with the port that it got.
    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// What clients connect with. It names the event hub only if there is exactly one, and a host that can be dialled.
    pub fn connection_string(&self) -> String {
        let address = self.address();
        let host = if address.ip().is_unspecified() {
            format!("localhost:{}", address.port())
        } else {
            address.to_string()
        };
        format!(
            "{};UseDevelopmentEmulator=true",
            self.connection_string_for(&host)
        )
    }

    /// What clients connect with over TLS, as they do to Azure. It has no port: clients take 5671, or 443 with a
    /// WebSocket, whatever it says. Where the hub listens on another one they need [`Tls::endpoint`] as well.
    pub fn tls_connection_string(&self) -> Option<String> {
        let tls = self.tls.as_ref()?;
        Some(self.connection_string_for(tls.host()))
    }

    /// Where it listens for TLS, if it does, and what clients have to trust.
    pub fn tls(&self) -> Option<&Tls> {
        self.tls.as_ref()
    }

    fn connection_string_for(&self, host: &str) -> String {
        let entity_path = self
            .entity_path
            .as_ref()
            .map(|name| format!(";EntityPath={name}"))
            .unwrap_or_default();
        format!("Endpoint=sb://{host}/;{KEY}{entity_path}")
    }

    /// A hold on the hub for the time that it serves.
    pub fn handle(&self) -> Handle {
        Handle::new(Arc::clone(&self.namespace))
    }

    /// Serves clients until it is stopped; then says good-bye to them, and returns when all have gone.
    ///
    /// # Errors
    ///
    /// None at present: what fails with one client concerns no other.
    pub async fn serve(mut self, stop: CancellationToken) -> Result<(), HubError> {
        let mut connections = JoinSet::new();
        let mut serial = 0;
        let mut aging = interval(AGING_INTERVAL);
        let mut away = self.namespace.faults.away();
        away.mark_changed(); // it may have been set before
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Ok(()) = away.changed() => self.listen(!*away.borrow_and_update()),
                _ = aging.tick() => self.namespace.drop_aged(Now::read().timestamp),
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
        Ok(())
    }

    /// Listens, or does not. Whoever is connected stays so.
    fn listen(&mut self, on: bool) {
        let tls = self.tls.as_mut().map(|tls| &mut tls.listener);
        for listener in [&mut self.listener].into_iter().chain(tls) {
            let address = listener.address();
            match if on {
                listener.open()
            } else {
                listener.close()
            } {
                Ok(()) => tracing::debug!(%address, on, "listening"),
                Err(error) => {
                    tracing::error!(%error, %address, on, "cannot change whether to listen");
                }
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
                becomes(&mut namespace.faults.silence(), false).await;
                acceptor.accept(socket).await
            };
            let secured = tokio::select! {
                () = stop.cancelled() => return,
                secured = handshake => secured,
            };
            match secured {
                Ok(stream) => stream,
                Err(error) => {
                    tracing::debug!(connection = serial, %error, "handshake failed");
                    return;
                }
            }
        }
    };
    let (mailbox, inbox) = Mailbox::new();
    let _registered = Registered::new(serial, &namespace, mailbox.clone());
    let ended = if *namespace.faults.away().borrow() {
        Ok(()) // it came at the last moment
    } else if namespace.faults.never_answers() {
        hold(stream, &inbox, &stop).await;
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

fn check(event_hubs: &[EventHub]) -> Result<(), HubError> {
    if event_hubs.is_empty() {
        return Err(HubError::NoEventHub);
    }
    for (index, event_hub) in event_hubs.iter().enumerate() {
        let name = &event_hub.name;
        if !is_name(name) {
            return Err(HubError::Name(name.clone()));
        }
        if event_hubs
            .iter()
            .skip(index + 1)
            .any(|other| other.name.eq_ignore_ascii_case(name))
        {
            return Err(HubError::Twice(name.clone()));
        }
        if event_hub.partitions == 0 || event_hub.partitions > PARTITIONS_MAX {
            return Err(HubError::Partitions {
                event_hub: name.clone(),
                partitions: event_hub.partitions,
            });
        }
    }
    Ok(())
}

fn is_name(name: &str) -> bool {
    let inner =
        |character: char| character.is_ascii_alphanumeric() || matches!(character, '.' | '-' | '_');
    (1..=256).contains(&name.len())
        && name.chars().all(inner)
        && !name.starts_with(['.', '-', '_'])
        && !name.ends_with(['.', '-', '_'])
}
