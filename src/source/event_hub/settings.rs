//! What the source is told: which hubs of which namespace, as whom, from where on.
//! The names are checked here, by the rules of Azure Resource Manager ("Naming rules and restrictions for Azure
//! resources"), so that a misspelt one is a fault at the start and not a refused link for ever.

use std::path::PathBuf;
use std::time::Duration;

use azure_core::credentials::Secret;
use time::OffsetDateTime;

use crate::identity::Credential;
use crate::setting::{bytes, duration, number, settings, words};

/// Settings of the Event Hub source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The namespace and how to authenticate to it.
    pub namespace: Namespace,
    /// The hubs to read, at least one, each once.
    pub event_hubs: Vec<String>,
    /// The consumer group, which is this exporter's alone.
    pub consumer_group: String,
    /// Where to begin where no position is known.
    pub start: Start,
    /// How events are transferred.
    pub amqp: Amqp,
    /// What to do where the hub no longer has what follows a position.
    pub on_lost_position: LostPosition,
    /// When a link has to prove that it lives.
    pub watchdog: Watchdog,
}

settings! {
    /// Event hubs
    ///
    /// How events are transferred; which ones, is for `config`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Amqp in "event_hub" {
        /// The transport of AMQP.
        ///
        /// `tcp` uses port 5671, `websocket` port 443 for networks that block the other. Proxies are not supported.
        transport: Transport = words([
            ("tcp", Transport::Tcp),
            ("websocket", Transport::WebSocket),
        ]).default("tcp"),
        /// How many bytes of events the event hub may send ahead, for each partition.
        ///
        /// The SDK limits events, not bytes: the exporter computes their number from the size of the events it reads. Its
        /// memory grows by up to twice this for each partition that is behind.
        prefetch_bytes: u64 = bytes(PREFETCH_LEAST..=PREFETCH_MOST).default("8MiB"),
        /// How many partitions share a connection.
        ///
        /// One each is fastest, and a broken connection affects one partition only. With hundreds of partitions, sharing
        /// saves connections and threads.
        partitions_per_connection: usize = number(1..=PARTITIONS_SHARING_MOST).default("1"),
    }
}

/// An event of a standard hub has 1 MB: with less in flight, each waits for the one before.
const PREFETCH_LEAST: u64 = 1 << 20;

/// More than this in flight for one partition hides how far behind it is.
const PREFETCH_MOST: u64 = 1 << 30;

/// The SDK opens a session for each, of which a connection has 255.
const PARTITIONS_SHARING_MOST: usize = 100;

settings! {
    /// Watchdog
    ///
    /// How the exporter tells an idle event hub from a dead link.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Watchdog in "watchdog" {
        /// How often the event hub is asked for the last event of each partition.
        ///
        /// The answer proves that the hub is alive, and shows how far behind the partition is. If the hub has events that
        /// do not arrive, the link is reopened some seconds later.
        interval: Duration = duration(WATCHDOG_LEAST..=WATCHDOG_MOST).default("30s"),
        /// After how long without an event a link is reopened.
        ///
        /// An answer does not prove that the link on which events arrive is alive; a new link does.
        reattach_idle: Duration = duration(WATCHDOG_LEAST..=WATCHDOG_MOST).default("5m"),
        /// After how long without a proof of life a partition counts as not ready.
        ///
        /// `acs_recording_exporter_partition_last_proof_timestamp_seconds` shows the time of the last one. Must be
        /// longer than `interval`.
        dead_after: Duration = duration(WATCHDOG_LEAST..=WATCHDOG_MOST).default("5m"),
    }
}

/// More questions are load on the event hub and prove no more.
const WATCHDOG_LEAST: Duration = Duration::from_secs(1);

/// A watchdog that sleeps for a day does not watch.
const WATCHDOG_MOST: Duration = Duration::from_hours(24);

/// What to do where the hub no longer has what follows a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LostPosition {
    /// Go on with the oldest event that it has.
    Earliest,
    /// Go on with what arrives from then on.
    Latest,
    /// Do not go on, and say so.
    Fail,
}

/// An Event Hubs namespace, or the emulator that stands in for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Namespace {
    /// The whole host name, in lower case.
    pub host: String,
    /// Where to connect instead of `host`: the emulator's `amqp://HOST:PORT`, which is plain TCP.
    pub endpoint: Option<String>,
    /// As whom.
    pub authentication: Authentication,
}

