//! A session: its windows in both directions, and its links.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::Connection;
use super::handshake::CHANNEL_MAX;
use super::link::Link;
use super::output::Output;
use crate::amqp::performative::{AmqpError, Begin, End, Flow, Transfer};
use crate::condition;

/// Transfer frames that the client may send before the next flow; Event Hubs' own number is not known.
pub(super) const WINDOW: u32 = 5000;

/// The highest link handle in a session. It must be a number: pyamqp reads the field without a check.
pub(super) const HANDLE_MAX: u32 = 255;

/// One session of a connection.
#[derive(Debug)]
pub(super) struct Session {
    incoming: Incoming,
    pub(super) outgoing: Outgoing,
    /// By handle. Both sides use the same numbers.
    pub(super) links: BTreeMap<u32, Link>,
}

#[derive(Debug)]
struct Incoming {
    next_id: u32,
    /// Transfer frames since the client was sent the window.
    since_flow: u32,
}

/// The half of a session on which the emulator sends.
#[derive(Debug)]
pub(super) struct Outgoing {
    /// Counts transfer frames.
    next_transfer_id: u32,
    /// Counts deliveries, of one frame or many.
    next_delivery_id: u32,
    /// Transfer frames that the client accepts at the moment.
    window: u32,
}

/// The transfer id of the first transfer that is sent.
const FIRST_TRANSFER_ID: u32 = 1;

impl Connection {
    pub(super) fn take_begin(&mut self, channel: u16, begin: &Begin) -> Result<(), AmqpError> {
        if channel > CHANNEL_MAX || self.sessions.contains_key(&channel) {
            let description = format!("channel {channel} is beyond the limit or in use");
            return Err(AmqpError::new(condition::NOT_ALLOWED, description));
        }
        let session = Session::new(begin);
        self.output.put(channel, &session.begin(channel));
        self.sessions.insert(channel, session);
        Ok(())
    }

    pub(super) fn take_flow(&mut self, channel: u16, flow: &Flow) {
        let Some(session) = self.sessions.get_mut(&channel) else {
            return;
        };
        session.outgoing.on_flow(flow);
        let echo = flow.echo.unwrap_or(false);
        let answer = match flow.handle {
            None => echo.then(|| session.flow()),
            Some(handle) => match session.links.get_mut(&handle) {
                Some(Link::Sending(sending)) => {
                    sending.on_flow(flow);
                    // Where it drains, the answer comes when all has been sent.
                    let at_once = echo && !sending.drain;
                    at_once.then(|| session.link_flow(handle)).flatten()
                }
                _ => None,
            },
        };
        if let Some(answer) = answer {
            self.output.put(channel, &answer);
        }
    }

    pub(super) fn take_end(&mut self, channel: u16) {
        for (handle, closed) in self.later.take_ended(channel) {
            self.answer_detach(channel, handle, closed);
        }
        if let Some(session) = self.sessions.remove(&channel) {
            session.links.values().for_each(|link| self.release(link));
            self.output.put(channel, &End { error: None });
        }
    }
}

impl Session {
    fn new(begin: &Begin) -> Self {
        Self {
            incoming: Incoming {
                next_id: begin.next_outgoing_id,
                since_flow: 0,
            },
            outgoing: Outgoing {
                next_transfer_id: FIRST_TRANSFER_ID,
                next_delivery_id: 0,
                window: begin.incoming_window,
            },
            links: BTreeMap::new(),
        }
    }

    /// The answer to a `begin` on this channel.
    fn begin(&self, channel: u16) -> Begin {
        Begin {
            remote_channel: Some(channel),
            next_outgoing_id: self.outgoing.next_transfer_id,
            incoming_window: WINDOW,
            outgoing_window: WINDOW,
            handle_max: Some(HANDLE_MAX),
            ..Begin::default()
        }
    }

    /// Counts a transfer frame of the client. True when it is time to send the window again.
    pub(super) fn count_incoming(&mut self) -> bool {
        self.incoming.next_id = self.incoming.next_id.wrapping_add(1);
        self.incoming.since_flow += 1;
        let due = self.incoming.since_flow >= WINDOW / 2;
        if due {
            self.incoming.since_flow = 0;
        }
        due
    }

    /// The state of the session.
    pub(super) fn flow(&self) -> Flow {
        Flow {
            next_incoming_id: Some(self.incoming.next_id),
            incoming_window: WINDOW,
            next_outgoing_id: self.outgoing.next_transfer_id,
            outgoing_window: WINDOW,
            drain: Some(false),
            echo: Some(false),
            ..Flow::default()
        }
    }

    /// The state of the session and of one of its links, if there is that link.
    pub(super) fn link_flow(&self, handle: u32) -> Option<Flow> {
        let link = self.links.get(&handle)?;
        let (delivery_count, credit) = link.flow_state();
        Some(Flow {
            handle: Some(handle),
            delivery_count: Some(delivery_count),
            link_credit: Some(credit),
            available: Some(0),
            drain: Some(link.draining()),
            ..self.flow()
        })
    }
}

impl Outgoing {
    /// Adopts the client's incoming window (section 2.5.6).
    fn on_flow(&mut self, flow: &Flow) {
        self.window = flow
            .next_incoming_id
            .unwrap_or(FIRST_TRANSFER_ID)
            .wrapping_add(flow.incoming_window)
            .wrapping_sub(self.next_transfer_id);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.window == 0
    }

    /// Sends a message if the window has room for all its frames. False if it does not.
    pub(super) fn send(
        &mut self,
        output: &mut Output,
        channel: u16,
        handle: u32,
        settled: bool,
        message: &[&[u8]],
    ) -> bool {
        let frames = output.frames_of(message.iter().map(|part| part.len()).sum());
        if frames > self.window {
            return false;
        }
        let id = self.next_delivery_id;
        // Every frame has all the fields, since pyamqp reads eleven of each.
        let transfer = Transfer {
            handle,
            delivery_id: Some(id),
            delivery_tag: Some(Bytes::copy_from_slice(&id.to_be_bytes())),
            message_format: Some(0),
            settled: Some(settled),
            resume: Some(false),
            aborted: Some(false),
            batchable: Some(true),
            ..Transfer::default()
        };
        output.put_delivery(channel, transfer, message);
        self.next_delivery_id = id.wrapping_add(1);
        self.next_transfer_id = self.next_transfer_id.wrapping_add(frames);
        self.window -= frames;
        true
    }
}
