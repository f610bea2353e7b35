//! One client's connection: a plain state machine over frames, and the task that moves its bytes.
//!
//! [`Connection`] takes bytes that came in and appends bytes that go out; it awaits nothing and reads no clock. Its
//! methods are in the files that their subject names: [`handshake`], [`session`], [`attach`], [`receive`] for links on
//! which the client sends, [`send`] for links on which the emulator sends, [`later`] for answers that wait. [`task`] owns
//! the socket.
//!
//! Frames for sessions and links that do not exist are ignored: all clients go on sending until they have read a detach.

mod address;
mod attach;
mod cbs;
#[cfg(any(fuzzing, test))]
pub(super) mod fuzz;
mod handshake;
mod later;
mod link;
mod management;
mod output;
mod receive;
mod request;
mod send;
mod session;
pub(super) mod task;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::time::Instant;

use super::amqp::frame::Frame;
use super::amqp::performative::{AmqpError, Close, Performative};
use super::clock::Now;
use super::condition;
use super::mailbox::{Command, Mailbox};
use super::namespace::Namespace;
use cbs::Tokens;
use later::Later;
use link::Link;
use output::Output;
use session::Session;

/// The bytes of the largest frame, which is what the official clients ask for themselves.
const FRAME_SIZE_MAX: u32 = 64 * 1024;

/// Answers that wait for their time. Beyond it nothing is read until some are due, which takes milliseconds; a client that
/// heeds its credit never gets there.
const LATER_MAX: usize = 20_000;

/// A client's connection.
#[derive(Debug)]
pub(super) struct Connection {
    id: u64,
    namespace: Arc<Namespace>,
    /// How others reach this connection, for the readers that it opens.
    mailbox: Mailbox,
    stage: Stage,
    output: Output,
    /// The client closes after this time without a frame.
    peer_idle_time_out: Option<Duration>,
    /// See [`later::SETTLE_AGAIN_AFTER`] and [`later::CBS_DETACH_AFTER`].
    is_rust_sdk: bool,
    tokens: Tokens,
    sessions: BTreeMap<u16, Session>,
    later: Later,
    /// Counts the readers that were opened here.
    readers: u64,
    /// Requests to `$management` are answered with 401: a fault that was asked for.
    refuses_questions: bool,
    /// The close frame has been written, so nothing comes after it.
    closed: bool,
}

/// What the client sends next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The header that names the first protocol.
    Header,
    /// How it authenticates.
    Sasl,
    /// The header of AMQP itself.
    SecondHeader,
    /// Frames.
    Frames,
}

impl Connection {
    pub(super) fn new(id: u64, namespace: Arc<Namespace>, mailbox: Mailbox) -> Self {
        Self {
            id,
            namespace,
            mailbox,
            stage: Stage::Header,
            output: Output::new(),
            peer_idle_time_out: None,
            is_rust_sdk: false,
            tokens: Tokens::default(),
            sessions: BTreeMap::new(),
            later: Later::default(),
            readers: 0,
            refuses_questions: false,
            closed: false,
        }
    }

    /// Takes every whole header and frame from the input.
    fn take_input(&mut self, input: &mut BytesMut, now: Now) {
        while !self.closed && self.wants_input() {
            match self.take_next(input, now) {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => self.close(Some(error)),
            }
        }
    }

    /// False where a client asks much faster than it reads the answers.
    fn wants_input(&self) -> bool {
        self.output.buffer.len() < output::OVERFULL && self.later.len() < LATER_MAX
    }

