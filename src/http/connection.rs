//! The state of one connection, and how an answer is known to be delivered whole.
//!
//! Bytes are counted, not dropped bodies: hyper takes a body into its buffer whole and drops it before a byte of it is
//! sent. An answer is complete at the first successful flush of the socket after its body's last frame was taken, if the
//! socket has accepted at least as many bytes since the request came as the body is long. That is right because of how
//! hyper 1 serves HTTP/1 (`proto/h1` in its source):
//!
//! - `Dispatcher::poll_write` puts a frame into the buffer in the same breath in which it took it from the body; no
//!   flush comes between.
//! - `Buffered::poll_flush` calls the flush of the socket only when its buffer is empty, so each byte buffered before
//!   was accepted by a write that succeeded. (Not with `pipeline_flush`, which is off.)
//! - `Conn::poll_flush` turns to the next request (`try_keep_alive`) only after that flush, and requests of one
//!   connection are answered one by one. So an answer's end is noted before the next request is handled, and no byte of
//!   another answer is mistaken for one of this.
//!
//! What the socket has accepted may still be in the system's buffers when a client goes away, and no HTTP server learns
//! of that. `serve` keeps these buffers small, so that they hold the end of an answer and not all of it.

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, SizeHint};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::Limits;
use super::delivery::Delivery;

/// A connection, as its socket, its requests and its timeouts see it. A delivery that is not completed when this is
/// dropped never will be.
#[derive(Debug)]
pub(super) struct Connection {
    /// The address of the client.
    pub(super) peer: IpAddr,
    pub(super) limits: Limits,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    stage: Stage,
    /// Bytes that the socket has accepted since the connection was opened.
    written: u64,
    /// Since when the socket accepts none.
    stalled_since: Option<Instant>,
    delivery: Option<Delivery>,
    /// How many requests in a row came before the answer to the one before was read.
    pipelined: u32,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    /// A request is awaited; its head may have begun to come.
    Awaiting {
        since: Instant,
        until: Instant,
        began: Option<Instant>,
    },
    /// A request is being answered.
    Answering {
        /// When the request's first byte came, if it was awaited.
        since: Instant,
        /// Since when the client can read the answer. Until then, it is being made.
        sent_since: Option<Instant>,
        written_before: u64,
        /// How long the body is, once hyper has taken all of it.
        taken: Option<u64>,
    },
}

impl Connection {
    pub(super) fn new(peer: IpAddr, limits: Limits, now: Instant) -> Self {
        let state = State {
            stage: Stage::Awaiting {
                since: now,
                until: now + limits.head,
                began: None,
            },
            written: 0,
            stalled_since: None,
            delivery: None,
            pipelined: 0,
        };
        Self {
            peer,
            limits,
            state: Mutex::new(state),
        }
    }

    /// How far the client is behind one that asks at once, and reads a megabyte a second, which is a byte a microsecond.
    pub(super) fn lag(&self, now: Instant) -> Duration {
        let state = self.state.lock();
        match state.stage {
            Stage::Awaiting { since, .. } => now - since,
            Stage::Answering {
                sent_since,
                written_before,
                ..
            } => {
                let waited = sent_since.map_or(Duration::ZERO, |since| now - since);
                waited.saturating_sub(Duration::from_micros(state.written - written_before))
            }
        }
    }

    /// Whether an answer is under way.
    pub(super) fn is_answering(&self) -> bool {
        matches!(self.state.lock().stage, Stage::Answering { .. })
    }

    /// The snapshot that is being sent, and how long its body is.
    pub(super) fn sends(&self) -> Option<(u64, usize)> {
        let state = self.state.lock();
        let sent = state.delivery.as_ref()?.sent()?;
        Some((sent.snapshot, sent.body.len()))
    }

    /// When what the connection does now has taken too long.
    pub(super) fn due(&self) -> Instant {
        let state = self.state.lock();
        let due = match state.stage {
            Stage::Awaiting { until, .. } => until,
            Stage::Answering { since, .. } => since + self.limits.answer,
        };
        match state.stalled_since {
            Some(since) => due.min(since + self.limits.stall),
            None => due,
        }
    }

    /// Bytes of a request came.
    pub(super) fn read(&self, now: Instant) {
        if let Stage::Awaiting { until, began, .. } = &mut self.state.lock().stage
            && began.is_none()
        {
            *began = Some(now);
            *until = (*until).min(now + self.limits.head);
        }
    }

    /// The head of a request came whole. True if it is the last one that is answered, since too many in a row came too
    /// early. hyper reads on while it answers, so no byte of a request that came too early comes after the answer.
    pub(super) fn request_came(&self, now: Instant) -> bool {
        let mut state = self.state.lock();
        let began = match state.stage {
            Stage::Awaiting { began, .. } => began,
            Stage::Answering { .. } => None,
        };
        state.pipelined = began.map_or(state.pipelined + 1, |_| 0);
        state.stage = Stage::Answering {
            since: began.unwrap_or(now),
            sent_since: None,
            written_before: state.written,
            taken: None,
        };
        state.pipelined >= self.limits.pipelined
    }

    /// hyper has the answer to the request, and begins to send it.
    fn answer_begins(&self, now: Instant) {
        if let Stage::Answering { sent_since, .. } = &mut self.state.lock().stage {
            *sent_since = Some(now);
        }
    }

    /// The request that is being answered is a scrape.
    pub(super) fn delivers(&self, delivery: Delivery) {
        let former = self.state.lock().delivery.replace(delivery);
        drop(former); // which counts its end: not under the lock
    }

    /// The socket accepted bytes.
    pub(super) fn wrote(&self, bytes: usize) {
        let mut state = self.state.lock();
        state.written += u64::try_from(bytes).unwrap_or(u64::MAX);
        state.stalled_since = None;
    }

    /// The socket accepts no bytes.
    pub(super) fn stalled(&self, now: Instant) {
        self.state.lock().stalled_since.get_or_insert(now);
    }

    /// The socket has sent all that was written.
    pub(super) fn flushed(&self, now: Instant) {
        let mut state = self.state.lock();
        state.stalled_since = None;
        let Stage::Answering {
            since,
            written_before,
            taken: Some(length),
            ..
        } = state.stage
        else {
            return;
        };
        let is_whole = state.written - written_before >= length;
        state.stage = Stage::Awaiting {
            since: now,
            until: now + self.limits.idle,
            began: None,
        };
        let delivery = state.delivery.take();
        drop(state); // the exposition has a lock of its own
        if let Some(delivery) = delivery.filter(|_| is_whole) {
            delivery.completed(now - since, now);
        }
    }

    /// hyper has taken the last frame of the answer.
    fn answer_taken(&self, length: u64) {
        if let Stage::Answering { taken, .. } = &mut self.state.lock().stage {
            *taken = Some(length);
        }
    }
}

/// The body of an answer, which reports to its connection when hyper has taken all of it. If it is dropped before, it has
/// failed, and so has its connection.
#[derive(Debug)]
pub(super) struct Answer {
    body: axum::body::Body,
    connection: Arc<Connection>,
    length: u64,
}

impl Answer {
    /// With a body that is all there: only then its length is known, and that it was delivered.
    pub(super) fn new(body: axum::body::Body, connection: Arc<Connection>) -> Self {
        connection.answer_begins(Instant::now());
        Self {
            length: body.size_hint().exact().unwrap_or(u64::MAX),
            body,
            connection,
        }
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Answer {
    /// hyper drops a body as soon as it has buffered its end; an empty one, as for HEAD, it never polls.
    fn drop(&mut self) {
        if self.body.is_end_stream() {
            self.connection.answer_taken(self.length);
        }
    }
}
