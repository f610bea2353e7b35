//! A container in Azure Blob Storage. It lists, reads and deletes blobs, and writes them on a condition.
//!
//! No request is retried: a repeated write would be refused if the first one succeeded. The callers try again in their next
//! cycle. [`names`] has the names that the official SDKs give the blobs of a consumer group; the rest of this module does not
//! know what the blobs mean.

mod access;
mod blob;
mod error;
mod listing;
pub(crate) mod names;
mod requests;
mod settings;

use std::sync::Arc;

use azure_core::credentials::TokenCredential;
use hyper::header::{ETAG, HeaderName, HeaderValue, IF_MATCH, IF_NONE_MATCH};
use hyper::{HeaderMap, Method};
use object_store::client::HttpClient;

pub(crate) use blob::ETag;
pub use blob::{Blob, Condition, Metadata, Outcome};
pub use error::BlobError;
pub(crate) use settings::container_name;
pub use settings::{InvalidContainer, Settings};

use crate::telemetry::{StoreOperation, StoreResult, Telemetry};

/// A container. Its users share it in an [`Arc`].
#[derive(Debug)]
pub struct Container {
    settings: Settings,
    tokens: Option<Arc<dyn TokenCredential>>,
    http: HttpClient,
    telemetry: Arc<Telemetry>,
}

impl Container {
    /// Prepares the use of a container; no request is sent yet. If it [needs tokens](Settings::wants_tokens), `tokens`
    /// provides them, and keeps each for as long as it is valid.
    ///
    /// # Errors
    ///
    /// The container needs tokens and there is no credential, or the HTTP client cannot be created.
    pub fn open(
        settings: &Settings,
        tokens: Option<Arc<dyn TokenCredential>>,
        telemetry: Arc<Telemetry>,
    ) -> Result<Self, BlobError> {
        telemetry.store_is_used();
        if settings.wants_tokens() && tokens.is_none() {
            return Err(BlobError::NoCredential);
        }
        if settings.is_in_the_clear() {
            telemetry.tls_is_off(settings.host());
        }
        Ok(Self {
            settings: settings.clone(),
            tokens,
            http: requests::client(settings)?,
            telemetry,
        })
    }

    /// Creates the container, unless it exists. Returns whether it was created. Call this only after a list or a write has
    /// failed with [`BlobError::NoContainer`]: an identity that may use a container often may not create one.
    ///
    /// # Errors
    ///
    /// The service refuses, or does not answer.
    pub async fn create(&self) -> Result<bool, BlobError> {
        let url = self.container_url(&[("restype", "container")]);
        let created = match self.ask(Method::PUT, &url).await {
            Err(BlobError::Refused) => Ok(false),
            answer => answer.map(|_| true),
        };
        let is_new = |created: &bool| *created;
        self.counted(StoreOperation::Create, created, is_new)
    }

    /// Lists every blob whose name begins with `prefix`, in the order of their names, including blobs of other programs. The
    /// prefix is empty, or consists of whole parts of a name, each with its `/`.
    ///
    /// # Errors
    ///
    /// The service refuses, or does not answer, or the list has more bytes than exporters can cause.
    pub async fn list(&self, prefix: &str) -> Result<Vec<Blob>, BlobError> {
        let listed = self.pages(prefix).await;
        self.counted(StoreOperation::List, listed, |_| true)
    }

    /// Returns the blob of that name without its content, if there is one.
    ///
    /// # Errors
    ///
    /// The same as those of [`Self::read`].
    pub async fn head(&self, name: &str) -> Result<Option<Blob>, BlobError> {
        // The blobs for which this is called have no content.
        Ok(self.read(name).await?.map(|(blob, _content)| blob))
    }

    /// Returns the blob of that name and its content, if there is one.
    ///
    /// # Errors
    ///
    /// The service refuses, or does not answer, or the blob is too large.
    pub async fn read(&self, name: &str) -> Result<Option<(Blob, Vec<u8>)>, BlobError> {
        let found = match self.get(name).await {
            Err(BlobError::NoBlob) => Ok(None),
            found => found.map(Some),
        };
        self.counted(StoreOperation::Read, found, |_| true)
    }

