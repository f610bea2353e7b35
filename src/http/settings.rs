//! What the HTTP endpoints are told.

use std::net::SocketAddr;

/// Settings of the HTTP endpoints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Where to listen. Port 0 takes any free port.
    pub listen: SocketAddr,
}
