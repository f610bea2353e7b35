//! Opens the SDK's clients, under the rules that keep its recovery from losing events.
//!
//! No retries inside the SDK: after each recovery it would continue from the position at which the link was first
//! opened. A client lives until its first error and is thrown away then. Every wait has a timeout: the SDK has none,
//! neither for connecting nor for a link that does not answer.

use std::any::Any;
use std::future::Future;
use std::net::ToSocketAddrs;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use azure_messaging_eventhubs::builders::ConsumerClientBuilder;
use azure_messaging_eventhubs::{ConsumerClient, EventHubsError, RetryOptions};
use futures_util::FutureExt;

use super::connection_string::ConnectionString;
use super::error::SourceError;
use super::settings::{Authentication, Settings, Transport, address};
use crate::identity::clear_text::is_loopback;
use crate::identity::connection_string::UnusableFile;
use crate::identity::{Audience, EventHubsTokens, Secret, Tokens};
use crate::telemetry::Telemetry;

/// A connection needs TCP, TLS, SASL and a token: some seconds on a bad day, never this long.
pub(super) const OPEN_TIMEOUT: Duration = Duration::from_secs(30);

/// The name under which the broker sees the exporter.
pub(super) const APPLICATION_ID: &str =
    concat!("acs-recording-exporter/", env!("CARGO_PKG_VERSION"));

/// Opens consumers, all with one credential: one token serves all partitions.
#[derive(Debug)]
pub(super) struct Clients {
    settings: Arc<Settings>,
    access: Access,
}

/// How clients authenticate.
#[derive(Debug)]
enum Access {
    ConnectionString(Secret),
    /// Read again for each client.
    ConnectionStringFile(PathBuf),
    Tokens(Arc<Tokens>),
}

impl Clients {
    pub(super) fn new(settings: Arc<Settings>, telemetry: Arc<Telemetry>) -> Self {
        let namespace = &settings.namespace;
        if namespace.endpoint.is_some() && !is_loopback(&namespace.host) {
            telemetry.tls_is_off(&namespace.host);
        }
        let access = match &namespace.authentication {
            Authentication::ConnectionString(string) => Access::ConnectionString(string.clone()),
            Authentication::ConnectionStringFile(path) => {
                Access::ConnectionStringFile(path.clone())
            }
            Authentication::Credential(credential) => {
                Access::Tokens(Tokens::new(credential, Audience::EVENT_HUBS, telemetry))
            }
        };
        Self { settings, access }
    }

    /// Opens a consumer of one event hub.
    pub(super) async fn consumer(&self, event_hub: &str) -> Result<ConsumerClient, SourceError> {
        let namespace = &self.settings.namespace;
        match &self.access {
            Access::ConnectionString(string) => {
                self.open(event_hub, namespace.endpoint.as_deref(), string)
                    .await
            }
            Access::ConnectionStringFile(path) => {
                let current = self.current(path);
                let current = current.map_err(|problem| SourceError::ConnectionStringFile {
                    path: path.clone(),
                    problem,
                })?;
                self.open(event_hub, current.endpoint.as_deref(), &current.cleaned)
                    .await
            }
            Access::Tokens(tokens) => {
                let tokens = EventHubsTokens::new(Arc::clone(tokens));
                // Fetched here and not while the SDK connects, so that what is wrong with a token is an error of its
                // own, within a time of its own.
                tokens.token().await?;
                let builder = self.builder(namespace.endpoint.as_deref())?;
                let opening = builder.open(&namespace.host, event_hub.to_owned(), Arc::new(tokens));
                timed("open connection", OPEN_TIMEOUT, opening).await
            }
        }
    }

    async fn open(
        &self,
        event_hub: &str,
        endpoint: Option<&str>,
        string: &Secret,
    ) -> Result<ConsumerClient, SourceError> {
        let builder = self.builder(endpoint)?;
        let opening = builder.open_with_connection_string(string.secret(), Some(event_hub));
        timed("open connection", OPEN_TIMEOUT, opening).await
    }

    fn builder(&self, endpoint: Option<&str>) -> Result<ConsumerClientBuilder, SourceError> {
        let settings = &self.settings;
        resolve(&settings.namespace.host, endpoint, settings.amqp.transport)?;
        let builder = ConsumerClient::builder()
            .with_application_id(APPLICATION_ID.to_owned())
            .with_consumer_group(settings.consumer_group.clone())
            .with_retry_options(no_retries())
            .with_transport(settings.amqp.transport);
        Ok(match endpoint {
            Some(endpoint) => builder.with_custom_endpoint(endpoint.to_owned()),
            None => builder,
        })
    }

    /// The connection string that the file holds now. Positions belong to one namespace, so it must be the same as at the
    /// start. Whether TLS is used was decided then too: a file that is replaced cannot make the exporter send its key in the
    /// clear.
    fn current(&self, path: &Path) -> Result<ConnectionString, UnusableFile> {
        let namespace = &self.settings.namespace;
        let current = ConnectionString::read(path)?;
        if current.host != namespace.host {
            return Err(UnusableFile::Elsewhere {
                what: "namespace",
                name: current.host,
            });
        }
        if current.is_emulator() != namespace.endpoint.is_some() {
            return Err(UnusableFile::OtherTls);
        }
        Ok(current)
    }
}

/// Waits for the SDK, within a limit. Its panic is an error.
pub(super) async fn timed<T>(
    step: &'static str,
    limit: Duration,
    work: impl Future<Output = Result<T, EventHubsError>>,
) -> Result<T, SourceError> {
    // In a box, since the SDK's futures are large, and each layer around them would need that much of the stack again.
    let work = AssertUnwindSafe(Box::pin(work)).catch_unwind();
    match within(step, limit, work).await? {
        Ok(answer) => Ok(answer?),
        Err(panic) => Err(SourceError::panicked(message(panic.as_ref()))),
    }
}

/// The message of a panic.
pub(super) fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("no message").to_owned()
}

/// Waits for anything, within a limit.
pub(super) async fn within<T>(
    step: &'static str,
    limit: Duration,
    work: impl Future<Output = T>,
) -> Result<T, SourceError> {
    let seconds = limit.as_secs();
    let worked = tokio::time::timeout(limit, work).await;
    worked.map_err(|_| SourceError::Timeout { step, seconds })
}

/// Looks up the host before the SDK does, for an error of its own. As the SDK does, it blocks the thread of the connection,
/// for as long as a resolver that is down lets it wait: another thread for it might not be had.
fn resolve(host: &str, endpoint: Option<&str>, transport: Transport) -> Result<(), SourceError> {
    let unresolved = |source| SourceError::Unresolved {
        host: host.to_owned(),
        source,
    };
    let address = address(host, endpoint, transport);
    address.to_socket_addrs().map(drop).map_err(unresolved)
}

pub(super) fn no_retries() -> RetryOptions {
    RetryOptions {
        max_retries: 0,
        ..RetryOptions::default()
    }
}

#[cfg(test)]
mod tests {
    use std::panic::panic_any;

    use super::*;

    #[tokio::test]
    async fn a_panic_of_the_sdk_is_an_error() {
        let asking = async { panic_any("a null creation time") };
        let asked = timed::<()>("read event hub properties", OPEN_TIMEOUT, asking).await;
        let error = asked.unwrap_err();
        assert_eq!(error.cause().label(), "panicked");
        assert!(error.to_string().ends_with("a null creation time"));
    }
}
