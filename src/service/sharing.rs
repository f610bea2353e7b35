//! What the service is built of where replicas share the partitions: a container for leases, positions and series.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::ServiceError;
use super::replica::{Parts, Replica};
use crate::blobs::names::{self, Names};
use crate::blobs::{self, Container};
use crate::checkpoint::Scope;
use crate::checkpoint::blobs::{BlobPositions, BlobSeries};
use crate::delivery::CheckpointAfter;
use crate::identity::{Credential, storage_tokens};
use crate::liveness::Liveness;
use crate::metrics::Exposition;
use crate::ownership::{self, LeaseStore, Owner};
use crate::queue::Queue;
use crate::source::event_hub::{self, Assignments, assignments};
use crate::telemetry::Telemetry;

/// A share for each event hub, and what they have in common.
#[derive(Debug)]
pub(super) struct Sharing {
    pub(super) replicas: Vec<Replica>,
    pub(super) assignments: HashMap<String, Assignments>,
    pub(super) positions: Vec<Arc<BlobPositions>>,
    pub(super) series: BlobSeries,
}

/// What it is built of.
pub(super) struct Ingredients<'a> {
    pub(super) container: &'a blobs::Settings,
    pub(super) credential: Option<&'a Credential>,
    pub(super) ownership: ownership::Settings,
    pub(super) event_hub: &'a event_hub::Settings,
    pub(super) after: CheckpointAfter,
    pub(super) queue: &'a Queue,
    pub(super) exposition: &'a Arc<Exposition>,
    pub(super) telemetry: &'a Arc<Telemetry>,
    pub(super) liveness: &'a Arc<Liveness>,
    pub(super) stop: &'a CancellationToken,
}

impl Sharing {
    /// Puts it together; nobody is asked yet.
    pub(super) fn new(of: &Ingredients<'_>) -> Result<Self, ServiceError> {
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
        // An emulator's has its port with it, as in what Python's client calls it.
        let emulator = namespace.endpoint.as_deref();
        let emulator = emulator.and_then(|endpoint| endpoint.strip_prefix("amqp://"));
        let host = emulator.unwrap_or(&namespace.host);
        let consumer_group = &of.event_hub.consumer_group;
        let mut sharing = Self {
            replicas: Vec::new(),
            assignments: HashMap::new(),
            positions: Vec::new(),
            series: BlobSeries::new(
                Arc::clone(&container),
                names::series(host, consumer_group),
                Scope::new(host, consumer_group),
            ),
        };
        for event_hub in &of.event_hub.event_hubs {
            let names = Names::new(host, event_hub, consumer_group);
            let (orders, assigned) = assignments(of.ownership.taken_after(), Instant::now());
            let positions =
                BlobPositions::new(Arc::clone(&container), names.clone(), me.id().to_owned());
            let positions = Arc::new(positions);
            let parts = Parts {
                orders,
                queue: of.queue.clone(),
                exposition: Arc::clone(of.exposition),
                positions: Arc::clone(&positions),
                after: of.after,
                telemetry: Arc::clone(of.telemetry),
                liveness: Arc::clone(of.liveness),
            };
            sharing.replicas.push(Replica::new(
                event_hub,
                me.clone(),
                of.ownership,
                of.event_hub.start,
                LeaseStore::new(Arc::clone(&container), names, me.clone()),
                parts,
                of.stop.clone(),
            ));
            sharing.assignments.insert(event_hub.clone(), assigned);
            sharing.positions.push(positions);
        }
        Ok(sharing)
    }
}

/// In a cluster that of the pod: it tells people which replica has what.
fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname");
    name.map_or_else(|_| "unknown".to_owned(), |name| name.trim().to_owned())
}
