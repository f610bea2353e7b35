//! Builds the parts of the service; nothing runs yet.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;
use prometheus::Registry;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::keeper::{Keeper, Target};
use super::limits::Shares;
use super::reload::Reload;
use super::{Service, ServiceError, Signals};
use crate::blobs;
use crate::checkpoint::{FileSeries, Scope, Store, StoreKind};
use crate::config::{self, Config, Sources};
use crate::dead_letters;
use crate::event::{PartitionId, Reached};
use crate::http::web::Web;
use crate::http::{self, Content, HttpError};
use crate::liveness::Liveness;
use crate::metrics::Exposition;
use crate::pipeline::Writer;
use crate::queue;
use crate::replica::{Replica, Sharing};
use crate::source::event_hub::{self, Assignment, EventHubSource};
use crate::status::{Configuration, Facts};
use crate::telemetry::{Log, Recent, Telemetry};

/// What depends on where checkpoints are stored.
struct Storage {
    /// None if they are not stored.
    target: Option<Target>,
    /// Which partitions of each event hub are read, by the event hub's name.
    assignments: HashMap<String, Assignment>,
    replicas: Vec<Replica>,
}

impl Service {
    /// Binds the port and builds the parts; nothing is read yet.
    ///
    /// # Errors
    ///
    /// When the port or the checkpoint cannot be had. The configuration came from `sources`, from which it is reloaded.
    pub(crate) fn build(config: Config, sources: Sources, log: Log) -> Result<Self, ServiceError> {
        let shares = Shares::of_process();
        let server = http::Server::bind(&config.http, web(&config.http)?, shares.http)?;
        let registry = Registry::new();
        let namespace = config.event_hub.namespace.label();
        let telemetry = Arc::new(Telemetry::new(&registry, namespace));
        let (reloads, requests) = http::reloads();
        let mut content = content(&config, log.recent.clone(), registry, &telemetry);
        content.reloads = config.http.reload.then_some(reloads);
        let reload = Reload::new(
            &config,
            sources,
            log,
            &content.exposition,
            &content.facts.configuration,
            requests,
        )
        .map_err(ServiceError::Signal)?;
        let (queue, batches) = queue::queue();
        let signals = Signals::default();
        let source = EventHubSource::new(
            config.event_hub.clone(),
            shares.event_hubs,
            queue,
            Arc::clone(&telemetry),
            Arc::clone(&content.liveness),
            signals.begin.clone(),
        );
        let storage = match &config.checkpoint.store {
            StoreKind::Memory => memory(&source, &signals),
            StoreKind::File(path) => file(path, &source, &content.exposition, &signals)?,
            StoreKind::Blob(container) => {
                blobs(container, &config, &source, &content.exposition, &signals)?
            }
        };
        let keeper = storage.target.map(|target| Keeper {
            target,
            restored: signals.restored.clone(),
            checkpoint_after: config.delivery.checkpoint_after,
            interval: config.checkpoint.interval,
            exposition: Arc::clone(&content.exposition),
            telemetry: Arc::clone(&telemetry),
        });
        let mut dead_letters = JoinSet::new();
        let letters = dead_letters::keep(config.dead_letters, &telemetry, &mut dead_letters);
        let exposition = Arc::clone(&content.exposition);
        let writer = Writer::new(
            exposition,
            config.delivery.hold_max,
            letters,
            config.log.failures,
            signals.stop_reading.clone(),
        );
        Ok(Self {
            settings: config.shutdown,
            start_gate: config.delivery.start_gate,
            signals,
            server,
            content,
            source,
            assignments: storage.assignments,
            batches,
            writer,
            dead_letters,
            keeper,
            replicas: storage.replicas,
            reload,
        })
    }
}

/// Who may ask the endpoints, and how.
fn web(settings: &http::Settings) -> Result<Web, HttpError> {
    let Some(path) = settings.web_config_file.clone() else {
        return Ok(Web::default());
    };
    Web::new(Box::new(move || Ok(config::load_web(&path)?))).map_err(HttpError::Web)
}

/// What the endpoints show.
fn content(
    config: &Config,
    recent: Recent,
    registry: Registry,
    telemetry: &Arc<Telemetry>,
) -> Content {
    telemetry.scrapers_are_expected(config.delivery.scrapers.get());
    let exposition = Exposition::new(
        &config.metrics,
        config.delivery.scrapers.get(),
        registry,
        Arc::clone(telemetry),
    );
    let liveness = Liveness::new(
        config.event_hub.event_hubs.iter().map(String::as_str),
        config.event_hub.watchdog.dead_after,
        Instant::now(),
    );
    Content {
        exposition: Arc::new(exposition),
        liveness: Arc::new(liveness),
        delivery: config.delivery.clone(),
        facts: Facts {
            recent,
            configuration: Arc::new(Mutex::new(Configuration {
                configured: config.configured.clone(),
                waiting: Vec::new(),
            })),
            runbooks_url: config.http.runbooks_url.clone(),
        },
        reloads: None,
    }
}

fn memory(source: &EventHubSource, signals: &Signals) -> Storage {
    signals.restored.cancel(); // nothing is remembered
    // An emulator forgets its events as the exporter forgets its positions.
    if source.settings.namespace.endpoint.is_none() {
        source.telemetry.positions_are_not_kept();
    }
    Storage {
        target: None,
        assignments: all(&source.settings, &BTreeMap::new()),
        replicas: Vec::new(),
    }
}

fn file(
    path: &Path,
    source: &EventHubSource,
    exposition: &Exposition,
    signals: &Signals,
) -> Result<Storage, ServiceError> {
    let settings = &source.settings;
    let scope = Scope::new(&settings.namespace.host, &settings.consumer_group);
    let (store, state) = Store::open(path, scope.clone())?;
    exposition.restore(state.series().clone());
    let (label_sets, lost) = FileSeries::open(path, scope);
    exposition.restore(label_sets.state().series().clone());
    if let Some(error) = lost {
        source.telemetry.label_sets_lost(&error);
    }
    signals.restored.cancel();
    Ok(Storage {
        assignments: all(settings, state.checkpoints()),
        target: Some(Target::File {
            store,
            state,
            label_sets,
        }),
        replicas: Vec::new(),
    })
}

/// This process reads all partitions, each after its position.
fn all(
    settings: &event_hub::Settings,
    positions: &BTreeMap<PartitionId, Reached>,
) -> HashMap<String, Assignment> {
    let names = settings.event_hubs.iter().cloned();
    names
        .map(|name| (name, Assignment::All(positions.clone())))
        .collect()
}

fn blobs(
    container: &blobs::Settings,
    config: &Config,
    source: &EventHubSource,
    exposition: &Arc<Exposition>,
    signals: &Signals,
) -> Result<Storage, ServiceError> {
    let sharing = Sharing::new(
        container,
        config.store_credential.as_ref(),
        config.ownership,
        source,
        exposition,
        config.delivery.checkpoint_after,
        &signals.stop_reading,
    )?;
    let target = Target::Blobs {
        positions: sharing.positions,
        failures: sharing.failures,
        label_sets: sharing.label_sets,
    };
    Ok(Storage {
        target: Some(target),
        assignments: sharing.assignments,
        replicas: sharing.replicas,
    })
}
