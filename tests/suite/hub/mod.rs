//! The local Event Hub, judged by clients that others wrote: the Rust SDK here, Python in [`interop`].

mod admin;
mod faults;
mod interop;
mod limits;
mod publish;
mod receive;
pub(crate) mod support;
mod tls;
