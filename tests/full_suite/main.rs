//! The hub under load, by clients that others wrote: the long forms of `crates/event-hub-emulator/tests`, minutes each, with figures.
//!
//! `tests/full` runs them, in a release build and one after the other; `cargo test` leaves them out.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on has failed; the figures are what it is for"
)]

mod bounded;
mod clients;
mod endpoints_under_attack;
mod live;
mod partitions;
mod process;
mod starts;
mod storm;
mod throughput;

#[path = "../suite/attack.rs"]
mod attack;
#[expect(dead_code, reason = "shared with the suite, which uses all of it")]
#[path = "../suite/prometheus.rs"]
mod prometheus;
#[path = "../../crates/event-hub-emulator/tests/clients/script.rs"]
mod script;
#[expect(dead_code, reason = "shared with the suite, which uses all of it")]
#[path = "../../crates/event-hub-emulator/tests/clients/support.rs"]
mod support;
#[expect(dead_code, reason = "shared with the suite, which uses all of it")]
#[path = "../suite/world.rs"]
mod world;

#[expect(dead_code, reason = "shared with the suite, which uses all of it")]
#[path = "../suite/faults"]
mod faults {
    mod poller;
    mod scene;
    pub(crate) mod stopped;
    pub(crate) mod storm;
}
