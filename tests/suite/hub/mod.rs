//! The local Event Hub, judged by clients that others wrote: the Rust SDK here, Python and JavaScript in [`interop`].

mod admin;
mod buffered;
mod faults;
mod interop;
mod limits;
mod processor;
mod publish;
mod receive;
pub(crate) mod support;
mod tls;
