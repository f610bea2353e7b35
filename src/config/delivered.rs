//! The sections that say when something is delivered, where that is remembered, and what a stop does for it.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use azure_core::credentials::Secret;
use humantime::format_duration;

use super::keys::Key;
use super::reader::Reader;
use crate::checkpoint::StoreKind;
use crate::delivery::CheckpointAfter;
use crate::{blobs, checkpoint, delivery, ownership, shutdown};

/// Which store it is, before what it needs is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Memory,
    File,
    Blob,
}

pub(super) fn checkpoint(reader: &mut Reader) -> Option<checkpoint::Settings> {
    let kinds = [
        ("memory", Kind::Memory),
        ("file", Kind::File),
        ("blob", Kind::Blob),
    ];
    let kind = reader.one_of(CHECKPOINT_STORE, &kinds);
    let path = reader.text(CHECKPOINT_PATH, checkpoint_path);
    let container = Container::take(reader);
    let interval = reader.duration("checkpoint.interval", CHECKPOINT_LEAST..=CHECKPOINT_MOST);
    let kind = kind?;
    // A store that was set wrongly has its own fault, and may well be meant to have these.
    if !reader.is_faulty(CHECKPOINT_STORE) {
        let of_others = [
            (Kind::File, "file", &[CHECKPOINT_PATH][..]),
            (Kind::Blob, "blob", &CONTAINER_KEYS[..]),
            (Kind::Blob, "blob", &OWNERSHIP_KEYS[..]),
        ];
        for (_, word, keys) in of_others.iter().filter(|(other, ..)| *other != kind) {
            without_effect(reader, kind, word, keys);
        }
    }
    let store = match kind {
        Kind::Memory => path.is_none().then_some(StoreKind::Memory),
        Kind::File => {
            let problem = format!(
                "name the file, on a volume that outlives the process: `{CHECKPOINT_STORE}` is `file`"
            );
            reader.require(CHECKPOINT_PATH, &problem);
            path.map(StoreKind::File)
        }
        Kind::Blob => container.settings(reader).map(StoreKind::Blob),
    };
    Some(checkpoint::Settings {
        store: store?,
        interval: interval?,
    })
}

/// Notes the keys of another store.
fn without_effect(reader: &mut Reader, kind: Kind, word: &str, keys: &[&'static str]) {
    let store = match kind {
        Kind::Memory => "memory",
        Kind::File => "file",
        Kind::Blob => "blob",
    };
    for key in keys {
        // The reference file spells out what has a default.
        let is_given = reader.origin(key).is_some_and(|origin| !origin.is_file());
        let has_default = Key::named(key).is_some_and(|key| key.default.is_some());
        if reader.origin(key).is_some() && (is_given || !has_default) {
            let problem = format!(
                "has no effect while `{CHECKPOINT_STORE}` is `{store}`: set that to `{word}`, or leave this out"
            );
            reader.contradiction(key, problem);
        }
    }
}

/// The ways to name a container, each right in itself.
struct Container {
    by_url: Option<blobs::Settings>,
    name: Option<String>,
    account: Option<Secret>,
}

impl Container {
    fn take(reader: &mut Reader) -> Self {
        let by_url = reader.text(CONTAINER_URL, blobs::Settings::of_url);
        let name = reader.text(CONTAINER, blobs::container_name);
        let inline = reader.text(ACCOUNT, account);
        let in_file = reader.text(ACCOUNT_FILE, |path| {
            let text = std::fs::read_to_string(path);
            let text = text.map_err(|error| format!("cannot be read: {error}"))?;
            account(&text).map_err(|error| format!("its content {error}"))
        });
        if reader.origin(ACCOUNT).is_some()
            && let Some(origin) = reader.origin(ACCOUNT_FILE).cloned()
        {
            let problem = format!("`{ACCOUNT_FILE}` is set too ({origin}): keep one of the two");
            reader.contradiction(ACCOUNT, problem);
        }
        Self {
            by_url,
            name,
            account: inline.or(in_file),
        }
    }

    /// One of the ways, and only one.
    fn settings(self, reader: &mut Reader) -> Option<blobs::Settings> {
        let by_account = [ACCOUNT, ACCOUNT_FILE]
            .into_iter()
            .find(|key| reader.origin(key).is_some());
        if let Some(origin) = reader.origin(CONTAINER_URL).cloned() {
            for key in [CONTAINER, ACCOUNT, ACCOUNT_FILE] {
                if reader.origin(key).is_some() {
                    let problem = format!(
                        "`{CONTAINER_URL}` is set too ({origin}): keep one way to the container"
                    );
                    reader.contradiction(key, problem);
                }
            }
            return self.by_url;
        }
        let Some(by_account) = by_account else {
            let problem = format!(
                "name the container, `https://ACCOUNT.blob.core.windows.net/CONTAINER`, or set `{ACCOUNT}` and `{CONTAINER}`: `{CHECKPOINT_STORE}` is `blob`"
            );
            reader.require(CONTAINER_URL, &problem);
            return None;
        };
        let problem = format!("name the container: `{by_account}` leads to the account only");
        reader.require(CONTAINER, &problem);
        let (account, name) = (self.account?, self.name?);
        let settings = blobs::Settings::of_connection_string(account.secret(), &name);
        if let Err(error) = &settings {
            reader.contradiction(by_account, error.to_string());
        }
        settings.ok()
    }
}

/// A connection string of a storage account; which container is not known yet.
fn account(text: &str) -> Result<Secret, blobs::InvalidContainer> {
    blobs::Settings::of_connection_string(text, "any")?;
    Ok(Secret::new(text.trim().to_owned()))
}

pub(super) fn ownership(reader: &mut Reader) -> Option<ownership::Settings> {
    let interval = reader.duration(INTERVAL, CYCLE_LEAST..=CYCLE_MOST);
    let lease = reader.duration(LEASE, CYCLE_LEAST * CYCLES_LEAST..=LEASE_MOST);
    let hand_over_max = reader.duration(HAND_OVER_MAX, Duration::ZERO..=WAIT_MOST);
    if let Some((interval, lease)) = interval.zip(lease)
        && lease < interval * CYCLES_LEAST
    {
        let problem = format!(
            "must be at least {CYCLES_LEAST} times `{INTERVAL}`, which is `{}`: a renewal may come late, and one more fail",
            format_duration(interval)
        );
        reader.contradiction(LEASE, problem);
    }
    Some(ownership::Settings {
        interval: interval?,
        lease: lease?,
        hand_over_max: hand_over_max?,
    })
}

/// A path that ends in the name of a file.
fn checkpoint_path(text: &str) -> Result<PathBuf, &'static str> {
    let path = PathBuf::from(text);
    if path.file_name().is_some() && !text.ends_with('/') {
        Ok(path)
    } else {
        Err(
            "must end in the name of a file, for example `/var/lib/acs-recording-exporter/checkpoint.json`",
        )
    }
}

