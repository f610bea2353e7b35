//! Builds one replica for each event hub. They share one container for leases, positions and series.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::consumer::Consumer;
use super::lease_store::LeaseStore;
use super::{Owner, Replica, Settings};
use crate::blobs::names::{self, Names};
use crate::blobs::{self, BlobError, Container};
use crate::checkpoint::Scope;
use crate::checkpoint::blobs::{BlobPositions, BlobSeries};
use crate::delivery::CheckpointAfter;
use crate::identity::{Credential, storage_tokens};
use crate::metrics::Exposition;
use crate::source::event_hub::{Assignment, EventHubSource, leased};

/// A replica for each event hub, and what they have in common.
#[derive(Debug)]
pub(crate) struct Sharing {
    /// One for each event hub.
    pub replicas: Vec<Replica>,
    /// The assignment for the readers of each event hub, by its name.
    pub assignments: HashMap<String, Assignment>,
    /// The positions of each event hub.
    pub positions: Vec<Arc<BlobPositions>>,
    /// The failure series that any replica has seen.
    pub failures: BlobSeries,
    /// All other label sets that any replica has seen.
    pub label_sets: BlobSeries,
}

impl Sharing {
    /// Builds the replicas; no request is sent yet. Once `stop` is cancelled, they neither acquire nor hand over any partition.
    pub(crate) fn new(
        container: &blobs::Settings,
        credential: Option<&Credential>,
        settings: Settings,
        source: &EventHubSource,
        exposition: &Arc<Exposition>,
        checkpoint_after: CheckpointAfter,
        stop: &CancellationToken,
    ) -> Result<Self, BlobError> {
        let telemetry = &source.telemetry;
        let tokens = credential.map(|credential| storage_tokens(credential, Arc::clone(telemetry)));
        let container = Arc::new(Container::open(container, tokens, Arc::clone(telemetry))?);
        let me = Owner::new(&host_name(), rand::random());
        tracing::info!(
            owner = me.id(),
            "sharing the partitions with other replicas"
        );
        let host = source.settings.namespace.name();
        let group = &source.settings.consumer_group;
        let series = |blob| {
            let scope = Scope::new(host, group);
            BlobSeries::new(Arc::clone(&container), blob, scope)
        };
        let mut sharing = Self {
            replicas: Vec::new(),
            assignments: HashMap::new(),
            positions: Vec::new(),
            failures: series(names::series(host, group)),
            label_sets: series(names::label_sets(host, group)),
        };
        for event_hub in &source.settings.event_hubs {
            let leases = LeaseStore {
                container: Arc::clone(&container),
                names: Names::new(host, event_hub, group),
                me: me.clone(),
            };
            let (names, me) = (leases.names.clone(), me.id().to_owned());
            let positions = Arc::new(BlobPositions::new(Arc::clone(&container), names, me));
            let (assigner, assignment) =
                leased(settings.taken_after(), stop.clone(), Instant::now());
            let consumer = Consumer {
                assigner,
                source: source.clone(),
                exposition: Arc::clone(exposition),
                positions: Arc::clone(&positions),
                checkpoint_after,
            };
            let replica = Replica::new(event_hub, settings, leases, consumer, stop.clone());
            sharing.replicas.push(replica);
            sharing.assignments.insert(event_hub.clone(), assignment);
            sharing.positions.push(positions);
        }
        Ok(sharing)
    }
}

/// In a cluster, this is the name of the pod, so that people see which replica owns which partition.
fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname");
    name.map_or_else(|_| "unknown".to_owned(), |name| name.trim().to_owned())
}
