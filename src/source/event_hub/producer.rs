//! A client that sends, for the commands without Azure.

use azure_messaging_eventhubs::ProducerClient;

use super::access::{Access, Key};
use super::client::{APPLICATION_ID, OPEN_TIMEOUT, no_retries, resolve, timed};
use super::error::SourceError;
use super::settings::{Namespace, Transport};

/// Opens a producer for one event hub; the simulator sends through it.
///
/// # Errors
///
/// When the namespace is not reached, or does not let us in.
pub(crate) async fn producer(
    namespace: &Namespace,
    event_hub: &str,
) -> Result<ProducerClient, SourceError> {
    let door = Access::new(namespace, None).door().await?;
    resolve(&door, Transport::Tcp).await?;
    let mut builder = ProducerClient::builder()
        .with_application_id(APPLICATION_ID.to_owned())
        .with_retry_options(no_retries());
    if let Some(endpoint) = door.endpoint {
        builder = builder.with_custom_endpoint(endpoint);
    }
    match door.key {
        Key::ConnectionString(string) => {
            let opening = builder.open_with_connection_string(string.secret(), Some(event_hub));
            timed("open connection", OPEN_TIMEOUT, opening).await
        }
        Key::Tokens(tokens) => {
            let opening = builder.open(&door.host, event_hub, tokens);
            timed("open connection", OPEN_TIMEOUT, opening).await
        }
    }
}
