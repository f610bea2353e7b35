//! The integration tests: one binary, a module for each subject.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

mod architecture;
mod config;
mod end_to_end;
mod golden;
mod hub;
mod script;
mod world;
