//! Reads and writes the leases as blobs. The caller decides what to write. Every write of a lease names the version that it
//! replaces.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Owner;
use crate::blobs::names::{Kind, Names};
use crate::blobs::{BlobError, Condition, Container, ETag, Metadata, Outcome};

/// The leases of one event hub, and the owner in whose name they are written.
#[derive(Clone, Debug)]
pub(super) struct LeaseStore {
    pub(super) container: Arc<Container>,
    pub(super) names: Names,
    pub(super) me: Owner,
}

/// All leases and members at one time.
#[derive(Clone, Debug, Default)]
pub(super) struct Listing {
    /// Each partition's lease: its owner, if it has one, and its version.
    pub(super) leases: BTreeMap<String, (Option<Owner>, ETag)>,
    /// Every replica that has announced itself and has not withdrawn.
    pub(super) members: BTreeMap<Owner, ETag>,
    /// Those of them that cannot read the event hub.
    pub(super) blind: BTreeSet<Owner>,
}

const OWNER: &str = "ownerid";

/// Whether a replica can read the event hub. The previous release does not write this: its replicas count as able to.
const READS: &str = "reads";

impl LeaseStore {
    /// Announces this replica to the others, and whether it can read the event hub. Each cycle repeats this.
    pub(super) async fn announce(&self, can_read: bool) -> Result<(), BlobError> {
        let blob = self.names.member(self.me.id());
        let reads = if can_read { "yes" } else { "no" };
        let pairs = [(OWNER, self.me.id()), (READS, reads)];
        let metadata = pairs.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let (metadata, condition) = (Metadata::from(metadata), Condition::None);
        let written = self.container.write(&blob, &metadata, &[], &condition);
        written.await.map(|_| ())
    }

    /// Removes the announcement of a replica, so that no partition is handed over to it any more.
    pub(super) async fn remove_member(&self, member: &Owner) -> Result<(), BlobError> {
        self.container.delete(&self.names.member(member.id())).await
    }

    /// All leases and members. Creates the container if there is none.
    pub(super) async fn list(&self) -> Result<Listing, BlobError> {
        let prefix = self.names.prefix();
        let blobs = match self.container.list(prefix).await {
            Err(BlobError::NoContainer(_)) => {
                self.container.create().await?;
                self.container.list(prefix).await?
            }
            blobs => blobs?,
        };
        let mut listing = Listing::default();
        for blob in blobs {
            match self.names.kind(&blob.name) {
                Kind::Ownership(partition) => {
                    let owner = blob.metadata.get(OWNER).map(String::as_str);
                    let lease = (owner.and_then(Owner::named), blob.etag);
                    listing.leases.insert(partition.to_owned(), lease);
                }
                Kind::Member(owner) => {
                    let Some(owner) = Owner::named(owner) else {
                        continue;
                    };
                    if blob.metadata.get(READS).is_some_and(|reads| reads == "no") {
                        listing.blind.insert(owner.clone());
                    }
                    listing.members.insert(owner, blob.etag);
                }
                Kind::Checkpoint(_) | Kind::Other => {}
            }
        }
        Ok(listing)
    }

    /// Acquires or renews a lease if it still has this version or, without a version, if there is no lease yet. Refused if
    /// another process was faster.
    pub(super) async fn acquire(
        &self,
        partition: &str,
        version: Option<&ETag>,
    ) -> Result<Outcome, BlobError> {
        let condition = match version {
            Some(version) => Condition::Unchanged(version.clone()),
            None => Condition::Missing,
        };
        let blob = self.names.ownership(partition);
        self.write(&blob, self.me.id(), &condition).await
    }

    /// Releases a lease, if it still has this version; if not, another process owns it already.
    pub(super) async fn release(&self, partition: &str, version: &ETag) -> Result<(), BlobError> {
        let blob = self.names.ownership(partition);
        let unchanged = Condition::Unchanged(version.clone());
        // To all SDKs, an empty owner means that there is none. They fail if the metadata has no owner at all.
        self.write(&blob, "", &unchanged).await.map(|_| ())
    }

    async fn write(
        &self,
        blob: &str,
        owner: &str,
        condition: &Condition,
    ) -> Result<Outcome, BlobError> {
        let metadata = Metadata::from([(OWNER.to_owned(), owner.to_owned())]);
        self.container.write(blob, &metadata, &[], condition).await
    }
}
