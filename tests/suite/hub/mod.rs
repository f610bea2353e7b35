//! The local Event Hub, judged by clients that others wrote: the Rust SDK here, Python and JavaScript in [`interop`].

mod buffered;
mod interop;
mod processor;
mod publish;
mod receive;
mod support;
