//! Frames: how performatives, and the bytes of messages behind them, stand on the wire (section 2.3).

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::composite::Composite;
use super::decode::{DecodeError, decode};
use super::encode::put_sized;
use super::performative::{Performative, SaslInit};

/// A client's first bytes if it authenticates (section 5.3.1); the server answers the same.
pub(crate) const SASL_HEADER: [u8; 8] = *b"AMQP\x03\x01\x00\x00";
/// A client's first bytes of the AMQP layer itself (section 2.2); the server answers the same.
pub(crate) const AMQP_HEADER: [u8; 8] = *b"AMQP\x00\x01\x00\x00";

/// The bytes of a frame's header, which are the least that a frame has.
pub(crate) const FRAME_HEADER_SIZE: usize = 8;
/// The frame size that every peer must take (section 2.8.19).
pub(crate) const FRAME_SIZE_MIN: u32 = 512;

/// A frame that came in whole.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Frame {
    /// A heartbeat.
    Empty,
    /// Of the AMQP layer.
    Amqp {
        /// Which session it belongs to.
        channel: u16,
        /// Its content.
        performative: Performative,
        /// The part of a message behind a transfer.
        payload: Bytes,
    },
    /// Of the SASL layer: the only one that a client sends to a server without challenges.
    Sasl(SaslInit),
}

/// Why bytes are not a frame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FrameError {
    /// Smaller than its own header, or larger than agreed.
    #[error("a frame of {0} bytes")]
    Size(u32),
    /// The body would begin inside the header, or behind the end of the frame.
    #[error("a frame whose body begins at four times {0}")]
    DataOffset(u8),
    /// Neither AMQP nor SASL.
    #[error("a frame of type `{0}`")]
    Type(u8),
    /// The body is not a performative.
    #[error("a frame that does not decode")]
    Content(#[from] DecodeError),
}

impl Frame {
    /// Takes the next frame from the front of what was read; `None` if it has not come whole.
    pub(crate) fn take(input: &mut BytesMut, size_max: u32) -> Result<Option<Self>, FrameError> {
        let Some(mut header) = input.get(..FRAME_HEADER_SIZE) else {
            return Ok(None);
        };
        let (size, data_offset) = (header.get_u32(), header.get_u8());
        let (frame_type, channel) = (header.get_u8(), header.get_u16());
        let length = usize::try_from(size).map_err(|_| FrameError::Size(size))?;
        if length < FRAME_HEADER_SIZE || size > size_max {
            return Err(FrameError::Size(size));
        }
        if input.len() < length {
            return Ok(None);
        }
        let mut body = input.split_to(length).freeze();
        let body_at = usize::from(data_offset) * 4;
        if body_at < FRAME_HEADER_SIZE || body_at > length {
            return Err(FrameError::DataOffset(data_offset));
        }
        body.advance(body_at);
        if body.is_empty() {
            return Ok(Some(Self::Empty));
        }
        let value = decode(&mut body)?;
        match frame_type {
            TYPE_AMQP => Ok(Some(Self::Amqp {
                channel,
                performative: Performative::from_value(value)?,
                payload: body,
            })),
            TYPE_SASL => Ok(Some(Self::Sasl(SaslInit::from_value(value)?))),
            _ => Err(FrameError::Type(frame_type)),
        }
    }
}

/// Appends a frame of the AMQP layer. The parts of the payload follow each other without copies in between.
pub(crate) fn put_frame(
    output: &mut BytesMut,
    channel: u16,
    performative: &impl Composite,
    payload: &[&[u8]],
) {
    put(output, TYPE_AMQP, channel, |output| {
        performative.encode(output);
        for part in payload {
            output.put_slice(part);
        }
    });
}

/// Appends a frame of the SASL layer.
pub(crate) fn put_sasl_frame(output: &mut BytesMut, performative: &impl Composite) {
    put(output, TYPE_SASL, 0, |output| performative.encode(output));
}

/// Appends a frame with nothing in it.
pub(crate) fn put_empty_frame(output: &mut BytesMut) {
    put(output, TYPE_AMQP, 0, |_| {});
}

const TYPE_AMQP: u8 = 0;
const TYPE_SASL: u8 = 1;
/// In units of four bytes: right behind the header, since extended headers have no use.
const DATA_OFFSET: u8 = 2;

fn put(output: &mut BytesMut, frame_type: u8, channel: u16, put_body: impl FnOnce(&mut BytesMut)) {
    let size_at = output.len();
    put_sized(output, |output| {
        output.put_slice(&[DATA_OFFSET, frame_type]);
        output.put_u16(channel);
        put_body(output);
    });
    // A frame's size counts its own four bytes, other than a value's.
    let size = u32::try_from(output.len() - size_at).expect("payloads are split to the frame size");
    output
        .get_mut(size_at..size_at + 4)
        .expect("was appended above")
        .copy_from_slice(&size.to_be_bytes());
}
