//! Composite types: lists whose fields have names, behind a descriptor that names the type (section 1.4).

use bytes::{BufMut, Bytes, BytesMut};

use super::decode::DecodeError;
use super::encode::{LIST32, encode, put_compound};
use super::value::{Array, Symbol, Value};

/// A described list with named fields.
///
/// A field that is absent at the end of the list is null. All fields are written, with explicit nulls: pyamqp
/// (azure-eventhub 5.15) reads fields by index without a check, among them the eleventh of a flow and the ninth of an open.
pub(crate) trait Composite: Sized {
    /// The name in the standard, for errors.
    const NAME: &'static str;
    /// The descriptor's number.
    const DESCRIPTOR: u64;

    /// Reads the fields in their order.
    fn from_fields(fields: Vec<Value>) -> Result<Self, DecodeError>;

    /// Appends the described list.
    fn encode(&self, output: &mut BytesMut);

    /// Reads the composite from a decoded value.
    fn from_value(value: Value) -> Result<Self, DecodeError> {
        match value {
            Value::Described(described)
                if described.descriptor == Value::Ulong(Self::DESCRIPTOR) =>
            {
                match described.value {
                    Value::List(fields) => Self::from_fields(fields),
                    _ => Err(DecodeError::Descriptor(Self::NAME)),
                }
            }
            _ => Err(DecodeError::Descriptor(Self::NAME)),
        }
    }
}

/// The type of one field of a composite.
pub(super) trait Field: Sized {
    /// Null stands for an absent field; `None` is for a value of another type.
    fn read(value: Value) -> Option<Self>;
    fn write(&self, output: &mut BytesMut);
}

/// Declares a struct per composite type, its fields in the order of the wire.
macro_rules! composites {
    ($(
        $(#[$doc:meta])*
        $name:ident = $descriptor:literal {
            $( $(#[$field_doc:meta])* $field:ident: $kind:ty, )*
        }
    )*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq)]
        pub(crate) struct $name {
            $( $(#[$field_doc])* pub(crate) $field: $kind, )*
        }

        impl $crate::amqp::composite::Composite for $name {
            const NAME: &'static str = stringify!($name);
            const DESCRIPTOR: u64 = $descriptor;

            fn from_fields(
                fields: Vec<$crate::amqp::Value>,
            ) -> Result<Self, $crate::amqp::DecodeError> {
                let mut fields = fields.into_iter();
                Ok(Self {
                    $( $field: $crate::amqp::composite::next_field(
                        &mut fields,
                        stringify!($name),
                        stringify!($field),
                    )?, )*
                })
            }

            fn encode(&self, output: &mut bytes::BytesMut) {
                let count = [$( stringify!($field) ),*].len();
                $crate::amqp::composite::put_composite(Self::DESCRIPTOR, count, output, |output| {
                    $( $crate::amqp::composite::Field::write(&self.$field, output); )*
                });
            }
        }

        impl $crate::amqp::composite::Field for $name {
            fn read(value: $crate::amqp::Value) -> Option<Self> {
                $crate::amqp::composite::Composite::from_value(value).ok()
            }

            fn write(&self, output: &mut bytes::BytesMut) {
                $crate::amqp::composite::Composite::encode(self, output);
            }
        }
    )*};
}
pub(super) use composites;

pub(super) fn next_field<F: Field>(
    fields: &mut impl Iterator<Item = Value>,
    composite: &'static str,
    field: &'static str,
) -> Result<F, DecodeError> {
    F::read(fields.next().unwrap_or(Value::Null)).ok_or(DecodeError::Field { composite, field })
}

pub(super) fn put_composite(
    descriptor: u64,
    count: usize,
    output: &mut BytesMut,
    put_fields: impl FnOnce(&mut BytesMut),
) {
    output.put_u8(0);
    encode(&Value::Ulong(descriptor), output);
    put_compound(LIST32, count, output, put_fields);
}

impl<F: Field> Field for Option<F> {
    fn read(value: Value) -> Option<Self> {
        match value {
            Value::Null => Some(None),
            value => F::read(value).map(Some),
        }
    }

    fn write(&self, output: &mut BytesMut) {
        match self {
            None => encode(&Value::Null, output),
            Some(field) => field.write(output),
        }
    }
}

impl Field for Value {
    fn read(value: Value) -> Option<Self> {
        Some(value)
    }

    fn write(&self, output: &mut BytesMut) {
        encode(self, output);
    }
}

/// Fields that are one variant of a value.
macro_rules! fields {
    ($( $kind:ty = $variant:ident )*) => {$(
        impl Field for $kind {
            fn read(value: Value) -> Option<Self> {
                match value {
                    Value::$variant(field) => Some(field),
                    _ => None,
                }
            }

            fn write(&self, output: &mut BytesMut) {
                encode(&Value::$variant(self.clone()), output);
            }
        }
    )*};
}

fields! {
    bool = Boolean
    u8 = Ubyte
    u16 = Ushort
    u32 = Uint
    u64 = Ulong
    String = String
    Symbol = Symbol
    Bytes = Binary
    Array = Array
}
