//! One letter: an event, and why it was rejected, as one line of JSON.
//!
//! Pure. The line begins with [`MARK`], by which `replay` recognises it.

use azure_core::base64;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::disposition::Reject;
use crate::event::{Event, PartitionId, Position};

/// How the line of a letter begins. The number is that of the format.
pub(crate) const MARK: &str = r#"{"dead_letter":1,"#;

/// An event with records that could not be read: the fields of its line, in their order. [`MARK`] is the first of them.
#[derive(Serialize, Deserialize)]
pub(super) struct Letter {
    dead_letter: u8,
    event_hub: String,
    partition: String,
    offset: Option<String>,
    sequence_number: i64,
    enqueued_at: Option<String>,
    /// By the exporter's clock.
    rejected_at: String,
    /// One for each rejected record. As text: another version may know other reasons.
    reasons: Vec<String>,
    #[serde(flatten)]
    body: Body,
}

/// Text can be read and searched in the file; any other body is kept as well.
#[derive(Serialize, Deserialize)]
enum Body {
    #[serde(rename = "body")]
    Text(String),
    #[serde(rename = "body_base64")]
    Base64(String),
}

impl Letter {
    pub(super) fn new(
        partition: &PartitionId,
        event: &Event,
        rejected_at: OffsetDateTime,
        reasons: &[Reject],
    ) -> Self {
        // A year that RFC 3339 cannot write is left out.
        let text = |time: OffsetDateTime| time.format(&Rfc3339).ok();
        let reasons = reasons.iter().map(|reason| reason.label().to_owned());
        Self {
            dead_letter: 1,
            event_hub: partition.event_hub().to_owned(),
            partition: partition.partition().to_owned(),
            offset: event.position.offset.clone(),
            sequence_number: event.position.sequence_number,
            enqueued_at: event.enqueued_at.and_then(text),
            rejected_at: text(rejected_at).unwrap_or_default(),
            reasons: reasons.collect(),
            body: match std::str::from_utf8(&event.body) {
                Ok(text) => Body::Text(text.to_owned()),
                Err(_) => Body::Base64(base64::encode(&event.body)),
            },
        }
    }

    /// The line, with its line feed.
    pub(super) fn to_line(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec(self).expect("texts and numbers are JSON");
        bytes.push(b'\n');
        bytes
    }
}

/// The event of a letter's line; `None` where a field is missing or is not what it should be, or of any other line.
pub(crate) fn read(line: &[u8]) -> Option<(PartitionId, Event)> {
    if !line.starts_with(MARK.as_bytes()) {
        return None;
    }
    let line: Letter = serde_json::from_slice(line).ok()?;
    let enqueued_at = line
        .enqueued_at
        .map(|time| OffsetDateTime::parse(&time, &Rfc3339));
    let event = Event {
        position: Position {
            sequence_number: line.sequence_number,
            offset: line.offset,
        },
        enqueued_at: enqueued_at.transpose().ok()?,
        body: match line.body {
            Body::Text(text) => text.into_bytes(),
            Body::Base64(text) => base64::decode(text).ok()?,
        },
    };
    Some((PartitionId::new(line.event_hub, line.partition), event))
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[track_caller]
    fn check(body: &[u8], written_as: &str) {
        let partition = PartitionId::new("logs", "3");
        let event = Event {
            position: Position {
                sequence_number: 7,
                offset: Some("1024".to_owned()),
            },
            enqueued_at: Some(datetime!(2026-01-31 12:00:00.5 UTC)),
            body: body.to_vec(),
        };
        let rejected_at = datetime!(2026-01-31 12:00:01 UTC);
        let reasons = [Reject::Malformed, Reject::Malformed];
        let line = Letter::new(&partition, &event, rejected_at, &reasons).to_line();
        let text = String::from_utf8(line.clone()).unwrap();
        let head = r#"{"dead_letter":1,"event_hub":"logs","partition":"3","offset":"1024","sequence_number":7,"enqueued_at":"2026-01-31T12:00:00.5Z","rejected_at":"2026-01-31T12:00:01Z","reasons":["malformed","malformed"],"#;
        assert_eq!(text, format!("{head}{written_as}}}\n"));
        assert!(text.starts_with(MARK));

        let (read_partition, read_event) = read(&line).unwrap();
        assert_eq!(read_partition, partition);
        assert_eq!(read_event.reached(), event.reached());
        assert_eq!(read_event.body, body);
    }

    #[test]
    fn a_letter_is_one_line_and_reads_back_as_it_was() {
        check(b"{\"a\":\n1", r#""body":"{\"a\":\n1""#);
        check(b"", r#""body":"""#);
        check(b"\xff\x00\n", r#""body_base64":"/wAK""#);
    }

    #[test]
    fn a_line_that_lacks_something_is_not_a_letter() {
        for line in [
            r#"{"dead_letter":1,"event_hub":"logs"}"#,
            r#"{"dead_letter":1,"#,
            "{}",
        ] {
            assert!(read(line.as_bytes()).is_none(), "{line}");
        }
    }
}
