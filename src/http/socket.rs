//! A socket that reports to its connection what it has read, accepted and flushed.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::connection::Connection;

/// A TCP stream, or a test's.
#[derive(Debug)]
pub(super) struct Socket<T: Abandon> {
    inner: T,
    connection: Arc<Connection>,
}

/// What can be closed without a farewell: otherwise the system keeps what a slow client has not read, for minutes.
pub(super) trait Abandon {
    fn abandon(&self);
}

impl Abandon for TcpStream {
    fn abandon(&self) {
        let _kept_otherwise = self.set_zero_linger();
    }
}

impl<T: Abandon> Drop for Socket<T> {
    fn drop(&mut self) {
        if self.connection.is_answering() {
            self.inner.abandon();
        }
    }
}

impl<T: Abandon> Socket<T> {
    pub(super) fn new(inner: T, connection: Arc<Connection>) -> Self {
        Self { inner, connection }
    }

    fn written(&self, polled: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &polled {
            Poll::Ready(Ok(bytes)) => self.connection.wrote(*bytes),
            Poll::Ready(Err(_)) => {} // hyper gives the connection up
            Poll::Pending => self.connection.stalled(Instant::now()),
        }
        polled
    }
}

impl<T: AsyncRead + Abandon + Unpin> AsyncRead for Socket<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.inner).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.connection.read(Instant::now());
        }
        polled
    }
}

impl<T: AsyncWrite + Abandon + Unpin> AsyncWrite for Socket<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.inner).poll_write(context, bytes);
        self.written(polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.inner).poll_write_vectored(context, slices);
        self.written(polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.inner).poll_flush(context);
        match &polled {
            Poll::Ready(Ok(())) => self.connection.flushed(Instant::now()),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => self.connection.stalled(Instant::now()),
        }
        polled
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}
