//! The leases as blobs. What one does to them is for the caller to decide; every write names the version that it replaces.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Owner;
use crate::blobs::names::{Kind, Names};
use crate::blobs::{BlobError, Condition, Container, ETag, Metadata, Outcome};

/// The leases of one event hub, as one owner sees and writes them.
#[derive(Clone, Debug)]
pub(crate) struct LeaseStore {
    container: Arc<Container>,
    names: Names,
    me: Owner,
}

/// All leases and members at one time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Listing {
    /// Each partition's, with its owner, if it has one.
    pub leases: BTreeMap<String, (Option<Owner>, ETag)>,
    /// Every replica that has made itself known, and not taken leave.
    pub members: BTreeMap<Owner, ETag>,
}

const OWNER: &str = "ownerid";

impl LeaseStore {
    /// The leases under these names, in this container.
    pub(crate) fn new(container: Arc<Container>, names: Names, me: Owner) -> Self {
        Self {
            container,
            names,
            me,
        }
    }

    /// Makes this replica known to the others, once more.
    ///
    /// # Errors
    ///
    /// When the store does not do it.
    pub(crate) async fn appear(&self) -> Result<(), BlobError> {
        let blob = self.names.member(self.me.id());
        let written = self.write(&blob, self.me.id(), &Condition::None).await;
        written.map(|_| ())
    }

    /// Takes leave: nothing is handed over to this replica any more.
    ///
    /// # Errors
    ///
    /// When the store does not do it.
    pub(crate) async fn leave(&self) -> Result<(), BlobError> {
        self.forget(&self.me).await
    }

    /// Removes what made a replica known.
    ///
    /// # Errors
    ///
    /// When the store does not do it.
    pub(crate) async fn forget(&self, member: &Owner) -> Result<(), BlobError> {
        self.container.delete(&self.names.member(member.id())).await
    }

    /// Makes the container, which nobody has made yet.
    ///
    /// # Errors
    ///
    /// When the store does not do it.
    pub(crate) async fn create(&self) -> Result<bool, BlobError> {
        self.container.create().await
    }

    /// All leases and members.
    ///
    /// # Errors
    ///
    /// When the store does not tell.
    pub(crate) async fn list(&self) -> Result<Listing, BlobError> {
        let mut listing = Listing::default();
        for blob in self.container.list(self.names.prefix()).await? {
            match self.names.kind(&blob.name) {
                Kind::Ownership(partition) => {
                    let owner = blob.metadata.get(OWNER).map(String::as_str);
                    let owner = owner.and_then(Owner::named);
                    let lease = (owner, blob.etag);
                    listing.leases.insert(partition.to_owned(), lease);
                }
                Kind::Member(owner) => {
                    let owner = Owner::named(owner);
                    listing
                        .members
                        .extend(owner.map(|owner| (owner, blob.etag)));
                }
                Kind::Checkpoint(_) | Kind::Other => {}
            }
        }
        Ok(listing)
    }

    /// Takes a lease, or renews it, if it still has this version, or there is none. Gives its new version; none if
    /// somebody else was faster.
    ///
    /// # Errors
    ///
    /// When the store does not do it, or does not say so.
    pub(crate) async fn hold(
        &self,
        partition: &str,
        version: Option<&ETag>,
    ) -> Result<Option<ETag>, BlobError> {
        let condition = match version {
            Some(version) => Condition::Unchanged(version.clone()),
            None => Condition::Missing,
        };
        let blob = self.names.ownership(partition);
        self.write(&blob, self.me.id(), &condition).await
    }

    /// Gives a lease of this version up. False if it is somebody else's already.
    ///
    /// # Errors
    ///
    /// When the store does not do it, or does not say so.
    pub(crate) async fn free(&self, partition: &str, version: &ETag) -> Result<bool, BlobError> {
        let blob = self.names.ownership(partition);
        let unchanged = Condition::Unchanged(version.clone());
        // All SDKs take an empty owner for none, and fail where there is no word of it.
        Ok(self.write(&blob, "", &unchanged).await?.is_some())
    }

    async fn write(
        &self,
        blob: &str,
        owner: &str,
        condition: &Condition,
    ) -> Result<Option<ETag>, BlobError> {
        let metadata = Metadata::from([(OWNER.to_owned(), owner.to_owned())]);
        match self
            .container
            .write(blob, &metadata, &[], condition)
            .await?
        {
            Outcome::Done(version) => Ok(Some(version)),
            Outcome::Refused => Ok(None),
        }
    }
}
