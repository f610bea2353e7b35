//! Bytes to values, and how long an encoded value is.
//!
//! Hostile bytes cost no more than honest ones: nesting, the number of values and every length have a limit, and nothing
//! is allocated for a count that the bytes at hand could not fill.

use bytes::{Buf, Bytes};

use super::value::{Array, Described, Symbol, Value};

/// How deep values may nest. Real messages nest about six deep; each level costs a stack frame.
const DEPTH_MAX: u32 = 32;

/// How many values one call decodes. A value takes 40 bytes in memory where one byte may describe it, so this bounds
/// what a message costs to about 2.6 MB. Only performatives and requests are decoded, which have some dozens.
const VALUES_MAX: u32 = 65_536;

/// Why bytes are not AMQP.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DecodeError {
    /// More bytes are announced than there are.
    #[error("the bytes end inside a value")]
    Truncated,
    /// The byte in the place of a type's constructor is not one.
    #[error("`{0:#04x}` is not the constructor of a type")]
    Constructor(u8),
    /// Nested beyond the limit.
    #[error("values nest more than {DEPTH_MAX} deep")]
    TooDeep,
    /// More values than the limit.
    #[error("more than {VALUES_MAX} values")]
    TooMany,
    /// The bytes of a compound value are more or fewer than its items.
    #[error("a compound value's size and its items differ")]
    Size,
    /// An impossible count: of more items than bytes, or odd in a map.
    #[error("a compound value cannot have {0} items")]
    Count(u32),
    /// A string that is not UTF-8, a symbol that is not ASCII, a character that does not exist.
    #[error("a text has bytes that are not characters")]
    Text,
    /// A descriptor that does not belong here.
    #[error("unexpected descriptor, where {0} should stand")]
    Descriptor(&'static str),
    /// A field that is missing or of another type.
    #[error("field `{field}` of `{composite}` is missing or of another type")]
    Field {
        /// The composite type.
        composite: &'static str,
        /// The field of it.
        field: &'static str,
    },
    /// The sections of a message are not in their order.
    #[error("the sections of a message are out of order")]
    SectionOrder,
}

impl From<bytes::TryGetError> for DecodeError {
    fn from(_: bytes::TryGetError) -> Self {
        Self::Truncated
    }
}

/// Takes one value from the front of the bytes.
pub(crate) fn decode(input: &mut Bytes) -> Result<Value, DecodeError> {
    Decoder {
        values_left: VALUES_MAX,
    }
    .value(input, DEPTH_MAX)
}

/// The number of bytes of the encoded value at the front, found without reading inside compound values.
pub(crate) fn encoded_length(input: &[u8]) -> Result<usize, DecodeError> {
    length_at_depth(input, DEPTH_MAX)
}

fn length_at_depth(input: &[u8], depth_left: u32) -> Result<usize, DecodeError> {
    let depth_left = depth_left.checked_sub(1).ok_or(DecodeError::TooDeep)?;
    let (&constructor, mut after) = input.split_first().ok_or(DecodeError::Truncated)?;
    let length = if constructor == 0 {
        let descriptor = length_at_depth(after, depth_left)?;
        let described = after.get(descriptor..).ok_or(DecodeError::Truncated)?;
        1 + descriptor + length_at_depth(described, depth_left)?
    } else {
        match Width::of(constructor)? {
            Width::Fixed(width) => 1 + width,
            Width::Length8 => 2 + usize::from(after.try_get_u8()?),
            Width::Length32 => 5 + length_of(after.try_get_u32()?)?,
        }
    };
    if length > input.len() {
        return Err(DecodeError::Truncated);
    }
    Ok(length)
}

/// What the upper four bits of a constructor say of the bytes that follow it (section 1.2).
enum Width {
    Fixed(usize),
    Length8,
    Length32,
}

impl Width {
    fn of(constructor: u8) -> Result<Self, DecodeError> {
        match constructor >> 4 {
            0x4 => Ok(Self::Fixed(0)),
            0x5 => Ok(Self::Fixed(1)),
            0x6 => Ok(Self::Fixed(2)),
            0x7 => Ok(Self::Fixed(4)),
            0x8 => Ok(Self::Fixed(8)),
            0x9 => Ok(Self::Fixed(16)),
            0xa | 0xc | 0xe => Ok(Self::Length8),
            0xb | 0xd | 0xf => Ok(Self::Length32),
            _ => Err(DecodeError::Constructor(constructor)),
        }
    }
}

