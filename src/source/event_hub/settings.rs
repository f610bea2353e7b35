//! The settings of the source: which hubs of which namespace, with which credential, from which position.
//! The names are checked here, by the rules of Azure Resource Manager ("Naming rules and restrictions for Azure
//! resources"), so that a misspelt name is a fault at the start and not a link that is refused for ever.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub(crate) use azure_core_amqp::AmqpTransport as Transport;
use time::OffsetDateTime;

use crate::identity::{Credential, CredentialKind, Secret};
use crate::setting::{bytes, duration, number, settings, words};

/// Settings of the Event Hub source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The namespace and how to authenticate to it.
    pub namespace: Namespace,
    /// The hubs to read, at least one, each once.
    pub event_hubs: Vec<String>,
    /// The consumer group, which only this exporter reads.
    pub consumer_group: String,
    /// Where to begin if no position is known.
    pub start: Start,
    /// How events are transferred.
    pub amqp: Amqp,
    /// What to do if the hub no longer has the events after a position.
    pub on_lost_position: OnLostPosition,
    /// How often links are verified.
    pub watchdog: Watchdog,
}

impl Settings {
    /// The host and port to connect to.
    pub(crate) fn address(&self) -> String {
        let Namespace { host, endpoint, .. } = &self.namespace;
        address(host, endpoint.as_deref(), self.amqp.transport)
    }
}

settings! {
    /// Event hubs
    ///
    /// How events are transferred; which ones, is for `config`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Amqp in "event_hub" {
        /// What AMQP runs over.
        ///
        /// `tcp` uses port 5671. `websocket` uses port 443, for networks that block 5671. Proxies are not supported.
        transport: Transport = words([
            ("tcp", Transport::Tcp),
            ("websocket", Transport::WebSocket),
        ]).default("tcp"),
        /// How many bytes of events to prefetch for each partition.
        ///
        /// The SDK limits the number of events, not of bytes. The exporter computes that number from the size of the events
        /// that it reads. For each partition that is behind, the exporter needs up to twice this much memory.
        prefetch_bytes: u64 = bytes(PREFETCH_LEAST..=PREFETCH_MOST).default("8MiB"),
        /// How many partitions share a connection.
        ///
        /// `1` is fastest, and a broken connection then affects one partition only. With hundreds of partitions, a higher
        /// number saves connections and threads: a connection takes a thread and five open files. If the limits of the process
        /// do not allow enough connections, more partitions share one, and a warning says so.
        partitions_per_connection: usize = number(1..=PARTITIONS_SHARING_MOST).default("1"),
    }
}

/// An event of a standard hub has 1 MB: with less in flight, each waits for the one before.
const PREFETCH_LEAST: &str = "1MiB";

/// More than this in flight for one partition hides how far behind it is.
const PREFETCH_MOST: &str = "1GiB";

/// The SDK opens a session for each, of which a connection has 255.
pub(super) const PARTITIONS_SHARING_MOST: usize = 100;

settings! {
    /// Watchdog
    ///
    /// How the exporter distinguishes an idle event hub from a dead link.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Watchdog in "watchdog" {
        /// The time between two liveness checks of a partition.
        ///
        /// A liveness check asks the event hub for the last event of the partition. The answer verifies that the event hub
        /// is alive, and shows how far behind the partition is. If the event hub has events that do not arrive, the link is
        /// reopened some seconds later.
        interval: Duration = duration(WATCHDOG_LEAST..=WATCHDOG_MOST).default("30s"),
        /// How long a link may be without an event before it is reopened.
        ///
        /// A liveness check does not use the link on which events arrive, so it cannot verify that link. Opening a new link
        /// does.
        reattach_idle: Duration = duration(WATCHDOG_LEAST..=WATCHDOG_MOST).default("5m"),
        /// How long after it was last verified a partition counts as not ready.
        ///
        /// An event, or the answer to a liveness check, verifies the partition.
        /// `acs_recording_exporter_partition_last_proof_timestamp_seconds` shows when that was. Must be longer than
        /// `interval`.
        dead_after: Duration = duration(WATCHDOG_LEAST..=WATCHDOG_MOST).default("5m"),
    }
}

/// More questions are load on the event hub and prove no more.
const WATCHDOG_LEAST: Duration = Duration::from_secs(1);

/// A watchdog that sleeps for a day does not watch.
const WATCHDOG_MOST: Duration = Duration::from_hours(24);