    /// Writes a whole blob, if the condition is met.
    ///
    /// If no answer arrives, or the error does not show whether the service did the write, the blob is looked up once. The
    /// write was done if the blob has the metadata that was to be written, and no longer has the version of the condition.
    /// So the metadata of a conditional write should contain something that no other program would write there, or something
    /// that is also correct if another program wrote it. A refusal is final, and is not looked up. Neither is a write without
    /// a condition, without metadata or with a body.
    ///
    /// # Errors
    ///
    /// The service refuses, or does not answer. The service may still have done the write, or may do it later. Then the next
    /// write on the old condition is refused.
    pub async fn write(
        &self,
        name: &str,
        metadata: &Metadata,
        body: &[u8],
        condition: &Condition,
    ) -> Result<Outcome, BlobError> {
        let mut written = match self.put(name, metadata, body, condition).await {
            Err(BlobError::Refused | BlobError::NoBlob) if *condition != Condition::None => {
                Ok(Outcome::Refused)
            }
            written => written.map(Outcome::Done),
        };
        if let Err(error) = &written
            && error.leaves_open_whether_done()
            && body.is_empty()
            && let Ok(Some(blob)) = self.head(name).await
            && is_ours(&blob, metadata, condition)
        {
            written = Ok(Outcome::Done(blob.etag));
        }
        let is_done = |outcome: &Outcome| *outcome != Outcome::Refused;
        self.counted(StoreOperation::Write, written, is_done)
    }

    /// Deletes the blob of that name, if there is one.
    ///
    /// # Errors
    ///
    /// The service refuses, or does not answer.
    pub async fn delete(&self, name: &str) -> Result<(), BlobError> {
        let deleting = async { self.ask(Method::DELETE, &self.blob_url(name)?).await };
        let deleted = match deleting.await {
            Err(BlobError::NoBlob) => Ok(()),
            answer => answer.map(drop),
        };
        self.counted(StoreOperation::Delete, deleted, |()| true)
    }

    async fn pages(&self, prefix: &str) -> Result<Vec<Blob>, BlobError> {
        blob::check_prefix(prefix)?;
        let first = self.container_url(&[
            ("restype", "container"),
            ("comp", "list"),
            ("include", "metadata"),
            ("prefix", prefix),
        ]);
        let mut url = first.clone();
        let mut blobs = Vec::new();
        let mut bytes_left = LIST_BYTES_MAX;
        loop {
            let answer = self.ask(Method::GET, &url).await?;
            let container = || self.settings.container().to_owned();
            let too_long = BlobError::ListTooLong(prefix.to_owned(), container());
            let body = self.body(answer, bytes_left, too_long).await?;
            let page =
                listing::page(&body).map_err(|error| BlobError::Unreadable(container(), error))?;
            // Each page uses up bytes, even an empty one: so the loop ends.
            bytes_left -= body.len();
            blobs.extend(page.blobs);
            let Some(marker) = page.next else {
                return Ok(blobs);
            };
            url.clone_from(&first);
            url.query_pairs_mut().append_pair("marker", &marker);
        }
    }

    async fn get(&self, name: &str) -> Result<(Blob, Vec<u8>), BlobError> {
        let answer = self.ask(Method::GET, &self.blob_url(name)?).await?;
        let blob = Blob {
            name: name.to_owned(),
            etag: self.etag(answer.headers())?,
            metadata: metadata(answer.headers()),
        };
        let too_large = BlobError::TooLarge(name.to_owned());
        let content = self.body(answer, BLOB_BYTES_MAX, too_large).await?;
        Ok((blob, content))
    }

