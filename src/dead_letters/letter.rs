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

/// An event with records that could not be read.
#[derive(Clone, Debug)]
pub(super) struct DeadLetter {
    /// The partition of the event.
    pub(super) partition: PartitionId,
    /// The event, whole.
    pub(super) event: Event,
    /// When it was rejected, by the exporter's clock.
    pub(super) rejected_at: OffsetDateTime,
    /// Why, one reason for each rejected record.
    pub(super) reasons: Vec<Reject>,
}

/// The fields of a line, in their order. [`MARK`] is the first of them.
#[derive(Serialize, Deserialize)]
struct Line {
    dead_letter: u8,
    event_hub: String,
    partition: String,
    offset: Option<String>,
    sequence_number: i64,
    enqueued_at: Option<String>,
    rejected_at: String,
    /// As text: another version may know other reasons.
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

impl DeadLetter {
    /// The line, with its line feed.
    pub(super) fn to_line(&self) -> Vec<u8> {
        let Event {
            position,
            enqueued_at,
            body,
        } = &self.event;
        // A year that RFC 3339 cannot write is left out.
        let text = |time: OffsetDateTime| time.format(&Rfc3339).ok();
        let reasons = self.reasons.iter().map(|reason| reason.label().to_owned());
        let line = Line {
            dead_letter: 1,
            event_hub: self.partition.event_hub().to_owned(),
            partition: self.partition.partition().to_owned(),
            offset: position.offset.clone(),
            sequence_number: position.sequence_number,
            enqueued_at: enqueued_at.and_then(text),
            rejected_at: text(self.rejected_at).unwrap_or_default(),
            reasons: reasons.collect(),
            body: match std::str::from_utf8(body) {
                Ok(text) => Body::Text(text.to_owned()),
                Err(_) => Body::Base64(base64::encode(body)),
            },
        };
        let mut bytes = serde_json::to_vec(&line).expect("texts and numbers are JSON");
        bytes.push(b'\n');
        bytes
    }
}

/// The event of a letter's line; `None` where a field is missing or is not what it should be, or of any other line.
pub(crate) fn read(line: &[u8]) -> Option<(PartitionId, Event)> {
    if !line.starts_with(MARK.as_bytes()) {
        return None;
    }
    let line: Line = serde_json::from_slice(line).ok()?;
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
        let letter = DeadLetter {
            partition: PartitionId::new("logs", "3"),
            event: Event {
                position: Position {
                    sequence_number: 7,
                    offset: Some("1024".to_owned()),
                },
                enqueued_at: Some(datetime!(2026-01-31 12:00:00.5 UTC)),
                body: body.to_vec(),
            },
            rejected_at: datetime!(2026-01-31 12:00:01 UTC),
            reasons: vec![Reject::Malformed, Reject::Malformed],
        };
        let line = letter.to_line();
        let text = String::from_utf8(line.clone()).unwrap();
        let head = r#"{"dead_letter":1,"event_hub":"logs","partition":"3","offset":"1024","sequence_number":7,"enqueued_at":"2026-01-31T12:00:00.5Z","rejected_at":"2026-01-31T12:00:01Z","reasons":["malformed","malformed"],"#;
        assert_eq!(text, format!("{head}{written_as}}}\n"));
        assert!(text.starts_with(MARK));

        let (partition, event) = read(&line).unwrap();
        assert_eq!(partition, letter.partition);
        assert_eq!(event.reached(), letter.event.reached());
        assert_eq!(event.body, body);
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