/// What to do if the hub no longer has the events after a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnLostPosition {
    /// Continue with the oldest event that the hub has.
    Earliest,
    /// Continue with the events that arrive from then on.
    Latest,
    /// Stop reading the partition, and report that.
    Fail,
}

/// An Event Hubs namespace, or the emulator that stands in for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Namespace {
    /// The whole host name, in lower case.
    pub host: String,
    /// Where to connect instead of `host`: the emulator's `amqp://HOST:PORT`, which is plain TCP.
    pub endpoint: Option<String>,
    /// How to authenticate.
    pub authentication: Authentication,
}

impl Namespace {
    /// Its name where positions are stored: an emulator's includes its port, as in the name that Python's client uses.
    pub(crate) fn name(&self) -> &str {
        let endpoint = self.endpoint.as_deref();
        let emulator = endpoint.and_then(|endpoint| endpoint.strip_prefix("amqp://"));
        emulator.unwrap_or(&self.host)
    }

    /// The label `event_hubs_namespace`: the shortest text that means this namespace as `event_hub.namespace`. That is the
    /// name in the public cloud, and the host of all others, since each cloud may have a namespace of the same name.
    pub(crate) fn label(&self) -> &str {
        self.host.strip_suffix(PUBLIC_SUFFIX).unwrap_or(&self.host)
    }
}

/// The host and port to connect to: an emulator's own, or Azure's.
pub(super) fn address(host: &str, endpoint: Option<&str>, transport: Transport) -> String {
    match (endpoint, transport) {
        (Some(endpoint), _) => endpoint.trim_start_matches("amqp://").to_owned(),
        (None, Transport::Tcp) => format!("{host}:5671"),
        (None, Transport::WebSocket) => format!("{host}:443"),
    }
}

/// How to authenticate to a namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authentication {
    /// A connection string as the SDK needs it: host, and key or signature; neither port nor `EntityPath`.
    ConnectionString(Secret),
    /// A file with a connection string, which is read again for every client: the key is rotated by replacing the file.
    ConnectionStringFile(PathBuf),
    /// A token of Microsoft Entra ID.
    Credential(Credential),
}

impl Authentication {
    /// As whom, in a word: for the log.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::ConnectionString(_) => "connection_string",
            Self::ConnectionStringFile(_) => "connection_string_file",
            Self::Credential(credential) => CredentialKind::from(&credential.identity).into(),
        }
    }
}

/// Where to begin if no position is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// At the oldest event that the hub still has.
    Earliest,
    /// At the first event that arrives after the start.
    Latest,
    /// At the first event enqueued after this time, which is not before 1970.
    At(OffsetDateTime),
    /// At the first event after this offset, of a checkpoint that has no sequence number.
    AfterOffset(Arc<str>),
}

/// Checks the name of an event hub.
///
/// # Errors
/// Azure does not allow an event hub to have this name.
pub(crate) fn event_hub_name(text: &str) -> Result<String, &'static str> {
    is_name(text, 256, b"._-")
        .then(|| text.to_owned())
        .ok_or(NOT_AN_EVENT_HUB)
}

/// Checks the name of a consumer group.
///
/// # Errors
/// Azure does not allow a consumer group to have this name.
pub(crate) fn consumer_group(text: &str) -> Result<String, &'static str> {
    if text.eq_ignore_ascii_case(DEFAULT_CONSUMER_GROUP) {
        return Ok(DEFAULT_CONSUMER_GROUP.to_owned());
    }
    is_name(text, 50, b"._-")
        .then(|| text.to_owned())
        .ok_or(NOT_A_CONSUMER_GROUP)
}

/// The whole host of a namespace, in lower case. A bare name gets the suffix of the public cloud, except `localhost`:
/// there an emulator may listen.
///
/// # Errors
/// The text is not a host name: it has a scheme, a path or a port, say.
pub(crate) fn namespace_host(text: &str) -> Result<String, &'static str> {
    let host = text.to_ascii_lowercase();
    // A label and a whole name are as long as DNS lets them be (RFC 1035, section 2.3.4).
    let is_label = |label: &str| is_name(label, 63, b"-");
    if host.len() > 253 || !host.split('.').all(is_label) {
        return Err(NOT_A_NAMESPACE);
    }
    Ok(if host.contains('.') || host == "localhost" {
        host
    } else {
        host + PUBLIC_SUFFIX
    })
}

