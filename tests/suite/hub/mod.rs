//! The local Event Hub, judged by clients that others wrote: the Rust SDK here, Python in [`interop`].

mod interop;
mod publish;
mod receive;
mod support;
mod tls;
