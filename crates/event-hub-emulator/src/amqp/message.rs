//! A message as its sections (section 3.2), found without decoding what is in them.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::composite::{Composite, composites};
use super::decode::{DecodeError, decode, encoded_length, finished, take_compound};
use super::encode::{MAP8, MAP32, encode, put_compound};
use super::value::Value;

/// What a section is; their order in a message is this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum SectionKind {
    Header,
    DeliveryAnnotations,
    MessageAnnotations,
    Properties,
    ApplicationProperties,
    Data,
    Sequence,
    Value,
    Footer,
}

/// A section of a message: slices of the message's own bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Section {
    /// What it is.
    pub(crate) kind: SectionKind,
    /// All its bytes, with the descriptor.
    pub(crate) encoded: Bytes,
    /// The value behind the descriptor, encoded.
    pub(crate) body: Bytes,
}

/// The sections of an encoded message, one after the other.
///
/// Ends after the first error. No section at all is not a message.
#[derive(Clone, Debug)]
pub(crate) struct Sections {
    rest: Bytes,
    last: Option<SectionKind>,
}

composites! {
    /// The standard properties of a message (section 3.2.4).
    Properties = 0x73 {
        message_id: Option<Value>,
        user_id: Option<Value>,
        to: Option<Value>,
        subject: Option<Value>,
        reply_to: Option<Value>,
        correlation_id: Option<Value>,
        content_type: Option<Value>,
        content_encoding: Option<Value>,
        absolute_expiry_time: Option<Value>,
        creation_time: Option<Value>,
        group_id: Option<Value>,
        group_sequence: Option<Value>,
        reply_to_group_id: Option<Value>,
    }
}

impl Sections {
    /// The sections of this message.
    pub(crate) fn of(message: Bytes) -> Self {
        Self {
            rest: message,
            last: None,
        }
    }

    fn take(&mut self) -> Result<Section, DecodeError> {
        let length = encoded_length(&self.rest)?;
        let encoded = self.rest.split_to(length);
        let mut body = encoded.clone();
        if body.try_get_u8()? != 0 {
            return Err(DecodeError::Descriptor("a section"));
        }
        let descriptor = decode(&mut body)?;
        let kind = SectionKind::of(&descriptor).ok_or(DecodeError::Descriptor("a section"))?;
        let repeats = matches!(kind, SectionKind::Data | SectionKind::Sequence);
        if self
            .last
            .is_some_and(|last| kind < last || (kind == last && !repeats))
        {
            return Err(DecodeError::SectionOrder);
        }
        self.last = Some(kind);
        Ok(Section {
            kind,
            encoded,
            body,
        })
    }
}

impl Iterator for Sections {
    type Item = Result<Section, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let section = self.take();
        if section.is_err() {
            self.rest.clear();
        }
        Some(section)
    }
}

impl Section {
    /// The value of the section.
    pub(crate) fn value(&self) -> Result<Value, DecodeError> {
        decode(&mut self.body.clone())
    }

    /// The bytes of a Data section.
    pub(crate) fn data(&self) -> Result<Bytes, DecodeError> {
        match self.value()? {
            Value::Binary(data) if self.kind == SectionKind::Data => Ok(data),
            _ => Err(DecodeError::Descriptor("binary data")),
        }
    }
}

impl SectionKind {
    fn of(descriptor: &Value) -> Option<Self> {
        match descriptor {
            Value::Ulong(0x70) => Some(Self::Header),
            Value::Ulong(0x71) => Some(Self::DeliveryAnnotations),
            Value::Ulong(0x72) => Some(Self::MessageAnnotations),
            Value::Ulong(0x73) => Some(Self::Properties),
            Value::Ulong(0x74) => Some(Self::ApplicationProperties),
            Value::Ulong(0x75) => Some(Self::Data),
            Value::Ulong(0x76) => Some(Self::Sequence),
            Value::Ulong(0x77) => Some(Self::Value),
            Value::Ulong(0x78) => Some(Self::Footer),
            _ => None,
        }
    }

    fn descriptor(self) -> u64 {
        match self {
            Self::Header => 0x70,
            Self::DeliveryAnnotations => 0x71,
            Self::MessageAnnotations => 0x72,
            Self::Properties => Properties::DESCRIPTOR,
            Self::ApplicationProperties => 0x74,
            Self::Data => 0x75,
            Self::Sequence => 0x76,
            Self::Value => 0x77,
            Self::Footer => 0x78,
        }
    }
}

/// Keys and values in the annotations of a message: far beyond what any client sends, and little memory.
const ENTRY_VALUES_MAX: u32 = 8192;

/// Appends a section of this value.
pub(crate) fn put_section(output: &mut BytesMut, kind: SectionKind, value: &Value) {
    put_descriptor(output, kind);
    encode(value, output);
}

/// Appends a Data section.
pub(crate) fn put_data(output: &mut BytesMut, data: &[u8]) {
    put_section(
        output,
        SectionKind::Data,
        &Value::Binary(Bytes::copy_from_slice(data)),
    );
}

/// Appends a section that is a map of `entries`, which `put_entries` appends encoded, key and value in turn.
pub(crate) fn put_map_section(
    output: &mut BytesMut,
    kind: SectionKind,
    entries: usize,
    put_entries: impl FnOnce(&mut BytesMut),
) {
    put_descriptor(output, kind);
    put_compound(MAP32, entries * 2, output, put_entries);
}

fn put_descriptor(output: &mut BytesMut, kind: SectionKind) {
    output.put_u8(0);
    encode(&Value::Ulong(kind.descriptor()), output);
}

/// The entries of an encoded map: key and value of each, as slices of its bytes.
pub(crate) fn map_entries(map: &Bytes) -> Result<Vec<(Bytes, Bytes)>, DecodeError> {
    let mut map = map.clone();
    let constructor = map.try_get_u8()?;
    if ![MAP8, MAP32].contains(&constructor) {
        return Err(DecodeError::Descriptor("a map"));
    }
    let (count, mut rest) = take_compound(constructor, &mut map)?;
    if count > ENTRY_VALUES_MAX || count % 2 != 0 {
        return Err(DecodeError::Count(count));
    }
    let mut entries = Vec::new();
    for _ in 0..count / 2 {
        let key = take_encoded(&mut rest)?;
        let value = take_encoded(&mut rest)?;
        entries.push((key, value));
    }
    finished(&rest)?;
    finished(&map)?;
    Ok(entries)
}

fn take_encoded(rest: &mut Bytes) -> Result<Bytes, DecodeError> {
    let length = encoded_length(rest)?;
    Ok(rest.split_to(length))
}
