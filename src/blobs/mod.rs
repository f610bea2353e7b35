//! A container in Azure Blob Storage: its blobs are listed, read, written on a condition, and deleted.
//!
//! Nothing is tried twice: a write that is repeated after it was done would come back as refused. Whoever asks comes
//! back in its next cycle. [`names`] are those that a consumer
//! group's blobs have in every official SDK; nothing else here knows what the blobs mean.

mod access;
mod blob;
mod error;
mod listing;
pub(crate) mod names;
mod requests;
mod settings;

use std::sync::Arc;

use azure_core::credentials::TokenCredential;
use hyper::header::{ETAG, HeaderName, IF_MATCH, IF_NONE_MATCH, LAST_MODIFIED};
use hyper::{HeaderMap, Method, StatusCode};

pub(crate) use blob::ETag;
pub use blob::{Blob, Condition, Metadata, Outcome};
pub use error::BlobError;
pub(crate) use settings::container_name;
pub use settings::{InvalidContainer, Settings};

use crate::telemetry::{StoreOperation, StoreResult, Telemetry};
use requests::{Answer, Headers, Requests};

/// A container, as one who may read and write in it. Meant to be shared in an [`Arc`].
#[derive(Debug)]
pub struct Container {
    requests: Requests,
    telemetry: Arc<Telemetry>,
}

impl Container {
    /// Makes ready to use a container; nothing is sent yet. Where it
    /// [wants tokens](Settings::wants_tokens), `tokens` gives them, and keeps each for as long as it is good.
    ///
    /// # Errors
    ///
    /// When it wants tokens and there is no credential, or no HTTP client can be made.
    pub fn open(
        settings: &Settings,
        tokens: Option<Arc<dyn TokenCredential>>,
        telemetry: Arc<Telemetry>,
    ) -> Result<Self, BlobError> {
        telemetry.store_is_used();
        Ok(Self {
            requests: Requests::new(settings, tokens)?,
            telemetry,
        })
    }

    /// Makes the container, unless it exists; says whether it did. Asked only after a list or a write has said
    /// [`BlobError::NoContainer`]: who may use a container often may not make one, and is then refused here.
    ///
    /// # Errors
    ///
    /// When the service does not let us, or is not there.
    pub async fn create(&self) -> Result<bool, BlobError> {
        let created = self.create_untold().await;
        let is_new = |created: &bool| *created;
        self.told(StoreOperation::Create, created, is_new)
    }

    /// Every blob whose name begins with `prefix` (whole parts, each with its `/`; or nothing), in the order of their
    /// names, foreign ones among them.
    ///
    /// # Errors
    ///
    /// When the service does not let us, or is not there; or there are so many that they cannot all be ours.
    pub async fn list(&self, prefix: &str) -> Result<Vec<Blob>, BlobError> {
        let listed = self.list_untold(prefix).await;
        self.told(StoreOperation::List, listed, |_| true)
    }

    /// A blob without what it holds, if there is one of that name.
    ///
    /// # Errors
    ///
    /// When the service does not let us, or is not there.
    pub async fn head(&self, name: &str) -> Result<Option<Blob>, BlobError> {
        let found = self.head_untold(name).await;
        self.told(StoreOperation::Read, found, |_| true)
    }

    /// A blob and what it holds, if there is one of that name.
    ///
    /// # Errors
    ///
    /// When the service does not let us, or is not there; or it holds too much.
    pub async fn read(&self, name: &str) -> Result<Option<(Blob, Vec<u8>)>, BlobError> {
        let found = self.read_untold(name).await;
        self.told(StoreOperation::Read, found, |_| true)
    }

    /// Writes a blob whole, if the condition holds.
    ///
    /// Where no answer comes, or an error that leaves open whether it was done, the blob is looked at once. If it has the
    /// metadata that was to be written, and is not the version of the condition any more, then it was: the write is done.
    /// So on a condition the metadata should say something that nobody else would write in its place, or something that
    /// is as right if somebody did. A clean refusal is never doubted: nothing is sent twice. A write without a condition,
    /// without metadata or with a body is not looked at.
    ///
    /// # Errors
    ///
    /// When the service does not let us, or is not there. It may then have been written all the same, now or in a while:
    /// the next one on the old condition is then refused.
    pub async fn write(
        &self,
        name: &str,
        metadata: &Metadata,
        body: &[u8],
        condition: &Condition,
    ) -> Result<Outcome, BlobError> {
        let mut written = self.write_untold(name, metadata, body, condition).await;
        if let Err(error) = &written
            && error.leaves_open_whether_done()
            && body.is_empty()
            && let Ok(Some(blob)) = self.head(name).await
            && is_ours(&blob, metadata, condition)
        {
            written = Ok(Outcome::Done(blob.etag));
        }
        let is_done = |outcome: &Outcome| *outcome != Outcome::Refused;
        self.told(StoreOperation::Write, written, is_done)
    }

