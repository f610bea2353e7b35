//! Links being opened and closed: which node the address names, whether it exists, and whether the client may use it.

use std::collections::VecDeque;

use tokio::time::Instant;

use crate::MESSAGE_BYTES_MAX;
use crate::amqp::performative::{AmqpError, Attach, Detach, ROLE_RECEIVER, ROLE_SENDER};
use crate::amqp::{Array, Symbol, Value};
use crate::condition;
use crate::mailbox::ReaderId;
use crate::namespace::{EventHubId, PartitionId};
use crate::policy::Claim;
use crate::reader::Reader;
use crate::start::Start;

use super::Connection;
use super::address::Node;
use super::later::{CBS_DETACH_AFTER, DETACH_AFTER, Deferred};
use super::link::{Answers, Content, Events, Link, Purpose, Receiving, Sending, Service};
use super::session::HANDLE_MAX;

/// Links of one connection: a client with a link per partition of the largest event hub has 2,000.
const LINKS_MAX: usize = 4096;

/// The bytes of a link's name, and of its addresses, which are kept as long as the link. Those of the official clients
/// have about 200.
const TEXT_MAX: usize = 1024;

/// The settle modes of a sender (section 2.8.2).
const SETTLED: u8 = 1;
const MIXED: u8 = 2;

/// The capability that a client desires if it wants the end of the partition with each event.
const RUNTIME_METRIC: Symbol = Symbol::from_static("com.microsoft:enable-receiver-runtime-metric");

/// The link property that holds the owner level.
const OWNER_LEVEL: &str = "com.microsoft:epoch";

impl Connection {
    pub(super) fn take_attach(&mut self, channel: u16, attach: Attach) -> Result<(), AmqpError> {
        let links = self.links().count();
        let Some(session) = self.sessions.get(&channel) else {
            let description = format!("there is no session on channel {channel}");
            return Err(AmqpError::new(condition::NOT_ALLOWED, description));
        };
        let handle = attach.handle;
        if handle > HANDLE_MAX || session.links.contains_key(&handle) || links >= LINKS_MAX {
            let description = format!("handle {handle} is beyond the limit or in use");
            return Err(AmqpError::new(condition::NOT_ALLOWED, description));
        }
        if longest_text(&attach) > TEXT_MAX {
            let description =
                format!("the name and the addresses of a link have at most {TEXT_MAX} bytes");
            return Err(AmqpError::new(condition::NOT_ALLOWED, description));
        }
        match self.open_link(channel, &attach) {
            Ok(link) => self.accept(channel, attach, link),
            Err(error) => {
                tracing::debug!(
                    connection = self.id,
                    link = attach.name,
                    condition = error.condition.as_str(),
                    description = error.description,
                    "link refused"
                );
                self.refuse(channel, attach, error);
            }
        }
        Ok(())
    }

    fn open_link(&mut self, channel: u16, attach: &Attach) -> Result<Link, AmqpError> {
        let client_receives = attach.role == ROLE_RECEIVER;
        let address = if client_receives {
            source_address(attach)
        } else {
            target_address(attach)
        };
        let address = address.unwrap_or_default();
        let node = Node::parse(address);
        if node == Node::Cbs {
            return Ok(service_link(Service::Cbs, attach));
        }
        if !self.tokens.any() {
            return Err(condition::no_token(address));
        }
        let (event_hub, consumer_group, partition) = match node {
            Node::Management => return Ok(service_link(Service::Management, attach)),
            Node::Entity {
                event_hub,
                consumer_group,
                partition,
            } => (event_hub, consumer_group, partition),
            Node::Cbs | Node::Unknown => return Err(condition::not_found(address)),
        };
        let claim = if client_receives {
            Claim::Listen
        } else {
            Claim::Send
        };
        let event_hub = self.find(event_hub, claim, address)?;
        let find_partition = |number| {
            let partition = self.namespace.find_partition(event_hub, number);
            partition.ok_or_else(|| condition::not_found(address))
        };
        let partition = partition.map(find_partition).transpose()?;
        match (client_receives, consumer_group, partition) {
            (false, None, partition) => Ok(producer_link(event_hub, partition, attach)),
            (true, Some(group), Some(partition))
                if self.namespace.has_consumer_group(event_hub, group) =>
            {
                self.open_reader(channel, attach, group, partition)
            }
            _ => Err(condition::not_found(address)),
        }
    }

