//! The content of a checkpoint's blob, which is its metadata. Pure.
//!
//! `sequencenumber` and `offset` are those of the official SDKs, which require both. `enqueuedat` and `ownerid` are this
//! program's: the first shows that an event hub was created anew, the second which replica wrote the blob. Other programs
//! leave them out, and their checkpoints are read all the same.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::blobs::Metadata;
use crate::event::{Position, Reached};

const SEQUENCE_NUMBER: &str = "sequencenumber";
const OFFSET: &str = "offset";
const ENQUEUED_AT: &str = "enqueuedat";
const OWNER: &str = "ownerid";

/// Before the first event of a partition: both the sequence number and the offset, in the terms of every SDK.
const BEGINNING: &str = "-1";

/// Metadata that is not a checkpoint.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{what}` = `{value}` is not valid: correct it, or delete the blob to begin at `event_hub.start`"
)]
pub struct InvalidCheckpoint {
    what: &'static str,
    value: String,
}

/// A position as the owner of this name writes it; none is the beginning.
pub(super) fn encode(reached: Option<&Reached>, owner: &str) -> Metadata {
    let mut metadata = Metadata::new();
    metadata.insert(OWNER.to_owned(), owner.to_owned());
    let (sequence_number, offset) = match reached {
        None => (BEGINNING.to_owned(), BEGINNING.to_owned()),
        Some(Reached { position, .. }) => {
            let offset = position.offset.as_deref().unwrap_or_default();
            (position.sequence_number.to_string(), offset.to_owned())
        }
    };
    metadata.insert(SEQUENCE_NUMBER.to_owned(), sequence_number);
    // A header cannot have other characters; the sequence number alone is enough.
    let is_header = offset.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    metadata.insert(
        OFFSET.to_owned(),
        if is_header { offset } else { String::new() },
    );
    let enqueued_at = reached.and_then(|reached| reached.enqueued_at?.format(&Rfc3339).ok());
    metadata.extend(enqueued_at.map(|at| (ENQUEUED_AT.to_owned(), at)));
    metadata
}

/// The position that was written; none is the beginning.
pub(super) fn decode(metadata: &Metadata) -> Result<Option<Reached>, InvalidCheckpoint> {
    let text = |what| metadata.get(what).map(String::as_str).unwrap_or_default();
    let invalid = |what| InvalidCheckpoint {
        what,
        value: text(what).to_owned(),
    };
    let sequence_number: i64 = text(SEQUENCE_NUMBER)
        .trim()
        .parse()
        .map_err(|_| invalid(SEQUENCE_NUMBER))?;
    if sequence_number < 0 {
        return Ok(None);
    }
    let enqueued_at = match text(ENQUEUED_AT) {
        "" => None,
        text => Some(OffsetDateTime::parse(text, &Rfc3339).map_err(|_| invalid(ENQUEUED_AT))?),
    };
    let offset = Some(text(OFFSET).to_owned()).filter(|offset| !offset.is_empty());
    Ok(Some(Reached {
        position: Position {
            sequence_number,
            offset,
        },
        enqueued_at,
    }))
}

/// Whether that owner wrote this.
pub(super) fn is_by(metadata: &Metadata, owner: &str) -> bool {
    metadata.get(OWNER).is_some_and(|by| by == owner)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn reached(offset: Option<&str>, enqueued_at: Option<OffsetDateTime>) -> Reached {
        Reached {
            position: Position {
                sequence_number: 7,
                offset: offset.map(str::to_owned),
            },
            enqueued_at,
        }
    }

    fn metadata(pairs: &[(&str, &str)]) -> Metadata {
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        pairs.iter().map(owned).collect()
    }

    #[test]
    fn what_is_written_is_read() {
        let at = Some(datetime!(2026-03-01 12:00:00.123456 UTC));
        for reached in [
            None,
            Some(reached(None, None)),
            Some(reached(Some("1024"), at)),
        ] {
            let written = encode(reached.as_ref(), "me");
            assert_eq!(decode(&written).unwrap(), reached);
            assert!(is_by(&written, "me"));
            assert!(!is_by(&written, "you"));
        }
    }

    #[test]
    fn other_programs_are_understood_and_understand() {
        let theirs = metadata(&[("offset", "1024"), ("sequencenumber", "7")]);
        assert_eq!(decode(&theirs).unwrap(), Some(reached(Some("1024"), None)));
        assert!(!is_by(&theirs, "me"));
        let beginning = encode(None, "me");
        assert_eq!(beginning["offset"], "-1");
        assert_eq!(beginning["sequencenumber"], "-1");
        // Both are always there, or Python's store fails for the whole group.
        assert_eq!(encode(Some(&reached(None, None)), "me")["offset"], "");
        assert_eq!(encode(Some(&reached(Some("ü"), None)), "me")["offset"], "");
    }

    #[test]
    fn what_is_not_a_checkpoint_is_an_error() {
        for wrong in [
            metadata(&[]),
            metadata(&[("sequencenumber", "seven")]),
            metadata(&[("sequencenumber", "7"), ("enqueuedat", "noon")]),
        ] {
            decode(&wrong).unwrap_err();
        }
    }
}
