//! A port that stays taken, whether or not it is listened on: an emulator that is away refuses clients, and comes back at
//! the same address.

use std::future::pending;
use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket, TcpStream};

use super::EmulatorError;

/// Clients that wait to be accepted; what tokio asks for where it binds by itself.
const BACKLOG: u32 = 1024;

/// An address, and the socket that is bound to it.
#[derive(Debug)]
pub(super) struct Listener {
    address: SocketAddr,
    open: Option<TcpListener>,
    /// Bound, so that no other process gets the port, and not listening: the system refuses every client.
    reserved: Option<TcpSocket>,
}

impl Listener {
    /// Takes the port, any free one for port 0, and listens.
    pub(super) async fn bind(address: SocketAddr) -> Result<Self, EmulatorError> {
        let bind = async {
            let open = TcpListener::bind(address).await?;
            Ok(Self {
                address: open.local_addr()?,
                open: Some(open),
                reserved: None,
            })
        };
        bind.await
            .map_err(|source| EmulatorError::Bind { address, source })
    }

    /// Where it listens, with the port that it got.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The next client; none comes while it is closed.
    pub(super) async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        match &self.open {
            Some(listener) => listener.accept().await,
            None => pending().await,
        }
    }

    /// Takes clients again, or refuses them from now on, those too that wait to be accepted.
    pub(super) fn listen(&mut self, on: bool) -> io::Result<()> {
        if on == self.open.is_some() {
            return Ok(());
        }
        if on {
            let socket = match self.reserved.take() {
                Some(socket) => socket,
                None => bound(self.address)?,
            };
            self.open = Some(socket.listen(BACKLOG)?);
        } else {
            self.open = None;
            self.reserved = Some(bound(self.address)?);
        }
        Ok(())
    }
}

fn bound(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    // Connections of before may linger on the port. On Windows the option means that others may take it.
    #[cfg(not(windows))]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_closed_port_refuses_and_an_opened_one_is_where_it_was() {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut listener = Listener::bind(any).await.expect("any port");
        let address = listener.address();
        for _ in 0..3 {
            let (connected, accepted) =
                tokio::join!(TcpStream::connect(address), listener.accept());
            assert!(connected.is_ok() && accepted.is_ok());
            listener.listen(false).expect("closed");
            let refused = TcpStream::connect(address).await;
            assert_eq!(
                refused.expect_err("closed").kind(),
                io::ErrorKind::ConnectionRefused
            );
            listener.listen(true).expect("opened");
        }
        assert!(Listener::bind(address).await.is_err(), "it is taken");
    }
}
