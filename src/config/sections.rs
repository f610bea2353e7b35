//! Every section, in the order of the reference, and what they come to together.

use humantime::format_duration;

use super::auth::Auth;
use super::checkpoint::{self, Checkpoint, STORE};
use super::event_hub::{self, EventHub, Others};
use super::reader::Reader;
use super::{Config, keys};
use crate::checkpoint::StoreKind;
use crate::setting::Source;
use crate::source::event_hub::Watchdog;
use crate::{dead_letters, delivery, http, metrics, replica, shutdown, telemetry};

/// The keys of each section, each right in itself.
pub(super) struct Sections {
    event_hub: EventHub,
    auth: Auth,
    checkpoint: Checkpoint,
    ownership: replica::Settings,
    delivery: delivery::Settings,
    watchdog: Watchdog,
    metrics: metrics::Settings,
    http: http::Settings,
    shutdown: shutdown::Settings,
    dead_letters: dead_letters::Keys,
    log: telemetry::Settings,
}

impl Sections {
    pub(super) fn take(source: &mut impl Source) -> Self {
        Self {
            event_hub: EventHub::take(source),
            auth: Auth::take(source),
            checkpoint: Checkpoint::take(source),
            ownership: replica::Settings::take(source),
            delivery: delivery::Settings::take(source),
            watchdog: Watchdog::take(source),
            metrics: metrics::Settings::take(source),
            http: http::Settings::take(source),
            shutdown: shutdown::Settings::take(source),
            dead_letters: dead_letters::Keys::take(source),
            log: telemetry::Settings::take(source),
        }
    }
}

/// The configuration. None only where a fault was noted.
pub(super) fn config(reader: &mut Reader) -> Option<Config> {
    let keys = Sections::take(reader);
    let on_lost_position = keys.checkpoint.on_invalid;
    let (checkpoint, container_wants_tokens) = checkpoint::settings(reader, keys.checkpoint);
    let store = checkpoint
        .as_ref()
        .map(|checkpoint| checkpoint.store.clone());
    check_ownership(reader, keys.ownership, store.as_ref());
    check_watchdog(reader, keys.watchdog);
    check_shutdown(reader, &keys.shutdown);
    let others = Others {
        auth: keys.auth,
        watchdog: keys.watchdog,
        on_lost_position,
        store,
        container_wants_tokens,
    };
    let (event_hub, store_credential) = event_hub::settings(reader, keys.event_hub, others)?;
    Some(Config {
        event_hub,
        checkpoint: checkpoint?,
        store_credential,
        ownership: keys.ownership,
        delivery: keys.delivery,
        metrics: keys.metrics,
        http: keys.http,
        shutdown: keys.shutdown,
        dead_letters: keys.dead_letters.settings(),
        log: keys.log,
    })
}

/// A lease must outlive renewals that fail, and needs a container. The fault is that of the key that was set.
fn check_ownership(reader: &mut Reader, settings: replica::Settings, store: Option<&StoreKind>) {
    const INTERVAL: &str = "ownership.interval";
    const LEASE: &str = "ownership.lease";
    let replica::Settings {
        interval, lease, ..
    } = settings;
    if lease < interval * replica::Settings::INTERVALS {
        let (interval, lease) = (format_duration(interval), format_duration(lease));
        if reader.is_set(LEASE) {
            let problem = format!(
                "must be at least three times `{INTERVAL}`, which is `{interval}`: two renewals may fail"
            );
            reader.contradiction(LEASE, problem);
        } else {
            let problem =
                format!("must be at most a third of `{LEASE}`, which is `{lease}`: set both");
            reader.contradiction(INTERVAL, problem);
        }
    }
    if store.is_some_and(|store| !matches!(store, StoreKind::Blob(_))) {
        let why = format!(
            "unless `{STORE}` is `blob`: replicas share partitions by leases in a container"
        );
        reader.no_effect(keys::section("ownership").map(|key| key.name), &why);
    }
}

fn check_watchdog(reader: &mut Reader, watchdog: Watchdog) {
    if watchdog.dead_after <= watchdog.interval {
        reader.contradiction(
            "watchdog.dead_after",
            "must be longer than `watchdog.interval`: no proof of life is due before that",
        );
    }
}

/// The last scrape must be checkpointed before the deadline. The fault is that of the key that was set.
fn check_shutdown(reader: &mut Reader, settings: &shutdown::Settings) {
    const FINAL_SCRAPE: &str = "shutdown.final_scrape";
    const DEADLINE: &str = "shutdown.deadline";
    if settings.final_scrape < settings.deadline {
        return;
    }
    let final_scrape = format_duration(settings.final_scrape);
    let deadline = format_duration(settings.deadline);
    if reader.is_set(FINAL_SCRAPE) {
        let problem = format!(
            "must be shorter than `{DEADLINE}`, which is `{deadline}`: what the last scrape delivers has yet to be checkpointed"
        );
        reader.contradiction(FINAL_SCRAPE, problem);
    } else {
        let problem =
            format!("must be longer than `{FINAL_SCRAPE}`, which is `{final_scrape}`: set both");
        reader.contradiction(DEADLINE, problem);
    }
}
