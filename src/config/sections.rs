//! From keys to the modules' settings: one function a section, in the order of the table. A function takes all of its
//! keys before it gives up on one, or the rest would count as unknown.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::Config;
use super::auth::{self, Auth};
use super::delivered::{delivery, shutdown};
use super::reader::Reader;
use super::stores::{Checkpoint, checkpoint, ownership};
use crate::acs::FailureRules;
use crate::checkpoint::StoreKind;
use crate::identity::Credential;
use crate::identity::connection_string::UnusableFile;
use crate::source::event_hub::{
    self, Authentication, ConnectionString, Namespace, OnLostPosition, Start, Transport, Watchdog,
};
use crate::{dead_letters, http, metrics, telemetry};

/// Takes every key. Nothing is returned only where a fault was noted.
pub(super) fn config(reader: &mut Reader) -> Option<Config> {
    // Before its turn: where to begin depends on whether positions outlive the process.
    let checkpoint = checkpoint(reader);
    let event_hub = event_hub(reader, &checkpoint);
    let ownership = ownership(reader, checkpoint.settings.as_ref());
    let delivery = delivery(reader);
    let metrics = metrics(reader);
    let http = http(reader);
    let shutdown = shutdown(reader);
    let dead_letters = dead_letters(reader);
    let log = log(reader);
    let (event_hub, store_credential) = event_hub?;
    Some(Config {
        event_hub,
        checkpoint: checkpoint.settings?,
        store_credential,
        ownership: ownership?,
        delivery: delivery?,
        metrics: metrics?,
        http: http?,
        shutdown: shutdown?,
        dead_letters: dead_letters?,
        log: log?,
    })
}

/// The event hubs, and as whom the container for checkpoints is entered, where it wants tokens: `auth` is for both.
fn event_hub(
    reader: &mut Reader,
    checkpoint: &Checkpoint,
) -> Option<(event_hub::Settings, Option<Credential>)> {
    let connection = reader.text(CONNECTION_STRING, str::parse::<ConnectionString>);
    let connection_file = reader.text(CONNECTION_STRING_FILE, connection_string_file);
    let host = reader.text(NAMESPACE, event_hub::namespace_host);
    let names = reader.list(NAMES, EVENT_HUBS_MAX, event_hub::event_hub_name);
    let consumer_group = reader.text(CONSUMER_GROUP, event_hub::consumer_group);
    let start = reader
        .text("event_hub.start", start)
        .or_else(|| Some(default_start(&checkpoint.settings.as_ref()?.store)));
    let transport = reader.one_of(
        TRANSPORT,
        &[("tcp", Transport::Tcp), ("websocket", Transport::WebSocket)],
    );
    // Azure's variables may be there for other programs: only where a token is wanted do they concern us, and can they be
    // at fault.
    if reader.origin(given(reader)).is_some() && checkpoint.wants_tokens != Some(true) {
        reader.forget_azures();
    }
    let auth = auth::take(reader);

    let prefetch_bytes = reader.bytes("event_hub.prefetch_bytes", PREFETCH_LEAST..=PREFETCH_MOST);
    let partitions_per_connection = reader.number(
        "event_hub.partitions_per_connection",
        1..=PARTITIONS_SHARING_MOST,
    );
    let on_lost_position = reader.one_of(
        "checkpoint.on_invalid",
        &[
            ("earliest", OnLostPosition::Earliest),
            ("latest", OnLostPosition::Latest),
            ("fail", OnLostPosition::Fail),
        ],
    );
    let watchdog = watchdog(reader);

    let (connection, file) = match (connection, connection_file) {
        (None, Some((connection, file))) => (Some(connection), Some(file)),
        (connection, _) => (connection, None),
    };
    let any_host = connection.as_ref().map(ConnectionString::host);
    let any_host = any_host.or(host.as_deref());
    let credential = one_way_in(reader, auth, any_host, checkpoint.wants_tokens);
    let event_hubs = event_hubs(reader, names, connection.as_ref());
    reader.require(
        CONSUMER_GROUP,
        "name the consumer group that this exporter alone reads; `$Default` has to be written on purpose, since the exporter evicts whoever reads a group without an owner level",
    );
    if connection
        .as_ref()
        .is_some_and(ConnectionString::is_emulator)
        && transport == Some(Transport::WebSocket)
    {
        let problem = format!("must be `tcp`: `{}` leads to an emulator", given(reader));
        reader.contradiction(TRANSPORT, problem);
    }

    let namespace = match (connection, host) {
        (Some(connection), _) => {
            let namespace = connection.into_namespace();
            match file {
                Some(file) => Namespace {
                    authentication: Authentication::ConnectionStringFile(file),
                    ..namespace
                },
                None => namespace,
            }
        }
        (None, Some(host)) => Namespace {
            host,
            endpoint: None,
            authentication: Authentication::Credential(credential.clone()?),
        },
        (None, None) => return None,
    };
    let store_credential = match checkpoint.wants_tokens {
        Some(true) => Some(credential?),
        _ => None,
    };
    let settings = event_hub::Settings {
        namespace,
        event_hubs: event_hubs?,
        consumer_group: consumer_group?,
        start: start?,
        transport: transport?,
        prefetch_bytes: prefetch_bytes?,
        partitions_per_connection: partitions_per_connection?,
        on_lost_position: on_lost_position?,
        watchdog: watchdog?,
    };
    Some((settings, store_credential))
}

