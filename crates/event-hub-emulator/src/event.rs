//! An event: the message as readers receive it, with the emulator's own annotations written into it once.
//!
//! What the sender wrote is copied as bytes, never decoded and encoded again, so every body is received as it was sent.

use bytes::{BufMut, Bytes, BytesMut};

use super::amqp::message::{SectionKind, Sections, map_entries, put_map_section};
use super::amqp::{DecodeError, Symbol, Value, decode, encode};
use super::clock::Timestamp;

/// A message that was parsed, and is not in a partition yet.
#[derive(Clone, Debug)]
pub(crate) struct Incoming {
    header: Bytes,
    /// The annotations of the sender that stay, as keys and values.
    annotations: Vec<(Bytes, Bytes)>,
    /// The partition key that the message itself has.
    pub(crate) partition_key: Option<String>,
    /// Everything after the annotations.
    rest: Bytes,
}

/// A message in a partition.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) sequence_number: i64,
    pub(crate) offset: i64,
    pub(crate) enqueued_at: Timestamp,
    /// How many bytes of the message stand before its annotations.
    pub(crate) header_length: usize,
    /// One allocation of exactly this event, so that dropping the event frees all its memory: a slice of a batch would
    /// keep the batch.
    pub(crate) message: Bytes,
}

/// The annotation by which a sender chooses the partition, and a reader sees how it was chosen.
const PARTITION_KEY: &str = "x-opt-partition-key";
const SEQUENCE_NUMBER: &str = "x-opt-sequence-number";
const OFFSET: &str = "x-opt-offset";
const ENQUEUED_TIME: &str = "x-opt-enqueued-time";

impl Incoming {
    /// Parses a message. Annotations that only an event hub may write are dropped: an event that was read from one
    /// and is sent to another still has them.
    pub(crate) fn parse(message: &Bytes) -> Result<Self, DecodeError> {
        let mut incoming = Self {
            header: Bytes::new(),
            annotations: Vec::new(),
            partition_key: None,
            rest: Bytes::new(),
        };
        let mut rest_length = 0;
        for section in Sections::of(message.clone()) {
            let section = section?;
            match section.kind {
                SectionKind::Header => incoming.header = section.encoded,
                // Meant for the next hop alone, which is this one.
                SectionKind::DeliveryAnnotations => {}
                SectionKind::MessageAnnotations => incoming.annotate(&section.body)?,
                _ => rest_length += section.encoded.len(),
            }
        }
        if rest_length == 0 {
            return Err(DecodeError::Truncated);
        }
        incoming.rest = message.slice(message.len() - rest_length..);
        Ok(incoming)
    }

    fn annotate(&mut self, map: &Bytes) -> Result<(), DecodeError> {
        for (key, value) in map_entries(map)? {
            let name = decode(&mut key.clone())?;
            match name.as_text() {
                Some(SEQUENCE_NUMBER | OFFSET | ENQUEUED_TIME) => continue,
                Some(PARTITION_KEY) => {
                    let key = decode(&mut value.clone())?;
                    self.partition_key = key.as_text().map(str::to_owned);
                }
                _ => {}
            }
            self.annotations.push((key, value));
        }
        Ok(())
    }

    /// The event at a place in a partition. `partition_key` is the batch's, for a message without one.
    pub(crate) fn at(
        &self,
        sequence_number: i64,
        offset: i64,
        enqueued_at: Timestamp,
        partition_key: Option<&str>,
    ) -> Event {
        let partition_key = partition_key.filter(|_| self.partition_key.is_none());
        let entries = self.annotations.len() + 3 + usize::from(partition_key.is_some());
        let mut message = BytesMut::with_capacity(self.header.len() + self.rest.len() + 256);
        message.put_slice(&self.header);
        put_map_section(
            &mut message,
            SectionKind::MessageAnnotations,
            entries,
            |output| {
                for (key, value) in &self.annotations {
                    output.put_slice(key);
                    output.put_slice(value);
                }
                put_annotation(output, SEQUENCE_NUMBER, &Value::Long(sequence_number));
                put_annotation(output, OFFSET, &Value::String(offset.to_string()));
                put_annotation(output, ENQUEUED_TIME, &Value::Timestamp(enqueued_at));
                if let Some(partition_key) = partition_key {
                    put_annotation(output, PARTITION_KEY, &Value::from(partition_key));
                }
            },
        );
        message.put_slice(&self.rest);
        Event {
            sequence_number,
            offset,
            enqueued_at,
            header_length: self.header.len(),
            message: Bytes::copy_from_slice(&message),
        }
    }
}

fn put_annotation(output: &mut BytesMut, key: &'static str, value: &Value) {
    encode::encode(&Value::Symbol(Symbol::from_static(key)), output);
    encode::encode(value, output);
}

impl Event {
    /// The memory that it takes, in bytes.
    pub(crate) fn cost(&self) -> usize {
        self.message.len() + OVERHEAD
    }
}

/// Bytes of an event beyond its message: the entry in the log twice over, since a growing deque doubles, and what the
/// allocator and the shared count of the message take.
const OVERHEAD: usize = 2 * size_of::<Event>() + 48;
