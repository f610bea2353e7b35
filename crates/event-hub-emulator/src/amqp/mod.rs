//! AMQP 1.0 as bytes: values, frames, performatives and the sections of a message.
//!
//! It stands alone: nothing here knows of Event Hubs, of sockets or of time. Every read is checked and bounded, so that
//! bytes from anyone decode to a value or to an error, in memory proportional to their number.
//!
//! Read in this order: [`value`], [`mod@decode`] and [`mod@encode`], [`composite`], [`performative`], [`frame`], [`message`].
//! Section numbers in the comments are those of the standard, OASIS AMQP 1.0 (2012).

pub mod composite;
pub mod decode;
pub mod encode;
pub mod frame;
pub mod message;
pub mod performative;
pub mod value;

pub use decode::{DecodeError, decode};
pub use value::{Array, Described, Symbol, Value};

#[cfg(test)]
mod tests;
