//! The content of frames: the performatives of section 2.7, the SASL ones of 5.3.3, and the types inside them.
//!
//! A field is an `Option` where the standard does not make it mandatory; which default an absent one has is decided where
//! it is read, since the clients differ in what they leave out.

use bytes::{Bytes, BytesMut};

use super::composite::{Composite, Field, composites, put_composite};
use super::decode::DecodeError;
use super::encode::encode;
use super::value::{Array, Symbol, Value};

/// A performative of the AMQP layer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Performative {
    Open(Box<Open>),
    Begin(Begin),
    Attach(Box<Attach>),
    Flow(Flow),
    Transfer(Transfer),
    Disposition(Disposition),
    Detach(Detach),
    End(End),
    Close(Close),
}

impl Performative {
    /// Reads whichever performative the value is.
    pub(crate) fn from_value(value: Value) -> Result<Self, DecodeError> {
        let Value::Described(described) = value else {
            return Err(DecodeError::Descriptor("a performative"));
        };
        let (Value::Ulong(descriptor), Value::List(fields)) =
            (described.descriptor, described.value)
        else {
            return Err(DecodeError::Descriptor("a performative"));
        };
        Ok(match descriptor {
            Open::DESCRIPTOR => Self::Open(Box::new(Open::from_fields(fields)?)),
            Begin::DESCRIPTOR => Self::Begin(Begin::from_fields(fields)?),
            Attach::DESCRIPTOR => Self::Attach(Box::new(Attach::from_fields(fields)?)),
            Flow::DESCRIPTOR => Self::Flow(Flow::from_fields(fields)?),
            Transfer::DESCRIPTOR => Self::Transfer(Transfer::from_fields(fields)?),
            Disposition::DESCRIPTOR => Self::Disposition(Disposition::from_fields(fields)?),
            Detach::DESCRIPTOR => Self::Detach(Detach::from_fields(fields)?),
            End::DESCRIPTOR => Self::End(End::from_fields(fields)?),
            Close::DESCRIPTOR => Self::Close(Close::from_fields(fields)?),
            _ => return Err(DecodeError::Descriptor("a performative")),
        })
    }

    /// Appends it.
    #[cfg(any(fuzzing, test))]
    pub(crate) fn encode(&self, output: &mut BytesMut) {
        match self {
            Self::Open(open) => open.encode(output),
            Self::Begin(begin) => begin.encode(output),
            Self::Attach(attach) => attach.encode(output),
            Self::Flow(flow) => flow.encode(output),
            Self::Transfer(transfer) => transfer.encode(output),
            Self::Disposition(disposition) => disposition.encode(output),
            Self::Detach(detach) => detach.encode(output),
            Self::End(end) => end.encode(output),
            Self::Close(close) => close.encode(output),
        }
    }
}

impl AmqpError {
    /// An error of this condition.
    pub(crate) fn new(condition: Symbol, description: impl Into<String>) -> Self {
        Self {
            condition,
            description: Some(description.into()),
            info: None,
        }
    }
}

/// What became of a delivery (section 3.4).
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum DeliveryState {
    /// The message was taken.
    Accepted,
    /// The message was not taken.
    Rejected(Rejected),
    /// Any other state.
    Other(Value),
}

const ACCEPTED: u64 = 0x24;

impl Field for DeliveryState {
    fn read(value: Value) -> Option<Self> {
        let Value::Described(described) = &value else {
            return None;
        };
        match described.descriptor {
            Value::Ulong(ACCEPTED) => Some(Self::Accepted),
            Value::Ulong(Rejected::DESCRIPTOR) => {
                Rejected::from_value(value).ok().map(Self::Rejected)
            }
            _ => Some(Self::Other(value)),
        }
    }

    fn write(&self, output: &mut BytesMut) {
        match self {
            Self::Accepted => put_composite(ACCEPTED, 0, output, |_| {}),
            Self::Rejected(rejected) => rejected.encode(output),
            Self::Other(value) => encode(value, output),
        }
    }
}

/// The sender of a link, in the `role` of an [`Attach`].
pub(crate) const ROLE_SENDER: bool = false;
/// The receiver of a link.
pub(crate) const ROLE_RECEIVER: bool = true;

