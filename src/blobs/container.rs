//! What is done to the container and its blobs. Every request is counted, and has an end.
//! <https://learn.microsoft.com/rest/api/storageservices/blob-service-rest-api>

use std::sync::Arc;

use azure_core::credentials::TokenCredential;
use azure_core::http::Url;
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use super::list;
use super::request::{Answer, Asked, Sender, header};
use super::{Blob, BlobError, Condition, ETag, Metadata, Outcome, Settings};
use crate::telemetry::{StoreOperation, StoreResult, Telemetry};

/// A container. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Container {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    url: Url,
    sender: Sender,
    telemetry: Arc<Telemetry>,
}

/// At 5,000 blobs each, the leases of 100,000 partitions.
const PAGES_MAX: usize = 64;

impl Container {
    /// The container of these settings. Nobody is asked yet.
    ///
    /// # Errors
    ///
    /// When the settings want tokens and there is no credential, or its key is none.
    pub fn open(
        settings: &Settings,
        tokens: Option<Arc<dyn TokenCredential>>,
        telemetry: Arc<Telemetry>,
    ) -> Result<Self, BlobError> {
        telemetry.store_is_used();
        Ok(Self {
            inner: Arc::new(Inner {
                url: settings.url.clone(),
                sender: Sender::new(settings, tokens)?,
                telemetry,
            }),
        })
    }

    /// Makes the container, if there is none. False: there is one.
    ///
    /// # Errors
    ///
    /// When the store does not answer, or not so.
    pub async fn create(&self) -> Result<bool, BlobError> {
        self.counted(StoreOperation::Create, async {
            let mut url = self.inner.url.clone();
            url.query_pairs_mut().append_pair("restype", "container");
            let answer = self
                .ask(Method::PUT, url, HeaderMap::new(), Vec::new())
                .await?;
            match (answer.status, answer.code()) {
                (StatusCode::CREATED, _) => Ok((true, StoreResult::Ok)),
                (StatusCode::CONFLICT, "ContainerAlreadyExists") => {
                    Ok((false, StoreResult::Refused))
                }
                _ => Err(self.inner.sender.unexpected(&answer)),
            }
        })
        .await
    }

    /// Every blob whose name begins so, with what it says.
    ///
    /// # Errors
    ///
    /// When the store does not answer, or not so.
    pub async fn list(&self, prefix: &str) -> Result<Vec<Blob>, BlobError> {
        let (mut blobs, mut next) = (Vec::new(), None);
        for _ in 0..PAGES_MAX {
            let page = self.page(prefix, next.as_deref()).await?;
            blobs.extend(page.blobs);
            next = page.next;
            if next.is_none() {
                return Ok(blobs);
            }
        }
        Err(BlobError::Unreadable("it has no end"))
    }

    async fn page(&self, prefix: &str, marker: Option<&str>) -> Result<list::Page, BlobError> {
        self.counted(StoreOperation::List, async {
            let mut url = self.inner.url.clone();
            url.query_pairs_mut()
                .append_pair("restype", "container")
                .append_pair("comp", "list")
                .append_pair("include", "metadata")
                .append_pair("prefix", prefix)
                .extend_pairs(marker.map(|marker| ("marker", marker)));
            let answer = self
                .ask(Method::GET, url, HeaderMap::new(), Vec::new())
                .await?;
            if answer.status != StatusCode::OK {
                return Err(self.inner.sender.unexpected(&answer));
            }
            let text = str::from_utf8(&answer.body);
            let text = text.map_err(|_| BlobError::Unreadable("it is not UTF-8"))?;
            Ok((list::page(text)?, StoreResult::Ok))
        })
        .await
    }

    /// A blob without its body, if there is one.
    ///
    /// # Errors
    ///
    /// When the store does not answer, or not so.
    pub async fn head(&self, name: &str) -> Result<Option<Blob>, BlobError> {
        Ok(self.get(Method::HEAD, name).await?.map(|(blob, _)| blob))
    }

    /// A blob with its body, if there is one.
    ///
    /// # Errors
    ///
    /// When the store does not answer, or not so.
    pub async fn read(&self, name: &str) -> Result<Option<(Blob, Vec<u8>)>, BlobError> {
        self.get(Method::GET, name).await
    }

