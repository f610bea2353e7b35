//! [`Emulator`]: a namespace that is served until its owner drops it.

use std::net::SocketAddr;
use std::ops::Deref;
use std::panic::resume_unwind;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::server::Server;
use super::{EmulatorError, EventHub, Handle, Settings, Tls};

/// An Event Hubs namespace that serves clients until it is stopped or dropped.
///
/// It dereferences to its [`Handle`]: events are published, partitions inspected and faults asked for on it directly.
#[derive(Debug)]
pub struct Emulator {
    handle: Handle,
    address: SocketAddr,
    connection_string: String,
    tls: Option<Tls>,
    stop: CancellationToken,
    /// One task, which is aborted when this is dropped.
    serving: JoinSet<()>,
}

impl Emulator {
    /// Serves these event hubs on a free port of this machine.
    ///
    /// # Errors
    ///
    /// If the event hubs are not such as Azure allows, or no port is free.
    pub async fn start(
        event_hubs: impl IntoIterator<Item = EventHub>,
    ) -> Result<Self, EmulatorError> {
        Self::start_with(Settings::local(event_hubs)).await
    }

    /// Serves on the addresses, and with the limits, of these settings.
    ///
    /// # Errors
    ///
    /// If the event hubs are not such as Azure allows, or an address cannot be listened on.
    pub async fn start_with(settings: Settings) -> Result<Self, EmulatorError> {
        let server = Server::bind(&settings).await?;
        let address = server.address();
        let host = if address.ip().is_unspecified() {
            format!("localhost:{}", address.port())
        } else {
            address.to_string()
        };
        let connection_string = settings.connection_string(&host);
        let tls = server.tls(&settings);
        let handle = Handle::new(server.namespace());
        let stop = CancellationToken::new();
        let mut serving = JoinSet::new();
        serving.spawn(server.serve(stop.clone()));
        Ok(Self {
            handle,
            address,
            connection_string: format!("{connection_string};UseDevelopmentEmulator=true"),
            tls,
            stop,
            serving,
        })
    }

    /// What clients connect with. It names the event hub (`EntityPath`) only if there is exactly one.
    pub fn connection_string(&self) -> &str {
        &self.connection_string
    }

    /// Where it listens for AMQP without TLS, with the port that it got.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address as a custom endpoint, `amqp://ADDRESS`: the Rust SDK does not read the port of a connection string.
    pub fn endpoint(&self) -> String {
        format!("amqp://{}", self.address)
    }

    /// How to connect over TLS, if [`Settings::tls`] asked for it.
    pub fn tls(&self) -> Option<&Tls> {
        self.tls.as_ref()
    }

    /// A handle of its own, for another task.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Closes every connection with `amqp:connection:forced`, and returns when all have ended. Dropping the emulator
    /// instead severs them.
    ///
    /// # Panics
    ///
    /// If the emulator's own task has panicked.
    pub async fn stop(mut self) {
        self.stop.cancel();
        if let Some(Err(error)) = self.serving.join_next().await
            && let Ok(panic) = error.try_into_panic()
        {
            resume_unwind(panic);
        }
    }
}

impl Deref for Emulator {
    type Target = Handle;

    fn deref(&self) -> &Handle {
        &self.handle
    }
}