    /// The event hub of this name, if there is a token that allows this on it.
    fn find(&self, event_hub: &str, claim: Claim, address: &str) -> Result<EventHubId, AmqpError> {
        let event_hub = self
            .namespace
            .find(event_hub)
            .ok_or_else(|| condition::not_found(address))?;
        if self.tokens.allow(event_hub, claim) {
            Ok(event_hub)
        } else if self.tokens.any_for(event_hub) {
            Err(condition::lacks(claim, address))
        } else {
            Err(condition::no_token(address))
        }
    }

    /// The start position is resolved here, before the client receives the attach: so `@latest` means from now on.
    fn open_reader(
        &mut self,
        channel: u16,
        attach: &Attach,
        consumer_group: &str,
        partition: PartitionId,
    ) -> Result<Link, AmqpError> {
        if self
            .namespace
            .faults
            .take_one(|active| &mut active.busy_readers)
        {
            return Err(condition::server_busy());
        }
        if self
            .namespace
            .faults
            .take_one(|active| &mut active.refused_positions)
        {
            let error = AmqpError::new(condition::INVALID_ARGUMENT, condition::ASKED_FOR);
            return Err(error);
        }
        let start = match &attach.source {
            None => Start::Earliest,
            Some(source) => Start::of_source(source).map_err(|filter| {
                let description = format!("The supplied filter '{filter}' is invalid.");
                AmqpError::new(condition::INVALID_ARGUMENT, description)
            })?,
        };
        self.readers += 1;
        let id = ReaderId {
            connection: self.id,
            serial: self.readers,
            channel,
            handle: attach.handle,
        };
        let reader = Reader {
            id,
            // Azure ignores the case of consumer groups.
            consumer_group: consumer_group.to_ascii_lowercase(),
            owner_level: attach
                .properties
                .as_ref()
                .and_then(|properties| properties.get(OWNER_LEVEL))
                .and_then(Value::as_integer),
            name: attach.name.clone(),
            mailbox: self.mailbox.clone(),
            frozen: false,
        };
        let next = self
            .namespace
            .with(partition, |partition| partition.open_reader(start, reader))?;
        let content = Content::Events(Events {
            partition,
            reader: id,
            next,
            runtime_metric: desires_runtime_metric(attach),
        });
        let settled = attach.snd_settle_mode == Some(SETTLED);
        Ok(Link::Sending(Sending::new(content, settled)))
    }

    fn accept(&mut self, channel: u16, attach: Attach, link: Link) {
        let (handle, receives) = (attach.handle, matches!(link, Link::Receiving(_)));
        self.output.put(channel, &answer_to(attach));
        if let Some(session) = self.sessions.get_mut(&channel) {
            session.links.insert(handle, link);
            if receives && let Some(flow) = session.link_flow(handle) {
                self.output.put(channel, &flow);
            }
        }
    }

    /// Answers the attach without the terminus that does not exist, then detaches (section 2.6.3).
    fn refuse(&mut self, channel: u16, attach: Attach, error: AmqpError) {
        let handle = attach.handle;
        let mut answer = answer_to(attach);
        if answer.role == ROLE_SENDER {
            answer.source = None;
        } else {
            answer.target = None;
        }
        self.output.put(channel, &answer);
        self.detach(channel, handle, Some(error));
    }

    pub(super) fn take_detach(&mut self, channel: u16, detach: &Detach, now: Instant) {
        let Some(session) = self.sessions.get_mut(&channel) else {
            return;
        };
        if let Some(link) = session.links.remove(&detach.handle) {
            self.release(&link);
            let service = link.service();
            let wait = if self.is_rust_sdk && service == Some(Service::Cbs) {
                CBS_DETACH_AFTER
            } else {
                DETACH_AFTER
            };
            let answer = Deferred::Detach {
                channel,
                handle: detach.handle,
                closed: detach.closed.unwrap_or(false),
                of_service: service.is_some(),
            };
            self.later.push(now + wait, answer);
        }
    }

