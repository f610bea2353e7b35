//! The section `event_hub`: what is read, and how the namespace is accessed.

use std::path::PathBuf;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::auth::{self, Auth};
use super::checkpoint::Resolved;
use super::keys;
use super::reader::Reader;
use crate::checkpoint::StoreKind;
use crate::identity::Credential;
use crate::setting::{list, settings, text};
use crate::source::event_hub::{
    self, Amqp, Authentication, ConnectionString, Namespace, Start, Transport, Watchdog,
    event_hub_name, namespace_host,
};

settings! {
    /// Event hubs
    ///
    /// What is read, and how the namespace is accessed.
    #[derive(Clone, Debug, PartialEq)]
    pub(super) struct EventHub in "event_hub" {
        /// A SAS connection string of the namespace, or of one event hub in it. It is a secret.
        ///
        /// Do not write it into a file: set the variable from a Secret. The Listen right is enough. A connection string with
        /// a `SharedAccessSignature` works until the signature expires. The connection string of an emulator
        /// (`UseDevelopmentEmulator=true`) may contain a port. It turns TLS off, so it is refused for hosts in Azure, and a
        /// warning is logged for hosts that are not this machine. Exactly one of `connection_string`,
        /// `connection_string_file` and `namespace` is required.
        connection_string: Option<ConnectionString> = text("a connection string", str::parse).optional().secret(),
        /// A file that contains the connection string.
        ///
        /// The file is read again each time a connection is opened, so a key that is rotated in a mounted Secret works
        /// without a restart. The new connection string must be for the same namespace, and cannot turn TLS off.
        connection_string_file: Option<(ConnectionString, PathBuf)> = text("a path", |text| {
            let path = PathBuf::from(text);
            ConnectionString::read(&path).map(|connection| (connection, path))
        }).optional().secret_file(),
        /// The namespace to read from with a token of Microsoft Entra ID.
        ///
        /// Either the name (`contoso`) or the whole host name: `contoso.servicebus.windows.net`, or, in another cloud,
        /// `contoso.servicebus.usgovcloudapi.net`. The identity needs the role "Azure Event Hubs Data Receiver". `auth.kind`
        /// selects the identity.
        namespace: Option<String> = text("a host name", namespace_host).optional(),
        /// The event hubs to read, all in the same namespace.
        ///
        /// Required, unless the connection string names its event hub (`EntityPath`). If a diagnostic setting names no event
        /// hub, Azure creates one for each category: `insights-logs-...`.
        names: Option<Vec<String>> = list(1..=EVENT_HUBS_MAX, event_hub_name).optional(),
        /// The consumer group. No other program may use it.
        ///
        /// Required. The exporter reads with owner level 0 (also called epoch), so Azure disconnects every reader without an
        /// owner level. Other tools use `$Default`; the exporter uses it only if it is named here.
        consumer_group: Option<String> = text("a consumer group's name", event_hub::consumer_group).optional(),
        /// Where to begin in a partition without a checkpoint.
        ///
        /// The default is `earliest`. With `checkpoint.store: memory` it is `latest`: otherwise every restart would count all
        /// retained events again, as new failures.
        start: Option<Start> = text("`earliest`, `latest`, or a time such as `2026-01-31T12:00:00Z`", start).optional(),
        /// How events are transferred.
        amqp: Amqp,
    }
}