    /// Takes the next header or frame; false if it has not come whole. An error ends the connection.
    fn take_next(&mut self, input: &mut BytesMut, now: Now) -> Result<bool, AmqpError> {
        if matches!(self.stage, Stage::Header | Stage::SecondHeader) {
            return Ok(self.take_header(input));
        }
        let frame = Frame::take(input, FRAME_SIZE_MAX)
            .map_err(|error| AmqpError::new(condition::FRAMING, error.to_string()))?;
        match (self.stage, frame) {
            (_, None) => return Ok(false),
            (_, Some(Frame::Empty)) => {}
            (Stage::Sasl, Some(Frame::Sasl(init))) => self.take_sasl(&init),
            (
                Stage::Frames,
                Some(Frame::Amqp {
                    channel,
                    performative,
                    payload,
                }),
            ) => {
                let bytes = payload.len();
                tracing::trace!(
                    connection = self.id,
                    channel,
                    ?performative,
                    payload = bytes,
                    "frame"
                );
                self.take_performative(channel, performative, &payload, now)?;
            }
            _ => {
                let description = "a frame of the wrong layer";
                return Err(AmqpError::new(condition::FRAMING, description));
            }
        }
        Ok(true)
    }

    fn take_performative(
        &mut self,
        channel: u16,
        performative: Performative,
        payload: &Bytes,
        now: Now,
    ) -> Result<(), AmqpError> {
        match performative {
            Performative::Open(open) => self.take_open(&open),
            Performative::Begin(begin) => self.take_begin(channel, &begin)?,
            Performative::Attach(attach) => self.take_attach(channel, *attach)?,
            Performative::Flow(flow) => self.take_flow(channel, &flow),
            Performative::Transfer(transfer) => {
                self.take_transfer(channel, &transfer, payload, now)?;
            }
            // An event is sent once, whatever becomes of it: a reader's state is its position.
            Performative::Disposition(_) => {}
            Performative::Detach(detach) => self.take_detach(channel, &detach, now.instant),
            Performative::End(_) => self.take_end(channel),
            Performative::Close(_) => self.close(None),
        }
        Ok(())
    }

    /// Closes the connection, with an error if the client has not asked for it. Nothing is taken or sent after it.
    fn close(&mut self, error: Option<AmqpError>) {
        if self.closed {
            return;
        }
        if let Some(error) = &error {
            tracing::debug!(
                connection = self.id,
                condition = error.condition.as_str(),
                description = error.description,
                "connection closed"
            );
        }
        if self.stage == Stage::Frames {
            self.output.put(0, &Close { error });
        }
        self.closed = true;
    }

    fn take_command(&mut self, command: Command) {
        match command {
            Command::Close(error) => self.close(Some(error)),
            Command::RefuseQuestions => self.refuses_questions = true,
            Command::Detach { reader, error } => {
                let links = self.sessions.get_mut(&reader.channel);
                let links = links.map(|session| &mut session.links);
                // By now the handle may belong to another link.
                let of_reader = |_: &u32, link: &mut Link| {
                    link.events().is_some_and(|events| events.reader == reader)
                };
                let removed = links.and_then(|links| {
                    let range = reader.handle..=reader.handle;
                    links.extract_if(range, of_reader).next()
                });
                if removed.is_some() {
                    self.detach(reader.channel, reader.handle, error);
                }
            }
        }
    }

    /// Sends what has waited until now, and detaches the links whose token has expired.
    fn take_due(&mut self, now: Now) {
        if self.tokens.expire(now.timestamp) {
            self.detach_without_token();
        }
        let due = self.later.take_due(now.instant);
        self.send_due(due, now.instant);
    }

    /// When something is due that waits, or a token expires.
    fn next_due(&self, now: Now) -> Option<Instant> {
        let expiry = self.tokens.next_expiry().map(|expires_at| {
            let left = u64::try_from(expires_at.saturating_sub(now.timestamp)).unwrap_or(0);
            // A clock that is set meanwhile is noticed within the minute.
            now.instant + Duration::from_millis(left).min(Duration::from_mins(1))
        });
        [self.later.next_due(), expiry].into_iter().flatten().min()
    }

    fn links(&self) -> impl Iterator<Item = &Link> {
        let sessions = self.sessions.values();
        sessions.flat_map(|session| session.links.values())
    }

    /// Removes the reader that a link is from its partition.
    fn release(&self, link: &Link) {
        if let Some(events) = link.events() {
            self.namespace.with(events.partition, |partition| {
                partition.readers.release(events.reader);
            });
        }
    }
}

/// However a connection ends, its readers end with it.
impl Drop for Connection {
    fn drop(&mut self) {
        self.links().for_each(|link| self.release(link));
    }
}
