//! Links on which the client sends: events to publish, and requests to the services.

use bytes::Bytes;

use crate::MESSAGE_BYTES_MAX;
use crate::amqp::DecodeError;
use crate::amqp::message::{SectionKind, Sections};
use crate::amqp::performative::{AmqpError, DeliveryState, Rejected, Transfer};
use crate::clock::{Now, Timestamp};
use crate::condition;
use crate::event::Incoming;
use crate::namespace::{EventHubId, PartitionId};

use super::Connection;
use super::address::path_of;
use super::cbs::{self, Audience};
use super::later::{Deferred, Outcome, SETTLE_AFTER};
use super::link::{Delivered, Link, Purpose, Service};
use super::management;
use super::request::{Answer, Request};

/// The message format of a batch: each Data section is a message of its own (as all the official clients send it).
const BATCH: u32 = 0x8001_3700;

/// The bytes of unfinished messages of one connection: the largest message on 64 links at once.
const UNFINISHED_MAX: usize = 64 * 1024 * 1024;

/// Bytes of the answers that wait for credit on all links of a connection. An answer repeats the request's id, which may
/// be nearly as large as a message; that of an official client has forty bytes, and one answer waits at a time.
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;

impl Connection {
    pub(super) fn take_transfer(
        &mut self,
        channel: u16,
        transfer: &Transfer,
        payload: &Bytes,
        now: Now,
    ) -> Result<(), AmqpError> {
        let Some(session) = self.sessions.get_mut(&channel) else {
            return Ok(());
        };
        if session.count_incoming() {
            let flow = session.flow();
            self.output.put(channel, &flow);
        }
        let Some(Link::Receiving(receiving)) = session.links.get_mut(&transfer.handle) else {
            return Ok(());
        };
        let delivered = receiving.take(transfer, payload);
        let (purpose, topped_up) = (receiving.purpose, receiving.top_up());
        if topped_up && let Some(flow) = session.link_flow(transfer.handle) {
            self.output.put(channel, &flow);
        }
        match delivered {
            Some(delivered) => self.take_delivery(channel, purpose, delivered, now),
            None => self.check_unfinished(),
        }
    }

    fn take_delivery(
        &mut self,
        channel: u16,
        purpose: Purpose,
        delivered: Delivered,
        now: Now,
    ) -> Result<(), AmqpError> {
        let taken = match (delivered.message, purpose) {
            (Err(bytes), _) => Err(condition::message_too_large(bytes, MESSAGE_BYTES_MAX)),
            (Ok(message), Purpose::Requests(service)) => {
                self.serve(channel, service, message, now)?;
                Ok(())
            }
            (
                Ok(message),
                Purpose::Events {
                    event_hub,
                    partition,
                },
            ) => self.publish(
                event_hub,
                partition,
                delivered.message_format,
                &message,
                now,
            ),
        };
        let state = match taken {
            Ok(()) => DeliveryState::Accepted,
            Err(error) => DeliveryState::Rejected(Rejected { error: Some(error) }),
        };
        if !delivered.settled {
            let outcome = Outcome {
                channel,
                first: delivered.delivery_id,
                last: delivered.delivery_id,
                state,
            };
            self.later
                .push(now.instant + SETTLE_AFTER, Deferred::Settle(outcome));
        }
        Ok(())
    }

    fn publish(
        &self,
        event_hub: EventHubId,
        partition: Option<PartitionId>,
        message_format: u32,
        message: &Bytes,
        now: Now,
    ) -> Result<(), AmqpError> {
        if self
            .namespace
            .faults
            .take_one(|active| &mut active.busy_sends)
        {
            return Err(condition::server_busy());
        }
        let (messages, partition_key) =
            messages_of(message_format, message).map_err(|error| undecodable(&error))?;
        self.namespace.publish(
            event_hub,
            partition,
            partition_key.as_deref(),
            &messages,
            now.timestamp,
        );
        Ok(())
    }