/// The settings, and the credential of the container with the checkpoints, if it needs one. None where a fault was noted.
pub(super) fn settings(
    reader: &mut Reader,
    keys: EventHub,
    auth: Auth,
    watchdog: Watchdog,
    checkpoint: &Resolved,
) -> Option<(event_hub::Settings, Option<Credential>)> {
    let way = reader.only_one(&[CONNECTION_STRING, CONNECTION_STRING_FILE, NAMESPACE]);
    if way.is_none() && !reader.is_faulty(NAMESPACE) {
        let problem = "set it, or `event_hub.namespace` to authenticate with Microsoft Entra ID";
        reader.require(CONNECTION_STRING, problem);
    }
    let given = way.filter(|way| *way != NAMESPACE);
    let (connection, file) = match (keys.connection_string, keys.connection_string_file) {
        (None, Some((connection, file))) => (Some(connection), Some(file)),
        (connection, _) => (connection, None),
    };
    let host = connection.as_ref().map(ConnectionString::host);
    let host = host.or(keys.namespace.as_deref()).unwrap_or_default();
    let credential = credential(reader, auth, given, host, checkpoint.wants_tokens);

    let event_hubs = event_hubs(reader, keys.names, given, connection.as_ref());
    reader.require(
        CONSUMER_GROUP,
        "set it to a consumer group that no other program uses: Azure disconnects its readers without an owner level, so `$Default` is used only if it is named here",
    );
    let is_emulator = connection
        .as_ref()
        .is_some_and(ConnectionString::is_emulator);
    if is_emulator && keys.amqp.transport == Transport::WebSocket {
        let given = given.unwrap_or_default();
        let problem = format!("must be `tcp`: `{given}` leads to an emulator");
        reader.contradiction(TRANSPORT, problem);
    }

    let namespace = match (connection, file) {
        (Some(connection), None) => connection.into_namespace(),
        (Some(connection), Some(file)) => Namespace {
            authentication: Authentication::ConnectionStringFile(file),
            ..connection.into_namespace()
        },
        (None, _) => Namespace {
            host: keys.namespace?,
            endpoint: None,
            authentication: Authentication::Credential(credential.clone()?),
        },
    };
    let settings = event_hub::Settings {
        namespace,
        event_hubs: event_hubs?,
        consumer_group: keys.consumer_group?,
        start: keys
            .start
            .unwrap_or(default_start(&checkpoint.settings.as_ref()?.store)),
        amqp: keys.amqp,
        on_lost_position: checkpoint.on_invalid,
        watchdog,
    };
    let store_credential = credential.filter(|_| checkpoint.wants_tokens == Some(true));
    Some((settings, store_credential))
}

/// The credential for the namespace and for a container that needs tokens. With a connection string and such no
/// container, the section `auth` has no effect; where a fault hides whether there is one, `auth` is not checked.
fn credential(
    reader: &mut Reader,
    auth: Auth,
    given: Option<&str>,
    host: &str,
    container_wants_tokens: Option<bool>,
) -> Option<Credential> {
    if given.is_none() || container_wants_tokens == Some(true) {
        return auth::credential(reader, auth, host);
    }
    // Azure's variables may be there for other programs: they can be at fault only where a token is needed.
    reader.forget_azures();
    container_wants_tokens?;
    let given = given?;
    let origin = reader.origin(given)?;
    let why = format!("with `{given}` ({origin}): use `{NAMESPACE}` instead, or remove this key");
    reader.no_effect(keys::section("auth").map(|key| key.name), &why);
    None
}

/// The event hubs to read, which the connection string may name, and must not contradict.
fn event_hubs(
    reader: &mut Reader,
    names: Option<Vec<String>>,
    given: Option<&str>,
    connection: Option<&ConnectionString>,
) -> Option<Vec<String>> {
    let path = connection.and_then(ConnectionString::event_hub);
    match (names, path) {
        (Some(names), Some(path)) if !matches!(names.as_slice(), [name] if name.eq_ignore_ascii_case(path)) =>
        {
            let given = given.unwrap_or_default();
            let problem = format!(
                "the `EntityPath` of `{given}` allows `{path}` only: name that, leave the key out, or use a connection string of the namespace"
            );
            reader.contradiction(NAMES, problem);
            None
        }
        (None, Some(path)) if !reader.is_faulty(NAMES) => Some(vec![path.to_owned()]),
        (names, _) => {
            // A connection string that could not be read may well have named one.
            if names.is_none() && !given.is_some_and(|given| reader.is_faulty(given)) {
                let problem = "set it to the event hubs that the diagnostic settings write to";
                reader.require(NAMES, problem);
            }
            names
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

const CONNECTION_STRING: &str = "event_hub.connection_string";
const CONNECTION_STRING_FILE: &str = "event_hub.connection_string_file";
const NAMESPACE: &str = "event_hub.namespace";
const NAMES: &str = "event_hub.names";
const CONSUMER_GROUP: &str = "event_hub.consumer_group";
const TRANSPORT: &str = "event_hub.transport";

/// One connection for each partition of each hub: more than this is several exporters' work. A standard namespace
/// has 10 hubs.
const EVENT_HUBS_MAX: usize = 100;
