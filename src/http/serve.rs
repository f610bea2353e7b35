//! How many clients may connect, and for how long: every connection has a task, and a timeout for whatever it does.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Limits;
use super::connection::{Answer, Connection};
use super::connections::Connections;
use super::socket::{Abandon, Socket};
use crate::telemetry::Telemetry;

/// A scraper's head has some hundred bytes. With this, 256 connections hold 16 MiB at most.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// The system has no files or no memory left: asking at once again would only burn a core.
const ACCEPT_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// While no more connections are allowed and none of them is slow: how soon one that became slow is noticed.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(50);

/// Serves until `stop` is cancelled; requests under way are answered first.
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    connections: Arc<Connections>,
    stop: CancellationToken,
) {
    let mut open = Open {
        tasks: JoinSet::new(),
        connections,
    };
    let router = TowerToHyperService::new(router);
    let accepting = async {
        loop {
            let (stream, peer) = tokio::select! {
                biased; // one that has ended makes room before another one has to
                () = open.one_ended() => continue,
                accepted = listener.accept() => match accepted {
                    Ok(accepted) => accepted,
                    Err(error) => {
                        not_accepted(&error).await;
                        continue;
                    }
                },
            };
            open.make_room(peer.ip()).await;
            prepare(&stream);
            let connection = Arc::new(Connection::new(peer.ip(), limits, Instant::now()));
            let serving = serve_connection(
                stream,
                Arc::clone(&connection),
                Arc::clone(&open.connections),
                router.clone(),
                stop.clone(),
            );
            let task = open.tasks.spawn(serving);
            open.connections.opened(connection, task);
        }
    };
    let _stopped: Option<Infallible> = stop.run_until_cancelled(accepting).await;
    drop(listener);
    while !open.tasks.is_empty() {
        open.one_ended().await;
    }
}

/// Serves one connection until either side ends it or it takes too long over something.
pub(super) async fn serve_connection<T: AsyncRead + AsyncWrite + Abandon + Unpin>(
    stream: T,
    connection: Arc<Connection>,
    connections: Arc<Connections>,
    router: TowerToHyperService<Router>,
    stop: CancellationToken,
) {
    let of_requests = Arc::clone(&connection);
    let service = service_fn(move |mut request: Request<Incoming>| {
        let connection = Arc::clone(&of_requests);
        let came_too_early = connection.request_came(Instant::now());
        request.extensions_mut().insert(Arc::clone(&connection));
        let answering = router.call(request);
        let connections = Arc::clone(&connections);
        async move {
            let mut answer: Response<_> = answering.await?;
            if connections.is_last_answer(came_too_early) {
                let close = HeaderValue::from_static("close");
                answer.headers_mut().insert(CONNECTION, close);
            }
            Ok::<_, Infallible>(answer.map(|body| Answer::new(body, connection)))
        }
    });
    let socket = TokioIo::new(Socket::new(stream, Arc::clone(&connection)));
    let mut serving = pin!(
        http1::Builder::new()
            .max_buf_size(HEAD_BYTES_MAX)
            .header_read_timeout(None) // ours counts from connecting, and lets a connection be idle for longer
            .serve_connection(socket, service)
    );
    let mut stopped = pin!(stop.cancelled());
    let mut too_long = pin!(tokio::time::sleep_until(connection.due()));
    let mut farewell = None;
    // One task polls all of it, so whatever moves the due time also looks at it anew.
    poll_fn(|context| {
        if farewell.is_none() && stopped.as_mut().poll(context).is_ready() {
            farewell = Some(Instant::now() + connection.limits.farewell);
            serving.as_mut().graceful_shutdown();
        }
        // How it ended makes no difference: what was delivered is known by now.
        if serving.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        let due = connection.due();
        let due = farewell.map_or(due, |farewell| due.min(farewell));
        if too_long.deadline() != due {
            too_long.as_mut().reset(due);
        }
        too_long.as_mut().poll(context)
    })
    .await;
}

/// The connections that are open.
struct Open {
    tasks: JoinSet<()>,
    connections: Arc<Connections>,
}

impl Open {
    /// Waits until there is room for one more connection, from this address.
    async fn make_room(&mut self, newcomer: IpAddr) {
        while self.connections.are_all_taken() && !self.connections.make_room(newcomer) {
            // Nothing is lost if time is up first: the next round looks again.
            let _ended = tokio::time::timeout(LOOK_AGAIN_AFTER, self.one_ended()).await;
        }
    }

    /// Waits until a connection has ended; for ever if there is none.
    async fn one_ended(&mut self) {
        let ended = match self.tasks.join_next_with_id().await {
            Some(Ok((id, ()))) => id,
            // Closed to make room; or a panic, which costs its connection and which the process' hook has printed.
            Some(Err(error)) => JoinError::id(&error),
            None => std::future::pending().await,
        };
        self.connections.ended(ended);
    }
}

/// The system doubles it. Over a line of 100 ms that is a megabyte a second.
const SEND_BUFFER_BYTES: usize = 64 * 1024;

/// What the socket accepts and the client never gets must be little, since it counts as delivered: by default, the system
/// accepts megabytes. And the last packet of an answer must not wait for the client to confirm the one before.
fn prepare(stream: &TcpStream) {
    let _more_otherwise = SockRef::from(stream).set_send_buffer_size(SEND_BUFFER_BYTES);
    let _slower_otherwise = stream.set_nodelay(true);
}

async fn not_accepted(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if [ConnectionAborted, ConnectionRefused, ConnectionReset].contains(&error.kind()) {
        return; // a client connected and went away again
    }
    Telemetry::connection_not_accepted(error, ACCEPT_AGAIN_AFTER.as_millis());
    tokio::time::sleep(ACCEPT_AGAIN_AFTER).await;
}
