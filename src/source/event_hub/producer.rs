//! A client that sends, for the commands without Azure.

use azure_messaging_eventhubs::ProducerClient;

use super::client::{APPLICATION_ID, OPEN_TIMEOUT, no_retries, resolve, timed};
use super::connection_string::ConnectionString;
use super::error::SourceError;
use super::settings::Transport;

/// Opens a producer for one event hub; the simulator sends through it.
///
/// # Errors
///
/// When the namespace is unreachable, or refuses the connection string.
pub(crate) async fn producer(
    connection: &ConnectionString,
    event_hub: &str,
) -> Result<ProducerClient, SourceError> {
    let endpoint = connection.endpoint.as_deref();
    resolve(&connection.host, endpoint, Transport::Tcp).await?;
    let mut builder = ProducerClient::builder()
        .with_application_id(APPLICATION_ID.to_owned())
        .with_retry_options(no_retries());
    if let Some(endpoint) = endpoint {
        builder = builder.with_custom_endpoint(endpoint.to_owned());
    }
    let string = connection.cleaned.secret();
    let opening = builder.open_with_connection_string(string, Some(event_hub));
    timed("open connection", OPEN_TIMEOUT, opening).await
}
