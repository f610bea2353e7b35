//! One request and its answer: signed, within a time and a size, and what goes wrong as a [`BlobError`].
//!
//! All requests are built here from parts of `object_store`, also those that it could make by itself. Its own errors have
//! no code, so that a missing container would look like a missing blob, and a container that is being deleted like a blob
//! that exists. It deletes by a batch, and it lists without metadata.

use std::time::Duration;

use azure_core::http::Url;
use futures_util::StreamExt as _;
use hyper::header::{CONTENT_LENGTH, HeaderValue};
use hyper::{HeaderMap, Method, Uri};
use object_store::azure::AzureAuthorizer;
use object_store::client::{HttpClient, HttpError, HttpErrorKind, HttpRequest, HttpResponse};
use reqwest::redirect;

use super::{BlobError, Container, Settings, blob, error};

/// A request is answered within milliseconds. One that takes this long is abandoned, since leases must be renewed before
/// they expire, and the next request may do better. Fetching a token, where that is needed, has a timeout of its own.
pub(super) const TIMEOUT: Duration = Duration::from_secs(5);

/// The name of the exporter in the logs of the service.
const USER_AGENT: &str = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));

/// The client of a container. The one that `object_store` makes would follow redirects: any host that the service or a
/// proxy names would get the request, and the SAS in its `Referer`.
pub(super) fn client(settings: &Settings) -> Result<HttpClient, BlobError> {
    let mut builder = reqwest::Client::builder()
        .redirect(redirect::Policy::none())
        .http1_only()
        .no_gzip()
        .no_deflate()
        .timeout(TIMEOUT)
        .user_agent(USER_AGENT);
    if settings.url().scheme() == "http" {
        // A proxy would get the SAS.
        builder = builder.no_proxy();
    }
    let client = builder.build().map_err(BlobError::NoClient)?;
    Ok(HttpClient::new(client))
}

impl Container {
    /// The URL of a blob.
    pub(super) fn blob_url(&self, name: &str) -> Result<Url, BlobError> {
        blob::check_name(name)?;
        let mut url = self.settings.url().clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.extend(name.split('/'));
        }
        Ok(url)
    }

    /// The URL of the container, with a query.
    pub(super) fn container_url(&self, query: &[(&str, &str)]) -> Url {
        let mut url = self.settings.url().clone();
        url.query_pairs_mut().extend_pairs(query);
        url
    }

    /// Sends a request without a body.
    pub(super) async fn ask(&self, method: Method, url: &Url) -> Result<HttpResponse, BlobError> {
        self.send(method, url, HeaderMap::new(), b"").await
    }

    /// Sends a request. An answer with an error is an error here; its body is not read.
    pub(super) async fn send(
        &self,
        method: Method,
        url: &Url,
        headers: HeaderMap,
        body: &[u8],
    ) -> Result<HttpResponse, BlobError> {
        let mut request = HttpRequest::new(body.to_vec().into());
        *request.uri_mut() = Uri::try_from(url.as_str()).map_err(|_| self.unsendable())?;
        *request.headers_mut() = headers;
        if method == Method::PUT {
            // It is signed, and has to be there where there is no body.
            let length = HeaderValue::from(body.len());
            request.headers_mut().insert(CONTENT_LENGTH, length);
        }
        *request.method_mut() = method;
        let credential = self.credential().await?;
        AzureAuthorizer::new(&credential, &self.settings.account)
            .try_authorize(&mut request)
            .map_err(|_| self.unsendable())?;

        let answer = self.http.execute(request).await;
        let answer = answer.map_err(|error| self.broken(error))?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        Err(error::of_answer(
            self.settings.host().to_owned(),
            self.settings.container(),
            &credential,
            answer.status().as_u16(),
            code(answer.headers()),
        ))
    }

    /// The body of an answer, or `too_large` if it has more than so many bytes.
    pub(super) async fn body(
        &self,
        answer: HttpResponse,
        bytes_max: usize,
        too_large: BlobError,
    ) -> Result<Vec<u8>, BlobError> {
        let mut bytes = Vec::new();
        let mut chunks = answer.into_body().bytes_stream();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|error| self.broken(error))?;
            if bytes.len() + chunk.len() > bytes_max {
                return Err(too_large);
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }

    pub(super) fn malformed(&self, problem: &'static str) -> BlobError {
        BlobError::Malformed(self.settings.host().to_owned(), problem)
    }

    /// Names and metadata are checked, so it can only be a value from the service: a version, or the next page's marker.
    pub(super) fn unsendable(&self) -> BlobError {
        self.malformed("an ETag or marker that cannot be sent back")
    }

    fn broken(&self, source: HttpError) -> BlobError {
        let host = self.settings.host().to_owned();
        match source.kind() {
            HttpErrorKind::Timeout => BlobError::TimedOut(host),
            HttpErrorKind::Connect => BlobError::Unreachable(host, source),
            _ => BlobError::Disconnected(host, source),
        }
    }
}

/// Azure's word for what is wrong, if the answer has one. Anything but a word is not repeated.
fn code(headers: &HeaderMap) -> Option<&str> {
    let code = headers.get("x-ms-error-code")?.to_str().ok()?;
    let is_word =
        (1..=64).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_word.then_some(code)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener as Blocking;
    use std::sync::Arc;

    use axum::Router;
    use hyper::StatusCode;
    use hyper::header::LOCATION;
    use prometheus::Registry;
    use tokio::net::TcpListener;
    use tokio::task::JoinSet;

    use super::*;
    use crate::blobs::{Condition, Metadata};
    use crate::telemetry::Telemetry;

    /// A container whose service answers every request with a redirect to another address.
    async fn redirected(status: u16, to: String, serving: &mut JoinSet<()>) -> Container {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let status = StatusCode::from_u16(status).unwrap();
        let answer = move || async move { (status, [(LOCATION, to)]) };
        serving.spawn(async move {
            let router = Router::new().fallback(answer);
            axum::serve(listener, router).await.unwrap();
        });
        let url = format!("http://{address}/devstoreaccount1/recordings?sp=rwdl&sig=c2VjcmV0");
        let settings = Settings::of_container_url(&url).unwrap();
        let telemetry = Arc::new(Telemetry::new(&Registry::new(), ""));
        Container::open(&settings, None, telemetry).unwrap()
    }

    #[tokio::test]
    async fn a_redirect_is_an_error_and_nobody_else_is_asked() {
        let mut serving = JoinSet::new();
        for status in [301, 302, 303, 307, 308] {
            let other = Blocking::bind("127.0.0.1:0").unwrap();
            other.set_nonblocking(true).unwrap();
            let to = format!("http://{}/recordings", other.local_addr().unwrap());
            let container = redirected(status, to, &mut serving).await;
            let written = container
                .write("a", &Metadata::new(), b"", &Condition::Missing)
                .await;
            for error in [
                written.unwrap_err(),
                container.list("").await.unwrap_err(),
                container.read("a").await.unwrap_err(),
                container.delete("a").await.unwrap_err(),
            ] {
                let shown = error.to_string();
                assert!(shown.contains("redirects are not followed"), "{shown}");
            }
            let error = other.accept().unwrap_err();
            assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
        }
    }
}
