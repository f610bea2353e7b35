//! AMQP 1.0 as bytes: values, frames, performatives and the sections of a message.
//!
//! It stands alone: nothing here knows of Event Hubs, of sockets or of time. Every read is checked and bounded, so that
//! any bytes decode to a value or to an error, in memory proportional to their number.
//!
//! Read in this order: [`value`], [`mod@decode`] and [`mod@encode`], [`composite`], [`performative`], [`frame`], [`message`].
//! Section numbers in the comments are those of the standard, OASIS AMQP 1.0 (2012).

pub(crate) mod composite;
pub(crate) mod decode;
pub(crate) mod encode;
pub(crate) mod frame;
#[cfg(any(fuzzing, test))]
pub(crate) mod fuzz;
pub(crate) mod message;
pub(crate) mod performative;
#[cfg(test)]
mod tests;
pub(crate) mod value;

pub(crate) use decode::{DecodeError, decode};
pub(crate) use value::{Array, Symbol, Value};
