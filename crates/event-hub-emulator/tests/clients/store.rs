//! Checkpoints and leases in memory, for one event hub and one consumer group: what the SDK's event processor asks of a
//! store. The SDK's own is behind a feature, for which Cargo would build the whole SDK a second time.

use std::collections::BTreeMap;
use std::sync::Mutex;

use azure_core::Uuid;
use azure_core::http::Etag;
use azure_core::time::OffsetDateTime;
use azure_messaging_eventhubs::CheckpointStore;
use azure_messaging_eventhubs::models::{Checkpoint, Ownership};

/// By partition.
#[derive(Default)]
pub(crate) struct Store {
    checkpoints: Mutex<BTreeMap<String, Checkpoint>>,
    ownerships: Mutex<BTreeMap<String, Ownership>>,
}

#[async_trait::async_trait]
impl CheckpointStore for Store {
    /// Claims those that no other processor has claimed since this one read them.
    async fn claim_ownership(&self, wanted: &[Ownership]) -> azure_core::Result<Vec<Ownership>> {
        let mut ownerships = self.ownerships.lock().expect("no panic");
        let mut claimed = Vec::new();
        for ownership in wanted {
            let known = ownerships.get(&ownership.partition_id);
            if known.is_none_or(|known| known.etag == ownership.etag) {
                let mut ownership = ownership.clone();
                ownership.etag = Some(Etag::from(Uuid::new_v4().to_string()));
                ownership.last_modified_time = Some(OffsetDateTime::now_utc());
                ownerships.insert(ownership.partition_id.clone(), ownership.clone());
                claimed.push(ownership);
            }
        }
        Ok(claimed)
    }

    async fn list_ownerships(
        &self,
        _namespace: &str,
        _event_hub: &str,
        _consumer_group: &str,
    ) -> azure_core::Result<Vec<Ownership>> {
        let ownerships = self.ownerships.lock().expect("no panic");
        Ok(ownerships.values().cloned().collect())
    }

    async fn list_checkpoints(
        &self,
        _namespace: &str,
        _event_hub: &str,
        _consumer_group: &str,
    ) -> azure_core::Result<Vec<Checkpoint>> {
        let checkpoints = self.checkpoints.lock().expect("no panic");
        Ok(checkpoints.values().cloned().collect())
    }

    async fn update_checkpoint(&self, checkpoint: Checkpoint) -> azure_core::Result<()> {
        let mut checkpoints = self.checkpoints.lock().expect("no panic");
        checkpoints.insert(checkpoint.partition_id.clone(), checkpoint);
        Ok(())
    }
}