    /// Deletes a blob, if there is one of that name.
    ///
    /// # Errors
    ///
    /// When the service does not let us, or is not there.
    pub async fn delete(&self, name: &str) -> Result<(), BlobError> {
        let deleted = self.delete_untold(name).await;
        self.told(StoreOperation::Delete, deleted, |()| true)
    }

    async fn create_untold(&self) -> Result<bool, BlobError> {
        let url = self.requests.container_url(&[("restype", "container")]);
        let answer = self
            .requests
            .ask(Method::PUT, &url, &Headers::new(), b"")
            .await?;
        match (answer.status, answer.code()) {
            (StatusCode::CREATED, _) => Ok(true),
            (StatusCode::CONFLICT, Some("ContainerAlreadyExists")) => Ok(false),
            _ => Err(self.requests.refusal(&answer)),
        }
    }

    async fn list_untold(&self, prefix: &str) -> Result<Vec<Blob>, BlobError> {
        blob::check_prefix(prefix)?;
        let mut blobs = Vec::new();
        let mut bytes_left = LIST_BYTES_MAX;
        let mut marker: Option<String> = None;
        loop {
            let mut query = vec![
                ("restype", "container"),
                ("comp", "list"),
                ("include", "metadata"),
            ];
            if !prefix.is_empty() {
                query.push(("prefix", prefix));
            }
            if let Some(marker) = &marker {
                query.push(("marker", marker));
            }
            let url = self.requests.container_url(&query);
            let none = Headers::new();
            let answer = self
                .requests
                .send(Method::GET, &url, &none, b"", bytes_left)
                .await?;
            let answer = answer.ok_or_else(|| BlobError::ListTooLong {
                container: self.requests.container().to_owned(),
                prefix: prefix.to_owned(),
                bytes_max: LIST_BYTES_MAX,
            })?;
            if answer.status != StatusCode::OK {
                return Err(self.requests.refusal(&answer));
            }
            let page = listing::page(&answer.body).map_err(|source| BlobError::Unreadable {
                container: self.requests.container().to_owned(),
                source,
            })?;
            // Each page takes its bytes, an empty one too: so there is an end.
            bytes_left -= answer.body.len();
            blobs.extend(page.blobs);
            match page.next {
                Some(next) => marker = Some(next),
                None => return Ok(blobs),
            }
        }
    }

    async fn head_untold(&self, name: &str) -> Result<Option<Blob>, BlobError> {
        blob::check_name(name)?;
        let (url, none) = (self.requests.blob_url(name), Headers::new());
        let answer = self.requests.ask(Method::HEAD, &url, &none, b"").await?;
        self.found(name, &answer)
    }

    async fn read_untold(&self, name: &str) -> Result<Option<(Blob, Vec<u8>)>, BlobError> {
        blob::check_name(name)?;
        let (url, none) = (self.requests.blob_url(name), Headers::new());
        let answer = self
            .requests
            .send(Method::GET, &url, &none, b"", BLOB_BYTES_MAX)
            .await?
            .ok_or_else(|| too_large(name))?;
        let found = self.found(name, &answer)?;
        Ok(found.map(|blob| (blob, answer.body)))
    }

    async fn write_untold(
        &self,
        name: &str,
        metadata: &Metadata,
        body: &[u8],
        condition: &Condition,
    ) -> Result<Outcome, BlobError> {
        blob::check_name(name)?;
        blob::check_metadata(metadata)?;
        if body.len() > BLOB_BYTES_MAX {
            return Err(too_large(name));
        }
        let mut headers = vec![(
            HeaderName::from_static("x-ms-blob-type"),
            "BlockBlob".to_owned(),
        )];
        for (key, value) in metadata {
            let header = HeaderName::try_from(format!("{METADATA_PREFIX}{key}"));
            let header = header.map_err(|_| BlobError::Metadata(key.clone()))?;
            headers.push((header, value.clone()));
        }
        match condition {
            Condition::Missing => headers.push((IF_NONE_MATCH, "*".to_owned())),
            Condition::Unchanged(etag) => headers.push((IF_MATCH, etag.quoted())),
            Condition::None => {}
        }
        let url = self.requests.blob_url(name);
        let answer = self.requests.ask(Method::PUT, &url, &headers, body).await?;
        if answer.status == StatusCode::CREATED {
            return Ok(Outcome::Done(self.etag(&answer.headers)?));
        }
        let is_refusal = match (condition, answer.code()) {
            (Condition::None, _) => false,
            (_, Some("ConditionNotMet" | "TargetConditionNotMet"))
            | (Condition::Missing, Some("BlobAlreadyExists"))
            | (Condition::Unchanged(_), Some("BlobNotFound")) => true,
            (_, Some(_)) => false,
            (_, None) => answer.status == StatusCode::PRECONDITION_FAILED,
        };
        if is_refusal {
            Ok(Outcome::Refused)
        } else {
            Err(self.requests.refusal(&answer))
        }
    }

