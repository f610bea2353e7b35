//! Every section, in the order of the reference, and what they come to together.

use humantime::format_duration;

use super::auth::Auth;
use super::checkpoint::{self, Checkpoint, STORE};
use super::event_hub::{self, EventHub, Others};
use super::reader::Reader;
use super::{Config, keys};
use crate::checkpoint::StoreKind;
use crate::setting::settings;
use crate::source::event_hub::Watchdog;
use crate::{dead_letters, delivery, http, metrics, ownership, shutdown, telemetry};

settings! {
    /// Every section, each key right in itself.
    #[derive(Clone, Debug, PartialEq)]
    pub(super) struct Sections in "" {
        /// What is read.
        event_hub: EventHub,
        /// With which identity.
        auth: Auth,
        /// How far each partition was delivered.
        checkpoint: Checkpoint,
        /// How replicas share partitions.
        ownership: ownership::Settings,
        /// When a scrape counts as delivered.
        delivery: delivery::Settings,
        /// How a dead link is noticed on an idle event hub.
        watchdog: Watchdog,
        /// What is exported.
        metrics: metrics::Settings,
        /// Where it is served.
        http: http::Settings,
        /// How the process stops.
        shutdown: shutdown::Settings,
        /// Where events that cannot be read are kept.
        dead_letters: dead_letters::Keys,
        /// How the process logs.
        log: telemetry::Settings,
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
fn check_ownership(reader: &mut Reader, settings: ownership::Settings, store: Option<&StoreKind>) {
    const INTERVAL: &str = "ownership.interval";
    const LEASE: &str = "ownership.lease";
    let ownership::Settings {
        interval, lease, ..
    } = settings;
    if lease < interval * ownership::Settings::INTERVALS {
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
