//! An event hub to send to: its connection, the events that wait for it, and what becomes of them.
//!
//! No event is sent twice and no wait is without a bound. The SDK's producer guarantees neither, so each step has a time
//! limit here, and a producer that failed is not used again.

use std::{collections::VecDeque, error::Error, future::Future, pin::Pin, time::Duration};

use azure_core::http::Url;
use azure_messaging_eventhubs::{ConnectionString, ProducerClient, RetryOptions};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{Envelope, SimulateError, sender::Report};

/// How long the first opening of an event hub is tried: one that starts at the same time is up by then, and a wrong
/// address should be an error soon.
const FIRST_OPEN_WITHIN: Duration = Duration::from_secs(30);

/// The SDK has no time limit of its own for a server that accepts and then sends nothing.
const OPEN_TIMEOUT: Duration = Duration::from_secs(10);

/// The SDK has no time limit: it would wait for ever for an answer that was lost.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);

/// For the events that wait when the time is up and the event hub has just failed: a few attempts.
const LAST_SENDS_WITHIN: Duration = Duration::from_secs(5);

/// A courtesy to the service; a connection that hangs must not delay the end.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// A severed connection can most often be opened again at once.
const BACKOFF_MIN: Duration = Duration::from_millis(250);

/// An event hub that is back receives its traffic soon.
const BACKOFF_MAX: Duration = Duration::from_secs(15);

/// For an unreachable event hub: three minutes of the default traffic, and 120 MiB at most.
const WAITING_EVENTS_MAX: usize = 600;

/// Why a producer could not be opened.
pub type OpenError = Box<dyn Error + Send + Sync>;

type Opening = Pin<Box<dyn Future<Output = Result<ProducerClient, OpenError>> + Send>>;

/// An event hub to send to.
pub struct Target {
    pub(super) event_hub: String,
    open: Box<dyn Fn() -> Opening + Send + Sync>,
}

impl Target {
    /// `open` makes a producer for the event hub of this name. It is called again after every error, since a
    /// `ProducerClient` whose send has hung or failed cannot be trusted again. Give the producer `RetryOptions` with
    /// `max_retries: 0`: the SDK's own retries send events twice. It is called on the simulation's own runtime, see
    /// [`run`](super::run).
    pub fn new<Open, Opened, OpenedError>(event_hub: impl Into<String>, open: Open) -> Self
    where
        Open: Fn() -> Opened + Send + Sync + 'static,
        Opened: Future<Output = Result<ProducerClient, OpenedError>> + Send + 'static,
        OpenedError: Into<OpenError>,
    {
        Self {
            event_hub: event_hub.into(),
            open: Box::new(move || {
                let opened = open();
                Box::pin(async move { opened.await.map_err(Into::into) })
            }),
        }
    }

    /// The event hub of this name in the namespace of a connection string; without a name, the one that the connection
    /// string names.
    ///
    /// # Errors
    ///
    /// [`SimulateError::ConnectionString`] if it is not one, [`SimulateError::NoEventHub`] without any name,
    /// [`SimulateError::EmulatorInAzure`] if its key would be sent to Azure without TLS.
    pub fn connect(
        connection_string: &str,
        event_hub: Option<&str>,
    ) -> Result<Self, SimulateError> {
        let parsed: ConnectionString = connection_string
            .parse()
            .map_err(SimulateError::ConnectionString)?;
        let event_hub = event_hub.or(parsed.entity_path.as_deref());
        let event_hub = event_hub.ok_or(SimulateError::NoEventHub)?.to_owned();
        let endpoint = emulator(connection_string, &parsed.endpoint);
        if endpoint.is_some() && is_in_azure(&parsed.endpoint) {
            return Err(SimulateError::EmulatorInAzure);
        }
        // The SDK (0.16) refuses another event hub than this, even where the key is for the whole namespace.
        let names_no_event_hub = |pair: &&str| !is_of(pair, "EntityPath");
        let pairs: Vec<_> = connection_string
            .split(';')
            .filter(names_no_event_hub)
            .collect();
        let (pairs, name) = (pairs.join(";"), event_hub.clone());
        Ok(Self::new(event_hub, move || {
            let (pairs, name, endpoint) = (pairs.clone(), name.clone(), endpoint.clone());
            async move {
                let retries = RetryOptions {
                    max_retries: 0,
                    ..RetryOptions::default()
                };
                let mut builder = ProducerClient::builder().with_retry_options(retries);
                if let Some(endpoint) = endpoint {
                    builder = builder.with_custom_endpoint(endpoint);
                }
                builder
                    .open_with_connection_string(&pairs, Some(&name))
                    .await
            }
        }))
    }
}