fn watchdog(reader: &mut Reader) -> Option<Watchdog> {
    let interval = reader.duration("watchdog.interval", WATCHDOG_LEAST..=WATCHDOG_MOST);
    let reattach_idle = reader.duration("watchdog.reattach_idle", WATCHDOG_LEAST..=WATCHDOG_MOST);
    let dead_after = reader.duration(DEAD_AFTER, WATCHDOG_LEAST..=WATCHDOG_MOST);
    if interval
        .zip(dead_after)
        .is_some_and(|(interval, dead_after)| dead_after <= interval)
    {
        reader.contradiction(
            DEAD_AFTER,
            "must be longer than `watchdog.interval`: before that no proof is due",
        );
    }
    Some(Watchdog {
        interval: interval?,
        reattach_idle: reattach_idle?,
        dead_after: dead_after?,
    })
}

/// A file that must be there at the start, and hold what it should.
fn connection_string_file(text: &str) -> Result<(ConnectionString, PathBuf), UnusableFile> {
    let path = PathBuf::from(text);
    Ok((ConnectionString::read(&path)?, path))
}

/// A connection string, the file of one, or a namespace with a credential: one of the three, and only one. A credential
/// is also for a container that wants tokens; where it is unknown whether one does, `auth` cannot be judged.
fn one_way_in(
    reader: &mut Reader,
    auth: Auth,
    host: Option<&str>,
    container_wants_tokens: Option<bool>,
) -> Option<Credential> {
    let key = given(reader);
    let Some(origin) = reader.origin(key).cloned() else {
        if reader.origin(NAMESPACE).is_none() && !reader.is_faulty(NAMESPACE) {
            reader.require(
                CONNECTION_STRING,
                "set it, or `event_hub.namespace` to authenticate with Microsoft Entra ID",
            );
        }
        return auth::credential(reader, auth, host?);
    };
    for other in [CONNECTION_STRING_FILE, NAMESPACE] {
        if other != key && reader.origin(other).is_some() {
            let problem = format!("`{key}` is set too ({origin}): keep one of the two");
            reader.contradiction(other, problem);
        }
    }
    match container_wants_tokens {
        Some(true) => auth::credential(reader, auth, host.unwrap_or_default()),
        Some(false) => {
            auth::contradict(reader, &auth, key, &origin);
            None
        }
        None => None,
    }
}

/// The key that gives the connection string, if one does.
fn given(reader: &Reader) -> &'static str {
    let (string, file) = (CONNECTION_STRING, CONNECTION_STRING_FILE);
    if reader.origin(string).is_none() && reader.origin(file).is_some() {
        file
    } else {
        string
    }
}

