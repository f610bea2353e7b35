//! Who reads which partition, where several replicas share them.
//!
//! A partition belongs to who holds its lease: a blob that names its owner, and that the owner rewrites before it
//! expires. Each replica looks at all leases once a cycle, and acts on its own part of what it sees. `owner` is who can
//! hold one; `view` is what one replica has seen, and what has expired by its own clock; `balance` says who should have
//! what, as a pure function of that; `leases` are the blobs. Reading, and letting go in order, is done elsewhere.
//!
//! A replica makes itself known by a blob of its own, which it rewrites every cycle. Whoever is there and has fewer
//! partitions than others asks for them thereby: the one with the most hands them over. So nobody asks for a partition
//! twice, no lease is touched by anyone but its owner, and every replica that sees the same does the same.

pub(crate) mod balance;
mod leases;
mod owner;
mod settings;
#[cfg(test)]
mod tests;
mod view;

pub(crate) use leases::LeaseStore;
pub(crate) use owner::Owner;
pub(crate) use settings::Settings;
pub(crate) use view::{Holder, View};
