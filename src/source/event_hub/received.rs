//! Converts the SDK's events, and compares their sequence numbers.

use std::time::SystemTime;

use azure_core_amqp::AmqpValue;
use azure_core_amqp::message::AmqpMessageBody;
use azure_messaging_eventhubs::models::ReceivedEventData;
use time::OffsetDateTime;

use crate::event::{Event, Position, Reached};

/// The limits of a batch: large enough to make its overhead vanish, small enough that a partition whose events are held has
/// little in memory.
const BATCH_EVENTS_MAX: usize = 256;
const BATCH_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Which events came before.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    /// Those up to this sequence number; none before the first of all.
    pub(super) last: Option<i64>,
    /// Of those, only what was enqueued until then: later events are of a sequence that begins anew.
    pub(super) until: Option<OffsetDateTime>,
}

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
    seen: Seen,
}

impl Gathered {
    /// No event yet, after these.
    pub(super) fn after(seen: Seen) -> Self {
        Self {
            seen,
            ..Self::default()
        }
    }

    /// Takes an event, if it did not come before.
    pub(super) fn take(&mut self, received: &ReceivedEventData) {
        if self.had(received) {
            self.refused += 1;
            return;
        }
        let event = event(received, self.seen.last);
        let sequence_number = event.position.sequence_number;
        if let Seen {
            last: Some(last),
            until: None,
        } = self.seen
            && let Ok(missed @ 1..) = u64::try_from(sequence_number - last - 1)
        {
            self.gaps.push((last, missed));
        }
        self.seen = Seen {
            last: Some(sequence_number),
            until: None,
        };
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
        let Seen { last, until } = self.seen;
        let sequence_number = received.sequence_number();
        let is_counted = sequence_number
            .zip(last)
            .is_some_and(|(sequence_number, last)| sequence_number <= last);
        let enqueued_at = received.enqueued_time();
        is_counted
            && until.is_none_or(|until| enqueued_at.is_some_and(|at| at <= SystemTime::from(until)))
    }
}

/// The position of an event that has come.
pub(super) fn reached(received: &ReceivedEventData, previous: Option<i64>) -> Reached {
    Reached {
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
    }
}

fn event(received: &ReceivedEventData, previous: Option<i64>) -> Event {
    let Reached {
        position,
        enqueued_at,
    } = reached(received, previous);
    Event {
        position,
        enqueued_at,
        body: body(&received.raw_amqp_message().body),
    }
}

/// The bytes of a body in any of the forms that AMQP has for one; the SDK's own accessor knows only the first.
fn body(body: &AmqpMessageBody) -> Vec<u8> {
    let mut bytes = Vec::new();
    match body {
        AmqpMessageBody::Binary(sections) => return sections.concat(),
        AmqpMessageBody::Value(value) => append(value, &mut bytes),
        AmqpMessageBody::Sequence(lists) => {
            for value in lists.iter().flat_map(|list| &list.0) {
                append(value, &mut bytes);
            }
        }
        AmqpMessageBody::Empty => {}
    }
    bytes
}

/// Appends a value that is a document, or a list of such, each on lines of its own. Any other value is kept as the SDK
/// prints it: it is rejected as what it is, and its dead letter shows what that was.
fn append(value: &AmqpValue, bytes: &mut Vec<u8>) {
    if !bytes.is_empty() {
        bytes.push(b'\n');
    }
    match value {
        AmqpValue::Binary(document) => bytes.extend(document),
        AmqpValue::String(document) => bytes.extend(document.as_bytes()),
        AmqpValue::List(list) => list.0.iter().for_each(|value| append(value, bytes)),
        AmqpValue::Null => {}
        other => bytes.extend(format!("{other:?}").as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use azure_core_amqp::AmqpList;

    #[track_caller]
    fn check(from: &AmqpMessageBody, expected: &str) {
        assert_eq!(String::from_utf8(body(from)).unwrap(), expected);
    }

    #[test]
    fn a_body_is_read_in_every_form_that_amqp_has() {
        let text = |text: &str| AmqpValue::String(text.to_owned());
        let bytes = |text: &str| AmqpValue::Binary(text.as_bytes().to_vec());
        let sections = [b"{\"a\":".to_vec(), b"1}".to_vec()];
        check(&AmqpMessageBody::Binary(sections.to_vec()), r#"{"a":1}"#);
        check(&AmqpMessageBody::Value(text("{}")), "{}");
        let lists = [
            AmqpList(vec![text(r#"{"a":1}"#), AmqpValue::Null]),
            AmqpList(vec![AmqpValue::List(AmqpList(vec![bytes("[]")]))]),
        ];
        check(
            &AmqpMessageBody::Sequence(lists.to_vec()),
            "{\"a\":1}\n\n\n[]",
        );
        check(&AmqpMessageBody::Value(AmqpValue::Int(7)), "Int(7)");
        check(&AmqpMessageBody::Empty, "");
    }
}
