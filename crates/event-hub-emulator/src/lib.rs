//! The local Event Hub: a server that real Event Hubs clients connect to over AMQP 1.0.
//!
//! It keeps events in memory, bounded, and forgets them when it stops. It is for trying things out and for tests, ours
//! and others': it checks no signatures, replicates nothing and knows no throughput units.
//!
//! What it does was observed in the official Rust, Python and JavaScript clients, against which it is tested. What the
//! real service does beyond what they read is marked in the comments as assumed.
//!
//! From the inside out:
//!
//! | module | holds |
//! | --- | --- |
//! | [`amqp`] | values, frames and messages as bytes; stands alone |
//! | `event`, `log` | a message with the hub's annotations; a partition's events |
//! | `start`, `reader` | where a reader starts; who may read |
//! | `partition` | a log, who reads it, and the faults asked of it |
//! | `namespace` | the event hubs and partitions that all connections share |
//! | `mailbox` | how others reach a connection |
//! | `connection` | a client's connection, as a state machine over frames, and its task |
//! | `listener` | a port, whether or not it is listened on |
//! | `tls`, `websocket` | what may lie between a socket and its AMQP |
//! | `server` | [`Hub`]: accepts connections and owns their tasks |
//! | `handle`, `faults` | [`Handle`]: what the rest of the program does with a running hub, and does to it |
//! | [`admin`] | the same over HTTP |

pub mod admin;
pub mod amqp;
mod clock;
mod condition;
mod connection;
mod event;
mod faults;
mod handle;
mod listener;
mod log;
mod mailbox;
mod namespace;
mod partition;
mod reader;
mod server;
mod start;
mod tls;
mod websocket;

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

#[cfg(any(fuzzing, test))]
pub use connection::fuzz;
pub use handle::{Handle, PartitionState};
pub use server::Hub;
pub use tls::Tls;

/// What a hub is made of.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where it listens; port 0 takes any that is free.
    pub listen: SocketAddr,
    /// Where it listens for TLS besides, if it does.
    pub tls: Option<TlsSettings>,
    /// The event hubs of its namespace: at least one, each with its own name.
    pub event_hubs: Vec<EventHub>,
    /// How many bytes of memory the events of all event hubs may take together; beyond it the oldest are dropped.
    pub retain_bytes: usize,
    /// How old an event may become; none keeps it as long as there is room.
    pub retain_for: Option<Duration>,
}

/// TLS with a certificate that is made at the start; AMQP inside it or inside a WebSocket inside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsSettings {
    /// Where it listens; port 0 takes any that is free. Clients look for 5671, or with a WebSocket for 443.
    pub listen: SocketAddr,
    /// The host that the certificate is made out to, besides this machine's own names and addresses. A name, since the
    /// Rust SDK (0.16) refuses an address where it uses TLS.
    pub host: String,
}

/// An event hub to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventHub {
    /// The name, which clients may write in any case.
    pub name: String,
    /// How many partitions it has: 1 to 1024.
    pub partitions: u32,
    /// The consumer groups that clients may name, besides `$Default`. None lets them name any: then a consumer can be
    /// tried without first making its group. With a list, another group is refused as Azure refuses it.
    pub consumer_groups: Option<Vec<String>>,
}

/// [`Settings::retain_bytes`] unless told otherwise: a busy hour of call recording logs many times over (they are about
/// 1 KiB each), and a small part of a developer's machine.
pub const RETAIN_BYTES: usize = 256 * 1024 * 1024;

/// The bytes of the largest message, or batch of events; what Event Hubs allows in its standard and higher tiers.
pub const MESSAGE_BYTES_MAX: u64 = 1024 * 1024;

/// Partitions of one event hub; what Event Hubs allows in its dedicated tier.
pub const PARTITIONS_MAX: u32 = 1024;

/// Any free port of this machine, which no other machine reaches.
const ANY_LOCAL_PORT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

impl Settings {
    /// A hub with these event hubs on any free port of this machine alone, which keeps [`RETAIN_BYTES`].
    pub fn local(event_hubs: impl IntoIterator<Item = EventHub>) -> Self {
        Self {
            listen: ANY_LOCAL_PORT,
            tls: None,
            event_hubs: event_hubs.into_iter().collect(),
            retain_bytes: RETAIN_BYTES,
            retain_for: None,
        }
    }
}

impl TlsSettings {
    /// On any free port of this machine alone, as `localhost`.
    pub fn local() -> Self {
        Self {
            listen: ANY_LOCAL_PORT,
            host: "localhost".to_owned(),
        }
    }
}

impl EventHub {
    /// An event hub of this name and number of partitions.
    pub fn new(name: impl Into<String>, partitions: u32) -> Self {
        Self {
            name: name.into(),
            partitions,
            consumer_groups: None,
        }
    }

    /// The same with only these consumer groups, and `$Default`.
    #[must_use]
    pub fn with_consumer_groups(
        mut self,
        groups: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        self.consumer_groups = Some(groups.into_iter().map(Into::into).collect());
        self
    }
}

/// Why a hub does not do as it was told.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    /// The address is taken, or not of this machine.
    #[error("cannot listen on `{address}`")]
    Bind {
        /// Where it should have listened.
        address: SocketAddr,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The host of [`TlsSettings`] cannot stand in a certificate.
    #[error("cannot make a certificate for `{host}`")]
    Certificate {
        /// The host.
        host: String,
        /// What is wrong with it.
        #[source]
        source: rcgen::Error,
    },
    /// The certificate was made, but TLS does not take it.
    #[error("cannot set TLS up")]
    Tls(#[source] tokio_rustls::rustls::Error),
    /// [`Settings::event_hubs`] is empty.
    #[error("a hub needs at least one event hub")]
    NoEventHub,
    /// Names are what Azure allows: 1 to 256 letters, digits, `.`, `-` and `_`, beginning and ending with a letter or
    /// digit.
    #[error("`{0}` cannot be the name of an event hub")]
    Name(String),
    /// An AMQP condition is a symbol, which is ASCII.
    #[error("`{0}` cannot be a condition of AMQP")]
    Condition(String),
    /// Two event hubs would have the same name, but for its case.
    #[error("there are two event hubs `{0}`")]
    Twice(String),
    /// Fewer than one or more than [`PARTITIONS_MAX`].
    #[error(
        "event hub `{event_hub}` cannot have {partitions} partitions, only 1 to {PARTITIONS_MAX}"
    )]
    Partitions {
        /// The event hub.
        event_hub: String,
        /// The number that was asked for.
        partitions: u32,
    },
    /// There is no event hub of this name.
    #[error("there is no event hub `{0}`")]
    UnknownEventHub(String),
    /// The event hub has no partition of this number.
    #[error("event hub `{event_hub}` has no partition `{partition}`")]
    UnknownPartition {
        /// The event hub.
        event_hub: String,
        /// The partition.
        partition: u32,
    },
    /// An event that no client could receive.
    #[error("an event of {0} bytes is larger than a message can be")]
    TooLarge(usize),
}
