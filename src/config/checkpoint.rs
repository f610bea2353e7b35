//! The section `checkpoint`: where checkpoints are stored.

use std::path::PathBuf;
use std::time::Duration;

use super::reader::Reader;
use crate::blobs;
use crate::checkpoint::{self, StoreKind};
use crate::family::label_values;
use crate::identity::Secret;
use crate::setting::{duration, settings, text, words};
use crate::source::event_hub::OnLostPosition;

settings! {
    /// Checkpoints
    ///
    /// How far each partition was delivered, stored so that a restart continues there.
    #[derive(Clone, Debug, PartialEq)]
    pub(super) struct Checkpoint in "checkpoint" {
        /// Where checkpoints are stored: the last delivered event of each partition.
        ///
        /// - `memory`: nowhere. A restart begins at `event_hub.start`.
        /// - `file`: in the file `path`, for one process at a time.
        /// - `blob`: in a container of Azure Blob Storage, for any number of replicas.
        store: Store = words(Store::ALL.map(|store| (store.label(), store))).default("memory"),
        /// The checkpoint file. Required with the store `file`, and only there.
        ///
        /// Its directory must exist, must be writable, and must be on a volume that outlives the process. The exporter
        /// writes `PATH.tmp` and renames it to `PATH`. It locks `PATH.lock`, so that no second process uses the file. A file
        /// belongs to one namespace and consumer group.
        path: Option<PathBuf> = text("a path that ends in a file name", file_path).optional(),
        /// The URL of the container, for the store `blob` only. A URL with a SAS is a secret.
        ///
        /// `https://ACCOUNT.blob.core.windows.net/CONTAINER` is accessed with the identity of `auth`, which needs the role
        /// "Storage Blob Data Contributor". A SAS in the query of the URL must be for the container and its blobs, and must
        /// allow read, write, delete and list (`sr=c&sp=rwdl`). The store `blob` requires exactly one of `container_url`,
        /// `connection_string` and `connection_string_file`.
        container_url: Option<blobs::Settings> = text("a URL", blobs::Settings::of_container_url).optional(),
        /// A connection string of the storage account, for the store `blob` only. It is a secret.
        ///
        /// It contains the key of the account, or a SAS. The connection string of an emulator is
        /// `UseDevelopmentStorage=true`, or `BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1`. Without TLS, no other key
        /// and no SAS is used with a host that is not this machine.
        connection_string: Option<Secret> = text("a connection string", |text| {
            blobs::Settings::of_connection_string(text, ANY_CONTAINER).map(|_| Secret::new(text.to_owned()))
        }).optional().secret(),
        /// A file that contains a connection string of the storage account.
        ///
        /// The file is read again for each request, so a key that is rotated in a mounted Secret works without a restart.
        /// The new connection string must be for the same account.
        connection_string_file: Option<PathBuf> = text("a path", |text| {
            let path = PathBuf::from(text);
            blobs::Settings::of_connection_string_file(&path, ANY_CONTAINER).map(|_| path)
        }).optional().secret_file(),
        /// The name of the container. Required with a connection string, and only there.
        container: Option<String> = text("a container's name", |text| blobs::container_name(text).map(str::to_owned))
            .optional(),
        /// The minimum time between two checkpoint writes.
        ///
        /// Nothing is written while no position has moved.
        interval: Duration = duration(INTERVAL_LEAST..=INTERVAL_MOST).default("5s"),
        /// Where to continue when the events after the checkpoint are no longer in the event hub.
        ///
        /// This happens when the event hub was recreated or failed over, or when retention removed events before they were
        /// read. `acs_recording_exporter_positions_lost_total` counts each case, and the log reports it.
        ///
        /// - `earliest`: at the first event that was enqueued after the last one that was read. If its time is unknown, at
        ///   the oldest event that the event hub still has.
        /// - `latest`: at what arrives from now on
        /// - `fail`: nowhere. The partition is not read, and the exporter is not ready.
        on_invalid: OnLostPosition = words([
            ("earliest", OnLostPosition::Earliest),
            ("latest", OnLostPosition::Latest),
            ("fail", OnLostPosition::Fail),
        ]).default("earliest"),
    }
}

label_values! {
    /// What `checkpoint.store` names.
    pub(super) Store {
        /// Nowhere.
        Memory = "memory",
        /// The file `checkpoint.path`.
        File = "file",
        /// A container.
        Blob = "blob",
    }
}

/// What the section comes to.
pub(super) struct Resolved {
    pub(super) on_invalid: OnLostPosition,
    /// None where a fault hides them.
    pub(super) settings: Option<checkpoint::Settings>,
    /// Whether tokens are needed for the container; none where a fault hides it.
    pub(super) wants_tokens: Option<bool>,
}

