//! Realistic Call Recording logs, as Azure Monitor writes them into an Event Hub.
//!
//! For demonstrations, load and tests without a customer. The way of a record, in reading order:
//!
//! - [`world`]: three invented resources and their habits
//! - [`model`]: what a record says, as types
//! - `call`: one call, played through to its last record; `incident`: when requests are refused
//! - [`Traffic`]: all calls, their records in the order of time, endless (pure)
//! - [`Envelopes`]: a second of them as the events that Azure Monitor would write (pure)
//! - [`run`]: those events into Event Hubs, each second when it is due
//!
//! What it will not do: delay records as Azure Monitor does (30 s to minutes), repeat them, or send
//! broken ones. What no public source tells (the spelling of some names, the shape of a usage
//! record of a recording) is marked where it is assumed.

mod call;
mod dice;
mod envelopes;
mod incident;
pub mod model;
mod records;
mod sender;
mod target;
#[cfg(test)]
mod tests;
mod traffic;
pub mod world;

use std::time::Duration;

pub use envelopes::{Envelope, Envelopes};
pub use model::{Category, Record};
pub use sender::{Published, Report, run};
pub use target::{OpenError, Target};
pub use traffic::Traffic;

/// At a call's mean length of eight minutes this is 240,000 calls in progress, and 300 MB of
/// records to come.
const CALLS_PER_SECOND_MAX: f64 = 500.0;

/// What the traffic is like.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// How many calls begin in a second, over all resources; above 0, at most 500. A call gives
    /// about five records.
    pub calls_per_second: f64,
    /// The same seed and start time give the same bytes.
    pub seed: u64,
    /// The share of records in the documentation's shape (`PascalCase`, everything in `properties`),
    /// from 0 to 1. The rest is in the shape of diagnostic settings.
    pub documentation_shape_share: f64,
    /// For how long; `None` is until stopped. Rounded up to whole seconds.
    pub duration: Option<Duration>,
}

impl Default for Settings {
    /// A busy customer, and a quarter of the records in the rarer shape, so that both are met.
    fn default() -> Self {
        Self {
            calls_per_second: 2.0,
            seed: 1,
            documentation_shape_share: 0.25,
            duration: None,
        }
    }
}

impl Settings {
    fn check(&self) -> Result<(), SimulateError> {
        let fault = |name, value, range| Err(SimulateError::Setting { name, value, range });
        // Written so that NaN, which compares as false, is refused.
        if !(self.calls_per_second > 0.0 && self.calls_per_second <= CALLS_PER_SECOND_MAX) {
            let range = "above 0 and at most 500";
            return fault("calls_per_second", self.calls_per_second, range);
        }
        if !(0.0..=1.0).contains(&self.documentation_shape_share) {
            let range = "between 0 and 1";
            return fault(
                "documentation_shape_share",
                self.documentation_shape_share,
                range,
            );
        }
        Ok(())
    }
}

/// Why a simulation did not run.
#[derive(Debug, thiserror::Error)]
pub enum SimulateError {
    /// A setting is out of its range.
    #[error("`{name}` = `{value}` must be {range}")]
    Setting {
        /// The field of [`Settings`].
        name: &'static str,
        /// What it was.
        value: f64,
        /// What it may be.
        range: &'static str,
    },
    /// There is no Event Hub to send to.
    #[error("no event hub to send to")]
    NoTarget,
    /// An Event Hub could not be reached at the start.
    #[error("cannot open event hub `{event_hub}`")]
    Open {
        /// The hub's name.
        event_hub: String,
        /// What the SDK said.
        #[source]
        source: OpenError,
    },
    /// The simulation's own thread could not work.
    #[error("cannot run the simulation on a thread of its own")]
    Runtime(#[source] std::io::Error),
}
