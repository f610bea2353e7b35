//! Opens the SDK's clients, under the rules that keep its recovery from losing events.
//!
//! No retries inside the SDK: after each recovery it would go on from the position at which the link was first
//! opened. A client lives until its first error and is thrown away then. Every wait has a timeout: the SDK has none,
//! neither for connecting nor for a link that nobody answers.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use azure_core_amqp::AmqpTransport;
use azure_messaging_eventhubs::{ConsumerClient, EventHubsError, RetryOptions};

use super::access::{Access, Door, Key};
use super::error::SourceError;
use super::settings::{Settings, Transport};
use crate::telemetry::Telemetry;

/// A connection crosses TCP, TLS, SASL and a token: some seconds on a bad day, never this long.
pub(super) const OPEN_TIMEOUT: Duration = Duration::from_secs(30);

/// The name under which the broker sees us.
pub(super) const APPLICATION_ID: &str =
    concat!("acs-recording-exporter/", env!("CARGO_PKG_VERSION"));

/// Opens consumers, all with one credential: a token is asked for once, however many partitions there are.
#[derive(Debug)]
pub(super) struct Clients {
    settings: Arc<Settings>,
    access: Access,
}

impl Clients {
    pub(super) fn new(settings: Arc<Settings>, telemetry: Arc<Telemetry>) -> Self {
        let access = Access::new(&settings.namespace, Some(telemetry));
        Self { settings, access }
    }

    /// Opens a consumer of one event hub.
    pub(super) async fn consumer(&self, event_hub: &str) -> Result<ConsumerClient, SourceError> {
        let settings = &self.settings;
        let door = self.access.door().await?;
        resolve(&door, settings.amqp.transport).await?;
        let mut builder = ConsumerClient::builder()
            .with_application_id(APPLICATION_ID.to_owned())
            .with_consumer_group(settings.consumer_group.clone())
            .with_retry_options(no_retries())
            .with_transport(transport(settings.amqp.transport));
        if let Some(endpoint) = door.endpoint {
            builder = builder.with_custom_endpoint(endpoint);
        }
        match door.key {
            Key::ConnectionString(string) => {
                let opening = builder.open_with_connection_string(string.secret(), Some(event_hub));
                timed("open connection", OPEN_TIMEOUT, opening).await
            }
            Key::Tokens(tokens) => {
                let opening = builder.open(&door.host, event_hub.to_owned(), tokens);
                timed("open connection", OPEN_TIMEOUT, opening).await
            }
        }
    }
}

/// Waits for the SDK, but not for ever.
pub(super) async fn timed<T>(
    step: &'static str,
    limit: Duration,
    work: impl Future<Output = Result<T, EventHubsError>>,
) -> Result<T, SourceError> {
    match tokio::time::timeout(limit, work).await {
        Ok(answer) => answer.map_err(SourceError::EventHub),
        Err(_) => Err(SourceError::Timeout {
            step,
            seconds: limit.as_secs(),
        }),
    }
}

/// Looks the host up before the SDK does: it blocks its thread while it does so, and for as long as a resolver that
/// is down lets it wait.
pub(super) async fn resolve(door: &Door, transport: Transport) -> Result<(), SourceError> {
    let address = match (&door.endpoint, transport) {
        (Some(endpoint), _) => endpoint.trim_start_matches("amqp://").to_owned(),
        (None, Transport::Tcp) => format!("{}:5671", door.host),
        (None, Transport::WebSocket) => format!("{}:443", door.host),
    };
    let found = tokio::time::timeout(OPEN_TIMEOUT, tokio::net::lookup_host(address)).await;
    match found {
        Ok(Ok(_addresses)) => Ok(()),
        Ok(Err(source)) => Err(SourceError::Unresolved {
            host: door.host.clone(),
            source,
        }),
        Err(_) => Err(SourceError::Timeout {
            step: "resolve host",
            seconds: OPEN_TIMEOUT.as_secs(),
        }),
    }
}

pub(super) fn no_retries() -> RetryOptions {
    RetryOptions {
        max_retries: 0,
        ..RetryOptions::default()
    }
}

fn transport(transport: Transport) -> AmqpTransport {
    match transport {
        Transport::Tcp => AmqpTransport::Tcp,
        Transport::WebSocket => AmqpTransport::WebSocket,
    }
}