pub(super) fn resolve(reader: &mut Reader, keys: Checkpoint) -> Resolved {
    let (interval, on_invalid) = (keys.interval, keys.on_invalid);
    let (store, wants_tokens) = store(reader, keys);
    Resolved {
        on_invalid,
        settings: store.map(|store| checkpoint::Settings { store, interval }),
        wants_tokens,
    }
}

/// The store, and whether it needs tokens.
fn store(reader: &mut Reader, keys: Checkpoint) -> (Option<StoreKind>, Option<bool>) {
    // A store that was set wrongly has its own fault, and may well be meant to have what is set for it.
    if reader.is_faulty(STORE) {
        return (None, None);
    }
    let only_for = |wanted: Store| {
        let (word, wanted) = (keys.store.label(), wanted.label());
        format!("while `{STORE}` is `{word}`: set `{STORE}` to `{wanted}`, or remove this key")
    };
    if keys.store != Store::File {
        reader.no_effect([PATH], &only_for(Store::File));
    }
    if keys.store != Store::Blob {
        reader.no_effect(WAYS_TO_A_CONTAINER, &only_for(Store::Blob));
        reader.no_effect([CONTAINER], &only_for(Store::Blob));
    }
    match keys.store {
        Store::Memory => (Some(StoreKind::Memory), Some(false)),
        Store::File => {
            let problem = "set it to a file on a volume that outlives the process";
            reader.require(PATH, format!("{problem}: `{STORE}` is `file`"));
            (keys.path.map(StoreKind::File), Some(false))
        }
        Store::Blob => {
            let container = container(reader, keys);
            let wants_tokens = container.as_ref().map(blobs::Settings::wants_tokens);
            (container.map(StoreKind::Blob), wants_tokens)
        }
    }
}

/// The URL of a container, or a connection string or the file of one with the container's name.
fn container(reader: &mut Reader, keys: Checkpoint) -> Option<blobs::Settings> {
    let Some(way) = reader.only_one(&WAYS_TO_A_CONTAINER) else {
        let problem = format!("set it, or `{CONNECTION_STRING}` and `{CONTAINER}`");
        reader.require(CONTAINER_URL, format!("{problem}: `{STORE}` is `blob`"));
        return None;
    };
    if way == CONTAINER_URL {
        if !reader.is_set(CONNECTION_STRING) && !reader.is_set(CONNECTION_STRING_FILE) {
            let why = format!("with `{CONTAINER_URL}`, which names the container");
            reader.no_effect([CONTAINER], &why);
        }
        return keys.container_url;
    }
    let problem = format!("set it: `{way}` leads to a storage account, not to a container");
    reader.require(CONTAINER, problem);
    let name = keys.container?;
    if way == CONNECTION_STRING {
        let text = keys.connection_string?;
        return blobs::Settings::of_connection_string(text.secret(), &name).ok();
    }
    let container =
        blobs::Settings::of_connection_string_file(&keys.connection_string_file?, &name);
    // It passed the check a moment ago, and may have been replaced since.
    container
        .map_err(|error| reader.contradiction(CONNECTION_STRING_FILE, error.to_string()))
        .ok()
}

/// A path that ends in the name of a file.
fn file_path(text: &str) -> Result<PathBuf, &'static str> {
    let path = PathBuf::from(text);
    if path.file_name().is_some() && !text.ends_with('/') {
        Ok(path)
    } else {
        Err(
            "must end in the name of a file, for example `/var/lib/acs-recording-exporter/checkpoint.json`",
        )
    }
}

pub(super) const STORE: &str = "checkpoint.store";
const PATH: &str = "checkpoint.path";
const CONTAINER_URL: &str = "checkpoint.container_url";
const CONNECTION_STRING: &str = "checkpoint.connection_string";
const CONNECTION_STRING_FILE: &str = "checkpoint.connection_string_file";
const CONTAINER: &str = "checkpoint.container";

const WAYS_TO_A_CONTAINER: [&str; 3] = [CONTAINER_URL, CONNECTION_STRING, CONNECTION_STRING_FILE];

/// Stands in for the container's name, which has a check of its own, while a connection string is checked.
const ANY_CONTAINER: &str = "container";

/// The disk confirms each write: more often is load on it, for fractions of a scrape.
const INTERVAL_LEAST: Duration = Duration::from_millis(100);

/// So much is counted again after a crash.
const INTERVAL_MOST: Duration = Duration::from_mins(10);
