//! One letter: an event, and why it was rejected, as one line of JSON.
//!
//! Pure. The line begins with [`MARK`], by which `replay` knows it.

use std::error::Error;

use azure_core::base64;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::event::{Event, PartitionId, Position};

/// How the line of a letter begins. The number is that of the format.
pub(crate) const MARK: &str = r#"{"dead_letter":1,"#;

/// An event with records that could not be read.
#[derive(Clone, Debug)]
pub(crate) struct DeadLetter {
    /// Where it was read.
    pub partition: PartitionId,
    /// The event, whole.
    pub event: Event,
    /// When it was rejected, by our clock.
    pub rejected_at: OffsetDateTime,
    /// Why, one for each record rejected: labels of [`Reject`](crate::disposition::Reject), or of one that another
    /// version knows.
    pub reasons: Vec<String>,
}

/// A line that begins like a letter and is none.
#[derive(Debug, thiserror::Error)]
#[error("the line begins like a dead letter and is none")]
pub(crate) struct NotALetter(#[source] Box<dyn Error + Send + Sync>);

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
    reasons: Vec<String>,
    #[serde(flatten)]
    body: Body,
}

/// Text can be read and searched by whoever looks into the file; what is no text is kept all the same.
#[derive(Serialize, Deserialize)]
enum Body {
    #[serde(rename = "body")]
    Text(String),
    #[serde(rename = "body_base64")]
    Base64(String),
}

impl DeadLetter {
    /// The line, with its line feed.
    ///
    /// # Errors
    ///
    /// When a time is beyond the year 9999.
    pub(crate) fn to_line(&self) -> Result<Vec<u8>, NotALetter> {
        let Event {
            position,
            enqueued_at,
            body,
        } = &self.event;
        let line = Line {
            dead_letter: 1,
            event_hub: self.partition.event_hub().to_owned(),
            partition: self.partition.partition().to_owned(),
            offset: position.offset.clone(),
            sequence_number: position.sequence_number,
            enqueued_at: enqueued_at
                .map(|time| time.format(&Rfc3339))
                .transpose()
                .map_err(not_a_letter)?,
            rejected_at: self.rejected_at.format(&Rfc3339).map_err(not_a_letter)?,
            reasons: self.reasons.clone(),
            body: match std::str::from_utf8(body) {
                Ok(text) => Body::Text(text.to_owned()),
                Err(_) => Body::Base64(base64::encode(body)),
            },
        };
        let mut bytes = serde_json::to_vec(&line).map_err(not_a_letter)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Reads a line back.
    ///
    /// # Errors
    ///
    /// When a field is missing or is not what it should be.
    pub(crate) fn from_line(line: &[u8]) -> Result<Self, NotALetter> {
        let line: Line = serde_json::from_slice(line).map_err(not_a_letter)?;
        let time = |text: &str| OffsetDateTime::parse(text, &Rfc3339).map_err(not_a_letter);
        Ok(Self {
            partition: PartitionId::new(line.event_hub, line.partition),
            event: Event {
                position: Position {
                    sequence_number: line.sequence_number,
                    offset: line.offset,
                },
                enqueued_at: line.enqueued_at.as_deref().map(time).transpose()?,
                body: match line.body {
                    Body::Text(text) => text.into_bytes(),
                    Body::Base64(text) => base64::decode(text).map_err(not_a_letter)?,
                },
            },
            rejected_at: time(&line.rejected_at)?,
            reasons: line.reasons,
        })
    }
}

fn not_a_letter(cause: impl Into<Box<dyn Error + Send + Sync>>) -> NotALetter {
    NotALetter(cause.into())
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
            reasons: vec!["malformed".to_owned(), "malformed".to_owned()],
        };
        let line = letter.to_line().unwrap();
        let text = String::from_utf8(line.clone()).unwrap();
        let head = r#"{"dead_letter":1,"event_hub":"logs","partition":"3","offset":"1024","sequence_number":7,"enqueued_at":"2026-01-31T12:00:00.5Z","rejected_at":"2026-01-31T12:00:01Z","reasons":["malformed","malformed"],"#;
        assert_eq!(text, format!("{head}{written_as}}}\n"));
        assert!(text.starts_with(MARK));

        let read = DeadLetter::from_line(&line).unwrap();
        assert_eq!(read.event.body, body);
        assert_eq!(read.to_line().unwrap(), line);
    }

    #[test]
    fn a_letter_is_one_line_and_reads_back_as_it_was() {
        check(b"{\"a\":\n1", r#""body":"{\"a\":\n1""#);
        check(b"", r#""body":"""#);
        check(b"\xff\x00\n", r#""body_base64":"/wAK""#);
    }

    #[test]
    fn a_line_that_lacks_something_is_no_letter() {
        for line in [
            r#"{"dead_letter":1,"event_hub":"logs"}"#,
            r#"{"dead_letter":1,"#,
        ] {
            assert!(DeadLetter::from_line(line.as_bytes()).is_err(), "{line}");
        }
    }
}