    /// Ends a link for the client.
    pub(super) fn detach(&mut self, channel: u16, handle: u32, error: Option<AmqpError>) {
        self.put_detach(channel, handle, true, error);
    }

    /// Answers a detach in its kind. To one that does not close, an answer that does makes fe2o3-amqp attach again only to
    /// close (section 2.6.6), and so displace the reader that has taken over.
    pub(super) fn answer_detach(&mut self, channel: u16, handle: u32, closed: bool) {
        self.put_detach(channel, handle, closed, None);
    }

    fn put_detach(&mut self, channel: u16, handle: u32, closed: bool, error: Option<AmqpError>) {
        let detach = Detach {
            handle,
            closed: Some(closed),
            error,
        };
        self.output.put(channel, &detach);
    }

    /// Detaches the links that no token allows any more.
    pub(super) fn detach_without_token(&mut self) {
        let tokens = &self.tokens;
        let mut without = Vec::new();
        for (&channel, session) in &mut self.sessions {
            let expired = session.links.extract_if(.., |_, link| {
                link.event_hub()
                    .is_some_and(|event_hub| !tokens.any_for(event_hub))
            });
            without.extend(expired.map(|(handle, link)| (channel, handle, link)));
        }
        for (channel, handle, link) in without {
            self.release(&link);
            self.detach(channel, handle, Some(condition::token_expired()));
        }
    }
}

fn source_address(attach: &Attach) -> Option<&str> {
    attach.source.as_ref()?.address.as_ref()?.as_text()
}

fn target_address(attach: &Attach) -> Option<&str> {
    attach.target.as_ref()?.address.as_ref()?.as_text()
}

fn longest_text(attach: &Attach) -> usize {
    let texts = [
        Some(attach.name.as_str()),
        source_address(attach),
        target_address(attach),
    ];
    texts.into_iter().flatten().map(str::len).max().unwrap_or(0)
}

fn service_link(service: Service, attach: &Attach) -> Link {
    if attach.role == ROLE_SENDER {
        return Link::Receiving(Receiving::new(
            Purpose::Requests(service),
            attach.initial_delivery_count,
        ));
    }
    let content = Content::Answers(Answers {
        service,
        reply_to: target_address(attach).map(str::to_owned),
        waiting: VecDeque::new(),
    });
    // The services' answers are settled: they are never sent again.
    Link::Sending(Sending::new(content, true))
}

fn producer_link(event_hub: EventHubId, partition: Option<PartitionId>, attach: &Attach) -> Link {
    let purpose = Purpose::Events {
        event_hub,
        partition,
    };
    Link::Receiving(Receiving::new(purpose, attach.initial_delivery_count))
}

/// The same link, from the other side. Source and target are returned unchanged: pyamqp refuses a link without them.
fn answer_to(attach: Attach) -> Attach {
    let role = !attach.role;
    Attach {
        role,
        snd_settle_mode: Some(attach.snd_settle_mode.unwrap_or(MIXED)),
        rcv_settle_mode: Some(attach.rcv_settle_mode.unwrap_or(0)),
        unsettled: None,
        incomplete_unsettled: Some(false),
        initial_delivery_count: (role == ROLE_SENDER).then_some(0),
        max_message_size: Some(MESSAGE_BYTES_MAX),
        offered_capabilities: desires_runtime_metric(&attach)
            .then(|| Value::Array(Array::of_symbols([RUNTIME_METRIC]))),
        desired_capabilities: None,
        properties: None,
        ..attach
    }
}

fn desires_runtime_metric(attach: &Attach) -> bool {
    let is_it = |desired: &Value| desired.as_text() == Some(RUNTIME_METRIC.as_str());
    match &attach.desired_capabilities {
        Some(Value::Array(desired)) => desired.values().iter().any(is_it),
        Some(desired) => is_it(desired),
        None => false,
    }
}