/// Where an emulator listens for AMQP without TLS, if the connection string is an emulator's: the SDK (0.16) would look for
/// TLS, on another port.
fn emulator(connection_string: &str, endpoint: &str) -> Option<String> {
    let mut pairs = connection_string.split(';');
    let is_true = |pair: &str| pair.trim_end().to_ascii_lowercase().ends_with("=true");
    pairs.find(|pair| is_of(pair, "UseDevelopmentEmulator") && is_true(pair))?;
    let url = Url::parse(endpoint).ok()?;
    Some(format!(
        "amqp://{}:{}",
        url.host_str()?,
        url.port().unwrap_or(5672)
    ))
}

/// Whether an endpoint is in one of Azure's clouds, where no emulator is.
fn is_in_azure(endpoint: &str) -> bool {
    const CLOUDS: [&str; 4] = [
        ".servicebus.windows.net",
        ".servicebus.chinacloudapi.cn",
        ".servicebus.usgovcloudapi.net",
        ".servicebus.cloudapi.de",
    ];
    let url = Url::parse(endpoint).ok();
    let host = url.as_ref().and_then(Url::host_str).unwrap_or_default();
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    CLOUDS.iter().any(|cloud| host.ends_with(cloud))
}

/// Whether a pair of a connection string has this key.
fn is_of(pair: &str, key: &str) -> bool {
    let (of, _) = pair.split_once('=').unwrap_or_default();
    of.trim().eq_ignore_ascii_case(key)
}

/// A target, its connection, and the events that wait for it.
pub(super) struct Hub {
    target: Target,
    producer: Option<ProducerClient>,
    waiting: VecDeque<Envelope>,
    backoff: Duration,
    open_not_before: Instant,
}

impl Hub {
    pub(super) fn new(target: Target) -> Self {
        Self {
            target,
            producer: None,
            waiting: VecDeque::new(),
            backoff: BACKOFF_MIN,
            open_not_before: Instant::now(),
        }
    }

    pub(super) async fn open_first(&mut self) -> Result<(), SimulateError> {
        let stop_trying_at = Instant::now() + FIRST_OPEN_WITHIN;
        loop {
            match self.open().await {
                Ok(producer) => {
                    self.producer = Some(producer);
                    self.backoff = BACKOFF_MIN;
                    return Ok(());
                }
                Err(source) if Instant::now() >= stop_trying_at => {
                    let event_hub = self.target.event_hub.clone();
                    return Err(SimulateError::Open { event_hub, source });
                }
                Err(_) => {
                    self.back_off();
                    sleep_until(self.open_not_before).await;
                }
            }
        }
    }

    async fn open(&self) -> Result<ProducerClient, OpenError> {
        match timeout(OPEN_TIMEOUT, (self.target.open)()).await {
            Ok(opened) => opened,
            Err(elapsed) => Err(elapsed.into()),
        }
    }

    fn back_off(&mut self) {
        self.open_not_before = Instant::now() + self.backoff;
        self.backoff = (self.backoff * 2).min(BACKOFF_MAX);
    }

    pub(super) fn enqueue(&mut self, envelope: Envelope, report: &mut Report) {
        if self.waiting.len() >= WAITING_EVENTS_MAX {
            self.waiting.pop_front();
            report.events_dropped += 1;
        }
        self.waiting.push_back(envelope);
    }

    /// Sends the events that wait, until an error or a stop.
    pub(super) async fn send(&mut self, stop: &CancellationToken, report: &mut Report) {
        if self.producer.is_none() && Instant::now() >= self.open_not_before {
            match stop.run_until_cancelled(self.open()).await {
                Some(Ok(producer)) => self.producer = Some(producer),
                Some(Err(_)) => self.back_off(),
                None => return,
            }
        }
        while !self.waiting.is_empty() && !stop.is_cancelled() {
            let Some(producer) = &self.producer else {
                return;
            };
            match send_batch(producer, &self.waiting).await {
                Sent::Accepted(events) => {
                    if self.backoff > BACKOFF_MIN {
                        info!(
                            event_hub = self.target.event_hub,
                            "simulated traffic is sent again"
                        );
                        self.backoff = BACKOFF_MIN;
                    }
                    self.waiting
                        .drain(..events)
                        .for_each(|envelope| report.count(&envelope));
                }
                Sent::TooLarge => {
                    self.waiting.pop_front();
                    report.events_dropped += 1;
                }
                Sent::Unknown(events, error) => {
                    self.waiting.drain(..events);
                    report.events_of_unknown_fate += count(events);
                    self.fail(&error).await;
                }
                Sent::Nothing(error) => self.fail(&error).await,
            }
        }
    }

