//! Runs this process as one of several replicas that share the partitions of a consumer group.
//!
//! A replica owns a partition while it owns the partition's lease: a blob that names its owner, and that the owner
//! rewrites before it expires. There is no leader: every replica reads the same blobs once a cycle and computes the same
//! assignment. A replica announces itself by a blob of its own, so that replicas with more partitions hand some over to it.
//! Until a lease is released or expires, no other replica writes it.
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
//! `owner` names a process. `view` contains what one replica has seen, and decides by its own clock what has expired.
//! `balance` computes from the view which replica should own which partition. `lease_store` reads and writes the blobs.
//! `life` runs a replica from its start to its end, and `cycle` runs one cycle. `leases` acquires, renews and releases
//! leases. `consumer` starts and stops the reading of a partition. `sharing` builds the replicas.

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