    async fn get(&self, method: Method, name: &str) -> Result<Option<(Blob, Vec<u8>)>, BlobError> {
        self.counted(StoreOperation::Read, async {
            let answer = self
                .ask(method, self.url(name)?, HeaderMap::new(), Vec::new())
                .await?;
            match (answer.status, answer.code()) {
                (StatusCode::OK, _) => {
                    let blob = Blob {
                        name: name.to_owned(),
                        etag: answer.etag()?,
                        metadata: answer.metadata(),
                    };
                    Ok((Some((blob, answer.body)), StoreResult::Ok))
                }
                (StatusCode::NOT_FOUND, "BlobNotFound" | "no code") => Ok((None, StoreResult::Ok)),
                _ => Err(self.inner.sender.unexpected(&answer)),
            }
        })
        .await
    }

    /// Writes a blob whole, on a condition. A failure does not say that nothing was done.
    ///
    /// # Errors
    ///
    /// When the store does not answer, or not so.
    pub async fn write(
        &self,
        name: &str,
        metadata: &Metadata,
        body: &[u8],
        condition: &Condition,
    ) -> Result<Outcome, BlobError> {
        self.counted(StoreOperation::Write, async {
            let mut headers = HeaderMap::new();
            headers.insert("x-ms-blob-type", HeaderValue::from_static("BlockBlob"));
            for (name, value) in metadata {
                let (name, value) = header(&format!("x-ms-meta-{name}"), value)?;
                headers.insert(name, value);
            }
            let condition = match condition {
                Condition::Always => None,
                Condition::Missing => Some(("if-none-match", "*".to_owned())),
                Condition::Unchanged(ETag(etag)) => Some(("if-match", format!("\"{etag}\""))),
            };
            if let Some((name, value)) = condition {
                let (name, value) = header(name, &value)?;
                headers.insert(name, value);
            }
            let answer = self
                .ask(Method::PUT, self.url(name)?, headers, body.to_vec())
                .await?;
            match (answer.status, answer.code()) {
                (StatusCode::CREATED, _) => Ok((Outcome::Done(answer.etag()?), StoreResult::Ok)),
                (StatusCode::PRECONDITION_FAILED, _)
                | (StatusCode::CONFLICT, "BlobAlreadyExists") => {
                    Ok((Outcome::Refused, StoreResult::Refused))
                }
                _ => Err(self.inner.sender.unexpected(&answer)),
            }
        })
        .await
    }

    /// Makes that there is no blob of that name.
    ///
    /// # Errors
    ///
    /// When the store does not answer, or not so.
    pub async fn delete(&self, name: &str) -> Result<(), BlobError> {
        self.counted(StoreOperation::Delete, async {
            let (url, none) = (self.url(name)?, HeaderMap::new());
            let answer = self.ask(Method::DELETE, url, none, Vec::new()).await?;
            match (answer.status, answer.code()) {
                (StatusCode::ACCEPTED, _) => Ok(((), StoreResult::Ok)),
                (StatusCode::NOT_FOUND, "BlobNotFound") => Ok(((), StoreResult::Refused)),
                _ => Err(self.inner.sender.unexpected(&answer)),
            }
        })
        .await
    }

    async fn ask(
        &self,
        method: Method,
        url: Url,
        headers: HeaderMap,
        body: Vec<u8>,
    ) -> Result<Answer, BlobError> {
        let asked = Asked {
            method,
            url,
            headers,
            body,
        };
        self.inner.sender.send(asked).await
    }

    fn url(&self, name: &str) -> Result<Url, BlobError> {
        let mut url = self.inner.url.clone();
        let mut path = url
            .path_segments_mut()
            .map_err(|()| BlobError::Unreadable("its address has no path"))?;
        path.extend(name.split('/'));
        drop(path);
        Ok(url)
    }

    async fn counted<T>(
        &self,
        operation: StoreOperation,
        work: impl Future<Output = Result<(T, StoreResult), BlobError>>,
    ) -> Result<T, BlobError> {
        let done = work.await;
        let result = match &done {
            Ok((_, result)) => *result,
            // It is made then, at the first start.
            Err(BlobError::NoContainer(_)) => StoreResult::Refused,
            Err(_) => StoreResult::Failed,
        };
        self.inner.telemetry.store_operation(operation, result);
        done.map(|(value, _)| value)
    }
}
