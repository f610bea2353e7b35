//! The integration tests: one binary, a module for each subject.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]
#![expect(
    clippy::float_cmp,
    reason = "samples that count are whole: any difference is a fault"
)]

mod any_body;
mod architecture;
mod azure;
mod bounds;
mod config;
mod credentials;
mod decoding;
mod documents;
mod drift;
mod end_to_end;
mod golden;
mod hub;
mod reading;
mod recovery;
mod replay;
mod scrapes;
mod script;
mod world;