    /// Carries out a request, and queues the answer on the link of the same session that the request names, or on the
    /// only one that there is: Python names none.
    fn serve(
        &mut self,
        channel: u16,
        service: Service,
        message: Bytes,
        now: Now,
    ) -> Result<(), AmqpError> {
        let request = Request::parse(message).map_err(|error| undecodable(&error))?;
        let answer = match service {
            Service::Cbs => self.put_token(&request, now.timestamp),
            Service::Management if self.refuses_questions => {
                cbs::refused(401, condition::ASKED_FOR)
            }
            Service::Management => management::answer(&self.namespace, &request),
        };
        tracing::debug!(
            connection = self.id,
            ?service,
            status = answer.status,
            description = answer.description,
            "request answered"
        );
        let answer = answer.to_message(&request);
        let links = self.sessions.values_mut();
        let waiting = links
            .flat_map(|session| session.links.values_mut())
            .filter_map(Link::answers)
            .flat_map(|answers| &answers.waiting);
        if waiting.map(Bytes::len).sum::<usize>() + answer.len() > ANSWER_BYTES_MAX {
            let description =
                format!("more than {ANSWER_BYTES_MAX} bytes of answers wait for credit");
            return Err(AmqpError::new(condition::RESOURCE_LIMIT, description));
        }
        let Some(session) = self.sessions.get_mut(&channel) else {
            return Ok(());
        };
        let mut replies: Vec<_> = session
            .links
            .values_mut()
            .filter_map(Link::answers)
            .filter(|answers| answers.service == service)
            .collect();
        let named = replies
            .iter()
            .position(|answers| answers.reply_to.is_some() && answers.reply_to == request.reply_to);
        if let Some(answers) = replies.get_mut(named.unwrap_or(0)) {
            answers.waiting.push_back(answer);
        }
        Ok(())
    }

    fn put_token(&mut self, request: &Request, now: Timestamp) -> Answer {
        let (status, lifetime) = self
            .namespace
            .faults
            .get(|active| (active.token_status, active.token_lifetime));
        if let Some(status) = status {
            return cbs::refused(status.into(), condition::ASKED_FOR);
        }
        let name = request.text("name");
        let Some(audience) = self.audience(name) else {
            let AmqpError {
                condition,
                description,
                ..
            } = condition::not_found(name);
            return Answer::failed(404, description.unwrap_or_default(), Some(condition));
        };
        let rights = |signature: &str| self.namespace.rights_of(signature);
        self.tokens.put(audience, request, rights, now, lifetime)
    }

    /// What a token is for; `None` if there is no such event hub.
    fn audience(&self, name: &str) -> Option<Audience> {
        match path_of(name).split('/').next() {
            None | Some("") => Some(Audience::Namespace),
            Some(event_hub) => self.namespace.find(event_hub).map(Audience::EventHub),
        }
    }

    fn check_unfinished(&self) -> Result<(), AmqpError> {
        let unfinished = self.links().map(|link| match link {
            Link::Receiving(receiving) => receiving.unfinished_bytes(),
            Link::Sending(_) => 0,
        });
        if unfinished.sum::<usize>() > UNFINISHED_MAX {
            let description = format!("more than {UNFINISHED_MAX} bytes of unfinished messages");
            return Err(AmqpError::new(condition::RESOURCE_LIMIT, description));
        }
        Ok(())
    }
}

fn undecodable(error: &DecodeError) -> AmqpError {
    AmqpError::new(condition::UNDECODABLE, error.to_string())
}

/// The messages in a delivery, and the partition key that it names. All or none: a batch with one bad message is refused.
fn messages_of(
    message_format: u32,
    message: &Bytes,
) -> Result<(Vec<Incoming>, Option<String>), DecodeError> {
    let envelope = Incoming::parse(message)?;
    let partition_key = envelope.partition_key.clone();
    if message_format != BATCH {
        return Ok((vec![envelope], partition_key));
    }
    let mut messages = Vec::new();
    for section in Sections::of(message.clone()) {
        let section = section?;
        if section.kind == SectionKind::Data {
            messages.push(Incoming::parse(&section.data()?)?);
        }
    }
    Ok((messages, partition_key))
}
