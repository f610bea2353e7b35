#![doc = include_str!("../README.md")]
//!
//! # Map of the code
//!
//! From the outside in:
//!
//! | module | contents |
//! | --- | --- |
//! | `emulator`, `settings`, `limits`, `error` | [`Emulator`]: starts a server, and stops it |
//! | `handle` | [`Handle`]: events, partitions and faults of a running emulator |
//! | [`admin`] | the same over HTTP |
//! | `cli` | the same as a command, with the feature `cli` |
//! | `server` | accepts connections and owns their tasks |
//! | `listener`, `tls`, `websocket` | a port that can refuse clients; what may lie between a socket and its AMQP |
//! | `connection` | a client's connection, as a state machine over frames, and its task |
//! | `mailbox` | how other tasks reach a connection |
//! | `namespace`, `faults` | the event hubs and partitions that all connections share; the faults in force |
//! | `partition` | a log, its readers, and the faults asked of it |
//! | `policy` | whose signatures are accepted, and what they allow |
//! | `start`, `reader` | where a reader starts; which reader may read |
//! | `event`, `log` | a message with the emulator's annotations; a partition's events |
//! | `amqp` | values, frames and messages as bytes; stands alone |

pub mod admin;
mod amqp;
#[cfg(feature = "cli")]
pub mod cli;
mod clock;
mod condition;
mod connection;
mod emulator;
mod error;
mod event;
mod faults;
mod handle;
mod limits;
mod listener;
mod log;
mod mailbox;
mod namespace;
mod partition;
mod policy;
mod reader;
mod server;
mod settings;
mod start;
mod tls;
mod websocket;

pub use emulator::Emulator;
pub use error::EmulatorError;
pub use handle::{Handle, PartitionState};
pub use limits::MESSAGE_BYTES_MAX;
pub use policy::{Policy, Rights};
pub use settings::{EventHub, RETAIN_BYTES, Settings, TlsSettings};
pub use tls::Tls;

/// What the fuzz targets check; there only when they are built.
#[cfg(any(fuzzing, test))]
pub mod fuzz {
    pub use crate::amqp::fuzz::codec;
    pub use crate::connection::fuzz::connection;
}
