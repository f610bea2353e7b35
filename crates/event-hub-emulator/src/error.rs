//! What can go wrong when an emulator is started, or asked for something.

use std::io;
use std::net::SocketAddr;

use super::limits::PARTITIONS_MAX;

/// Why an emulator does not start, or does not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum EmulatorError {
    /// The address is in use, or does not belong to this machine.
    #[error("cannot listen on `{address}`")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// The host of [`TlsSettings`](super::TlsSettings) is not a name that a certificate can have.
    #[error("cannot make a certificate for `{host}`")]
    Certificate {
        /// The host.
        host: String,
        /// What is wrong with it.
        #[source]
        source: rcgen::Error,
    },
    /// The TLS library refused the certificate that was made for it.
    #[error("cannot set up TLS")]
    Tls(#[source] tokio_rustls::rustls::Error),
    /// [`Settings::event_hubs`](super::Settings::event_hubs) is empty.
    #[error("at least one event hub is needed")]
    NoEventHub,
    /// Azure allows 1 to 256 letters, digits, `.`, `-` and `_`, beginning and ending with a letter or digit.
    #[error("`{0}` is not a valid name of an event hub")]
    Name(String),
    /// Two event hubs have the same name, but for its case.
    #[error("two event hubs are named `{0}`")]
    Duplicate(String),
    /// Fewer than one partition, more than 1024, or no more than there are.
    #[error(
        "event hub `{event_hub}` cannot have {partitions} partitions (allowed: 1 to {PARTITIONS_MAX}, and more than before)"
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
    /// The condition has characters outside ASCII.
    #[error("`{0}` is not a valid AMQP condition")]
    Condition(String),
    /// No client could receive an event of this size.
    #[error("an event of {0} bytes is larger than the largest message")]
    TooLarge(usize),
}
