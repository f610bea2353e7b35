//! One request: made, signed, sent, and answered within its time.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use azure_core::credentials::TokenCredential;
use azure_core::http::Url;
use bytes::Bytes;
use futures_util::StreamExt;
use http::header::{CONTENT_LENGTH, HeaderName, HeaderValue};
use http::{HeaderMap, Method, StatusCode};
use object_store::ClientOptions;
use object_store::azure::{AzureAccessKey, AzureAuthorizer, AzureCredential};
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody,
    ReqwestConnector,
};

use super::settings::{Access, Settings};
use super::{BlobError, ETag};

/// The service answers within a tenth of a second, and a lease lasts some thirty: by then it is better tried anew.
const TIMEOUT: Duration = Duration::from_secs(5);

/// A page of 5,000 blobs has some 3 MB. Whatever is larger is no answer to what we ask.
const ANSWER_MAX: usize = 16 << 20;

/// What a token for storage is asked for with, in every cloud.
const SCOPE: &str = "https://storage.azure.com/.default";

/// Sends requests to one container.
pub(super) struct Sender {
    http: HttpClient,
    host: String,
    container: String,
    account: String,
    key: Key,
}

enum Key {
    Fixed(AzureCredential),
    Tokens(Arc<dyn TokenCredential>),
}

/// What is asked.
pub(super) struct Asked {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// What was answered.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Sender {
    /// With tokens of this credential, where the settings want them.
    pub(super) fn new(
        settings: &Settings,
        tokens: Option<Arc<dyn TokenCredential>>,
    ) -> Result<Self, BlobError> {
        let key = match (&settings.access, tokens) {
            (Access::Key(key), _) => {
                let key = AzureAccessKey::try_new(key.secret());
                let key =
                    key.map_err(|_| BlobError::Request("the account's key is not base64".into()))?;
                Key::Fixed(AzureCredential::AccessKey(key))
            }
            (Access::Signature(query), _) => Key::Fixed(AzureCredential::SASToken(pairs(
                &settings.url,
                query.secret(),
            ))),
            (Access::Tokens, Some(tokens)) => Key::Tokens(tokens),
            (Access::Tokens, None) => {
                return Err(BlobError::Request("there is no credential".into()));
            }
        };
        let agent = concat!("acs-recording-exporter/", env!("CARGO_PKG_VERSION"));
        let options = ClientOptions::new()
            .with_user_agent(HeaderValue::from_static(agent))
            .with_allow_http(settings.url.scheme() == "http")
            .with_connect_timeout(TIMEOUT)
            .with_timeout(TIMEOUT);
        let http = ReqwestConnector::default().connect(&options);
        Ok(Self {
            http: http.map_err(|error| BlobError::Request(error.into()))?,
            host: settings.url.host_str().unwrap_or_default().to_owned(),
            container: settings.container().to_owned(),
            account: settings.account.clone(),
            key,
        })
    }

    /// Sends, and reads the whole answer, whatever it is.
    pub(super) async fn send(&self, asked: Asked) -> Result<Answer, BlobError> {
        let token;
        let credential = match &self.key {
            Key::Fixed(credential) => credential,
            // It has a time-out of its own, and is asked for once in an hour.
            Key::Tokens(tokens) => {
                let fetched = tokens.get_token(&[SCOPE], None).await;
                let secret = fetched.map_err(BlobError::Token)?.token;
                token = AzureCredential::BearerToken(secret.secret().to_owned());
                &token
            }
        };
        let sending = tokio::time::timeout(TIMEOUT, self.exchange(asked, credential));
        sending.await.unwrap_or_else(|_| Err(self.timed_out()))
    }

