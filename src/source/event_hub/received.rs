//! Converts the SDK's events, and compares their sequence numbers.

use azure_core_amqp::AmqpValue;
use azure_core_amqp::message::AmqpMessageBody;
use azure_messaging_eventhubs::models::ReceivedEventData;
use time::OffsetDateTime;

use crate::event::{Event, Position};

/// The limits of a batch: large enough to make its overhead vanish, small enough that the writer never has its lock for
/// long.
const BATCH_EVENTS_MAX: usize = 256;
const BATCH_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Events of one partition as they come, in order and each once.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    pub(super) events: Vec<Event>,
    /// The largest body.
    pub(super) largest: u64,
    /// How many events were left out, since they had come before.
    pub(super) refused: u64,
    /// Gaps in the sequence numbers: after which, and how many are missing.
    pub(super) gaps: Vec<(i64, u64)>,
    bytes: usize,
    /// Of the last event that came; none before the first of all.
    last: Option<i64>,
}

impl Gathered {
    /// No event yet, after this sequence number.
    pub(super) fn after(last: Option<i64>) -> Self {
        Self {
            last,
            ..Self::default()
        }
    }

    /// Takes an event, if it did not come before.
    pub(super) fn take(&mut self, received: &ReceivedEventData) {
        let event = event(received, self.last);
        let sequence_number = event.position.sequence_number;
        if let Some(last) = self.last {
            if sequence_number <= last {
                self.refused += 1;
                return;
            }
            if let Ok(missed @ 1..) = u64::try_from(sequence_number - last - 1) {
                self.gaps.push((last, missed));
            }
        }
        self.last = Some(sequence_number);
        self.bytes += event.body.len();
        self.largest = self
            .largest
            .max(u64::try_from(event.body.len()).unwrap_or(u64::MAX));
        self.events.push(event);
    }

    /// Whether it is as large as a batch may be.
    pub(super) fn is_full(&self) -> bool {
        self.events.len() >= BATCH_EVENTS_MAX || self.bytes >= BATCH_BYTES_MAX
    }

    /// Whether the event came before.
    pub(super) fn had(&self, received: &ReceivedEventData) -> bool {
        let sequence_number = received.sequence_number();
        sequence_number
            .zip(self.last)
            .is_some_and(|(sequence_number, last)| sequence_number <= last)
    }
}

fn event(received: &ReceivedEventData, previous: Option<i64>) -> Event {
    Event {
        position: Position {
            // Event Hubs numbers every event; an event without a number can only follow the one before.
            sequence_number: received
                .sequence_number()
                .unwrap_or_else(|| previous.unwrap_or(-1).saturating_add(1)),
            offset: received.offset().clone(),
        },
        enqueued_at: Some(
            received
                .enqueued_time()
                .map_or_else(OffsetDateTime::now_utc, OffsetDateTime::from),
        ),
        body: body(&received.raw_amqp_message().body),
    }
}

/// The bytes of a body in any of the forms that AMQP has for one; the SDK's own accessor knows only the first.
fn body(body: &AmqpMessageBody) -> Vec<u8> {
    match body {
        AmqpMessageBody::Binary(sections) => sections.concat(),
        AmqpMessageBody::Value(AmqpValue::Binary(bytes)) => bytes.clone(),
        AmqpMessageBody::Value(AmqpValue::String(text)) => text.clone().into_bytes(),
        AmqpMessageBody::Value(_) | AmqpMessageBody::Sequence(_) | AmqpMessageBody::Empty => {
            Vec::new()
        }
    }
}
