//! Everything that is tested from outside, in one binary.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

mod architecture;
mod config;
mod end_to_end;
mod golden;
mod world;
