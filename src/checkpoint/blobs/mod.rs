//! Positions and remembered series in blobs, shared by all replicas of a consumer group.
//!
//! `positions` has a blob for each partition, in the layout of the official SDKs, which is written by the partition's
//! owner alone; `format` is its content. `series` is a blob for the group, to which every replica adds.

mod format;
mod positions;
mod series;

use futures_util::{StreamExt, stream};

pub use positions::{BlobPositions, Found, OwnedPosition, Wrote};
pub(crate) use series::BlobSeries;

/// Requests to the store under way at a time: it takes thousands a second, and a cycle of a replica has ten seconds.
const REQUESTS_MAX: usize = 16;

/// The answers to requests of which only so many are under way at a time, in any order.
pub(crate) fn concurrently<F: Future>(
    requests: impl IntoIterator<Item = F>,
) -> impl Future<Output = Vec<F::Output>> {
    let requests: Vec<_> = requests.into_iter().collect();
    stream::iter(requests)
        .buffer_unordered(REQUESTS_MAX)
        .collect()
}
