//! The task of a connection: moves bytes between its socket and its state machine, and wakes it when something is due.

use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use bytes::BytesMut;
use futures_util::FutureExt;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, Interest, Ready};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::Connection;
use super::handshake::IDLE_TIME_OUT;
use super::output::FULL;
use crate::amqp::performative::AmqpError;
use crate::clock::Now;
use crate::condition;
use crate::faults::until;
use crate::mailbox::Inbox;

/// What is read at once: a few of the largest frames.
const READ_SIZE: usize = 256 * 1024;

/// How long the last frames of a connection may take to be written.
const LAST_FRAMES: Duration = Duration::from_secs(1);

/// Without a frame for twice the announced time, a connection is dead (section 2.4.5 asks for that margin).
const DEAD_AFTER: Duration = IDLE_TIME_OUT.saturating_mul(2);

/// How often a client that is not read is checked for having hung up. Nothing waits for the result.
const HUNG_UP_INTERVAL: Duration = Duration::from_millis(500);

/// A stream of bytes to a client.
pub(crate) trait Transport: AsyncRead + AsyncWrite + Unpin + Send {
    /// The socket below it; a test may do without.
    fn socket(&self) -> Option<&TcpStream>;
}

impl Transport for TcpStream {
    fn socket(&self) -> Option<&TcpStream> {
        Some(self)
    }
}

impl<T: Transport + ?Sized> Transport for Box<T> {
    fn socket(&self) -> Option<&TcpStream> {
        (**self).socket()
    }
}

/// Acknowledges at once what was read, where the system can.
///
/// fe2o3-amqp leaves Nagle's algorithm on: it holds the next small frame back until the last one is acknowledged, which
/// Linux does after 40 ms unless asked. A reader with a credit of 300 then gets 6,800 events a second.
fn acknowledge(stream: &impl Transport) {
    #[cfg(target_os = "linux")]
    if let Some(socket) = stream.socket()
        && let Err(error) = SockRef::from(socket).set_tcp_quickack(true)
    {
        tracing::debug!(%error, "cannot acknowledge at once");
    }
}

/// Whether the client has closed or reset the connection; known without reading what it sent before.
fn has_hung_up(stream: &impl Transport) -> bool {
    let ready = stream
        .socket()
        .and_then(|socket| socket.ready(Interest::READABLE).now_or_never());
    ready.is_some_and(|ready| ready.map_or(true, Ready::is_read_closed))
}

/// What came of waiting for the socket.
#[derive(Debug, Default)]
struct Moved {
    read: Option<usize>,
    wrote: Option<usize>,
}

/// Serves a client until either side ends it.
pub(crate) async fn serve(
    mut connection: Connection,
    mut stream: impl Transport,
    mut inbox: Inbox,
    stop: CancellationToken,
) -> io::Result<()> {
    let mut input = BytesMut::new();
    let (mut last_read, mut last_write) = (Instant::now(), Instant::now());
    // What came in stays unread until then, if a delay was asked for.
    let mut unread_until = last_read;
    let mut faults = connection.namespace.faults.subscribe();
    loop {
        if inbox.muted.is_cancelled() {
            keep_open(stream, &inbox, &stop).await;
            return Ok(());
        }
        if faults.borrow().silent {
            tokio::select! {
                () = inbox.severed.cancelled() => return Ok(()),
                () = stop.cancelled() => {}
                () = until(&mut faults, |active| !active.silent) => {}
            }
            // The client was not read meanwhile; it was not idle.
            last_read = Instant::now();
        }
        let now = Now::read();
        if now.instant >= unread_until {
            connection.take_input(&mut input, now);
        }
        connection.take_due(now);
        connection.fill(now);
        if connection.closed {
            break;
        }

        let dead_at = last_read + DEAD_AFTER;
        // Half of what the client allows leaves room for delays.
        let heartbeat_at = connection
            .peer_idle_time_out
            .map(|idle| last_write + idle / 2);
        let delayed = Some(unread_until).filter(|until| *until > now.instant);
        let wake_at = [connection.next_due(now), heartbeat_at, delayed]
            .into_iter()
            .flatten()
            .fold(dead_at, Instant::min);
        let reads = connection.wants_input() && delayed.is_none();
        let may_send_more = connection.output.buffer.len() < FULL;
        tokio::select! {
            biased;
            () = inbox.severed.cancelled() => return Ok(()),
            () = stop.cancelled() => {
                connection.close(Some(AmqpError::new(condition::FORCED, "The emulator is stopping.")));
            }
            () = inbox.muted.cancelled() => {}
            () = until(&mut faults, |active| active.silent) => {}
            Some(command) = inbox.commands.recv() => connection.take_command(command),
            moved = exchange(&mut stream, &mut input, &mut connection.output.buffer, reads) => {
                let moved = moved?;
                if moved.read == Some(0) {
                    return Ok(());
                }
                if moved.read.is_some() {
                    last_read = Instant::now();
                    unread_until = last_read + connection.namespace.faults.get(|active| active.delay);
                    acknowledge(&stream);
                }
                if moved.wrote.is_some() {
                    last_write = Instant::now();
                }
            }
            () = inbox.events.notified(), if may_send_more => {}
            () = sleep_until(wake_at) => {
                let now = Instant::now();
                if now >= dead_at {
                    let description = "The connection was idle for too long.";
                    connection.close(Some(AmqpError::new(condition::RESOURCE_LIMIT, description)));
                } else if heartbeat_at.is_some_and(|at| now >= at) {
                    connection.output.put_empty();
                }
            }
        }
    }
    let last_frames = async {
        stream.write_all(&connection.output.buffer).await?;
        stream.shutdown().await
    };
    timeout(LAST_FRAMES, last_frames).await.unwrap_or(Ok(()))
}

/// Keeps a client's socket open without reading or writing, until the client hangs up, or would have long since.
pub(crate) async fn keep_open(stream: impl Transport, inbox: &Inbox, stop: &CancellationToken) {
    let hung_up = async move {
        while !has_hung_up(&stream) {
            sleep(HUNG_UP_INTERVAL).await;
        }
    };
    tokio::select! {
        () = inbox.severed.cancelled() => {}
        () = stop.cancelled() => {}
        () = hung_up => {}
        () = sleep(DEAD_AFTER) => {}
    }
}

/// Writes and reads, whichever the socket is ready for; waits for either.
async fn exchange(
    stream: &mut impl Transport,
    input: &mut BytesMut,
    output: &mut BytesMut,
    reads: bool,
) -> io::Result<Moved> {
    poll_fn(|context| {
        let mut moved = Moved::default();
        if output.is_empty() {
            // TLS keeps what the socket did not take.
            if let Poll::Ready(flushed) = pin!(stream.flush()).poll(context) {
                flushed?;
            }
        } else if let Poll::Ready(wrote) = pin!(stream.write_buf(output)).poll(context) {
            moved.wrote = Some(wrote?);
        }
        if reads {
            input.reserve(READ_SIZE);
            if let Poll::Ready(read) = pin!(stream.read_buf(input)).poll(context) {
                moved.read = Some(read?);
            }
        }
        if moved.read.is_some() || moved.wrote.is_some() {
            Poll::Ready(Ok(moved))
        } else {
            Poll::Pending
        }
    })
    .await
}