/// The hubs to read, which the connection string may name, and must not contradict.
fn event_hubs(
    reader: &mut Reader,
    names: Option<Vec<String>>,
    connection: Option<&ConnectionString>,
) -> Option<Vec<String>> {
    match (names, connection.and_then(ConnectionString::event_hub)) {
        (Some(names), _) if names.is_empty() => {
            reader.contradiction(NAMES, "must name at least one event hub");
            None
        }
        (Some(names), Some(path)) if !matches!(names.as_slice(), [name] if name.eq_ignore_ascii_case(path)) =>
        {
            let problem = format!(
                "the `EntityPath` of `{}` allows `{path}` only: name that, leave the key out, or use a connection string of the namespace",
                given(reader)
            );
            reader.contradiction(NAMES, problem);
            None
        }
        (Some(names), _) => Some(names),
        (None, Some(path)) if !reader.is_faulty(NAMES) => Some(vec![path.to_owned()]),
        (None, _) => {
            // A connection string that could not be read may well have named one.
            let key = given(reader);
            if !reader.is_faulty(key) || reader.origin(key).is_none() {
                reader.require(
                    NAMES,
                    "name the event hubs that the diagnostic settings write to",
                );
            }
            None
        }
    }
}

fn start(text: &str) -> Result<Start, &'static str> {
    match text {
        "earliest" => return Ok(Start::Earliest),
        "latest" => return Ok(Start::Latest),
        _ => {}
    }
    let time = OffsetDateTime::parse(text, &Rfc3339).map_err(
        |_| "must be `earliest`, `latest` or a time, for example `2026-01-31T12:00:00Z`",
    )?;
    // The SDK panics on an earlier one, and no hub keeps events that long.
    if time < OffsetDateTime::UNIX_EPOCH {
        Err("must not be before 1970")
    } else {
        Ok(Start::At(time))
    }
}

/// All that the hub retains, unless every restart would count it again.
fn default_start(store: &StoreKind) -> Start {
    match store {
        StoreKind::Memory => Start::Latest,
        StoreKind::File(_) | StoreKind::Blob(_) => Start::Earliest,
    }
}

pub(super) fn metrics(reader: &mut Reader) -> Option<metrics::Settings> {
    let resources = reader.list("metrics.resources", RESOURCES_MAX, resource);
    let label_values_max = reader.number("metrics.label_values_max", 1..=LABEL_VALUES_LIMIT);
    let series_max = reader.number("metrics.series_max", SERIES_FEWEST..=SERIES_LIMIT);
    let operation_duration = reader.buckets("metrics.buckets.operation_duration");
    let recording_length = reader.buckets("metrics.buckets.recording_length");
    let report_delay = reader.buckets("metrics.buckets.report_delay");
    let record_delay = reader.buckets("metrics.buckets.record_delay");
    let failures = failures(reader);
    Some(metrics::Settings {
        resources: resources?,
        failures: failures?,
        label_values_max: label_values_max.and_then(NonZeroUsize::new)?,
        series_max: series_max.and_then(NonZeroUsize::new)?,
        buckets: metrics::BucketSettings {
            operation_duration: operation_duration?,
            recording_length: recording_length?,
            report_delay: report_delay?,
            record_delay: record_delay?,
        },
    })
}

/// The name of an ACS resource, in lower case as in the labels.
fn resource(text: &str) -> Result<String, &'static str> {
    // Azure allows 63; what matters here is that it is a label's value and a name, and not a resource id.
    let is_name = (1..=63).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if is_name {
        Ok(text.to_ascii_lowercase())
    } else {
        Err(
            "must be the name of an ACS resource: up to 63 letters, digits, `-` and `_`, not its whole id",
        )
    }
}

fn failures(reader: &mut Reader) -> Option<FailureRules> {
    let end_reasons = reader.list("failures.end_reasons", FAILURE_RULES_MAX, end_reason);
    let end_reasons_except =
        reader.list("failures.end_reasons_except", FAILURE_RULES_MAX, end_reason);
    let statuses_except = reader.list("failures.statuses_except", FAILURE_RULES_MAX, status);
    Some(FailureRules::new(
        end_reasons?,
        end_reasons_except?,
        statuses_except?
            .iter()
            .filter_map(|status| status.parse().ok()),
    ))
}

