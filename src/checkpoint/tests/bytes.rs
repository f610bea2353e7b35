//! The bytes of the file: what they hold comes back, and what was done to them is noticed.

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;

use super::super::format::{decode, encode};
use super::*;
use crate::delivery::Series;
use crate::event::Reached;

/// The file as it stands on a disk; another version of the program has to read it.
const VERSION_1: &str = concat!(
    r#"{"format":"acs-recording-exporter checkpoint","version":1,"crc32":"12725c68","state":{"#,
    r#""namespace":"contoso.servicebus.windows.net","consumer_group":"exporter","#,
    r#""checkpoints":[{"event_hub":"logs","partition":"0","sequence_number":2,"offset":null,"enqueued_at":"2026-03-01T12:00:02Z"},"#,
    r#"{"event_hub":"logs","partition":"1","sequence_number":2,"offset":"40964096","enqueued_at":"2026-03-01T12:00:02Z"}],"#,
    r#""series":[{"family":"acs_recording_failures_total","labels":["contoso","Reason0"],"last_seen":"2026-03-01T12:00:00Z"},"#,
    r#"{"family":"acs_recording_failures_total","labels":["contoso","Reason1"],"last_seen":"2026-03-01T12:00:00Z"}]}}"#,
    "\n"
);

#[test]
fn the_file_is_one_line_of_json() {
    let bytes = encode(&scope(), &state(2));
    assert_eq!(String::from_utf8(bytes).unwrap(), VERSION_1);
    assert_eq!(decode(VERSION_1.as_bytes()).unwrap(), (scope(), state(2)));
}

#[test]
fn one_byte_that_is_another_is_noticed_or_does_no_harm() {
    let right = VERSION_1.as_bytes();
    for at in 0..right.len() {
        let flipped = (0..8).map(|bit| right[at] ^ (1 << bit));
        for byte in flipped.chain(*b"\0 09\"}]") {
            let mut wrong = right.to_vec();
            wrong[at] = byte;
            check_noticed(&wrong, &state(2));
        }
        check_noticed(&right[..at], &state(2));
        let without: Vec<u8> = [&right[..at], &right[at + 1..]].concat();
        check_noticed(&without, &state(2));
    }
}

fn check_noticed(wrong: &[u8], right: &State) {
    if let Ok((found_scope, found)) = decode(wrong) {
        assert_eq!(
            (found_scope, &found),
            (scope(), right),
            "{}",
            String::from_utf8_lossy(wrong)
        );
    }
}

/// The error of a start with a file of these bytes; its name is `FILE`.
fn check_refused(bytes: &[u8], expected: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = file_in(&folder);
    fs::write(&path, bytes).unwrap();
    let error = told(&open(&path).expect_err(expected));
    assert_eq!(error.replace(&*path.to_string_lossy(), "FILE"), expected);
    assert_eq!(fs::read(&path).unwrap(), bytes, "it is left as it was");
}

#[test]
fn what_cannot_be_read_is_an_error_and_never_an_empty_state() {
    let unreadable = "`FILE` cannot be read as a checkpoint file: run the version that wrote it, or move it away to begin at `event_hub.start`, so that events may be counted again or not at all";
    check_refused(
        VERSION_1
            .replace("\"version\":1", "\"version\":2")
            .as_bytes(),
        &format!("{unreadable}: it has version 2, and this program reads version 1"),
    );
    check_refused(
        br#"{"format":"acs-recording-exporter checkpoint","version":9,"partitions":{}}"#,
        &format!("{unreadable}: it has version 9, and this program reads version 1"),
    );
    check_refused(
        VERSION_1.replace("40964096", "40964097").as_bytes(),
        &format!("{unreadable}: its checksum is wrong"),
    );
    check_refused(
        br#"{"format":"something else","version":1}"#,
        &format!("{unreadable}: its `format` is another"),
    );
    check_refused(
        b"",
        &format!(
            "{unreadable}: its content is malformed: EOF while parsing a value at line 1 column 0"
        ),
    );
    check_refused(
        b"{}\n",
        &format!(
            "{unreadable}: its content is malformed: missing field `format` at line 1 column 2"
        ),
    );
    check_refused(
        &VERSION_1.as_bytes()[..200],
        &format!(
            "{unreadable}: its content is malformed: EOF while parsing a string at line 1 column 200"
        ),
    );
}

#[test]
fn a_file_that_is_too_large_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = file_in(&folder);
    fs::File::create(&path).unwrap().set_len(1 << 40).unwrap();
    let error = told(&open(&path).unwrap_err());
    assert!(
        error.ends_with("it has 1099511627776 bytes, which is too many"),
        "{error}"
    );
}

/// Any that RFC 3339 can write.
fn any_time() -> impl Strategy<Value = OffsetDateTime> {
    (0_i64..253_402_300_800, 0_i64..1_000_000_000).prop_map(|(seconds, nanoseconds)| {
        OffsetDateTime::from_unix_timestamp(seconds).unwrap()
            + time::Duration::nanoseconds(nanoseconds)
    })
}

fn any_checkpoint() -> impl Strategy<Value = Reached> {
    let position = (any::<i64>(), option::of(any::<String>()));
    (position, option::of(any_time())).prop_map(|((sequence_number, offset), enqueued_at)| {
        Reached {
            position: Position {
                sequence_number,
                offset,
            },
            enqueued_at,
        }
    })
}

fn any_state() -> impl Strategy<Value = State> {
    let checkpoints = btree_map(any::<(String, String)>(), any_checkpoint(), 0..5);
    let series = btree_map(
        (any::<String>(), vec(any::<String>(), 0..4)),
        any_time(),
        0..5,
    );
    (checkpoints, series).prop_map(|(checkpoints, series)| {
        let mut state = State::default();
        for ((event_hub, partition), checkpoint) in checkpoints {
            state.deliver(&PartitionId::new(event_hub, partition), checkpoint);
        }
        for ((family, labels), seen) in series {
            let (family, labels) = (family.into(), labels.into());
            state.remember([(Series { family, labels }, seen)]);
        }
        state
    })
}

proptest! {
    #[test]
    fn any_state_comes_back_as_it_was(state in any_state(), names in any::<(String, String)>()) {
        let scope = Scope::new(&names.0, &names.1);
        let bytes = encode(&scope, &state);
        prop_assert_eq!(decode(&bytes).unwrap(), (scope, state));
    }

    #[test]
    fn some_bytes_that_are_others_are_noticed_or_do_no_harm(
        state in any_state(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = encode(&scope(), &state);
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        check_noticed(&bytes, &state);
    }

    #[test]
    fn no_bytes_are_a_panic(bytes in vec(any::<u8>(), 0..300)) {
        prop_assert!(decode(&bytes).is_err());
    }
}
