//! A link: what it carries, its credit, and the delivery of which only a part has come.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use crate::MESSAGE_BYTES_MAX;
use crate::amqp::performative::{Flow, Transfer};
use crate::mailbox::ReaderId;
use crate::namespace::{EventHubId, PartitionId};

/// Deliveries that the client may send before the next flow.
pub(super) const CREDIT: u32 = 300;

/// A link, by the side that sends on it.
#[derive(Debug)]
pub(super) enum Link {
    Receiving(Receiving),
    Sending(Sending),
}

/// A service that answers requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    Cbs,
    Management,
}

/// A link on which the client sends.
#[derive(Debug)]
pub(super) struct Receiving {
    pub(super) purpose: Purpose,
    delivery_count: u32,
    credit: u32,
    unfinished: Option<Unfinished>,
}

/// What the messages that come in are for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Purpose {
    /// Events for this partition, or for any if none is named.
    Events {
        event_hub: EventHubId,
        partition: Option<PartitionId>,
    },
    Requests(Service),
}

/// A delivery that came whole.
#[derive(Debug)]
pub(super) struct Delivered {
    pub(super) delivery_id: u32,
    pub(super) message_format: u32,
    pub(super) settled: bool,
    /// The message, or its number of bytes if that exceeds the limit.
    pub(super) message: Result<Bytes, u64>,
}

#[derive(Debug)]
struct Unfinished {
    delivery_id: u32,
    message_format: u32,
    settled: bool,
    message: BytesMut,
    length: u64,
}

impl Receiving {
    pub(super) fn new(purpose: Purpose, initial_delivery_count: Option<u32>) -> Self {
        Self {
            purpose,
            delivery_count: initial_delivery_count.unwrap_or(0),
            credit: CREDIT,
            unfinished: None,
        }
    }

    /// Takes a part of a delivery. Gives the delivery when it is whole.
    ///
    /// One that grows beyond the limit is read to its end and then refused: the Rust and the JavaScript client hang when the
    /// link is detached in the middle of a delivery.
    pub(super) fn take(&mut self, transfer: &Transfer, payload: &Bytes) -> Option<Delivered> {
        let unfinished = self.unfinished.get_or_insert_with(|| Unfinished {
            delivery_id: transfer.delivery_id.unwrap_or(0),
            message_format: transfer.message_format.unwrap_or(0),
            settled: false,
            message: BytesMut::new(),
            length: 0,
        });
        unfinished.settled |= transfer.settled.unwrap_or(false);
        unfinished.length = unfinished
            .length
            .saturating_add(u64::try_from(payload.len()).unwrap_or(u64::MAX));
        if unfinished.length > MESSAGE_BYTES_MAX {
            unfinished.message = BytesMut::new();
        } else {
            unfinished.message.extend_from_slice(payload);
        }
        let aborted = transfer.aborted.unwrap_or(false);
        if transfer.more.unwrap_or(false) && !aborted {
            return None;
        }
        let whole = self.unfinished.take()?;
        // Python's sender ignores credit, so neither a delivery nor its end can be refused for lack of it.
        self.delivery_count = self.delivery_count.wrapping_add(1);
        self.credit = self.credit.saturating_sub(1);
        (!aborted).then(|| Delivered {
            delivery_id: whole.delivery_id,
            message_format: whole.message_format,
            settled: whole.settled,
            message: if whole.length > MESSAGE_BYTES_MAX {
                Err(whole.length)
            } else {
                Ok(whole.message.freeze())
            },
        })
    }

    /// True when half of the credit is used, and it is full again.
    pub(super) fn top_up(&mut self) -> bool {
        let low = self.credit <= CREDIT / 2;
        if low {
            self.credit = CREDIT;
        }
        low
    }

    /// Bytes of a delivery that has not come whole.
    pub(super) fn unfinished_bytes(&self) -> usize {
        self.unfinished
            .as_ref()
            .map_or(0, |unfinished| unfinished.message.len())
    }
}

