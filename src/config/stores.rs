//! The sections that say where it is remembered how far all was delivered, and how replicas share the partitions by it.

use std::path::PathBuf;
use std::time::Duration;

use humantime::format_duration;

use super::keys::Key;
use super::reader::Reader;
use crate::blobs::{self, InvalidContainer};
use crate::checkpoint::StoreKind;
use crate::{checkpoint, replica};

/// What the section `checkpoint` comes to.
pub(super) struct Checkpoint {
    /// None where it has a fault.
    pub(super) settings: Option<checkpoint::Settings>,
    /// Whether a container is entered with tokens; unknown where a fault hides it.
    pub(super) wants_tokens: Option<bool>,
}

pub(super) fn checkpoint(reader: &mut Reader) -> Checkpoint {
    let word = reader.one_of(STORE, &[("memory", MEMORY), ("file", FILE), ("blob", BLOB)]);
    let is_sure = !reader.is_faulty(STORE);
    let path = reader.text(PATH, file_path);
    let way = way(reader);
    let interval = reader.duration("checkpoint.interval", INTERVAL_LEAST..=INTERVAL_MOST);
    // A store that was set wrongly has its own fault, and may well be meant to have what is set for it.
    if let Some(word) = word.filter(|_| is_sure) {
        if word != FILE {
            has_no_effect(reader, &[PATH], word, FILE);
        }
        if word != BLOB {
            has_no_effect(reader, &BLOB_KEYS, word, BLOB);
        }
    }
    let (store, wants_tokens) = match word {
        Some(FILE) => (file(reader, path), Some(false)),
        Some(BLOB) => {
            let container = container(reader, way);
            let wants_tokens = container.as_ref().map(blobs::Settings::wants_tokens);
            (container.map(StoreKind::Blob), wants_tokens)
        }
        _ => (Some(StoreKind::Memory), is_sure.then_some(false)),
    };
    Checkpoint {
        settings: store
            .zip(interval)
            .map(|(store, interval)| checkpoint::Settings { store, interval }),
        wants_tokens,
    }
}

pub(super) fn ownership(
    reader: &mut Reader,
    checkpoint: Option<&checkpoint::Settings>,
) -> Option<replica::Settings> {
    let interval = reader.duration(LEASE_INTERVAL, LEASE_INTERVAL_LEAST..=LEASE_INTERVAL_MOST);
    let lease = reader.duration(LEASE, LEASE_INTERVAL_LEAST * INTERVALS..=LEASE_MOST);
    let hand_over_max = reader.duration(HAND_OVER_MAX, Duration::ZERO..=LEASE_MOST);
    let settings = replica::Settings {
        interval: interval?,
        lease: lease?,
        hand_over_max: hand_over_max?,
    };
    if settings.lease < settings.interval * INTERVALS {
        too_short(reader, settings);
    }
    if let Some(checkpoint) = checkpoint
        && !matches!(checkpoint.store, StoreKind::Blob(_))
    {
        let values = [
            (LEASE_INTERVAL, settings.interval),
            (LEASE, settings.lease),
            (HAND_OVER_MAX, settings.hand_over_max),
        ];
        for (key, value) in values {
            // A default may stand there: the reference file spells them out.
            let default = Key::named(key).and_then(|key| key.default);
            let is_default = default.is_some_and(|default| {
                humantime::parse_duration(default).is_ok_and(|default| default == value)
            });
            if reader.origin(key).is_some() && !is_default {
                let problem = format!(
                    "has no effect unless `{STORE}` is `blob`: replicas share the partitions by leases in a container"
                );
                reader.contradiction(key, problem);
            }
        }
    }
    Some(settings)
}

/// A lease that is gone before it was renewed. Whoever set one of the two should hear of that one.
fn too_short(reader: &mut Reader, settings: replica::Settings) {
    let (interval, lease) = (
        format_duration(settings.interval),
        format_duration(settings.lease),
    );
    if reader.origin(LEASE).is_some() {
        let problem = format!(
            "must be at least three times `{LEASE_INTERVAL}`, which is `{interval}`: a renewal may fail twice"
        );
        reader.contradiction(LEASE, problem);
    } else {
        let problem = format!("must be at most a third of `{LEASE}`, which is `{lease}`: set both");
        reader.contradiction(LEASE_INTERVAL, problem);
    }
}