    async fn exchange(
        &self,
        asked: Asked,
        credential: &AzureCredential,
    ) -> Result<Answer, BlobError> {
        let mut request = HttpRequest::new(HttpRequestBody::from(Bytes::from(asked.body)));
        let uri = asked.url.as_str().parse();
        *request.uri_mut() = uri.map_err(|error: http::uri::InvalidUri| invalid(error))?;
        *request.method_mut() = asked.method;
        *request.headers_mut() = asked.headers;
        let length = request.body().content_length();
        if request.method() == Method::PUT {
            let length = HeaderValue::from(length);
            request.headers_mut().insert(CONTENT_LENGTH, length);
        }
        AzureAuthorizer::new(credential, &self.account)
            .try_authorize(&mut request)
            .map_err(|error| BlobError::Request(error.into()))?;
        let response = self.http.execute(request).await;
        let (parts, body) = response.map_err(|error| self.failed(&error))?.into_parts();
        let mut chunks = body.bytes_stream();
        let mut body = Vec::new();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|_| BlobError::Unreadable("it ends too early"))?;
            if body.len() + chunk.len() > ANSWER_MAX {
                return Err(BlobError::TooLarge(ANSWER_MAX));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer {
            status: parts.status,
            headers: parts.headers,
            body,
        })
    }

    /// What an answer means that is neither what was asked for nor expected.
    pub(super) fn unexpected(&self, answer: &Answer) -> BlobError {
        let status = answer.status.as_u16();
        let code = answer.code().to_owned();
        match (status, code.as_str()) {
            (404, "ContainerNotFound" | "ContainerBeingDeleted") => {
                BlobError::NoContainer(self.container.clone())
            }
            (401 | 403, _) => BlobError::Denied {
                container: self.container.clone(),
                status,
                code,
            },
            _ => BlobError::Status { status, code },
        }
    }

    fn failed(&self, error: &HttpError) -> BlobError {
        match error.kind() {
            HttpErrorKind::Timeout => self.timed_out(),
            _ => BlobError::Unreachable {
                host: self.host.clone(),
                source: without_address(error).into(),
            },
        }
    }

    fn timed_out(&self) -> BlobError {
        BlobError::Timeout {
            host: self.host.clone(),
            seconds: TIMEOUT.as_secs(),
        }
    }
}

impl Answer {
    /// The service's word for what is wrong.
    pub(super) fn code(&self) -> &str {
        let code = self.headers.get("x-ms-error-code");
        code.and_then(|code| code.to_str().ok())
            .unwrap_or("no code")
    }

    /// The version that the answer is about.
    pub(super) fn etag(&self) -> Result<ETag, BlobError> {
        let etag = self.headers.get(http::header::ETAG);
        let etag = etag.and_then(|etag| etag.to_str().ok());
        etag.map(ETag::new)
            .ok_or(BlobError::Unreadable("it has no etag"))
    }

    /// What the blob says.
    pub(super) fn metadata(&self) -> super::Metadata {
        let prefixed = self.headers.iter().filter_map(|(name, value)| {
            let name = name.as_str().strip_prefix("x-ms-meta-")?;
            Some((name.to_owned(), value.to_str().ok()?.to_owned()))
        });
        prefixed.collect()
    }
}

/// A header of our own making.
pub(super) fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), BlobError> {
    let invalid = || BlobError::Metadata(name.to_owned());
    let is_printable = value.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    let name = HeaderName::try_from(name).map_err(|_| invalid())?;
    let value = HeaderValue::from_str(value).map_err(|_| invalid())?;
    if is_printable {
        Ok((name, value))
    } else {
        Err(invalid())
    }
}

fn invalid(error: impl std::error::Error + Send + Sync + 'static) -> BlobError {
    BlobError::Request(Box::new(error))
}

/// The innermost cause: those around it repeat the address with its query, and a SAS is a secret.
fn without_address(error: &HttpError) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// The pairs of a query, decoded.
fn pairs(url: &Url, query: &str) -> Vec<(String, String)> {
    let mut url = url.clone();
    url.set_query(Some(query));
    url.query_pairs().into_owned().collect()
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender")
            .field("host", &self.host)
            .field("container", &self.container)
            .field("account", &self.account)
            .finish_non_exhaustive()
    }
}
