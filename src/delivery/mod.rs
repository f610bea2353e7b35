//! What scrapes have carried, and what follows from that: acknowledgement, and which failure series were shown.
//!
//! Pure: the lock, the clock and the sockets are elsewhere.

mod ledger;

pub use ledger::{Cut, Ledger, Positions};
