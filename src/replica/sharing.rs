//! Builds the replicas of all event hubs, which share one container for leases, positions and series.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::consumer::Consumer;
use super::lease_store::LeaseStore;
use super::view::View;
use super::{Owner, Replica, Settings};
use crate::blobs::names::{self, Names};
use crate::blobs::{self, BlobError, Container};
use crate::checkpoint::Scope;
use crate::checkpoint::blobs::{BlobPositions, BlobSeries};
use crate::delivery::CheckpointAfter;
use crate::identity::{Credential, storage_tokens};
use crate::liveness::Liveness;
use crate::metrics::Exposition;
use crate::queue::Queue;
use crate::source::event_hub::{self, Assignment, leased};
use crate::telemetry::Telemetry;

/// A replica for each event hub, and what they have in common.
#[derive(Debug)]
pub(crate) struct Sharing {
    /// One for each event hub.
    pub replicas: Vec<Replica>,
    /// What each event hub's readers are assigned, by its name.
    pub assignments: HashMap<String, Assignment>,
    /// The positions of each event hub.
    pub positions: Vec<Arc<BlobPositions>>,
    /// The failure series that any replica has seen.
    pub series: BlobSeries,
}

/// What replicas are built of.
pub(crate) struct Dependencies<'a> {
    pub container: &'a blobs::Settings,
    pub credential: Option<&'a Credential>,
    pub settings: Settings,
    pub event_hub: &'a event_hub::Settings,
    pub checkpoint_after: CheckpointAfter,
    pub queue: &'a Queue,
    pub exposition: &'a Arc<Exposition>,
    pub telemetry: &'a Arc<Telemetry>,
    pub liveness: &'a Arc<Liveness>,
    /// Cancelled when nothing more is to be acquired or handed over.
    pub stop: &'a CancellationToken,
}

impl Sharing {
    /// Builds the replicas; no request is sent yet.
    pub(crate) fn new(of: &Dependencies<'_>) -> Result<Self, BlobError> {
        let tokens = of
            .credential
            .map(|credential| storage_tokens(credential, Arc::clone(of.telemetry)));
        let container = Container::open(of.container, tokens, Arc::clone(of.telemetry))?;
        let container = Arc::new(container);
        let me = Owner::new(&host_name(), rand::random());
        tracing::info!(
            owner = me.id(),
            "sharing the partitions with other replicas"
        );
        let namespace = &of.event_hub.namespace;
        // An emulator's name includes its port, as in the name that Python's client uses.
        let emulator = namespace.endpoint.as_deref();
        let emulator = emulator.and_then(|endpoint| endpoint.strip_prefix("amqp://"));
        let host = emulator.unwrap_or(&namespace.host);
        let group = &of.event_hub.consumer_group;
        let mut sharing = Self {
            replicas: Vec::new(),
            assignments: HashMap::new(),
            positions: Vec::new(),
            series: BlobSeries::new(
                Arc::clone(&container),
                names::series(host, group),
                Scope::new(host, group),
            ),
        };
        for event_hub in &of.event_hub.event_hubs {
            let leases = LeaseStore {
                container: Arc::clone(&container),
                names: Names::new(host, event_hub, group),
                me: me.clone(),
            };
            sharing.add(of, event_hub, leases);
        }
        Ok(sharing)
    }

    fn add(&mut self, of: &Dependencies<'_>, event_hub: &str, leases: LeaseStore) {
        let (container, me) = (Arc::clone(&leases.container), leases.me.clone());
        let names = leases.names.clone();
        let positions = Arc::new(BlobPositions::new(container, names, me.id().to_owned()));
        let taken_after = of.settings.taken_after();
        let (assigner, assignment) = leased(taken_after, of.stop.clone(), Instant::now());
        let consumer = Consumer {
            assigner,
            queue: of.queue.clone(),
            exposition: Arc::clone(of.exposition),
            positions: Arc::clone(&positions),
            checkpoint_after: of.checkpoint_after,
            telemetry: Arc::clone(of.telemetry),
            liveness: Arc::clone(of.liveness),
        };
        self.replicas.push(Replica {
            event_hub: event_hub.to_owned(),
            view: View::new(me, taken_after),
            settings: of.settings,
            leases,
            consumer: Arc::new(consumer),
            owned: BTreeMap::new(),
            handing_over: JoinSet::new(),
            stop: of.stop.clone(),
            is_announced: false,
            is_failing: false,
        });
        self.assignments.insert(event_hub.to_owned(), assignment);
        self.positions.push(positions);
    }
}

/// In a cluster the pod's name, so that people see which replica owns what.
fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname");
    name.map_or_else(|_| "unknown".to_owned(), |name| name.trim().to_owned())
}