pub(super) fn delivery(reader: &mut Reader) -> Option<delivery::Settings> {
    let checkpoint_after = reader.one_of(
        "delivery.checkpoint_after",
        &[
            ("scrape", CheckpointAfter::Scrape),
            ("processing", CheckpointAfter::Processing),
        ],
    );
    let scrapers = reader.number("delivery.scrapers", 1..=SCRAPERS_MOST);
    let start_gate = reader.duration("delivery.start_gate", Duration::ZERO..=WAIT_MOST);
    let hold_max = reader.duration("delivery.hold_max", Duration::ZERO..=WAIT_MOST);
    Some(delivery::Settings {
        checkpoint_after: checkpoint_after?,
        scrapers: scrapers.and_then(NonZeroUsize::new)?,
        start_gate: start_gate?,
        hold_max: hold_max?,
    })
}

pub(super) fn shutdown(reader: &mut Reader) -> Option<shutdown::Settings> {
    let final_scrape = reader.duration(FINAL_SCRAPE, Duration::ZERO..=SHUTDOWN_MOST);
    let deadline = reader.duration(DEADLINE, SHUTDOWN_LEAST..=SHUTDOWN_MOST);
    if let Some((final_scrape, deadline)) = final_scrape.zip(deadline)
        && final_scrape >= deadline
    {
        // Whoever set one of the two should hear of that one.
        if reader.origin(FINAL_SCRAPE).is_some() {
            let problem = format!(
                "must be shorter than `{DEADLINE}`, which is `{}`: what the scrape carried has yet to be saved",
                format_duration(deadline)
            );
            reader.contradiction(FINAL_SCRAPE, problem);
        } else {
            let problem = format!(
                "must be longer than `{FINAL_SCRAPE}`, which is `{}`: set both",
                format_duration(final_scrape)
            );
            reader.contradiction(DEADLINE, problem);
        }
    }
    Some(shutdown::Settings {
        final_scrape: final_scrape?,
        deadline: deadline?,
    })
}

const CHECKPOINT_STORE: &str = "checkpoint.store";
const CHECKPOINT_PATH: &str = "checkpoint.path";
pub(super) const CONTAINER_URL: &str = "checkpoint.container_url";
const CONTAINER: &str = "checkpoint.container";
const ACCOUNT: &str = "checkpoint.connection_string";
const ACCOUNT_FILE: &str = "checkpoint.connection_string_file";
const CONTAINER_KEYS: [&str; 4] = [CONTAINER_URL, CONTAINER, ACCOUNT, ACCOUNT_FILE];
const INTERVAL: &str = "ownership.interval";
const LEASE: &str = "ownership.lease";
const HAND_OVER_MAX: &str = "ownership.hand_over_max";
const OWNERSHIP_KEYS: [&str; 3] = [INTERVAL, LEASE, HAND_OVER_MAX];
const FINAL_SCRAPE: &str = "shutdown.final_scrape";
const DEADLINE: &str = "shutdown.deadline";

/// The disk is asked to make sure of each write: more often is load on it, for fractions of a scrape.
const CHECKPOINT_LEAST: Duration = Duration::from_millis(100);

/// So much is counted again after a crash.
const CHECKPOINT_MOST: Duration = Duration::from_mins(10);

/// Prometheus runs in pairs; more than this are not one exporter's scrapers but somebody's mistake.
const SCRAPERS_MOST: usize = 10;

/// Nobody scrapes less often, and a partition that waits longer is down.
const WAIT_MOST: Duration = Duration::from_hours(1);

/// Each cycle is two requests and one more for each partition of ours.
const CYCLE_LEAST: Duration = Duration::from_millis(200);

/// A partition may be unread for three of these.
const CYCLE_MOST: Duration = Duration::from_mins(5);

/// One renewal may be late and another fail before a lease is lost.
const CYCLES_LEAST: u32 = 3;

/// For so long partitions of a replica that was killed stay unread.
const LEASE_MOST: Duration = Duration::from_hours(1);

/// Less would abort every stop.
const SHUTDOWN_LEAST: Duration = Duration::from_secs(1);

/// No supervisor waits longer; Kubernetes gives 30 s unless told otherwise.
const SHUTDOWN_MOST: Duration = Duration::from_mins(10);
