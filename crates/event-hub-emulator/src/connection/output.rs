//! What waits to be written to the socket.

use bytes::BytesMut;

use crate::amqp::composite::Composite;
use crate::amqp::frame::{FRAME_SIZE_MIN, put_empty_frame, put_frame, put_sasl_frame};
use crate::amqp::performative::Transfer;

/// Events are added up to this many bytes, so that a slow reader costs no more. A larger number was not faster.
pub(super) const FULL: usize = 512 * 1024;

/// Answers are added beyond that. Beyond this, a client that asks without ever reading is not read either.
pub(super) const OVERFULL: usize = 4 * 1024 * 1024;

/// More than the bytes that a transfer frame has besides its payload.
const TRANSFER_OVERHEAD: usize = 64;

/// Frames in the order of their writing.
#[derive(Debug)]
pub(super) struct Output {
    pub(super) buffer: BytesMut,
    /// The bytes of the largest frame that the client accepts.
    frame_size_max: usize,
}

impl Output {
    pub(super) fn new() -> Self {
        Self {
            buffer: BytesMut::new(),
            frame_size_max: usize::try_from(FRAME_SIZE_MIN).unwrap_or(usize::MAX),
        }
    }

    /// Respects the limit of the client.
    pub(super) fn limit_frames(&mut self, peer_max: Option<u32>, our_max: u32) {
        let limit = peer_max.unwrap_or(u32::MAX).clamp(FRAME_SIZE_MIN, our_max);
        self.frame_size_max = usize::try_from(limit).unwrap_or(usize::MAX);
    }

    pub(super) fn put(&mut self, channel: u16, performative: &impl Composite) {
        put_frame(&mut self.buffer, channel, performative, &[]);
    }

    pub(super) fn put_sasl(&mut self, performative: &impl Composite) {
        put_sasl_frame(&mut self.buffer, performative);
    }

    pub(super) fn put_header(&mut self, header: [u8; 8]) {
        self.buffer.extend_from_slice(&header);
    }

    /// A heartbeat.
    pub(super) fn put_empty(&mut self) {
        put_empty_frame(&mut self.buffer);
    }

    /// How many frames a message of this size takes.
    pub(super) fn frames_of(&self, length: usize) -> u32 {
        u32::try_from(length.div_ceil(self.payload_max()))
            .unwrap_or(u32::MAX)
            .max(1)
    }

    /// Writes a delivery in as many frames as it takes, each with these fields and its part of the message.
    pub(super) fn put_delivery(&mut self, channel: u16, mut transfer: Transfer, message: &[&[u8]]) {
        let mut left: usize = message.iter().map(|part| part.len()).sum();
        let mut parts = message.iter().copied();
        let mut part: &[u8] = &[];
        loop {
            let mut room = self.payload_max();
            let more = left > room;
            let mut payload: Vec<&[u8]> = Vec::with_capacity(message.len());
            while room > 0 {
                if part.is_empty() {
                    match parts.next() {
                        Some(next) => part = next,
                        None => break,
                    }
                }
                let (taken, rest) = part.split_at(part.len().min(room));
                payload.push(taken);
                part = rest;
                room -= taken.len();
                left -= taken.len();
            }
            transfer.more = Some(more);
            put_frame(&mut self.buffer, channel, &transfer, &payload);
            if !more {
                return;
            }
        }
    }

    fn payload_max(&self) -> usize {
        self.frame_size_max - TRANSFER_OVERHEAD
    }
}
