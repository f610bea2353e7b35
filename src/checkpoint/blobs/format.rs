//! The content of a checkpoint's blob, which is its metadata. Pure.
//!
//! `sequencenumber` and `offset` are those of the official SDKs, which require both. `enqueuedat` and `ownerid` are this
//! program's: the first shows that an event hub was created anew, the second which replica wrote the blob. Other programs
//! leave them out, and their checkpoints are read all the same. Those of .NET may have only one of the two: see [`decode`].

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::Found;
use crate::blobs::Metadata;
use crate::event::{Position, Reached};

const SEQUENCE_NUMBER: &str = "sequencenumber";
const OFFSET: &str = "offset";
const ENQUEUED_AT: &str = "enqueuedat";
const OWNER: &str = "ownerid";

/// Before the first event of a partition: both the sequence number and the offset, in the terms of every SDK.
const BEGINNING: &str = "-1";

/// What .NET wrote as the offset while it went by the sequence number alone.
const NO_OFFSET: &str = "no offset";

/// What .NET has as the sequence number while it goes by the offset alone, which some of its versions wrote.
const NO_SEQUENCE_NUMBER: i64 = i64::MIN;

/// Metadata that is not a checkpoint.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{what}` = `{value}` is not valid: correct it, or delete the blob to begin at `event_hub.start`"
)]
pub struct InvalidCheckpoint {
    what: &'static str,
    value: String,
}

/// A position as the owner of this name writes it. Nothing is written as the beginning.
pub(super) fn encode(found: &Found, owner: &str) -> Metadata {
    let mut metadata = Metadata::new();
    metadata.insert(OWNER.to_owned(), owner.to_owned());
    let (mut enqueued_at, mut offset) = (None, String::new());
    let sequence_number = match found {
        Found::Beginning | Found::Nothing => {
            BEGINNING.clone_into(&mut offset);
            BEGINNING.to_owned()
        }
        Found::Offset(only) => {
            offset.clone_from(only);
            String::new()
        }
        Found::Position(Reached {
            position,
            enqueued_at: at,
        }) => {
            enqueued_at = at.and_then(|at| at.format(&Rfc3339).ok());
            offset = position.offset.clone().unwrap_or_default();
            position.sequence_number.to_string()
        }
    };
    metadata.insert(SEQUENCE_NUMBER.to_owned(), sequence_number);
    // A header cannot have other characters; the sequence number alone is enough.
    let is_header = offset.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    metadata.insert(
        OFFSET.to_owned(),
        if is_header { offset } else { String::new() },
    );
    metadata.extend(enqueued_at.map(|at| (ENQUEUED_AT.to_owned(), at)));
    metadata
}

/// The position that was written.
///
/// | `sequencenumber` | `offset` | written by | is |
/// | --- | --- | --- | --- |
/// | `7` | `1024` | every SDK | after this event |
/// | `7` | none, or `no offset` | .NET | after this event |
/// | none, or the lowest number | `1024` | .NET | after this offset |
/// | `-1` | `-1`, or none | this program | the beginning |
/// | none | none, or `no offset` | | an error |
pub(super) fn decode(metadata: &Metadata) -> Result<Found, InvalidCheckpoint> {
    let text = |what| metadata.get(what).map(String::as_str).unwrap_or_default();
    let invalid = |what| InvalidCheckpoint {
        what,
        value: text(what).to_owned(),
    };
    let sequence_number = match text(SEQUENCE_NUMBER).trim() {
        "" => NO_SEQUENCE_NUMBER,
        number => number.parse().map_err(|_| invalid(SEQUENCE_NUMBER))?,
    };
    let offset = Some(text(OFFSET).to_owned());
    let offset = offset.filter(|offset| !offset.is_empty() && offset != NO_OFFSET);
    match offset {
        Some(offset) if sequence_number < 0 && offset != BEGINNING => {
            return Ok(Found::Offset(offset));
        }
        None if sequence_number == NO_SEQUENCE_NUMBER => return Err(invalid(SEQUENCE_NUMBER)),
        _ if sequence_number < 0 => return Ok(Found::Beginning),
        _ => {}
    }
    let enqueued_at = match text(ENQUEUED_AT) {
        "" => None,
        text => Some(OffsetDateTime::parse(text, &Rfc3339).map_err(|_| invalid(ENQUEUED_AT))?),
    };
    Ok(Found::Position(Reached {
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
        for found in [
            Found::Beginning,
            Found::Offset("1024".to_owned()),
            Found::Position(reached(None, None)),
            Found::Position(reached(Some("1024"), at)),
        ] {
            let written = encode(&found, "me");
            assert_eq!(decode(&written).unwrap(), found);
            assert!(is_by(&written, "me"));
            assert!(!is_by(&written, "you"));
        }
    }

    #[test]
    fn other_programs_are_understood_and_understand() {
        let theirs = metadata(&[("offset", "1024"), ("sequencenumber", "7")]);
        let position = Found::Position(reached(Some("1024"), None));
        assert_eq!(decode(&theirs).unwrap(), position);
        assert!(!is_by(&theirs, "me"));
        let beginning = encode(&Found::Beginning, "me");
        assert_eq!(beginning["offset"], "-1");
        assert_eq!(beginning["sequencenumber"], "-1");
        // Both are always there, or Python's store fails for the whole group.
        for offset in [None, Some("ü")] {
            let position = Found::Position(reached(offset, None));
            assert_eq!(encode(&position, "me")["offset"], "");
        }
    }

    #[test]
    fn a_checkpoint_of_dotnet_is_continued_from_what_it_has() {
        let lowest = i64::MIN.to_string();
        let after = Found::Position(reached(None, None));
        let offset = Found::Offset("1024".to_owned());
        for (sequence_number, offset, expected) in [
            ("7", "no offset", &after),
            ("7", "", &after),
            ("", "1024", &offset),
            (&lowest, "1024", &offset),
        ] {
            let pairs = [("sequencenumber", sequence_number), ("offset", offset)];
            assert_eq!(decode(&metadata(&pairs)).unwrap(), *expected, "{pairs:?}");
        }
        for sequence_number in ["", &lowest] {
            for offset in ["", "no offset"] {
                let pairs = [("sequencenumber", sequence_number), ("offset", offset)];
                decode(&metadata(&pairs)).unwrap_err();
            }
        }
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