fn has_no_effect(reader: &mut Reader, keys: &[&'static str], word: &str, wanted: &str) {
    for key in keys {
        if reader.origin(key).is_some() && !reader.is_faulty(key) {
            let problem = format!(
                "has no effect while `{STORE}` is `{word}`: set that to `{wanted}`, or leave this out"
            );
            reader.contradiction(key, problem);
        }
    }
}

fn file(reader: &mut Reader, path: Option<PathBuf>) -> Option<StoreKind> {
    let problem =
        format!("name the file, on a volume that outlives the process: `{STORE}` is `file`");
    reader.require(PATH, &problem);
    path.map(StoreKind::File)
}

/// The ways to a container, each right in itself.
struct Way {
    url: Option<blobs::Settings>,
    string: Option<blobs::Settings>,
    file: Option<blobs::Settings>,
}

/// Takes the keys of every way.
fn way(reader: &mut Reader) -> Way {
    let name = reader.text(CONTAINER, container_name);
    // A name that is missing or wrong has its own fault.
    let name = name.as_deref().unwrap_or("container");
    Way {
        url: reader.text(CONTAINER_URL, blobs::Settings::of_container_url),
        string: reader.text(CONNECTION_STRING, |text| {
            blobs::Settings::of_connection_string(text, name)
        }),
        file: reader.text(CONNECTION_STRING_FILE, |text| {
            blobs::Settings::of_connection_string_file(text.as_ref(), name)
        }),
    }
}

/// The URL of a container, or a connection string or the file of one with the container's name: one, and only one.
fn container(reader: &mut Reader, way: Way) -> Option<blobs::Settings> {
    let keys = [CONTAINER_URL, CONNECTION_STRING, CONNECTION_STRING_FILE];
    let given: Vec<_> = keys
        .into_iter()
        .filter_map(|key| Some((key, reader.origin(key)?.clone())))
        .collect();
    let Some(((key, origin), others)) = given.split_first() else {
        let problem =
            format!("set it, or `{CONNECTION_STRING}` and `{CONTAINER}`: `{STORE}` is `blob`");
        reader.require(CONTAINER_URL, &problem);
        return None;
    };
    for (other, _) in others {
        let problem = format!("`{key}` is set too ({origin}): keep one of the two");
        reader.contradiction(other, problem);
    }
    if *key == CONTAINER_URL {
        if others.is_empty() && reader.origin(CONTAINER).is_some() {
            let problem =
                format!("has no effect with `{CONTAINER_URL}` ({origin}), which names it");
            reader.contradiction(CONTAINER, problem);
        }
        return way.url;
    }
    let problem = format!("name the container: `{key}` leads to an account only");
    reader.require(CONTAINER, &problem);
    if reader.origin(CONTAINER).is_none() || reader.is_faulty(CONTAINER) {
        return None;
    }
    way.string.or(way.file)
}

fn container_name(text: &str) -> Result<String, InvalidContainer> {
    blobs::container_name(text).map(str::to_owned)
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

const STORE: &str = "checkpoint.store";
const PATH: &str = "checkpoint.path";
const CONTAINER_URL: &str = "checkpoint.container_url";
const CONNECTION_STRING: &str = "checkpoint.connection_string";
const CONNECTION_STRING_FILE: &str = "checkpoint.connection_string_file";
const CONTAINER: &str = "checkpoint.container";
const LEASE_INTERVAL: &str = "ownership.interval";
const LEASE: &str = "ownership.lease";
const HAND_OVER_MAX: &str = "ownership.hand_over_max";

const MEMORY: &str = "memory";
const FILE: &str = "file";
const BLOB: &str = "blob";

/// Those of the store `blob` alone.
const BLOB_KEYS: [&str; 4] = [
    CONTAINER_URL,
    CONNECTION_STRING,
    CONNECTION_STRING_FILE,
    CONTAINER,
];

/// The disk is asked to make sure of each write: more often is load on it, for fractions of a scrape.
const INTERVAL_LEAST: Duration = Duration::from_millis(100);

/// So much is counted again after a crash.
const INTERVAL_MOST: Duration = Duration::from_mins(10);

/// Each renews every lease: more often is load on the account, and money.
const LEASE_INTERVAL_LEAST: Duration = Duration::from_secs(1);

/// Partitions change hands in cycles: a slower one would be taken for a fault.
const LEASE_INTERVAL_MOST: Duration = Duration::from_mins(5);

/// So long nobody reads the partitions of a replica that has crashed.
const LEASE_MOST: Duration = Duration::from_mins(30);

/// How many renewals a lease outlives: two may fail.
const INTERVALS: u32 = 3;