composites! {
    /// The first frame of each side: its limits.
    Open = 0x10 {
        container_id: String,
        hostname: Option<String>,
        /// Bytes; absent is without limit.
        max_frame_size: Option<u32>,
        channel_max: Option<u16>,
        /// After this many milliseconds without a frame this side closes.
        idle_time_out: Option<u32>,
        outgoing_locales: Option<Value>,
        incoming_locales: Option<Value>,
        offered_capabilities: Option<Value>,
        desired_capabilities: Option<Value>,
        properties: Option<Value>,
    }

    /// Opens a session on a channel.
    Begin = 0x11 {
        /// In an answer: the channel of the asker.
        remote_channel: Option<u16>,
        /// The transfer id of the first transfer frame to come.
        next_outgoing_id: u32,
        /// Transfer frames that may be under way towards this side.
        incoming_window: u32,
        outgoing_window: u32,
        handle_max: Option<u32>,
        offered_capabilities: Option<Value>,
        desired_capabilities: Option<Value>,
        properties: Option<Value>,
    }

    /// Opens a link within a session, or answers that.
    Attach = 0x12 {
        name: String,
        handle: u32,
        /// What the writer of this frame is.
        role: bool,
        /// 0 unsettled, 1 settled, 2 mixed.
        snd_settle_mode: Option<u8>,
        /// 0 first, 1 second.
        rcv_settle_mode: Option<u8>,
        source: Option<Source>,
        target: Option<Target>,
        unsettled: Option<Value>,
        incomplete_unsettled: Option<bool>,
        /// Mandatory from a sender.
        initial_delivery_count: Option<u32>,
        /// Bytes of a message; absent or 0 is without limit.
        max_message_size: Option<u64>,
        offered_capabilities: Option<Value>,
        desired_capabilities: Option<Value>,
        properties: Option<Value>,
    }

    /// State of a session, and of a link if it has a handle.
    Flow = 0x13 {
        next_incoming_id: Option<u32>,
        incoming_window: u32,
        next_outgoing_id: u32,
        outgoing_window: u32,
        handle: Option<u32>,
        delivery_count: Option<u32>,
        link_credit: Option<u32>,
        available: Option<u32>,
        drain: Option<bool>,
        /// Asks for a flow in return.
        echo: Option<bool>,
        properties: Option<Value>,
    }

    /// A message or a part of one; its bytes follow in the frame.
    Transfer = 0x14 {
        handle: u32,
        /// Mandatory in the first frame of a delivery.
        delivery_id: Option<u32>,
        delivery_tag: Option<Bytes>,
        message_format: Option<u32>,
        settled: Option<bool>,
        /// The delivery goes on in the next frame of the link.
        more: Option<bool>,
        rcv_settle_mode: Option<u8>,
        state: Option<Value>,
        resume: Option<bool>,
        aborted: Option<bool>,
        batchable: Option<bool>,
    }

    /// What became of deliveries.
    Disposition = 0x15 {
        /// The writer's role towards these deliveries.
        role: bool,
        first: u32,
        last: Option<u32>,
        settled: Option<bool>,
        state: Option<DeliveryState>,
        batchable: Option<bool>,
    }

    /// Closes a link.
    Detach = 0x16 {
        handle: u32,
        closed: Option<bool>,
        error: Option<AmqpError>,
    }

    /// Closes a session.
    End = 0x17 {
        error: Option<AmqpError>,
    }

    /// Closes the connection.
    Close = 0x18 {
        error: Option<AmqpError>,
    }

    /// A condition by name, with a text for people (section 2.8.14).
    AmqpError = 0x1d {
        condition: Symbol,
        description: Option<String>,
        info: Option<Value>,
    }

    /// The message was not taken (section 3.4.3).
    Rejected = 0x25 {
        error: Option<AmqpError>,
    }

    /// Where a link's messages come from (section 3.5.3).
    Source = 0x28 {
        address: Option<Value>,
        durable: Option<u32>,
        expiry_policy: Option<Symbol>,
        timeout: Option<u32>,
        dynamic: Option<bool>,
        dynamic_node_properties: Option<Value>,
        distribution_mode: Option<Symbol>,
        filter: Option<Value>,
        default_outcome: Option<Value>,
        outcomes: Option<Value>,
        capabilities: Option<Value>,
    }

    /// Where they go (section 3.5.4).
    Target = 0x29 {
        address: Option<Value>,
        durable: Option<u32>,
        expiry_policy: Option<Symbol>,
        timeout: Option<u32>,
        dynamic: Option<bool>,
        dynamic_node_properties: Option<Value>,
        capabilities: Option<Value>,
    }

    /// The ways to authenticate that a server offers.
    SaslMechanisms = 0x40 {
        mechanisms: Array,
    }

    /// The way that the client chose.
    SaslInit = 0x41 {
        mechanism: Symbol,
        initial_response: Option<Bytes>,
        hostname: Option<String>,
    }

    /// How it ended: 0 is well.
    SaslOutcome = 0x44 {
        code: u8,
        additional_data: Option<Bytes>,
    }
}
