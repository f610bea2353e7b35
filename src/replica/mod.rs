//! This process as one of several replicas that share the partitions of a consumer group.
//!
//! A replica owns a partition while it owns the partition's lease: a blob that names its owner, and that the owner
//! rewrites before it expires. There is no leader: every replica reads the same blobs once a cycle and computes the same
//! assignment. It announces itself by a blob of its own, so that replicas with more partitions hand some over to it. No
//! partition is asked for twice, and a lease is written by its owner alone.
//!
//! ```text
//!   acquired --checkpoint rewritten--> reading --handed over, lease released--> (another's)
//!      ^                                  |                                       |
//!      |                                  +-------------- lost -------------------+
//!      +------------------------- released, or expired ---------------------------+
//! ```
//!
//! While the store does not answer, everything stays as it is: owned partitions are still read.
//!
//! `owner` names a process; `view` is what one replica has seen, and what has expired by its own clock; `balance` computes
//! which replica should own what, as a pure function of that. `lease_store` are the blobs. `life` is a replica from its start to its end,
//! `cycle` one look at all leases, `leases` what is done to them, and `consumer` how a partition starts and stops being
//! read. `sharing` builds it all.

mod balance;
mod consumer;
mod cycle;
mod lease_store;
mod leases;
mod life;
mod owner;
mod settings;
mod sharing;
#[cfg(test)]
mod tests;
mod view;

use owner::Owner;

pub(crate) use life::Replica;
pub(crate) use settings::Settings;
pub(crate) use sharing::Sharing;
