//! One request and its answer: signed, within a time and a size, and what goes wrong as a [`BlobError`].
//!
//! All requests are built here from parts of `object_store`, also those that it could make by itself: it retries, so that
//! a write which was done is reported as refused; it deletes by a batch; and it lists without metadata.

use std::sync::Arc;
use std::time::Duration;

use azure_core::credentials::TokenCredential;
use azure_core::http::Url;
use futures_util::StreamExt as _;
use hyper::header::{CONTENT_LENGTH, HeaderName, HeaderValue};
use hyper::{HeaderMap, Method, StatusCode, Uri};
use object_store::ClientOptions;
use object_store::azure::{AzureAuthorizer, AzureCredential};
use object_store::client::{
    HttpClient, HttpConnector as _, HttpError, HttpErrorKind, HttpRequest, HttpResponseBody,
    ReqwestConnector,
};

use super::access;
use super::error::{self, BlobError};
use super::settings::Settings;

/// A request is answered within milliseconds. One that takes this long is abandoned, since leases must be renewed before
/// they expire, and the next request may do better. Fetching a token, where that is needed, has a timeout of its own.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Signs requests to one container, and sends them.
#[derive(Debug)]
pub(super) struct Requests {
    settings: Settings,
    tokens: Option<Arc<dyn TokenCredential>>,
    http: HttpClient,
}

/// An answer, good or bad.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    /// What signed its request.
    credential: AzureCredential,
}

impl Answer {
    /// Azure's word for what is wrong, if the answer has one. Anything but a word is not repeated.
    pub(super) fn code(&self) -> Option<&str> {
        let code = self.headers.get("x-ms-error-code")?.to_str().ok()?;
        let is_word =
            (1..=64).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
        is_word.then_some(code)
    }
}

/// A header of a request.
pub(super) type Header = (HeaderName, String);

impl Requests {
    pub(super) fn new(
        settings: &Settings,
        tokens: Option<Arc<dyn TokenCredential>>,
    ) -> Result<Self, BlobError> {
        if settings.wants_tokens() && tokens.is_none() {
            return Err(BlobError::NoCredential);
        }
        // The timeout of a whole request is kept here. Whether http is allowed was decided with the settings.
        let options = ClientOptions::new()
            .with_allow_http(true)
            .with_connect_timeout(TIMEOUT)
            .with_timeout_disabled()
            .with_user_agent(HeaderValue::from_static(USER_AGENT));
        Ok(Self {
            settings: settings.clone(),
            tokens,
            http: ReqwestConnector::default()
                .connect(&options)
                .map_err(BlobError::NoClient)?,
        })
    }

    /// The URL of a blob, whose name was checked.
    pub(super) fn blob_url(&self, name: &str) -> Url {
        let mut url = self.settings.url().clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.extend(name.split('/'));
        }
        url
    }

    /// The URL of the container, with a query.
    pub(super) fn container_url(&self, query: &[(&str, &str)]) -> Url {
        let mut url = self.settings.url().clone();
        url.query_pairs_mut().extend_pairs(query);
        url
    }

    pub(super) fn container(&self) -> &str {
        self.settings.container()
    }

    /// Sends a request. An answer whose body has more than `bytes_max` is `None`.
    pub(super) async fn send(
        &self,
        method: Method,
        url: &Url,
        headers: &[Header],
        body: &[u8],
        bytes_max: usize,
    ) -> Result<Option<Answer>, BlobError> {
        let mut request = HttpRequest::new(body.to_vec().into());
        *request.uri_mut() = Uri::try_from(url.as_str()).map_err(|_| self.unsendable())?;
        if method == Method::PUT {
            // It is signed, and has to be there where there is no body.
            let length = HeaderValue::from(body.len());
            request.headers_mut().insert(CONTENT_LENGTH, length);
        }
        *request.method_mut() = method;
        for (name, value) in headers {
            let value = HeaderValue::from_str(value).map_err(|_| self.unsendable())?;
            request.headers_mut().insert(name.clone(), value);
        }
        let credential = access::credential(&self.settings, self.tokens.as_ref()).await?;
        AzureAuthorizer::new(&credential, self.settings.account())
            .try_authorize(&mut request)
            .map_err(|_| self.unsendable())?;

        let exchange = async {
            let response = self.http.execute(request).await?;
            let (parts, body) = response.into_parts();
            let body = within(body, bytes_max).await?;
            Ok::<_, HttpError>(body.map(|body| Answer {
                status: parts.status,
                headers: parts.headers,
                body,
                credential,
            }))
        };
        match tokio::time::timeout(TIMEOUT, exchange).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(self.broken(error)),
            Err(_) => Err(self.timed_out()),
        }
    }

    /// Sends a request whose answer matters by its headers only.
    pub(super) async fn ask(
        &self,
        method: Method,
        url: &Url,
        headers: &[Header],
        body: &[u8],
    ) -> Result<Answer, BlobError> {
        self.send(method, url, headers, body, ERROR_BYTES_MAX)
            .await?
            .ok_or_else(|| self.malformed("a body that is too long"))
    }

    /// The error that an answer reports.
    pub(super) fn error(&self, answer: &Answer) -> BlobError {
        error::of_answer(
            self.settings.host(),
            self.settings.container(),
            &answer.credential,
            answer.status.as_u16(),
            answer.code(),
        )
    }

    pub(super) fn malformed(&self, problem: &'static str) -> BlobError {
        BlobError::Malformed {
            host: self.settings.host(),
            problem,
        }
    }

    /// Names and metadata are checked, so it can only be a value from the service: a version, or the next page's marker.
    fn unsendable(&self) -> BlobError {
        self.malformed("an ETag or marker that cannot be sent back")
    }

    fn timed_out(&self) -> BlobError {
        BlobError::TimedOut {
            host: self.settings.host(),
            after: TIMEOUT,
        }
    }

    fn broken(&self, source: HttpError) -> BlobError {
        let host = self.settings.host();
        match source.kind() {
            HttpErrorKind::Timeout => self.timed_out(),
            HttpErrorKind::Connect => BlobError::Unreachable { host, source },
            _ => BlobError::Disconnected { host, source },
        }
    }
}

/// The name of the exporter in the logs of the service.
const USER_AGENT: &str = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));

/// The body of an error, which nothing here reads, is some hundred bytes of XML.
const ERROR_BYTES_MAX: usize = 64 * 1024;

async fn within(body: HttpResponseBody, bytes_max: usize) -> Result<Option<Vec<u8>>, HttpError> {
    let mut bytes = Vec::new();
    let mut chunks = body.bytes_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk?;
        if bytes.len() + chunk.len() > bytes_max {
            return Ok(None);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Some(bytes))
}
