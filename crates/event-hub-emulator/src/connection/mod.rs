//! One client's connection: a plain state machine over frames, and the task that moves its bytes.
//!
//! [`Connection`] takes bytes that came in and appends bytes that go out; it awaits nothing and reads no clock. Its
//! methods stand in the files that their subject names: [`attach`], [`receive`] for links on which the client sends,
//! [`send`] for those on which we do. [`task`] owns the socket.
//!
//! Frames for sessions and links that are not there are ignored: a client that has not yet read our detach goes on
//! sending, and all clients do.

mod address;
mod attach;
mod cbs;
#[cfg(any(fuzzing, test))]
pub mod fuzz;
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

use bytes::BytesMut;
use tokio::time::Instant;

use super::amqp::frame::{AMQP_HEADER, Frame, SASL_HEADER};
use super::amqp::performative::{
    AmqpError, Begin, Close, Detach, Disposition, End, Flow, Open, Performative, ROLE_RECEIVER,
    SaslMechanisms, SaslOutcome,
};
use super::amqp::{Array, Symbol, Value};
use super::clock::Now;
use super::condition;
use super::mailbox::{Command, Mailbox};
use super::namespace::Namespace;
use cbs::Tokens;
use later::{DETACH_AFTER, Deferred, Later, SETTLE_AGAIN_AFTER, Settled};
use link::Link;
use output::Output;
use session::{HANDLE_MAX, Session};

/// The bytes of the largest frame, which is what the official clients ask for themselves.
const FRAME_SIZE_MAX: u32 = 64 * 1024;

/// The highest channel; Event Hubs documents 5,000 connections and sessions alike for a namespace.
const CHANNEL_MAX: u16 = 4999;

/// Time without a frame after which a client shall think us dead, and we it; as Event Hubs has it.
const IDLE_TIME_OUT: Duration = Duration::from_mins(4);

/// Settlements that are held back. Beyond it nothing is read until some are due, which takes milliseconds; a client
/// that heeds its credit never gets there.
const HELD_BACK_MAX: usize = 20_000;

/// A client's connection.
#[derive(Debug)]
pub(super) struct Connection {
    id: u64,
    namespace: Arc<Namespace>,
    /// How others reach this connection, for the readers that it opens.
    mailbox: Mailbox,
    stage: Stage,
    output: Output,
    /// After so long without a frame from us the client gives up.
    peer_idle_time_out: Option<Duration>,
    /// Whether the client is the Rust SDK: see [`SETTLE_AGAIN_AFTER`].
    settles_twice: bool,
    tokens: Tokens,
    sessions: BTreeMap<u16, Session>,
    later: Later,
    /// Counts the readers that were opened here.
    readers: u64,
    /// Questions are answered with 401: a fault that was asked for.
    refuses_questions: bool,
    /// The close frame has been written, so nothing comes after it.
    closed: bool,
}

