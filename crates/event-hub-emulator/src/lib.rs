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
mod amqp;
mod clock;
mod condition;
mod connection;
mod emulator;
mod error;
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
mod settings;
mod start;
mod tls;
mod websocket;

pub use emulator::Emulator;
pub use error::EmulatorError;
pub use handle::{Handle, PartitionState};
pub use settings::{EventHub, MESSAGE_BYTES_MAX, RETAIN_BYTES, Settings, TlsSettings};
pub use tls::Tls;

/// What the fuzz targets check; there only when they are built.
#[cfg(any(fuzzing, test))]
pub mod fuzz {
    pub use crate::amqp::fuzz::codec;
    pub use crate::connection::fuzz::connection;
}