struct Decoder {
    values_left: u32,
}

impl Decoder {
    fn value(&mut self, input: &mut Bytes, depth_left: u32) -> Result<Value, DecodeError> {
        match input.try_get_u8()? {
            0 => {
                let depth_left = depth_left.checked_sub(1).ok_or(DecodeError::TooDeep)?;
                let descriptor = self.value(input, depth_left)?;
                let value = self.value(input, depth_left)?;
                Ok(Value::Described(Box::new(Described { descriptor, value })))
            }
            constructor => self.body(constructor, input, depth_left),
        }
    }

    /// What follows a constructor that is not a descriptor's.
    fn body(
        &mut self,
        constructor: u8,
        input: &mut Bytes,
        depth_left: u32,
    ) -> Result<Value, DecodeError> {
        let depth_left = depth_left.checked_sub(1).ok_or(DecodeError::TooDeep)?;
        self.values_left = self
            .values_left
            .checked_sub(1)
            .ok_or(DecodeError::TooMany)?;
        Ok(match constructor {
            0x40 => Value::Null,
            0x41 => Value::Boolean(true),
            0x42 => Value::Boolean(false),
            0x43 => Value::Uint(0),
            0x44 => Value::Ulong(0),
            0x45 => Value::List(Vec::new()),
            0x50 => Value::Ubyte(input.try_get_u8()?),
            0x51 => Value::Byte(input.try_get_i8()?),
            0x52 => Value::Uint(input.try_get_u8()?.into()),
            0x53 => Value::Ulong(input.try_get_u8()?.into()),
            0x54 => Value::Int(input.try_get_i8()?.into()),
            0x55 => Value::Long(input.try_get_i8()?.into()),
            0x56 => Value::Boolean(input.try_get_u8()? != 0),
            0x60 => Value::Ushort(input.try_get_u16()?),
            0x61 => Value::Short(input.try_get_i16()?),
            0x70 => Value::Uint(input.try_get_u32()?),
            0x71 => Value::Int(input.try_get_i32()?),
            0x72 => Value::Float(input.try_get_f32()?),
            0x73 => Value::Char(char::from_u32(input.try_get_u32()?).ok_or(DecodeError::Text)?),
            0x74 => Value::Decimal32(take_array(input)?),
            0x80 => Value::Ulong(input.try_get_u64()?),
            0x81 => Value::Long(input.try_get_i64()?),
            0x82 => Value::Double(input.try_get_f64()?),
            0x83 => Value::Timestamp(input.try_get_i64()?),
            0x84 => Value::Decimal64(take_array(input)?),
            0x94 => Value::Decimal128(take_array(input)?),
            0x98 => Value::Uuid(take_array(input)?),
            0xa0 | 0xb0 => Value::Binary(take_variable(constructor, input)?),
            0xa1 | 0xb1 => Value::String(take_text(constructor, input)?),
            0xa3 | 0xb3 => {
                let text = take_text(constructor, input)?;
                Value::Symbol(Symbol::parse(text).ok_or(DecodeError::Text)?)
            }
            0xc0 | 0xd0 => self.list(constructor, input, depth_left)?,
            0xc1 | 0xd1 => self.map(constructor, input, depth_left)?,
            0xe0 | 0xf0 => self.array(constructor, input, depth_left)?,
            _ => return Err(DecodeError::Constructor(constructor)),
        })
    }

    fn list(
        &mut self,
        constructor: u8,
        input: &mut Bytes,
        depth_left: u32,
    ) -> Result<Value, DecodeError> {
        let (count, mut items) = take_compound(constructor, input)?;
        let mut list = Vec::with_capacity(self.capacity(count, &items)?);
        for _ in 0..count {
            list.push(self.value(&mut items, depth_left)?);
        }
        finished(&items)?;
        Ok(Value::List(list))
    }

