//! The emulator, judged by clients that others wrote: the Rust SDK here, Python and JavaScript in [`interop`].

#![expect(clippy::panic, reason = "a test that cannot go on has failed")]

mod buffered;
mod faults;
mod interop;
mod limits;
mod processor;
mod publish;
mod receive;
mod refusals;
mod script;
mod store;
mod support;
mod tls;
