//! One request and its answer: signed, within a time and a size, and what goes wrong as an error of ours.
//!
//! All requests are built here on the parts of `object_store`, those too that it could make by itself: it retries, so
//! that a write which was done comes back as a refusal; it deletes by a batch; and it lists without metadata.

use std::sync::Arc;
use std::time::Duration;

use azure_core::credentials::TokenCredential;
use azure_core::http::Url;
use futures_util::StreamExt as _;
use hyper::header::{CONTENT_LENGTH, HeaderName, HeaderValue};
use hyper::{HeaderMap, Method, StatusCode, Uri};
use object_store::ClientOptions;
use object_store::azure::AzureAuthorizer;
use object_store::client::{
    HttpClient, HttpConnector as _, HttpError, HttpErrorKind, HttpRequest, HttpResponseBody,
    ReqwestConnector,
};

use super::access::{self, Entry};
use super::error::{self, BlobError, Means};
use super::settings::Settings;

/// A request is answered within milliseconds; one that takes this long is given up, since leases must be renewed before
/// they expire, and another request may fare better. A token, if one has to be fetched, has a time of its own.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Signs requests to one container, and sends them.
#[derive(Debug)]
pub(super) struct Requests {
    settings: Settings,
    entry: Entry,
    http: HttpClient,
}

/// An answer, whatever it says.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    /// With what its request was signed.
    means: Means,
}

impl Answer {
    /// Azure's word for what is wrong, if it has one for it. What is no word is not repeated.
    pub(super) fn code(&self) -> Option<&str> {
        let code = self.headers.get("x-ms-error-code")?.to_str().ok()?;
        let is_word =
            (1..=64).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
        is_word.then_some(code)
    }
}

/// What a request sends along.
pub(super) type Headers = Vec<(HeaderName, String)>;

impl Requests {
    pub(super) fn new(
        settings: &Settings,
        tokens: Option<Arc<dyn TokenCredential>>,
    ) -> Result<Self, BlobError> {
        // The time of a whole request is kept here. Whether http is allowed was decided with the settings.
        let options = ClientOptions::new()
            .with_allow_http(true)
            .with_connect_timeout(TIMEOUT)
            .with_timeout_disabled()
            .with_user_agent(HeaderValue::from_static(USER_AGENT));
        Ok(Self {
            settings: settings.clone(),
            entry: Entry::open(settings, tokens)?,
            http: ReqwestConnector::default()
                .connect(&options)
                .map_err(BlobError::NoClient)?,
        })
    }

    /// The URL of a blob, whose name was checked.
    pub(super) fn blob_url(&self, name: &str) -> Url {
        let mut url = self.settings.container_url();
        if let Ok(mut path) = url.path_segments_mut() {
            path.extend(name.split('/'));
        }
        url
    }

    /// The URL of the container, with a query.
    pub(super) fn container_url(&self, query: &[(&str, &str)]) -> Url {
        let mut url = self.settings.container_url();
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
        headers: &Headers,
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
        let credential = self.entry.credential(&self.settings).await?;
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
                means: access::means(&credential),
            }))
        };
        match tokio::time::timeout(TIMEOUT, exchange).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(self.broken(error)),
            Err(_) => Err(self.timed_out()),
        }
    }

    /// Sends a request whose answer says it all in its head.
    pub(super) async fn ask(
        &self,
        method: Method,
        url: &Url,
        headers: &Headers,
        body: &[u8],
    ) -> Result<Answer, BlobError> {
        self.send(method, url, headers, body, ERROR_BYTES_MAX)
            .await?
            .ok_or_else(|| BlobError::Unexpected {
                host: self.settings.host(),
                status: 0,
                code: "too long".to_owned(),
            })
    }

    /// What an answer means that is not the one hoped for.
    pub(super) fn refusal(&self, answer: &Answer) -> BlobError {
        error::refusal(
            &self.settings.host(),
            self.settings.container(),
            answer.means,
            answer.status,
            answer.code(),
        )
    }

    /// An answer that has no such header, or has nonsense in it.
    pub(super) fn incomplete(&self, header: &'static str) -> BlobError {
        BlobError::Incomplete {
            host: self.settings.host(),
            header,
        }
    }

    /// Names and metadata are checked, so what is left is what came from the service: an etag, or the next page's marker.
    fn unsendable(&self) -> BlobError {
        self.incomplete("etag or marker that can be sent")
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
            _ => BlobError::BrokenOff { host, source },
        }
    }
}

/// What the service's logs call us.
const USER_AGENT: &str = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));

/// What is said of an error, which nobody here reads, is some hundred bytes of XML.
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
