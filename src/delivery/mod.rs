//! What scrapes have delivered, and what follows from that: acknowledgement, and which failure series were shown.
//!
//! Pure: the lock, the clock and the sockets are elsewhere.

mod ledger;
mod series;
mod settings;

pub(crate) use ledger::{FORGOTTEN_AFTER, Ledger, Positions, Snapshot};
pub(crate) use series::Series;
pub(crate) use settings::{CheckpointAfter, Settings};