/// An end reason, in any case: those of ACS are words without blanks.
fn end_reason(text: &str) -> Result<String, &'static str> {
    let is_word =
        (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_word {
        Ok(text.to_owned())
    } else {
        Err("must be an end reason such as `MediaTimeout`: letters and digits only")
    }
}

/// A status that is a failure unless it is excepted.
fn status(text: &str) -> Result<String, &'static str> {
    let status: Option<u16> = text.parse().ok();
    match status {
        Some(400..=699) => Ok(text.to_owned()),
        _ => Err("must be an HTTP status from 400 to 699"),
    }
}

pub(super) fn http(reader: &mut Reader) -> Option<http::Settings> {
    let listen = reader.address("http.listen");
    Some(http::Settings { listen: listen? })
}

/// `Some(None)` where they are off.
#[expect(clippy::option_option, reason = "a section may be faulty, or off")]
fn dead_letters(reader: &mut Reader) -> Option<Option<dead_letters::Settings>> {
    let directory = reader.path(DEAD_LETTERS_DIRECTORY);
    let max_bytes = reader.bytes(
        "dead_letters.max_bytes",
        DEAD_LETTERS_LEAST..=DEAD_LETTERS_MOST,
    )?;
    if directory.is_none() && reader.is_faulty(DEAD_LETTERS_DIRECTORY) {
        return None;
    }
    Some(directory.map(|directory| dead_letters::Settings {
        directory,
        max_bytes,
    }))
}

fn log(reader: &mut Reader) -> Option<telemetry::Settings> {
    use telemetry::Format;
    let format = reader.one_of(
        "log.format",
        &[
            ("auto", Format::Auto),
            ("human", Format::Human),
            ("json", Format::Json),
        ],
    );
    let level = reader.text("log.level", str::parse);
    let failures = reader.one_of("log.failures", &[("off", false), ("on", true)]);
    Some(telemetry::Settings {
        format: format?,
        level: level?,
        failures: failures?,
    })
}

const CONNECTION_STRING: &str = "event_hub.connection_string";
const CONNECTION_STRING_FILE: &str = "event_hub.connection_string_file";
const NAMESPACE: &str = "event_hub.namespace";
const NAMES: &str = "event_hub.names";
const CONSUMER_GROUP: &str = "event_hub.consumer_group";
const TRANSPORT: &str = "event_hub.transport";
const DEAD_AFTER: &str = "watchdog.dead_after";
const DEAD_LETTERS_DIRECTORY: &str = "dead_letters.directory";

/// One connection for each partition of each hub: more than this is several exporters' work. A standard namespace
/// has 10 hubs.
const EVENT_HUBS_MAX: usize = 100;

/// An event of a standard hub has 1 MB: with less in flight, each waits for the one before.
const PREFETCH_LEAST: u64 = 1 << 20;

/// More than this in flight for one partition hides how far behind it is.
const PREFETCH_MOST: u64 = 1 << 30;

/// The SDK opens a session for each, of which a connection has 255.
const PARTITIONS_SHARING_MOST: usize = 100;

/// Asking more often is load on the hub and proves no more.
const WATCHDOG_LEAST: Duration = Duration::from_secs(1);

/// A watchdog that sleeps for a day is none.
const WATCHDOG_MOST: Duration = Duration::from_hours(24);

/// Each has its failure series from the start, some hundreds.
const RESOURCES_MAX: usize = 100;

/// Above this a label is no longer a label, but an identifier.
const LABEL_VALUES_LIMIT: usize = 10_000;

/// Fewer would hide what one resource sends on a normal day.
const SERIES_FEWEST: usize = 100;

/// A Prometheus of ordinary size has about a million series in all.
const SERIES_LIMIT: usize = 1_000_000;

/// There are about thirty end reasons and twenty statuses.
const FAILURE_RULES_MAX: usize = 100;

/// An event of a standard hub has 1 MB, and a third more in base64: any smaller and one letter drives out all others.
const DEAD_LETTERS_LEAST: u64 = 16 << 20;

/// A bound that a disk does not reach is none.
const DEAD_LETTERS_MOST: u64 = 1 << 40;
