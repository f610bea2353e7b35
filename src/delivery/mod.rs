//! What scrapes have carried, and what follows from that: acknowledgement, and which failure series were shown.
//!
//! Pure: the lock, the clock and the sockets are elsewhere.

mod ledger;
mod series;
mod settings;

pub use ledger::{Cut, Ledger, Positions};
pub use series::Series;
pub use settings::{CheckpointAfter, Settings};
