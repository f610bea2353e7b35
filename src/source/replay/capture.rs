//! Archives of Event Hubs Capture: Avro object containers of events
//! (<https://learn.microsoft.com/azure/event-hubs/event-hubs-capture-overview>), with the fields `SequenceNumber`,
//! `Offset`, `EnqueuedTimeUtc`, `SystemProperties`, `Properties` and `Body`.

use std::io::Read;

use apache_avro::Reader;
use apache_avro::types::Value;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};

use crate::event::{Event, Position};

/// How every Avro object container begins (<https://avro.apache.org/docs/1.12.0/specification/#object-container-files>).
pub(super) const MAGIC: &[u8] = b"Obj\x01";

/// A block has the events of a moment, and a file is closed at 500 MB at the latest. A header that asks for more than
/// this is broken.
const BLOCK_BYTES_MAX: usize = 64 << 20;

/// Why a container was not read to its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum CaptureError {
    /// It is broken, or of a codec other than `null` and `deflate`, of which Capture uses one.
    #[error("the Avro container cannot be read")]
    Avro(#[source] Box<apache_avro::Error>),
    /// It has other records.
    #[error(
        "the Avro container is not one of Event Hubs Capture: its records have no field `Body` of bytes"
    )]
    NoBody,
}

/// Passes on each event, until `take` returns false.
pub(super) fn read(
    reader: impl Read,
    mut take: impl FnMut(Event) -> bool,
) -> Result<(), CaptureError> {
    let avro = |error| CaptureError::Avro(Box::new(error));
    apache_avro::util::max_allocation_bytes(BLOCK_BYTES_MAX); // for the process; nothing else reads Avro
    for value in Reader::new(reader).map_err(avro)? {
        let event = event(value.map_err(avro)?).ok_or(CaptureError::NoBody)?;
        if !take(event) {
            break;
        }
    }
    Ok(())
}

/// All fields but the body may be missing.
fn event(value: Value) -> Option<Event> {
    let Value::Record(fields) = value else {
        return None;
    };
    let mut body = None;
    let mut position = Position {
        sequence_number: 0,
        offset: None,
    };
    let mut enqueued_at = None;
    for (name, value) in fields {
        match (name.as_str(), unwrapped(value)) {
            ("Body", Value::Bytes(bytes)) => body = Some(bytes),
            ("Body", Value::Null) => body = Some(Vec::new()),
            ("SequenceNumber", Value::Long(number)) => position.sequence_number = number,
            ("Offset", Value::String(offset)) => position.offset = Some(offset),
            ("EnqueuedTimeUtc", Value::String(text)) => enqueued_at = instant(&text),
            _ => {}
        }
    }
    Some(Event {
        position,
        enqueued_at,
        body: body?,
    })
}

fn unwrapped(value: Value) -> Value {
    match value {
        Value::Union(_, value) => *value,
        value => value,
    }
}

/// Capture writes times as .NET does for a machine in the United States, `1/31/2026 12:00:00 PM`. That is not documented,
/// so RFC 3339 is read too. Without a time, the event's delay is not known.
fn instant(text: &str) -> Option<OffsetDateTime> {
    let dot_net = format_description!(
        "[month padding:none]/[day padding:none]/[year] [hour repr:12 padding:none]:[minute]:[second] [period]"
    );
    PrimitiveDateTime::parse(text, &dot_net)
        .map(PrimitiveDateTime::assume_utc)
        .or_else(|_| OffsetDateTime::parse(text, &Rfc3339))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn times_are_read_in_both_spellings() {
        let check = |text: &str, expected| assert_eq!(instant(text), expected, "{text}");
        check(
            "1/31/2026 12:00:00 PM",
            Some(datetime!(2026-01-31 12:00 UTC)),
        );
        check(
            "10/2/2026 1:02:03 AM",
            Some(datetime!(2026-10-02 01:02:03 UTC)),
        );
        check(
            "2026-01-31T12:00:00.5Z",
            Some(datetime!(2026-01-31 12:00:00.5 UTC)),
        );
        check("yesterday", None);
    }

    #[test]
    fn what_is_not_avro_is_an_error() {
        for bytes in [b"Obj\x01garbage".as_slice(), MAGIC, b""] {
            assert!(read(bytes, |_| true).is_err(), "{bytes:?}");
        }
    }
}