    fn map(
        &mut self,
        constructor: u8,
        input: &mut Bytes,
        depth_left: u32,
    ) -> Result<Value, DecodeError> {
        let (count, mut items) = take_compound(constructor, input)?;
        if count % 2 != 0 {
            return Err(DecodeError::Count(count));
        }
        let mut entries = Vec::with_capacity(self.capacity(count, &items)? / 2);
        for _ in 0..count / 2 {
            let key = self.value(&mut items, depth_left)?;
            entries.push((key, self.value(&mut items, depth_left)?));
        }
        finished(&items)?;
        Ok(Value::Map(entries))
    }

    /// All items of an array share the one constructor that stands before them.
    fn array(
        &mut self,
        constructor: u8,
        input: &mut Bytes,
        depth_left: u32,
    ) -> Result<Value, DecodeError> {
        let (count, mut items) = take_compound(constructor, input)?;
        if count == 0 {
            // Some encoders write the constructor of the items that are not there.
            return Ok(Value::Array(Array::of_one_type(Vec::new())));
        }
        let mut item_constructor = items.try_get_u8()?;
        let mut descriptor = None;
        if item_constructor == 0 {
            descriptor = Some(self.value(&mut items, depth_left)?);
            item_constructor = items.try_get_u8()?;
        }
        // Items of no width (null, true, list0) would let five bytes ask for four billion values: `capacity` refuses
        // them, for want of bytes. No field of AMQP uses such an array.
        let mut array = Vec::with_capacity(self.capacity(count, &items)?);
        for _ in 0..count {
            let item = self.body(item_constructor, &mut items, depth_left)?;
            array.push(match &descriptor {
                None => item,
                Some(descriptor) => {
                    // The copy of the descriptor counts too: it may be large.
                    self.values_left = self
                        .values_left
                        .checked_sub(1)
                        .ok_or(DecodeError::TooMany)?;
                    Value::Described(Box::new(Described {
                        descriptor: simple(descriptor)?,
                        value: item,
                    }))
                }
            });
        }
        finished(&items)?;
        Ok(Value::Array(Array::of_one_type(array)))
    }

    /// How much to reserve for this many items, which must be no more than the bytes and the limit allow.
    fn capacity(&self, count: u32, items: &Bytes) -> Result<usize, DecodeError> {
        if count > self.values_left {
            return Err(DecodeError::TooMany);
        }
        let capacity = length_of(count)?;
        if capacity > items.len() {
            return Err(DecodeError::Count(count));
        }
        Ok(capacity)
    }
}

/// A copy of a descriptor, which is a number or a symbol in all that AMQP defines.
fn simple(descriptor: &Value) -> Result<Value, DecodeError> {
    match descriptor {
        Value::Ulong(_) | Value::Symbol(_) => Ok(descriptor.clone()),
        _ => Err(DecodeError::Descriptor(
            "the descriptor of an array's items",
        )),
    }
}

pub(super) fn take_compound(
    constructor: u8,
    input: &mut Bytes,
) -> Result<(u32, Bytes), DecodeError> {
    let mut items = take_variable(constructor, input)?;
    let count = match Width::of(constructor)? {
        Width::Length32 => items.try_get_u32()?,
        Width::Fixed(_) | Width::Length8 => items.try_get_u8()?.into(),
    };
    Ok((count, items))
}

fn take_variable(constructor: u8, input: &mut Bytes) -> Result<Bytes, DecodeError> {
    let length = match Width::of(constructor)? {
        Width::Length32 => length_of(input.try_get_u32()?)?,
        Width::Fixed(_) | Width::Length8 => input.try_get_u8()?.into(),
    };
    if length > input.len() {
        return Err(DecodeError::Truncated);
    }
    Ok(input.split_to(length))
}

fn take_text(constructor: u8, input: &mut Bytes) -> Result<String, DecodeError> {
    let bytes = take_variable(constructor, input)?;
    String::from_utf8(bytes.to_vec()).map_err(|_| DecodeError::Text)
}

fn take_array<const N: usize>(input: &mut Bytes) -> Result<[u8; N], DecodeError> {
    let mut array = [0; N];
    input.try_copy_to_slice(&mut array)?;
    Ok(array)
}

pub(super) fn finished(items: &Bytes) -> Result<(), DecodeError> {
    if items.is_empty() {
        Ok(())
    } else {
        Err(DecodeError::Size)
    }
}

fn length_of(number: u32) -> Result<usize, DecodeError> {
    usize::try_from(number).map_err(|_| DecodeError::Truncated)
}
