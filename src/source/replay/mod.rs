//! Events out of files: archives of diagnostic settings, what people have saved, dead letters, Event Hubs Capture.
//!
//! The kind of a file is recognised by its content, not by its name. Each document, line or captured event becomes an
//! [`Event`] of a batch of its own, so that the caller knows where its records come from. Files are read as streams:
//! memory is that of one document (or of one block of Capture). Reading the records is left to the decoder.
//!
//! An event that never went through an event hub has no time of enqueuing, so its delay is not known.

mod capture;
mod files;
mod splitter;
mod within;

use std::cell::Cell;
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};

use flate2::bufread::MultiGzDecoder;

pub(crate) use files::{Input, find};

use crate::dead_letters;
use crate::event::{Batch, Event, PartitionId, Position};
use capture::CaptureError;
use splitter::{Document, Splitter};

/// A gzip file begins so (RFC 1952).
const GZIP: &[u8] = b"\x1f\x8b";

/// As long as the longest beginning by which a content is recognised.
const HEAD_BYTES: u64 = 4;

/// An event out of a file.
#[derive(Debug)]
pub(crate) struct Replayed {
    /// A batch of this one event.
    pub batch: Batch,
    /// Where it stands in its file.
    pub location: Location,
    /// Whether it was too long, and its body is only the beginning.
    pub is_truncated: bool,
}

/// Where in its file an event stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Location {
    /// The line on which it begins, from 1.
    Line(u64),
    /// The number of the event in a file that has no lines, from 1.
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

/// Reads an input and passes on its events, until `take` returns false. `read` counts the bytes that were read so far.
///
/// # Errors
///
/// When the input cannot be read to its end. The events before that were passed on.
pub(crate) fn read(
    input: &Input,
    read: &Cell<u64>,
    take: &mut dyn FnMut(Replayed) -> bool,
) -> Result<(), Unreadable> {
    let reader: Box<dyn Read> = match input {
        Input::Stdin => Box::new(io::stdin().lock()),
        Input::File(path) => {
            Box::new(File::open(path).map_err(|error| Unreadable::new(input, error))?)
        }
    };
    read_stream(Counted { reader, read }, take).map_err(|cause| Unreadable::new(input, cause))
}

fn read_stream(reader: impl Read, take: &mut dyn FnMut(Replayed) -> bool) -> Result<(), Cause> {
    let mut reader = BufReader::new(reader);
    let head = head(&mut reader)?;
    let is_gzip = head.starts_with(GZIP);
    let reader = Cursor::new(head).chain(reader);
    if is_gzip {
        read_plain(BufReader::new(MultiGzDecoder::new(reader)), take)
    } else {
        read_plain(reader, take)
    }
}

/// Reads a stream that is not compressed, or not any more.
fn read_plain(
    mut reader: impl BufRead,
    take: &mut dyn FnMut(Replayed) -> bool,
) -> Result<(), Cause> {
    let head = head(&mut reader)?;
    let is_capture = head.starts_with(capture::MAGIC);
    let reader = Cursor::new(head).chain(reader);
    if is_capture {
        let mut number = 0;
        capture::read(reader, |event| {
            number += 1;
            let location = Location::Event(number);
            take(Replayed::new(partition(), event, location, false))
        })?;
        return Ok(());
    }
    let mut splitter = Splitter::new(reader);
    while let Some(document) = splitter.next()? {
        if !take(document.into()) {
            break;
        }
    }
    Ok(())
}

/// What stands for the partition of an event that names none.
fn partition() -> PartitionId {
    PartitionId::new("replay", "0")
}

impl Replayed {
    fn new(partition: PartitionId, event: Event, location: Location, is_truncated: bool) -> Self {
        Self {
            batch: Batch::of_one(partition, event),
            location,
            is_truncated,
        }
    }
}

impl From<Document> for Replayed {
    fn from(document: Document) -> Self {
        let Document {
            text,
            line,
            is_truncated,
        } = document;
        let (partition, event) = dead_letters::read(&text).unwrap_or_else(|| {
            let position = Position {
                sequence_number: i64::try_from(line).unwrap_or(i64::MAX),
                offset: None,
            };
            let event = Event {
                position,
                enqueued_at: None,
                body: text,
            };
            (partition(), event)
        });
        Self::new(partition, event, Location::Line(line), is_truncated)
    }
}

/// The first bytes, fewer only where there are no more.
fn head(reader: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    reader.take(HEAD_BYTES).read_to_end(&mut head)?;
    Ok(head)
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
