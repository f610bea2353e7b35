//! Any AMQP value, as section 1.6 of the standard lists them.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;

/// One value of any AMQP type.
///
/// Decimals are kept as their bytes: nothing here computes with them, and they must be written as they were read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    Boolean(bool),
    Ubyte(u8),
    Ushort(u16),
    Uint(u32),
    Ulong(u64),
    Byte(i8),
    Short(i16),
    Int(i32),
    Long(i64),
    Float(f32),
    Double(f64),
    Decimal32([u8; 4]),
    Decimal64([u8; 8]),
    Decimal128([u8; 16]),
    Char(char),
    /// Milliseconds since the Unix epoch.
    Timestamp(i64),
    Uuid([u8; 16]),
    Binary(Bytes),
    String(String),
    Symbol(Symbol),
    List(Vec<Value>),
    /// In the order of the wire, which has a meaning in AMQP.
    Map(Vec<(Value, Value)>),
    Array(Array),
    Described(Box<Described>),
}

/// A value with a descriptor, which gives its meaning.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Described {
    /// Usually a [`Value::Ulong`], sometimes a [`Value::Symbol`].
    pub descriptor: Value,
    /// What is described.
    pub value: Value,
}

/// A name from a constrained domain; ASCII, as the standard requires.
#[derive(Clone, Default, PartialEq)]
pub(crate) struct Symbol(Cow<'static, str>);

/// Values that share one constructor: all of one type, and of one descriptor if described.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Array(Vec<Value>);

impl Value {
    /// The text of a string or a symbol.
    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            Self::Symbol(symbol) => Some(symbol.as_str()),
            _ => None,
        }
    }

    /// The number in an integer of any width, or a timestamp, where an `i64` holds it.
    pub(crate) fn as_integer(&self) -> Option<i64> {
        match *self {
            Self::Ubyte(number) => Some(number.into()),
            Self::Ushort(number) => Some(number.into()),
            Self::Uint(number) => Some(number.into()),
            Self::Ulong(number) => i64::try_from(number).ok(),
            Self::Byte(number) => Some(number.into()),
            Self::Short(number) => Some(number.into()),
            Self::Int(number) => Some(number.into()),
            Self::Long(number) | Self::Timestamp(number) => Some(number),
            _ => None,
        }
    }

    /// The entry of a map whose key is this text, as string or as symbol.
    pub(crate) fn get(&self, key: &str) -> Option<&Value> {
        match self {
            Self::Map(entries) => entries
                .iter()
                .find(|(name, _)| name.as_text() == Some(key))
                .map(|(_, value)| value),
            _ => None,
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<Symbol> for Value {
    fn from(symbol: Symbol) -> Self {
        Self::Symbol(symbol)
    }
}

impl Symbol {
    /// A symbol that is known when the program is compiled.
    pub(crate) const fn from_static(text: &'static str) -> Self {
        assert!(text.is_ascii(), "a symbol is ASCII");
        Self(Cow::Borrowed(text))
    }

    /// A symbol, if the text can be one.
    pub(crate) fn parse(text: String) -> Option<Self> {
        text.is_ascii().then_some(Self(Cow::Owned(text)))
    }

    /// The symbol as text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Symbol {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, ":{}", self.0)
    }
}

impl Array {
    /// An array of symbols.
    pub(crate) fn of_symbols(symbols: impl IntoIterator<Item = Symbol>) -> Self {
        Self(symbols.into_iter().map(Value::Symbol).collect())
    }

    /// An array of strings.
    pub(crate) fn of_strings(strings: impl IntoIterator<Item = String>) -> Self {
        Self(strings.into_iter().map(Value::String).collect())
    }

    /// The values, which the caller knows to be of one type.
    pub(super) fn of_one_type(values: Vec<Value>) -> Self {
        Self(values)
    }

    /// The values in their order.
    pub(crate) fn values(&self) -> &[Value] {
        &self.0
    }
}
