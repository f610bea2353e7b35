//! What waits to be written to the socket.

use bytes::{Bytes, BytesMut};

use crate::amqp::composite::Composite;
use crate::amqp::frame::{FRAME_SIZE_MIN, put_empty_frame, put_frame, put_sasl_frame};
use crate::amqp::performative::Transfer;

/// Events are added up to this many bytes, so that a slow reader costs no more than this. Larger gained no speed.
pub(super) const FULL: usize = 512 * 1024;

/// Answers are added beyond that, but a client that asks and asks and never reads is not listened to beyond this.
pub(super) const OVERFULL: usize = 4 * 1024 * 1024;

/// More than the bytes that a transfer frame has besides its payload.
const TRANSFER_OVERHEAD: usize = 64;

/// Frames in the order of their writing.
#[derive(Debug)]
pub(super) struct Output {
    pub(super) buffer: BytesMut,
    /// The bytes of the largest frame that the peer takes.
    frame_size_max: usize,
}

/// A delivery of ours as its frames name it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Delivery {
    pub(super) channel: u16,
    pub(super) handle: u32,
    pub(super) id: u32,
    pub(super) settled: bool,
}

impl Output {
    pub(super) fn new() -> Self {
        Self {
            buffer: BytesMut::new(),
            frame_size_max: usize::try_from(FRAME_SIZE_MIN).unwrap_or(usize::MAX),
        }
    }

    /// Takes the peer's limit into account.
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

    /// Tells the peer that we live.
    pub(super) fn put_empty(&mut self) {
        put_empty_frame(&mut self.buffer);
    }

    /// How many frames a message of this size takes.
    pub(super) fn frames_of(&self, length: usize) -> u32 {
        u32::try_from(length.div_ceil(self.payload_max()))
            .unwrap_or(u32::MAX)
            .max(1)
    }

    /// Writes a delivery in as many frames as it takes. Every frame has all the fields, since pyamqp reads eleven of
    /// each.
    pub(super) fn put_delivery(&mut self, delivery: Delivery, message: &[&[u8]]) {
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
            put_frame(
                &mut self.buffer,
                delivery.channel,
                &transfer(delivery, more),
                &payload,
            );
            if !more {
                return;
            }
        }
    }

    fn payload_max(&self) -> usize {
        self.frame_size_max - TRANSFER_OVERHEAD
    }
}

fn transfer(delivery: Delivery, more: bool) -> Transfer {
    Transfer {
        handle: delivery.handle,
        delivery_id: Some(delivery.id),
        delivery_tag: Some(Bytes::copy_from_slice(&delivery.id.to_be_bytes())),
        message_format: Some(0),
        settled: Some(delivery.settled),
        more: Some(more),
        rcv_settle_mode: None,
        state: None,
        resume: Some(false),
        aborted: Some(false),
        batchable: Some(true),
    }
}
