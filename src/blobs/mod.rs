//! Azure Blob Storage: one container, and the few things that are done to the blobs in it.
//!
//! `settings` say where it is and what lets us in; `container` does the requests, of which `request` is one; `list` reads
//! what the service tells of many blobs at once; `error` says what a failure means; `names` are those that a consumer
//! group's blobs have in every official SDK.
//!
//! `object_store` signs the requests and sends them. They are made here, since it has none to create a container, nor one
//! that lists blobs with their metadata: with it, a look at 32 leases is one request and not 33. Nothing is tried twice:
//! a write that is repeated after its answer was lost is refused by its own condition, and whoever calls knows better
//! whether it was done.

mod container;
mod error;
mod list;
pub mod names;
mod request;
mod settings;

use std::collections::BTreeMap;

pub use container::Container;
pub use error::BlobError;
pub use settings::{Access, InvalidContainer, Settings, container_name};

/// What a blob says besides its body: names in lower case, and printable ASCII.
pub type Metadata = BTreeMap<String, String>;

/// The version of a blob. Quotes, which the service puts around it in one place and not in the other, are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ETag(String);

impl ETag {
    /// The version that this text stands for.
    pub fn new(text: &str) -> Self {
        Self(text.trim_matches('"').to_owned())
    }
}

/// A blob without its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// Within the container.
    pub name: String,
    /// Its version.
    pub etag: ETag,
    /// What it says.
    pub metadata: Metadata,
}

/// On what condition a blob is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// None.
    Always,
    /// There is none of that name.
    Missing,
    /// It still has this version.
    Unchanged(ETag),
}

/// What became of a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is done, and this is the version.
    Done(ETag),
    /// The condition did not hold: nothing was done.
    Refused,
}
