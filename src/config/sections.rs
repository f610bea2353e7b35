//! Every section, in the order of the reference, and what they come to together.

use humantime::format_duration;

use super::auth::Auth;
use super::checkpoint::{self, Checkpoint, Resolved, STORE};
use super::event_hub::{self, EventHub};
use super::reader::Reader;
use super::{Config, ConfigError, keys, web};
use crate::checkpoint::StoreKind;
use crate::setting::settings;
use crate::source::event_hub::Watchdog;
use crate::{dead_letters, delivery, http, metrics, replica, shutdown, telemetry};

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
        ownership: replica::Settings,
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
        dead_letters: dead_letters::Settings,
        /// How the process logs.
        log: telemetry::Settings,
    }
}

/// The configuration. None only where a fault was noted.
pub(super) fn config(reader: &mut Reader) -> Option<Config> {
    let keys = Sections::take(reader);
    check_watchdog(reader, keys.watchdog);
    check_shutdown(reader, &keys.shutdown);
    let checkpoint = checkpoint::resolve(reader, keys.checkpoint);
    check_ownership(reader, keys.ownership, &checkpoint);
    check_duplicates(reader, keys.metrics.records, &checkpoint);
    check_resources(reader, &keys.metrics);
    check_web(reader, &keys.http);
    let event_hub = event_hub::settings(
        reader,
        keys.event_hub,
        keys.auth,
        keys.watchdog,
        &checkpoint,
    );
    let (event_hub, store_credential) = event_hub?;
    Some(Config {
        event_hub,
        checkpoint: checkpoint.settings?,
        store_credential,
        ownership: keys.ownership,
        delivery: keys.delivery,
        metrics: keys.metrics,
        http: keys.http,
        shutdown: keys.shutdown,
        dead_letters: keys.dead_letters,
        log: keys.log,
        open_secret_files: reader.open_secret_files(),
        configured: reader.configured(),
    })
}

/// A lease must outlive renewals that fail, and needs a container.
fn check_ownership(reader: &mut Reader, settings: replica::Settings, checkpoint: &Resolved) {
    let replica::Settings {
        interval, lease, ..
    } = settings;
    if lease < interval * replica::Settings::INTERVALS {
        let (interval, lease) = (format_duration(interval), format_duration(lease));
        let too_short = format!(
            "must be at least three times `ownership.interval`, which is `{interval}`, so that two failed renewals do not lose the lease"
        );
        let too_long =
            format!("must be at most a third of `ownership.lease`, which is `{lease}`: set both");
        reader.contradiction_of_either([
            ("ownership.lease", too_short),
            ("ownership.interval", too_long),
        ]);
    }
    let store = checkpoint.settings.as_ref().map(|settings| &settings.store);
    if store.is_some_and(|store| !matches!(store, StoreKind::Blob(_))) {
        let why = format!(
            "unless `{STORE}` is `blob`: replicas share partitions by leases in a container"
        );
        reader.no_effect(keys::section("ownership").map(|key| key.name), &why);
    }
}

/// A replica does not know what another has read.
fn check_duplicates(reader: &mut Reader, records: metrics::Records, checkpoint: &Resolved) {
    let store = checkpoint.settings.as_ref().map(|settings| &settings.store);
    if records.duplicates == metrics::Duplicates::Drop && matches!(store, Some(StoreKind::Blob(_)))
    {
        let problem = format!(
            "must be `count` while `{STORE}` is `blob`: a replica does not know which records another has read"
        );
        reader.contradiction("records.duplicates", problem);
    }
}

/// If there are no resources whose records count, nothing does.
pub(super) fn check_resources(reader: &mut Reader, metrics: &metrics::Settings) {
    if metrics.resources_only && metrics.resources.is_empty() {
        reader.contradiction(
            "metrics.resources_only",
            "must be `false` while `metrics.resources` is empty: every record would be ignored",
        );
    }
}

/// The web configuration file has faults of its own.
fn check_web(reader: &mut Reader, http: &http::Settings) {
    let loaded = http.web_config_file.as_deref().map(web::load);
    match loaded {
        Some(Err(ConfigError::Faults(faults))) => reader.faulty(faults),
        Some(Err(ConfigError::Unreadable { source, .. })) => {
            reader.contradiction("http.web_config_file", format!("cannot be read: {source}"));
        }
        Some(Err(ConfigError::Syntax { origin, problem })) => {
            reader.contradiction("http.web_config_file", format!("{origin}: {problem}"));
        }
        Some(Ok(_)) | None => {}
    }
}

fn check_watchdog(reader: &mut Reader, watchdog: Watchdog) {
    if watchdog.dead_after <= watchdog.interval {
        reader.contradiction(
            "watchdog.dead_after",
            "must be longer than `watchdog.interval`, or every partition counts as dead between two checks",
        );
    }
}

/// What the last scrape delivers must be checkpointed before the deadline, and the leases released.
fn check_shutdown(reader: &mut Reader, settings: &shutdown::Settings) {
    let least = shutdown::Settings::REST_LEAST;
    if settings.final_scrape + least > settings.deadline {
        let least = format_duration(least);
        let final_scrape = format_duration(settings.final_scrape);
        let deadline = format_duration(settings.deadline);
        let too_long = format!(
            "must be at least `{least}` shorter than `shutdown.deadline`, which is `{deadline}`: what the last scrape delivers has yet to be checkpointed"
        );
        let too_short = format!(
            "must be at least `{least}` longer than `shutdown.final_scrape`, which is `{final_scrape}`: set both"
        );
        reader.contradiction_of_either([
            ("shutdown.final_scrape", too_long),
            ("shutdown.deadline", too_short),
        ]);
    }
}