/// How to authenticate to the namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authentication {
    /// A connection string as the SDK wants it: host, and key or signature; neither port nor `EntityPath`.
    ConnectionString(Secret),
    /// A file that holds a connection string, which is read anew for every client: whoever rotates the key replaces it.
    ConnectionStringFile(PathBuf),
    /// A token of Microsoft Entra ID.
    Credential(Credential),
}

/// Where to begin where no position is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// At the oldest event that the hub still has.
    Earliest,
    /// At what arrives after the start.
    Latest,
    /// At the first event enqueued after this time, which is not before 1970.
    At(OffsetDateTime),
}

/// What AMQP runs over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// Port 5671; an emulator's own port.
    Tcp,
    /// Port 443, for networks that let nothing else out.
    WebSocket,
}

/// Checks the name of an event hub.
///
/// # Errors
/// Azure would not have let a hub be named so.
pub(crate) fn event_hub_name(text: &str) -> Result<String, InvalidName> {
    if is_entity_name(text, 256) {
        Ok(text.to_owned())
    } else {
        Err(InvalidName::EventHub)
    }
}

/// Checks the name of a consumer group.
///
/// # Errors
/// Azure would not have let a consumer group be named so.
pub(crate) fn consumer_group(text: &str) -> Result<String, InvalidName> {
    if text.eq_ignore_ascii_case(DEFAULT_CONSUMER_GROUP) {
        return Ok(DEFAULT_CONSUMER_GROUP.to_owned());
    }
    if is_entity_name(text, 50) {
        Ok(text.to_owned())
    } else {
        Err(InvalidName::ConsumerGroup)
    }
}

/// The whole host of a namespace, in lower case: a bare name gets the suffix of the public cloud. But for `localhost`,
/// which nobody calls a namespace of Azure, and where a hub of one's own may listen.
///
/// # Errors
/// The text is no host name: it has a scheme, a path or a port, say.
pub(crate) fn namespace_host(text: &str) -> Result<String, InvalidName> {
    let host = text.to_ascii_lowercase();
    // A label and a whole name are as long as DNS lets them be (RFC 1035, section 2.3.4).
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if host.len() > 253 || !host.split('.').all(is_label) {
        return Err(InvalidName::Namespace);
    }
    Ok(if host.contains('.') || host == "localhost" {
        host
    } else {
        host + PUBLIC_SUFFIX
    })
}

/// The group that every hub is born with.
const DEFAULT_CONSUMER_GROUP: &str = "$Default";

/// Other clouds have others (`servicebus.usgovcloudapi.net`, `servicebus.chinacloudapi.cn`) and are written out.
const PUBLIC_SUFFIX: &str = ".servicebus.windows.net";

/// Hubs and consumer groups share their alphabet.
fn is_entity_name(text: &str, length_max: usize) -> bool {
    (1..=length_max).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        && text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text.ends_with(|last: char| last.is_ascii_alphanumeric())
}

/// Why a text is no name. The text is not repeated: whoever shows it knows whether it may be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidName {
    /// Of an event hub.
    #[error(
        "must be an event hub's name: up to 256 letters, digits, `.`, `-` and `_`, with a letter or digit at both ends"
    )]
    EventHub,
    /// Of a consumer group.
    #[error(
        "must be a consumer group's name: up to 50 letters, digits, `.`, `-` and `_`, with a letter or digit at both ends, or `$Default`"
    )]
    ConsumerGroup,
    /// Of a namespace.
    #[error(
        "must be a host name, for example `NAME.servicebus.windows.net`, without scheme, port or path"
    )]
    Namespace,
}

#[cfg(test)]
mod tests {
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
            assert_eq!(event_hub_name(text), Err(InvalidName::EventHub), "{text}");
        }
    }

    #[test]
    fn default_is_a_consumer_group_although_it_has_a_dollar() {
        assert_eq!(consumer_group("$default").as_deref(), Ok("$Default"));
        assert_eq!(
            consumer_group("acs-recording-exporter").as_deref(),
            Ok("acs-recording-exporter")
        );
        assert_eq!(consumer_group("$Other"), Err(InvalidName::ConsumerGroup));
        assert_eq!(
            consumer_group(&"x".repeat(51)),
            Err(InvalidName::ConsumerGroup)
        );
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
            assert_eq!(namespace_host(text), Err(InvalidName::Namespace), "{text}");
        }
    }
}
