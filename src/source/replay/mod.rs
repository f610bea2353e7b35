//! Events out of files: archives of diagnostic settings, what people have saved, dead letters, Event Hubs Capture.
//!
//! What a file is, its content tells and not its name. Each document, line or captured event becomes an [`Event`] of a
//! batch of its own, so that whoever applies it knows where its records come from. Files are read as streams: memory is
//! that of one document (or of one block of Capture). What the records say is for the decoder.
//!
//! An event that never went through a hub has no time of enqueuing, so nothing is told of its delay.

mod capture;
mod files;
mod splitter;
mod within;

use std::cell::Cell;
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};

use flate2::bufread::MultiGzDecoder;

pub(crate) use capture::CaptureError;
pub(crate) use files::{Input, find};

use crate::dead_letters::{DeadLetter, MARK};
use crate::event::{Batch, Event, PartitionId, Position};
use splitter::{Document, Splitter};

/// A gzip file begins so (RFC 1952).
const GZIP: &[u8] = b"\x1f\x8b";

/// As long as the longest mark by which a content is told.
const HEAD_BYTES: u64 = 4;

/// An event out of a file.
#[derive(Debug)]
pub(crate) struct Replayed {
    /// A batch of this one event.
    pub batch: Batch,
    /// Where it stands.
    pub place: Place,
    /// Whether it was too long, and its body is only the beginning.
    pub is_cut: bool,
}

/// Where in its file an event stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// The line on which it begins, from 1.
    Line(u64),
    /// The number of the event in a file that has no lines, from 1.
    Event(u64),
}

/// A file was not read to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReplayError {
    /// The system refused, or the compressed data is broken.
    #[error("cannot read `{input}`")]
    Io {
        /// Which.
        input: Input,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Of Event Hubs Capture.
    #[error("cannot read `{input}`")]
    Capture {
        /// Which.
        input: Input,
        /// What is wrong with it.
        #[source]
        source: CaptureError,
    },
}

/// Reads an input and hands on its events, until one is not wanted: `take` returns whether to go on. `read` holds how
/// many bytes of the input were read so far.
///
/// # Errors
///
/// When the input cannot be read to its end. What was read before has been handed on.
pub(crate) fn read(
    input: &Input,
    read: &Cell<u64>,
    take: &mut dyn FnMut(Replayed) -> bool,
) -> Result<(), ReplayError> {
    let failed = |source| ReplayError::Io {
        input: input.clone(),
        source,
    };
    let reader: Box<dyn Read> = match input {
        Input::Stdin => Box::new(io::stdin().lock()),
        Input::File(path) => Box::new(File::open(path).map_err(failed)?),
    };
    let mut reader = BufReader::new(Counted { reader, read });
    let head = head(&mut reader).map_err(failed)?;
    let is_gzip = head.starts_with(GZIP);
    let reader = Cursor::new(head).chain(reader);
    let ended = if is_gzip {
        read_plain(BufReader::new(MultiGzDecoder::new(reader)), take)
    } else {
        read_plain(reader, take)
    };
    ended.map_err(|fault| match fault {
        Fault::Io(source) => failed(source),
        Fault::Capture(source) => ReplayError::Capture {
            input: input.clone(),
            source,
        },
    })
}

enum Fault {
    Io(io::Error),
    Capture(CaptureError),
}

/// Reads what is not compressed, or not any more.
fn read_plain(
    mut reader: impl BufRead,
    take: &mut dyn FnMut(Replayed) -> bool,
) -> Result<(), Fault> {
    let head = head(&mut reader).map_err(Fault::Io)?;
    let is_capture = head.starts_with(capture::MAGIC);
    let reader = Cursor::new(head).chain(reader);
    if is_capture {
        let mut number = 0;
        let partition = partition();
        return capture::read(reader, |event| {
            number += 1;
            take(Replayed {
                batch: Batch::of_one(partition.clone(), event),
                place: Place::Event(number),
                is_cut: false,
            })
        })
        .map_err(Fault::Capture);
    }
    let mut splitter = Splitter::new(reader);
    while let Some(document) = splitter.next().map_err(Fault::Io)? {
        if !take(replayed(document)) {
            break;
        }
    }
    Ok(())
}

/// What stands for the partition of an event that names none.
fn partition() -> PartitionId {
    PartitionId::new("replay", "0")
}

fn replayed(document: Document) -> Replayed {
    let Document { text, line, is_cut } = document;
    // A line that only begins like a letter goes to the decoder, which rejects it.
    let letter = text
        .starts_with(MARK.as_bytes())
        .then(|| DeadLetter::from_line(&text).ok())
        .flatten();
    let batch = if let Some(letter) = letter {
        Batch::of_one(letter.partition, letter.event)
    } else {
        let position = Position {
            sequence_number: i64::try_from(line).unwrap_or(i64::MAX),
            offset: None,
        };
        let event = Event {
            position,
            enqueued_at: None,
            body: text,
        };
        Batch::of_one(partition(), event)
    };
    Replayed {
        batch,
        place: Place::Line(line),
        is_cut,
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

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => line.fmt(f),
            Self::Event(number) => write!(f, "event {number}"),
        }
    }
}