// Why a text is not a name. None repeats the text: the caller knows whether it may be shown.
const NOT_AN_EVENT_HUB: &str = "must be an event hub's name: up to 256 letters, digits, `.`, `-` and `_`, with a letter or digit at both ends";
const NOT_A_CONSUMER_GROUP: &str = "must be a consumer group's name: up to 50 letters, digits, `.`, `-` and `_`, with a letter or digit at both ends, or `$Default`";
const NOT_A_NAMESPACE: &str =
    "must be a host name, for example `NAME.servicebus.windows.net`, without scheme, port or path";

/// The consumer group that every event hub has.
const DEFAULT_CONSUMER_GROUP: &str = "$Default";

/// Namespaces of other clouds (`servicebus.usgovcloudapi.net`, `servicebus.chinacloudapi.cn`) are written out.
const PUBLIC_SUFFIX: &str = ".servicebus.windows.net";

/// Whether a text consists of letters, digits and these others, with a letter or digit at both ends.
fn is_name(text: &str, length_max: usize, others: &[u8]) -> bool {
    (1..=length_max).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || others.contains(&byte))
        && text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text.ends_with(|last: char| last.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::super::ConnectionString;
    use super::*;

    #[test]
    fn names_of_hubs_are_those_that_azure_allows() {
        for text in [
            "insights-logs-callrecordingoperational",
            "a",
            "1.b_c-2",
            &"x".repeat(256),
        ] {
            assert_eq!(event_hub_name(text).as_deref(), Ok(text));
        }
        for text in ["", "-a", "a.", "a b", "a/b", "hüb", &"x".repeat(257)] {
            assert_eq!(event_hub_name(text), Err(NOT_AN_EVENT_HUB), "{text}");
        }
    }

    #[test]
    fn default_is_a_consumer_group_although_it_has_a_dollar() {
        assert_eq!(consumer_group("$default").as_deref(), Ok("$Default"));
        assert_eq!(
            consumer_group("acs-recording-exporter").as_deref(),
            Ok("acs-recording-exporter")
        );
        assert_eq!(consumer_group("$Other"), Err(NOT_A_CONSUMER_GROUP));
        assert_eq!(consumer_group(&"x".repeat(51)), Err(NOT_A_CONSUMER_GROUP));
    }

    /// Replicas agree, however each is configured.
    #[test]
    fn the_label_of_a_namespace_is_short_and_distinguishes_clouds() {
        let of_string = |endpoint: &str| {
            let emulator = endpoint.contains(':');
            let text = format!(
                "Endpoint=sb://{endpoint};SharedAccessKeyName=k;SharedAccessKey=a2V5;UseDevelopmentEmulator={emulator}"
            );
            text.parse::<ConnectionString>().unwrap().into_namespace()
        };
        let of_name = |text| Namespace {
            host: namespace_host(text).unwrap(),
            endpoint: None,
            authentication: Authentication::ConnectionStringFile(PathBuf::new()),
        };
        for (namespace, label) in [
            (of_name("Contoso-Hubs"), "contoso-hubs"),
            (
                of_name("contoso-hubs.servicebus.windows.net"),
                "contoso-hubs",
            ),
            (
                of_string("Contoso-Hubs.servicebus.windows.net/"),
                "contoso-hubs",
            ),
            (
                of_name("a.servicebus.usgovcloudapi.net"),
                "a.servicebus.usgovcloudapi.net",
            ),
            (
                of_string("a.servicebus.chinacloudapi.cn"),
                "a.servicebus.chinacloudapi.cn",
            ),
            (of_name("hubs.contoso.example"), "hubs.contoso.example"),
            (of_name("localhost"), "localhost"),
            (of_string("localhost:5672"), "localhost"),
            (of_string("127.0.0.1:40001"), "127.0.0.1"),
            (of_string("[::1]:5673"), "[::1]"),
        ] {
            assert_eq!(namespace.label(), label);
        }
    }

    #[test]
    fn a_bare_namespace_gets_the_public_suffix_and_others_stay() {
        let check = |text, host| assert_eq!(namespace_host(text).as_deref(), Ok(host));
        check("Contoso", "contoso.servicebus.windows.net");
        check(
            "contoso.servicebus.windows.net",
            "contoso.servicebus.windows.net",
        );
        check(
            "contoso.servicebus.usgovcloudapi.net",
            "contoso.servicebus.usgovcloudapi.net",
        );
        check("localhost", "localhost");
        for text in [
            "",
            "sb://contoso",
            "contoso:5671",
            "contoso/",
            "contoso.",
            "-a",
            "a b",
            &"x".repeat(64),
        ] {
            assert_eq!(namespace_host(text), Err(NOT_A_NAMESPACE), "{text}");
        }
    }
}