    async fn put(
        &self,
        name: &str,
        metadata: &Metadata,
        body: &[u8],
        condition: &Condition,
    ) -> Result<ETag, BlobError> {
        let url = self.blob_url(name)?;
        blob::check_metadata(metadata)?;
        if body.len() > BLOB_BYTES_MAX {
            return Err(BlobError::TooLarge(name.to_owned()));
        }
        let mut headers = HeaderMap::new();
        headers.insert("x-ms-blob-type", HeaderValue::from_static("BlockBlob"));
        for (key, value) in metadata {
            let header = HeaderName::try_from(format!("{METADATA_PREFIX}{key}"));
            let (Ok(header), Ok(value)) = (header, HeaderValue::from_str(value)) else {
                return Err(BlobError::Metadata(key.clone()));
            };
            headers.insert(header, value);
        }
        match condition {
            Condition::Missing => {
                headers.insert(IF_NONE_MATCH, HeaderValue::from_static("*"));
            }
            Condition::Unchanged(etag) => {
                let etag = HeaderValue::from_str(&etag.quoted());
                headers.insert(IF_MATCH, etag.map_err(|_| self.unsendable())?);
            }
            Condition::None => {}
        }
        let answer = self.send(Method::PUT, &url, headers, body).await?;
        self.etag(answer.headers())
    }

    fn etag(&self, headers: &HeaderMap) -> Result<ETag, BlobError> {
        headers
            .get(ETAG)
            .and_then(|etag| etag.to_str().ok())
            .map(ETag::new)
            .ok_or_else(|| self.malformed("no `ETag`"))
    }

    /// Counts the outcome of an operation, and returns it.
    fn counted<T>(
        &self,
        operation: StoreOperation,
        outcome: Result<T, BlobError>,
        is_done: impl Fn(&T) -> bool,
    ) -> Result<T, BlobError> {
        let result = match &outcome {
            Ok(value) if is_done(value) => StoreResult::Ok,
            Ok(_) => StoreResult::Refused,
            Err(_) => StoreResult::Failed,
        };
        self.telemetry.store_operation(operation, result);
        outcome
    }
}

/// The largest blob contains the remembered failure series: 20,000 of some 150 bytes each.
const BLOB_BYTES_MAX: usize = 8 * 1024 * 1024;

/// A blob takes some 800 bytes of a list. This suffices for 40,000 blobs; an event hub with 1,000 partitions has 2,000.
const LIST_BYTES_MAX: usize = 32 * 1024 * 1024;

/// The prefix of the headers that contain metadata.
const METADATA_PREFIX: &str = "x-ms-meta-";

/// Whether the blob results from a write of this metadata, on this condition.
fn is_ours(blob: &Blob, metadata: &Metadata, condition: &Condition) -> bool {
    let was_written = match condition {
        Condition::Missing => true,
        Condition::Unchanged(before) => blob.etag != *before,
        Condition::None => false,
    };
    was_written && !metadata.is_empty() && blob.metadata == *metadata
}

/// The metadata in the headers of an answer. Values that are not ASCII are ignored: no exporter writes them.
fn metadata(headers: &HeaderMap) -> Metadata {
    let entry = |(name, value): (&HeaderName, &HeaderValue)| {
        let key = name.as_str().strip_prefix(METADATA_PREFIX)?;
        Some((key.to_owned(), value.to_str().ok()?.to_owned()))
    };
    headers.iter().filter_map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_is_known_by_what_it_wrote_and_by_a_new_version() {
        let mine = Metadata::from([("ownerid".to_owned(), "me".to_owned())]);
        let blob = Blob {
            name: "a".to_owned(),
            etag: ETag::new("2"),
            metadata: mine.clone(),
        };
        let changed = |before: &str| Condition::Unchanged(ETag::new(before));
        assert!(is_ours(&blob, &mine, &Condition::Missing));
        assert!(is_ours(&blob, &mine, &changed("1")));
        // The version is the same as before: the renewal did not arrive.
        assert!(!is_ours(&blob, &mine, &changed("2")));
        assert!(!is_ours(&blob, &mine, &Condition::None));
        let others = Metadata::from([("ownerid".to_owned(), "another".to_owned())]);
        assert!(!is_ours(&blob, &others, &changed("1")));
        assert!(!is_ours(&blob, &Metadata::new(), &Condition::Missing));
    }
}
