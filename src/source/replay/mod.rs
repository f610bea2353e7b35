//! Records out of files: archives of diagnostic settings, what people have saved, dead letters, Event Hubs Capture.
//!
//! The kind of a file is recognised by its content, not by its name. A text of any kind is one body, however long, and
//! read as the live decoder reads a body; Capture and dead letters have events, each with a body. Files are read as
//! streams: memory is that of one record, one event, or one block of Capture.
//!
//! A record that never went through an event hub has no time of enqueuing, so its delay is not known.

mod capture;
mod files;
mod text;

use std::cell::Cell;
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};

use time::OffsetDateTime;

pub(crate) use files::{Input, find};

use crate::dead_letters;
use crate::envelope::{self, Opened};
use crate::event::{Event, Position};
use capture::CaptureError;

/// A dead letter has an event's body, as base64 at worst: more than 20 MB is not a letter.
const LETTER_BYTES_MAX: u64 = 64 << 20;

/// Records out of a file: those of an event, or some of a text.
#[derive(Debug)]
pub(crate) struct Replayed<'a> {
    /// When an event hub enqueued the event, if one did.
    pub enqueued_at: Option<OffsetDateTime>,
    /// The records.
    pub opened: Opened<'a>,
    /// Where in its file each record stands.
    pub locations: Vec<Location>,
}

/// Where in its file a record stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Location {
    /// The line on which it begins, from 1.
    Line(u64),
    /// The number of its event in a file that has no lines, from 1.
    Event(u64),
}

/// An input was not read, or not to its end.
#[derive(Debug, thiserror::Error)]
#[error("cannot read `{input}`")]
pub(crate) struct Unreadable {
    input: Input,
    #[source]
    cause: Cause,
}

/// Why reading ended.
#[derive(Debug, thiserror::Error)]
enum Cause {
    /// The system refused, or the compressed data is broken.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The file begins as one of Event Hubs Capture.
    #[error(transparent)]
    Capture(#[from] CaptureError),
}

impl Unreadable {
    fn new(input: &Input, cause: impl Into<Cause>) -> Self {
        Self {
            input: input.clone(),
            cause: cause.into(),
        }
    }
}

/// Reads an input and passes on its records, until `take` returns false. `read` counts the bytes that were read so far.
///
/// # Errors
///
/// When the input cannot be read to its end. The records before that were passed on.
pub(crate) fn read(
    input: &Input,
    read: &Cell<u64>,
    take: &mut dyn FnMut(Replayed<'_>) -> bool,
) -> Result<(), Unreadable> {
    let reader: Box<dyn Read> = match input {
        Input::Stdin => Box::new(io::stdin().lock()),
        Input::File(path) => {
            Box::new(File::open(path).map_err(|error| Unreadable::new(input, error))?)
        }
    };
    read_stream(Counted { reader, read }, take).map_err(|cause| Unreadable::new(input, cause))
}

fn read_stream(reader: impl Read, take: &mut dyn FnMut(Replayed<'_>) -> bool) -> Result<(), Cause> {
    let mut reader = envelope::decoded(BufReader::new(reader));
    let head = reader.peek(dead_letters::MARK.len());
    let is_letters = head.starts_with(dead_letters::MARK.as_bytes());
    if head.starts_with(capture::MAGIC) {
        let mut number = 0;
        capture::read(reader, |event| {
            number += 1;
            take(Replayed::event(&event, Location::Event(number)))
        })?;
    } else if is_letters {
        read_letters(reader, take)?;
    } else {
        text::read(reader, take)?;
    }
    Ok(())
}

/// Reads a dead letter a line; a line that is not one is a body.
fn read_letters(
    mut reader: impl BufRead,
    take: &mut dyn FnMut(Replayed<'_>) -> bool,
) -> io::Result<()> {
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let mut letter = reader.by_ref().take(LETTER_BYTES_MAX);
        if letter.read_until(b'\n', &mut line)? == 0 {
            break;
        }
        let event = dead_letters::read(&line).map_or_else(
            || Event {
                position: Position {
                    sequence_number: 0,
                    offset: None,
                },
                enqueued_at: None,
                body: std::mem::take(&mut line),
            },
            |(_, event)| event,
        );
        if !take(Replayed::event(&event, Location::Line(number))) {
            break;
        }
    }
    Ok(())
}

impl<'a> Replayed<'a> {
    fn event(event: &'a Event, location: Location) -> Self {
        let opened = envelope::open(&event.body);
        Self {
            enqueued_at: event.enqueued_at,
            locations: vec![location; opened.records.len()],
            opened,
        }
    }
}

/// Counts what is read, for the progress.
struct Counted<'a, R> {
    reader: R,
    read: &'a Cell<u64>,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.reader.read(buffer)?;
        self.read
            .set(self.read.get() + u64::try_from(bytes).unwrap_or(u64::MAX));
        Ok(bytes)
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => line.fmt(f),
            Self::Event(number) => write!(f, "event {number}"),
        }
    }
}
