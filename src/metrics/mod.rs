//! The domain's metrics.

mod settings;

pub use settings::{BucketSettings, Buckets, InvalidBuckets, Settings};