/// A link on which the emulator sends.
#[derive(Debug)]
pub(super) struct Sending {
    pub(super) content: Content,
    /// Sent as settled, because the client asked for it. Where the client leaves the choice, deliveries are unsettled;
    /// nothing is kept of a delivery either way.
    pub(super) settled: bool,
    delivery_count: u32,
    pub(super) credit: u32,
    /// Send what there is, then return the rest of the credit.
    pub(super) drain: bool,
}

/// What is sent on a link.
#[derive(Debug)]
pub(super) enum Content {
    Events(Events),
    Answers(Answers),
}

#[derive(Debug)]
pub(super) struct Events {
    pub(super) partition: PartitionId,
    pub(super) reader: ReaderId,
    /// Sequence number of the next event for it.
    pub(super) next: i64,
    /// Each event shows the end of the partition.
    pub(super) runtime_metric: bool,
}

#[derive(Debug)]
pub(super) struct Answers {
    pub(super) service: Service,
    /// The address that requests name in `reply-to`, if the client gave one.
    pub(super) reply_to: Option<String>,
    pub(super) waiting: VecDeque<Bytes>,
}

impl Sending {
    pub(super) fn new(content: Content, settled: bool) -> Self {
        Self {
            content,
            settled,
            delivery_count: 0,
            credit: 0,
            drain: false,
        }
    }

    /// Adopts the credit that the client gives (section 2.6.7).
    pub(super) fn on_flow(&mut self, flow: &Flow) {
        let credit = flow
            .delivery_count
            .unwrap_or(0)
            .wrapping_add(flow.link_credit.unwrap_or(0))
            .wrapping_sub(self.delivery_count);
        // It wraps where the client has not yet received the deliveries that used up the credit.
        self.credit = if credit > u32::MAX / 2 { 0 } else { credit };
        self.drain = flow.drain.unwrap_or(false);
    }

    pub(super) fn count(&mut self, deliveries: u32) {
        self.delivery_count = self.delivery_count.wrapping_add(deliveries);
        self.credit = self.credit.saturating_sub(deliveries);
    }
}

impl Link {
    /// Delivery count and credit.
    pub(super) fn flow_state(&self) -> (u32, u32) {
        match self {
            Self::Receiving(receiving) => (receiving.delivery_count, receiving.credit),
            Self::Sending(sending) => (sending.delivery_count, sending.credit),
        }
    }

    pub(super) fn draining(&self) -> bool {
        matches!(self, Self::Sending(sending) if sending.drain)
    }

    /// The event hub that a token must be for.
    pub(super) fn event_hub(&self) -> Option<EventHubId> {
        match self {
            Self::Receiving(receiving) => match receiving.purpose {
                Purpose::Events { event_hub, .. } => Some(event_hub),
                Purpose::Requests(_) => None,
            },
            Self::Sending(_) => self.events().map(|events| events.partition.event_hub),
        }
    }

    /// The service that it is for, unless it is for events.
    pub(super) fn service(&self) -> Option<Service> {
        match self {
            Self::Receiving(receiving) => match receiving.purpose {
                Purpose::Requests(service) => Some(service),
                Purpose::Events { .. } => None,
            },
            Self::Sending(sending) => match &sending.content {
                Content::Answers(answers) => Some(answers.service),
                Content::Events(_) => None,
            },
        }
    }

    /// The events that a reader receives on this link.
    pub(super) fn events(&self) -> Option<&Events> {
        match self {
            Self::Sending(Sending {
                content: Content::Events(events),
                ..
            }) => Some(events),
            _ => None,
        }
    }

    /// The answers of a service on this link.
    pub(super) fn answers(&mut self) -> Option<&mut Answers> {
        match self {
            Self::Sending(Sending {
                content: Content::Answers(answers),
                ..
            }) => Some(answers),
            _ => None,
        }
    }
}