    async fn delete_untold(&self, name: &str) -> Result<(), BlobError> {
        blob::check_name(name)?;
        let (url, none) = (self.requests.blob_url(name), Headers::new());
        let answer = self.requests.ask(Method::DELETE, &url, &none, b"").await?;
        if answer.status == StatusCode::ACCEPTED || is_missing(&answer) {
            Ok(())
        } else {
            Err(self.requests.refusal(&answer))
        }
    }

    /// The blob that an answer is about.
    fn found(&self, name: &str, answer: &Answer) -> Result<Option<Blob>, BlobError> {
        if is_missing(answer) {
            return Ok(None);
        }
        if answer.status != StatusCode::OK {
            return Err(self.requests.refusal(answer));
        }
        let last_modified = answer.headers.get(LAST_MODIFIED);
        let last_modified = last_modified
            .and_then(|date| listing::date(date.to_str().ok()?))
            .ok_or_else(|| self.requests.incomplete("Last-Modified"))?;
        Ok(Some(Blob {
            name: name.to_owned(),
            etag: self.etag(&answer.headers)?,
            last_modified,
            metadata: metadata(&answer.headers),
        }))
    }

    fn etag(&self, headers: &HeaderMap) -> Result<ETag, BlobError> {
        headers
            .get(ETAG)
            .and_then(|etag| etag.to_str().ok())
            .map(ETag::new)
            .ok_or_else(|| self.requests.incomplete("ETag"))
    }

    /// Tells what became of an operation, and hands it on.
    fn told<T>(
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

/// The largest blob there is holds the failure series that are remembered: 20,000 at some 150 bytes each.
const BLOB_BYTES_MAX: usize = 8 * 1024 * 1024;

/// A blob takes some 800 bytes of a list: this is room for 40,000, where a hub of 1,000 partitions has 2,000.
const LIST_BYTES_MAX: usize = 32 * 1024 * 1024;

/// What the headers with metadata begin with.
const METADATA_PREFIX: &str = "x-ms-meta-";

fn too_large(name: &str) -> BlobError {
    BlobError::TooLarge {
        name: name.to_owned(),
        bytes_max: BLOB_BYTES_MAX,
    }
}

/// Whether a write of this metadata, on this condition, has made the blob what it is.
fn is_ours(blob: &Blob, metadata: &Metadata, condition: &Condition) -> bool {
    let was_written = match condition {
        Condition::Missing => true,
        Condition::Unchanged(before) => blob.etag != *before,
        Condition::None => false,
    };
    was_written && !metadata.is_empty() && blob.metadata == *metadata
}

/// Whether an answer says that there is no such blob; of a missing container it says so.
fn is_missing(answer: &Answer) -> bool {
    answer.status == StatusCode::NOT_FOUND && matches!(answer.code(), None | Some("BlobNotFound"))
}

/// What is not ASCII was not written by us, and is passed over.
fn metadata(headers: &HeaderMap) -> Metadata {
    let entry = |(name, value): (&HeaderName, &hyper::header::HeaderValue)| {
        let key = name.as_str().strip_prefix(METADATA_PREFIX)?;
        Some((key.to_owned(), value.to_str().ok()?.to_owned()))
    };
    headers.iter().filter_map(entry).collect()
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_write_is_known_by_what_it_wrote_and_by_a_new_version() {
        let mine = Metadata::from([("ownerid".to_owned(), "me".to_owned())]);
        let blob = Blob {
            name: "a".to_owned(),
            etag: ETag::new("2"),
            last_modified: datetime!(2026-03-01 12:00 UTC),
            metadata: mine.clone(),
        };
        let changed = |before: &str| Condition::Unchanged(ETag::new(before));
        assert!(is_ours(&blob, &mine, &Condition::Missing));
        assert!(is_ours(&blob, &mine, &changed("1")));
        // It says the same as before: the renewal did not arrive.
        assert!(!is_ours(&blob, &mine, &changed("2")));
        assert!(!is_ours(&blob, &mine, &Condition::None));
        let others = Metadata::from([("ownerid".to_owned(), "another".to_owned())]);
        assert!(!is_ours(&blob, &others, &changed("1")));
        assert!(!is_ours(&blob, &Metadata::new(), &Condition::Missing));
    }
}
