//! Limits that Event Hubs documents.

/// The bytes of the largest message, or batch of events; what Event Hubs allows in its standard and higher tiers.
pub const MESSAGE_BYTES_MAX: u64 = 1024 * 1024;

/// Partitions of one event hub; what Event Hubs allows in its dedicated tier.
pub(crate) const PARTITIONS_MAX: u32 = 1024;
