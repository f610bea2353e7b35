//! The integration tests: one binary, a module for each subject.
//!
//! Their time is real, and some wait for seconds: the exporter, Prometheus, Azurite and the clients in other languages are
//! processes of their own, which no paused clock of a test reaches. They run with intervals as short as a busy machine
//! keeps; a longer wait says at its constant or its settings what it outlasts. What needs no other process is tested beside
//! the code, in paused time.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that cannot go on has failed, and one that measures says what"
)]
#![expect(
    clippy::float_cmp,
    reason = "samples that count are whole: any difference is a fault"
)]

mod any_body;
mod architecture;
mod attack;
mod azure;
mod azurite;
mod blobs;
mod bounds;
mod cases;
mod check;
mod config;
mod credentials;
mod decoding;
mod delivery;
mod deploy;
mod documents;
mod drift;
mod end_to_end;
mod endpoints_under_attack;
mod exposition;
mod faults;
mod golden;
mod health;
mod hostile;
mod limits;
mod local_hub;
mod mutants;
mod private;
mod prometheus;
mod reading;
mod refused;
mod reload;
mod replay;
mod replicas;
mod status;
#[expect(
    dead_code,
    reason = "shared with the tests of the emulator, which use all of it"
)]
#[path = "../../crates/event-hub-emulator/tests/clients/support.rs"]
mod support;
mod web;
mod world;