    /// Logs the first error in a row, and closes the connection.
    async fn fail(&mut self, error: &OpenError) {
        if self.backoff == BACKOFF_MIN {
            let error: &(dyn Error + 'static) = error.as_ref();
            let event_hub = &self.target.event_hub;
            warn!(
                event_hub,
                error, "sending simulated traffic failed: opening the event hub again"
            );
        }
        self.back_off();
        if let Some(producer) = self.producer.take() {
            close(producer).await;
        }
    }

    /// Sends the events that still wait, unless it is stopped, and closes the connection.
    pub(super) async fn close(mut self, stop: &CancellationToken, report: &mut Report) {
        let stop_trying_at = Instant::now() + LAST_SENDS_WITHIN;
        while !self.waiting.is_empty() && !stop.is_cancelled() && Instant::now() < stop_trying_at {
            if self.producer.is_none() {
                let retry_at = self.open_not_before.min(stop_trying_at);
                stop.run_until_cancelled(sleep_until(retry_at)).await;
            }
            self.send(stop, report).await;
        }
        report.events_dropped += count(self.waiting.len());
        if let Some(producer) = self.producer.take() {
            close(producer).await;
        }
    }
}

/// An error here changes nothing: the connection is dropped anyway.
async fn close(producer: ProducerClient) {
    drop(timeout(CLOSE_TIMEOUT, producer.close()).await);
}

/// What became of the first events that wait.
enum Sent {
    Accepted(usize),
    Unknown(usize, OpenError),
    /// No event was sent: all still wait.
    Nothing(OpenError),
    /// The first event alone is larger than the event hub accepts.
    TooLarge,
}

/// Sends the first events that wait and are of one category, as one batch: a batch goes to one partition, so the categories
/// of a second spread over the partitions as those of Azure Monitor do.
async fn send_batch(producer: &ProducerClient, waiting: &VecDeque<Envelope>) -> Sent {
    let batch = match timeout(SEND_TIMEOUT, producer.create_batch(None)).await {
        Ok(Ok(batch)) => batch,
        Ok(Err(error)) => return Sent::Nothing(error.into()),
        Err(elapsed) => return Sent::Nothing(elapsed.into()),
    };
    let category = waiting.front().map(|envelope| envelope.category);
    for envelope in waiting
        .iter()
        .take_while(|of| Some(of.category) == category)
    {
        match batch.try_add_event_data(envelope.body.as_str(), None) {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => return Sent::Nothing(error.into()),
        }
    }
    let events = batch.len();
    if events == 0 {
        // The SDK panics when an empty batch is sent.
        return Sent::TooLarge;
    }
    match timeout(SEND_TIMEOUT, producer.send_batch(batch, None)).await {
        Ok(Ok(())) => Sent::Accepted(events),
        Ok(Err(error)) => Sent::Unknown(events, error.into()),
        Err(elapsed) => Sent::Unknown(events, elapsed.into()),
    }
}

fn count(events: usize) -> u64 {
    u64::try_from(events).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "SharedAccessKeyName=send;SharedAccessKey=c2VjcmV0";

    #[test]
    fn an_event_hub_is_named_by_the_caller_or_by_the_connection_string() {
        let check = |pairs: &str, event_hub: Option<&str>, expected: Result<&str, &str>| {
            let target = Target::connect(&format!("{KEY};{pairs}"), event_hub);
            let named = target.map(|target| target.event_hub);
            let named = named.map_err(|error| error.to_string());
            assert_eq!(
                named.as_deref().map_err(String::as_str),
                expected,
                "{pairs}"
            );
        };
        check("Endpoint=sb://a.b", Some("x"), Ok("x"));
        check("Endpoint=sb://a.b;EntityPath=y", None, Ok("y"));
        check("Endpoint=sb://a.b;EntityPath=y", Some("x"), Ok("x"));
        let unnamed =
            "name the event hub: `--event-hub NAME`, or `EntityPath=NAME` in the connection string";
        check("Endpoint=sb://a.b", None, Err(unnamed));
        check("", Some("x"), Err("the connection string cannot be used"));
        check(
            "Endpoint=sb://Contoso.servicebus.windows.net:5672;UseDevelopmentEmulator=true",
            Some("x"),
            Err(&SimulateError::EmulatorInAzure.to_string()),
        );
    }

    #[test]
    fn an_emulator_is_plain_tcp_on_its_own_port() {
        let check = |endpoint: &str, pairs: &str, expected: Option<&str>| {
            assert_eq!(emulator(pairs, endpoint).as_deref(), expected, "{pairs}");
        };
        check(
            "sb://event_hub",
            "UseDevelopmentEmulator=true",
            Some("amqp://event_hub:5672"),
        );
        check(
            "sb://127.0.0.1:4000/",
            "a=b; usedevelopmentemulator=TRUE ",
            Some("amqp://127.0.0.1:4000"),
        );
        check("sb://a.b", "UseDevelopmentEmulator=false", None);
        check("sb://a.b", KEY, None);
    }
}
