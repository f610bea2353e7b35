//! Values to bytes, each in one form, chosen to be read by every client:
//!
//! - A `ulong` below 256 is a `smallulong`, since pyamqp (azure-eventhub 5.15) skips two bytes of a descriptor and takes
//!   the third for the number.
//! - Compound values have 32-bit sizes, written after their items, so nothing is measured or copied first. `list0`
//!   never appears: pyamqp does not read it.
//! - Strings, symbols and binaries below 256 bytes have the short form, since they are most of a message's overhead.

use bytes::{BufMut, BytesMut};

use super::value::Value;

/// Appends one value.
pub(crate) fn encode(value: &Value, output: &mut BytesMut) {
    match value {
        Value::Described(described) => {
            output.put_u8(0);
            encode(&described.descriptor, output);
            encode(&described.value, output);
        }
        Value::Boolean(true) => output.put_u8(0x41),
        Value::Boolean(false) => output.put_u8(0x42),
        Value::Ulong(number) => match u8::try_from(*number) {
            Ok(number) => output.put_slice(&[0x53, number]),
            Err(_) => put_in_full(value, output),
        },
        Value::Binary(bytes) => put_variable(0xa0, bytes, output),
        Value::String(text) => put_variable(0xa1, text.as_bytes(), output),
        Value::Symbol(symbol) => put_variable(0xa3, symbol.as_str().as_bytes(), output),
        _ => put_in_full(value, output),
    }
}

/// Appends a list or a map: `count` items that `put_items` appends.
pub(super) fn put_compound(
    constructor: u8,
    count: usize,
    output: &mut BytesMut,
    put_items: impl FnOnce(&mut BytesMut),
) {
    output.put_u8(constructor);
    put_sized(output, |output| {
        output.put_u32(length_u32(count));
        put_items(output);
    });
}

/// Appends the length of what `put_content` appends, in four bytes, and then that.
pub(super) fn put_sized(output: &mut BytesMut, put_content: impl FnOnce(&mut BytesMut)) {
    let length_at = output.len();
    output.put_u32(0);
    let content_at = output.len();
    put_content(output);
    let length = length_u32(output.len() - content_at);
    output
        .get_mut(length_at..content_at)
        .expect("was appended above")
        .copy_from_slice(&length.to_be_bytes());
}

/// The constructor of a list with 32-bit sizes.
pub(super) const LIST32: u8 = 0xd0;

/// The constructor of a map with 8-bit sizes, which some clients write.
pub(super) const MAP8: u8 = 0xc1;

/// The constructor of a map with 32-bit sizes.
pub(super) const MAP32: u8 = 0xd1;

fn put_variable(short_constructor: u8, bytes: &[u8], output: &mut BytesMut) {
    if let Ok(length) = u8::try_from(bytes.len()) {
        output.put_slice(&[short_constructor, length]);
    } else {
        output.put_u8(short_constructor + 0x10);
        output.put_u32(length_u32(bytes.len()));
    }
    output.put_slice(bytes);
}

fn put_in_full(value: &Value, output: &mut BytesMut) {
    put_full_constructor(value, output);
    put_full_body(value, output);
}

/// The constructor of the widest form, which fits every value of the type: so the items of an array can share it.
fn put_full_constructor(value: &Value, output: &mut BytesMut) {
    output.put_u8(match value {
        Value::Null => 0x40,
        Value::Boolean(_) => 0x56,
        Value::Ubyte(_) => 0x50,
        Value::Ushort(_) => 0x60,
        Value::Uint(_) => 0x70,
        Value::Ulong(_) => 0x80,
        Value::Byte(_) => 0x51,
        Value::Short(_) => 0x61,
        Value::Int(_) => 0x71,
        Value::Long(_) => 0x81,
        Value::Float(_) => 0x72,
        Value::Double(_) => 0x82,
        Value::Decimal32(_) => 0x74,
        Value::Decimal64(_) => 0x84,
        Value::Decimal128(_) => 0x94,
        Value::Char(_) => 0x73,
        Value::Timestamp(_) => 0x83,
        Value::Uuid(_) => 0x98,
        Value::Binary(_) => 0xb0,
        Value::String(_) => 0xb1,
        Value::Symbol(_) => 0xb3,
        Value::List(_) => LIST32,
        Value::Map(_) => MAP32,
        Value::Array(_) => 0xf0,
        Value::Described(described) => {
            output.put_u8(0);
            encode(&described.descriptor, output);
            return put_full_constructor(&described.value, output);
        }
    });
}

fn put_full_body(value: &Value, output: &mut BytesMut) {
    match value {
        Value::Null => {}
        Value::Boolean(truth) => output.put_u8(u8::from(*truth)),
        Value::Ubyte(number) => output.put_u8(*number),
        Value::Ushort(number) => output.put_u16(*number),
        Value::Uint(number) => output.put_u32(*number),
        Value::Ulong(number) => output.put_u64(*number),
        Value::Byte(number) => output.put_i8(*number),
        Value::Short(number) => output.put_i16(*number),
        Value::Int(number) => output.put_i32(*number),
        Value::Long(number) | Value::Timestamp(number) => output.put_i64(*number),
        Value::Float(number) => output.put_f32(*number),
        Value::Double(number) => output.put_f64(*number),
        Value::Decimal32(bytes) => output.put_slice(bytes),
        Value::Decimal64(bytes) => output.put_slice(bytes),
        Value::Decimal128(bytes) | Value::Uuid(bytes) => output.put_slice(bytes),
        Value::Char(character) => output.put_u32(u32::from(*character)),
        Value::Binary(bytes) => put_sized(output, |output| output.put_slice(bytes)),
        Value::String(text) => put_sized(output, |output| output.put_slice(text.as_bytes())),
        Value::Symbol(symbol) => put_sized(output, |output| {
            output.put_slice(symbol.as_str().as_bytes());
        }),
        Value::List(items) => put_sized(output, |output| {
            output.put_u32(length_u32(items.len()));
            for item in items {
                encode(item, output);
            }
        }),
        Value::Map(entries) => put_sized(output, |output| {
            output.put_u32(length_u32(entries.len() * 2));
            for (key, value) in entries {
                encode(key, output);
                encode(value, output);
            }
        }),
        Value::Array(array) => put_sized(output, |output| {
            let items = array.values();
            output.put_u32(length_u32(items.len()));
            // The items' constructor stands there even without items, as the grammar of section 1.6.23 wants it.
            put_full_constructor(items.first().unwrap_or(&Value::Null), output);
            for item in items {
                put_full_body(item, output);
            }
        }),
        Value::Described(described) => put_full_body(&described.value, output),
    }
}

fn length_u32(length: usize) -> u32 {
    u32::try_from(length).expect("messages are bounded far below 4 GiB")
}