/// What the client says next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Which protocol it speaks.
    Header,
    /// How it authenticates.
    Sasl,
    /// That AMQP itself begins.
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
            settles_twice: false,
            tokens: Tokens::default(),
            sessions: BTreeMap::new(),
            later: Later::default(),
            readers: 0,
            refuses_questions: false,
            closed: false,
        }
    }

    /// Takes all that is whole of what came in.
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
        self.output.buffer.len() < output::OVERFULL && self.later.len() < HELD_BACK_MAX
    }

    /// Takes the next header or frame; false if it has not come whole. An error ends the connection.
    fn take_next(&mut self, input: &mut BytesMut, now: Now) -> Result<bool, AmqpError> {
        if matches!(self.stage, Stage::Header | Stage::SecondHeader) {
            return Ok(self.take_header(input));
        }
        let frame = Frame::take(input, FRAME_SIZE_MAX).map_err(|error| {
            tracing::debug!(connection = self.id, %error, "frame refused");
            condition::framing(error.to_string())
        })?;
        match (self.stage, frame) {
            (_, None) => return Ok(false),
            (_, Some(Frame::Empty)) => {}
            (Stage::Sasl, Some(Frame::Sasl(init))) => {
                tracing::debug!(
                    connection = self.id,
                    mechanism = init.mechanism.as_str(),
                    "authenticated"
                );
                self.output.put_sasl(&SaslOutcome {
                    code: 0,
                    additional_data: None,
                });
                self.stage = Stage::SecondHeader;
            }
            (
                Stage::Frames,
                Some(Frame::Amqp {
                    channel,
                    performative,
                    payload,
                }),
            ) => {
                tracing::trace!(
                    connection = self.id,
                    channel,
                    ?performative,
                    payload = payload.len(),
                    "frame"
                );
                self.take_performative(channel, performative, &payload, now)?;
            }
            _ => return Err(condition::framing("a frame of the wrong layer".to_owned())),
        }
        Ok(true)
    }

    /// The hub says nothing before the client's first header: pyamqp writes back the TCP options that it reads after
    /// connecting, and where data came meanwhile Linux has been seen to refuse one of them.
    fn take_header(&mut self, input: &mut BytesMut) -> bool {
        let Some(&header) = input.first_chunk() else {
            return false;
        };
        match (self.stage, header) {
            (Stage::Header, SASL_HEADER) => {
                self.output.put_header(SASL_HEADER);
                self.output.put_sasl(&SaslMechanisms {
                    mechanisms: Array::of_symbols(
                        ["MSSBCBS", "PLAIN", "ANONYMOUS", "EXTERNAL"].map(Symbol::from_static),
                    ),
                });
                self.stage = Stage::Sasl;
            }
            (_, AMQP_HEADER) => {
                self.output.put_header(AMQP_HEADER);
                self.stage = Stage::Frames;
            }
            _ => {
                // Section 2.2: answer with a header that would do, and hang up.
                self.output.put_header(SASL_HEADER);
                self.closed = true;
            }
        }
        bytes::Buf::advance(input, header.len());
        true
    }

    fn take_performative(
        &mut self,
        channel: u16,
        performative: Performative,
        payload: &bytes::Bytes,
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
            // Events are sent once and forgotten, whatever becomes of them: a reader's state is its position.
            Performative::Disposition(_) => {}
            Performative::Detach(detach) => self.take_detach(channel, &detach, now.instant),
            Performative::End(_) => self.take_end(channel),
            Performative::Close(_) => self.close(None),
        }
        Ok(())
    }

    fn take_open(&mut self, open: &Open) {
        self.output
            .limit_frames(open.max_frame_size, FRAME_SIZE_MAX);
        self.settles_twice = open
            .properties
            .as_ref()
            .and_then(|properties| properties.get("user-agent")?.as_text())
            .is_some_and(|agent| agent.contains("azsdk-rust-"));
        self.peer_idle_time_out = open
            .idle_time_out
            .filter(|milliseconds| *milliseconds > 0)
            .map(|milliseconds| Duration::from_millis(milliseconds.into()));
        let properties = vec![
            (
                Value::from(Symbol::from_static("product")),
                Value::from(env!("CARGO_PKG_NAME")),
            ),
            (
                Value::from(Symbol::from_static("version")),
                Value::from(env!("CARGO_PKG_VERSION")),
            ),
        ];
        self.output.put(
            0,
            &Open {
                container_id: "local-event-hub".to_owned(),
                hostname: None,
                max_frame_size: Some(FRAME_SIZE_MAX),
                channel_max: Some(CHANNEL_MAX),
                idle_time_out: u32::try_from(IDLE_TIME_OUT.as_millis()).ok(),
                outgoing_locales: None,
                incoming_locales: None,
                offered_capabilities: None,
                desired_capabilities: None,
                properties: Some(Value::Map(properties)),
            },
        );
    }

    fn take_begin(&mut self, channel: u16, begin: &Begin) -> Result<(), AmqpError> {
        if channel > CHANNEL_MAX || self.sessions.contains_key(&channel) {
            return Err(condition::not_allowed(format!(
                "channel {channel} is beyond the limit or in use"
            )));
        }
        let session = Session::new(begin);
        self.output.put(channel, &session.begin(channel));
        self.sessions.insert(channel, session);
        Ok(())
    }

    fn take_flow(&mut self, channel: u16, flow: &Flow) {
        let Some(session) = self.sessions.get_mut(&channel) else {
            return;
        };
        session.outgoing.on_flow(flow);
        let echo = flow.echo.unwrap_or(false);
        match flow.handle {
            None if echo => self.output.put(channel, &session.flow()),
            None => {}
            Some(handle) => {
                if let Some(Link::Sending(sending)) = session.links.get_mut(&handle) {
                    sending.on_flow(flow);
                    if echo
                        && !sending.drain
                        && let Some(flow) = session.link_flow(handle)
                    {
                        self.output.put(channel, &flow);
                    }
                }
            }
        }
    }

    fn take_detach(&mut self, channel: u16, detach: &Detach, now: Instant) {
        let Some(session) = self.sessions.get_mut(&channel) else {
            return;
        };
        if let Some(link) = session.links.remove(&detach.handle) {
            self.release(&link);
            let answer = Deferred::Detach {
                channel,
                handle: detach.handle,
                of_service: link.is_of_service(),
            };
            self.later.push(now + DETACH_AFTER, answer);
        }
    }

    fn take_end(&mut self, channel: u16) {
        let owed = self.later.take_ended(channel);
        self.say(owed);
        if let Some(session) = self.sessions.remove(&channel) {
            session.links.values().for_each(|link| self.release(link));
            self.output.put(channel, &End { error: None });
        }
    }

    /// Detaches a link of our own accord.
    fn detach(&mut self, channel: u16, handle: u32, error: Option<AmqpError>) {
        self.output.put(
            channel,
            &Detach {
                handle,
                closed: Some(true),
                error,
            },
        );
    }

    /// Says good-bye, with a reason if it is not the client's wish. Nothing is taken or sent after it.
    fn close(&mut self, error: Option<AmqpError>) {
        if !self.closed {
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
    }

    fn take_command(&mut self, command: Command) {
        match command {
            Command::Close(error) => self.close(Some(error)),
            Command::RefuseQuestions => self.refuses_questions = true,
            Command::Detach { reader, error } => {
                let link = self
                    .sessions
                    .get_mut(&reader.channel)
                    .and_then(|session| session.links.get(&reader.handle));
                // The handle may have another link by now.
                if link
                    .and_then(Link::reader)
                    .is_some_and(|(_, id)| id == reader)
                {
                    if let Some(session) = self.sessions.get_mut(&reader.channel) {
                        session.links.remove(&reader.handle);
                    }
                    self.detach(reader.channel, reader.handle, error);
                }
            }
        }
    }

    /// Says what was held back until now.
    fn take_due(&mut self, now: Now) {
        if self.tokens.expire(now.timestamp) {
            self.detach_without_token();
        }
        let due = self.later.take_due(now.instant);
        self.say(due);
    }

    /// Settlements of deliveries in a row go as one frame.
    fn say(&mut self, held_back: Vec<Deferred>) {
        let mut range: Option<Settled> = None;
        for deferred in held_back {
            match deferred {
                Deferred::Detach {
                    channel, handle, ..
                } => self.detach(channel, handle, None),
                Deferred::SettleAgain(range) => self.dispose(&range, true),
                Deferred::Settle {
                    channel,
                    delivery_id,
                    state,
                } => match &mut range {
                    Some(range) if range.continues(channel, delivery_id, &state) => {
                        range.last = delivery_id;
                    }
                    _ => {
                        let next = Settled {
                            channel,
                            first: delivery_id,
                            last: delivery_id,
                            state,
                        };
                        if let Some(done) = range.replace(next) {
                            self.settle(done);
                        }
                    }
                },
            }
        }
        if let Some(range) = range {
            self.settle(range);
        }
    }

    /// Settled at once, whatever mode the client attached with: pyamqp ignores a disposition that is not.
    fn settle(&mut self, range: Settled) {
        self.dispose(&range, !self.settles_twice);
        if self.settles_twice {
            let due = Instant::now() + SETTLE_AGAIN_AFTER;
            self.later.push(due, Deferred::SettleAgain(range));
        }
    }

    fn dispose(&mut self, range: &Settled, settled: bool) {
        self.output.put(
            range.channel,
            &Disposition {
                role: ROLE_RECEIVER,
                first: range.first,
                last: Some(range.last),
                settled: Some(settled),
                state: Some(range.state.clone()),
                batchable: Some(false),
            },
        );
    }

    /// Closes the links that no token allows any more.
    fn detach_without_token(&mut self) {
        let tokens = &self.tokens;
        let mut without = Vec::new();
        for (&channel, session) in &mut self.sessions {
            let expired = session.links.extract_if(.., |_, link| {
                link.event_hub()
                    .is_some_and(|event_hub| !tokens.allow(event_hub))
            });
            without.extend(expired.map(|(handle, link)| (channel, handle, link)));
        }
        for (channel, handle, link) in without {
            self.release(&link);
            self.detach(channel, handle, Some(condition::token_expired()));
        }
    }

    /// When something is due that was held back, or a token expires.
    fn next_due(&self, now: Now) -> Option<Instant> {
        let expiry = self.tokens.next_expiry().map(|expires_at| {
            let left = u64::try_from(expires_at.saturating_sub(now.timestamp)).unwrap_or(0);
            // A clock that is set meanwhile is noticed within the minute.
            now.instant + Duration::from_millis(left).min(Duration::from_mins(1))
        });
        [self.later.next_due(), expiry].into_iter().flatten().min()
    }

    /// Gives up what a link holds in the namespace.
    fn release(&self, link: &Link) {
        if let Some((partition, reader)) = link.reader() {
            self.namespace.close_reader(partition, reader);
        }
    }
}

/// However a connection ends, its readers end with it.
impl Drop for Connection {
    fn drop(&mut self) {
        for session in self.sessions.values() {
            session.links.values().for_each(|link| self.release(link));
        }
    }
}
