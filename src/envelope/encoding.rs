//! Bytes -> UTF-8: users compress bodies with gzip, and Windows saves files as UTF-16. Azure Monitor does neither.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::GzDecoder;

/// As many bytes as it takes to recognise an encoding.
const HEAD_BYTES: usize = 3;

/// Units of UTF-16 that are decoded at a time.
const UNITS: usize = 4096;

/// Whether bytes that begin so are not UTF-8, but something that [`decoded`] makes UTF-8 of.
pub(super) fn is_encoded(head: &[u8]) -> bool {
    is_gzip(head) || utf16(head).is_some()
}

/// What a reader of bytes has as UTF-8: the content of gzip streams, and of what begins with a mark of UTF-16. Anything
/// that follows a gzip stream is read as it is.
pub(crate) fn decoded<'r>(reader: impl BufRead + 'r) -> Peeked<Box<dyn BufRead + 'r>> {
    let mut reader: Peeked<Box<dyn BufRead + 'r>> = Peeked::new(Box::new(reader));
    if is_gzip(reader.peek(HEAD_BYTES)) {
        let inflated = Gzip::Inside(GzDecoder::new(reader));
        reader = Peeked::new(Box::new(BufReader::new(inflated)));
    }
    if let Some(is_little) = utf16(reader.peek(HEAD_BYTES)) {
        let decoded = Utf16 {
            reader,
            is_little,
            decoded: Vec::new(),
        };
        reader = Peeked::new(Box::new(BufReader::new(decoded)));
    }
    reader
}

/// The magic number of a gzip stream and its only method.
fn is_gzip(head: &[u8]) -> bool {
    head.starts_with(&[0x1F, 0x8B, 0x08])
}

/// Whether UTF-16 has its lower byte first, by its byte order mark.
fn utf16(head: &[u8]) -> Option<bool> {
    match head {
        [0xFF, 0xFE, ..] => Some(true),
        [0xFE, 0xFF, ..] => Some(false),
        _ => None,
    }
}

/// A reader whose next bytes can be looked at.
pub(crate) struct Peeked<R> {
    head: Vec<u8>,
    /// What ended the looking, for the reader that comes so far.
    error: Option<io::Error>,
    reader: R,
}

impl<R: BufRead> Peeked<R> {
    fn new(reader: R) -> Self {
        Self {
            head: Vec::new(),
            error: None,
            reader,
        }
    }

    /// So many of the next bytes, or more; fewer only where no more can be read.
    pub(crate) fn peek(&mut self, bytes: usize) -> &[u8] {
        let missing = bytes.saturating_sub(self.head.len());
        let missing = u64::try_from(missing).unwrap_or(0);
        if self.error.is_none() {
            let mut reader = self.reader.by_ref().take(missing);
            self.error = reader.read_to_end(&mut self.head).err();
        }
        &self.head
    }
}

impl<R: BufRead> BufRead for Peeked<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if !self.head.is_empty() {
            return Ok(&self.head);
        }
        self.error.take().map_or(Ok(()), Err)?;
        self.reader.fill_buf()
    }

    fn consume(&mut self, bytes: usize) {
        if self.head.is_empty() {
            self.reader.consume(bytes);
        } else {
            self.head.drain(..bytes);
        }
    }
}

impl<R: BufRead> Read for Peeked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.head.is_empty() {
            self.error.take().map_or(Ok(()), Err)?;
            return self.reader.read(buffer);
        }
        let bytes = self.head.as_slice().read(buffer)?;
        self.head.drain(..bytes);
        Ok(bytes)
    }
}

/// The content of gzip streams one behind another, and what follows them.
enum Gzip<R> {
    Inside(GzDecoder<Peeked<R>>),
    Behind(Peeked<R>),
    /// Only while one becomes the other.
    Between,
}

impl<R: BufRead> Read for Gzip<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self {
                Self::Between => return Ok(0),
                Self::Behind(reader) => return reader.read(buffer),
                Self::Inside(stream) => match stream.read(buffer)? {
                    0 if !buffer.is_empty() => {}
                    bytes => return Ok(bytes),
                },
            }
            if let Self::Inside(stream) = std::mem::replace(self, Self::Between) {
                let mut reader = stream.into_inner();
                *self = if is_gzip(reader.peek(HEAD_BYTES)) {
                    Self::Inside(GzDecoder::new(reader))
                } else {
                    Self::Behind(reader)
                };
            }
        }
    }
}

/// UTF-16 as UTF-8; half a surrogate pair, or half a unit, is U+FFFD.
struct Utf16<R> {
    reader: R,
    is_little: bool,
    decoded: Vec<u8>,
}

impl<R: Read> Utf16<R> {
    fn decode_some(&mut self) -> io::Result<()> {
        let mut units = self.units(UNITS)?;
        if matches!(units.last(), Some(0xD800..=0xDBFF)) {
            units.extend(self.units(1)?);
        }
        let characters = char::decode_utf16(units);
        let text: String = characters
            .map(|character| character.unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect();
        self.decoded = text.into_bytes();
        Ok(())
    }

    fn units(&mut self, count: usize) -> io::Result<Vec<u16>> {
        let mut bytes = Vec::new();
        let limit = u64::try_from(count * 2).unwrap_or(u64::MAX);
        self.reader.by_ref().take(limit).read_to_end(&mut bytes)?;
        let units = bytes.chunks(2).map(|unit| match (unit, self.is_little) {
            ([low, high], true) | ([high, low], false) => u16::from_be_bytes([*high, *low]),
            _ => 0xFFFD,
        });
        Ok(units.collect())
    }
}

impl<R: Read> Read for Utf16<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.decoded.is_empty() {
            self.decode_some()?;
        }
        let bytes = self.decoded.as_slice().read(buffer)?;
        self.decoded.drain(..bytes);
        Ok(bytes)
    }
}
