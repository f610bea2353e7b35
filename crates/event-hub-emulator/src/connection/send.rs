//! Links on which the emulator sends: events to readers, and the services' answers.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use crate::amqp::message::{SectionKind, put_section};
use crate::amqp::{Symbol, Value};
use crate::clock::{Now, Timestamp};
use crate::event::Event;
use crate::log::Last;
use crate::namespace::Namespace;

use super::Connection;
use super::link::{Content, Link, Sending};
use super::output::{FULL, Output};
use super::session::Outgoing;

/// Events that a link sends before it is the next link's turn.
const TURN: u32 = 64;

/// Where a link's frames go.
struct Way<'a> {
    channel: u16,
    handle: u32,
    outgoing: &'a mut Outgoing,
    output: &'a mut Output,
}

impl Connection {
    /// Fills the output with what there is to send, the links in turn, as far as credit and windows allow.
    pub(super) fn fill(&mut self, now: Now) {
        while !self.closed && self.output.buffer.len() < FULL && self.fill_one_turn(now) {}
        self.give_back_drained();
    }

    /// True if some link has more to send.
    fn fill_one_turn(&mut self, now: Now) -> bool {
        let mut more = false;
        for (&channel, session) in &mut self.sessions {
            for (&handle, link) in &mut session.links {
                if let Link::Sending(sending) = link {
                    more |= sending.fill(
                        &self.namespace,
                        now,
                        Way {
                            channel,
                            handle,
                            outgoing: &mut session.outgoing,
                            output: &mut self.output,
                        },
                    );
                }
            }
        }
        more
    }

    /// A link that drains and has sent all there is uses up its credit in one step, and sends its new state (section 2.6.7).
    fn give_back_drained(&mut self) {
        let full = self.output.buffer.len() >= FULL;
        for (&channel, session) in &mut self.sessions {
            if full || session.outgoing.is_closed() {
                continue;
            }
            let drained: Vec<u32> = session
                .links
                .iter_mut()
                .filter_map(|(&handle, link)| match link {
                    Link::Sending(sending) if sending.drain => {
                        sending.count(sending.credit);
                        Some(handle)
                    }
                    _ => None,
                })
                .collect();
            for handle in drained {
                if let Some(flow) = session.link_flow(handle) {
                    self.output.put(channel, &flow);
                }
                if let Some(Link::Sending(sending)) = session.links.get_mut(&handle) {
                    sending.drain = false;
                }
            }
        }
    }
}

impl Sending {
    /// Sends up to a turn's worth. True if there is more, and room for it.
    fn fill(&mut self, namespace: &Namespace, now: Now, mut way: Way<'_>) -> bool {
        if self.credit == 0 || way.outgoing.is_closed() {
            return false;
        }
        let turn = self.credit.min(TURN);
        let settled = self.settled;
        let (sent, more) = match &mut self.content {
            Content::Answers(answers) => {
                let sent = way.send_answers(&mut answers.waiting, turn, settled);
                (sent, false)
            }
            Content::Events(events) => {
                let mut sent = 0;
                let mut metric = None;
                let take = |event: &Event, last: &Last| {
                    if events.runtime_metric && metric.is_none() {
                        metric = Some(end_of_partition(last, now.timestamp));
                    }
                    let (header, message) = event
                        .message
                        .split_at(event.header_length.min(event.message.len()));
                    let metric = metric.as_deref().unwrap_or_default();
                    let taken = sent < turn && way.send(settled, &[header, metric, message]);
                    sent += u32::from(taken);
                    taken
                };
                let (next, more) = namespace.with(events.partition, |partition| {
                    partition.read(events.reader, events.next, take)
                });
                events.next = next;
                (sent, more && sent == turn)
            }
        };
        self.count(sent);
        more && self.credit > 0
    }
}

/// The delivery annotations that show a client the end of the partition.
fn end_of_partition(last: &Last, now: Timestamp) -> BytesMut {
    let annotation = |key, value| (Value::from(Symbol::from_static(key)), value);
    let annotations = vec![
        annotation(
            "last_enqueued_sequence_number",
            Value::Long(last.sequence_number),
        ),
        annotation(
            "last_enqueued_offset",
            Value::String(last.offset.to_string()),
        ),
        annotation("last_enqueued_time_utc", Value::Timestamp(last.enqueued_at)),
        annotation("runtime_info_retrieval_time_utc", Value::Timestamp(now)),
    ];
    let mut section = BytesMut::new();
    put_section(
        &mut section,
        SectionKind::DeliveryAnnotations,
        &Value::Map(annotations),
    );
    section
}

impl Way<'_> {
    fn send_answers(&mut self, waiting: &mut VecDeque<Bytes>, turn: u32, settled: bool) -> u32 {
        let mut sent = 0;
        while sent < turn
            && let Some(answer) = waiting.front()
            && self.send(settled, &[answer])
        {
            waiting.pop_front();
            sent += 1;
        }
        sent
    }

    /// False if there is no room, in the peer's window or in the output.
    fn send(&mut self, settled: bool, message: &[&[u8]]) -> bool {
        self.output.buffer.len() < FULL
            && self
                .outgoing
                .send(self.output, self.channel, self.handle, settled, message)
    }
}
