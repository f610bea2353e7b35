#![doc = include_str!("../README.md")]
//!
//! # Map of the code
//!
//! The way of a record, in reading order:
//!
//! | module | contents |
//! | --- | --- |
//! | `world` | three invented resources and their habits |
//! | `model` | a [`Record`] as types |
//! | `dice` | random draws in the units of the model |
//! | `call`, `incident` | one call, played through to its last record; when requests are refused |
//! | `traffic` | [`Traffic`]: all calls, their records in the order of time, without end |
//! | `records`, `envelopes` | a record as JSON; [`Envelopes`]: a second of them as events |
//! | `sender`, `target` | [`run`]: those events into event hubs, each second when it is over |
//! | `cli` | the same as a command, with the feature `cli` |
//!
//! Nothing but `sender` and `target` reads a clock or does I/O.

mod call;
#[cfg(feature = "cli")]
pub mod cli;
mod dice;
mod envelopes;
mod incident;
mod model;
mod records;
mod sender;
mod target;
#[cfg(test)]
mod tests;
mod traffic;
mod world;

use std::time::Duration;

pub use envelopes::{Envelope, Envelopes};
pub use model::{Body, Category, Record};
pub use sender::run;
pub use target::{OpenError, Target};
pub use traffic::Traffic;

/// With a mean length of eight minutes this makes 240,000 calls in progress, and 300 MB of records to come.
const CALLS_PER_SECOND_MAX: f64 = 500.0;

/// The rate, seed and length of the traffic.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// How many calls begin in a second, over all resources: above 0, at most 500. A call has about five records.
    pub calls_per_second: f64,
    /// The same seed and start time give the same bytes.
    pub seed: u64,
    /// How long to send, rounded up to whole seconds; `None` is until stopped.
    pub duration: Option<Duration>,
}

impl Default for Settings {
    /// A busy customer.
    fn default() -> Self {
        Self {
            calls_per_second: 2.0,
            seed: 1,
            duration: None,
        }
    }
}

impl Settings {
    fn check(&self) -> Result<(), SimulateError> {
        // Written so that NaN, which compares as false, is refused.
        if self.calls_per_second > 0.0 && self.calls_per_second <= CALLS_PER_SECOND_MAX {
            Ok(())
        } else {
            Err(SimulateError::CallsPerSecond(self.calls_per_second))
        }
    }
}

/// Why a simulation did not run.
#[derive(Debug, thiserror::Error)]
pub enum SimulateError {
    /// [`Settings::calls_per_second`] is out of its range.
    #[error("`calls_per_second` = `{0}` must be above 0 and at most {CALLS_PER_SECOND_MAX}")]
    CallsPerSecond(f64),
    /// It has no endpoint, or no key.
    #[error("the connection string cannot be used")]
    ConnectionString(#[source] azure_core::Error),
    /// It is an emulator's, which turns TLS off, and leads to Azure.
    #[error(
        "the connection string's `UseDevelopmentEmulator=true` turns TLS off, but its `Endpoint` is in Azure: remove `UseDevelopmentEmulator`"
    )]
    EmulatorInAzure,
    /// Neither the caller nor the connection string names an event hub.
    #[error(
        "name the event hub: `--event-hub NAME`, or `EntityPath=NAME` in the connection string"
    )]
    NoEventHub,
    /// The list of targets is empty.
    #[error("no event hub to send to")]
    NoTarget,
    /// An event hub could not be opened at the start.
    #[error("cannot open event hub `{event_hub}`")]
    Open {
        /// The name of the event hub.
        event_hub: String,
        /// Why the last attempt failed.
        #[source]
        source: OpenError,
    },
    /// The thread of the simulation could not be started, or panicked.
    #[error("cannot run the simulation on a thread of its own")]
    Runtime(#[source] std::io::Error),
}
