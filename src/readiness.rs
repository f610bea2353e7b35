//! Whether every partition is being read, and if not, what is missing.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::event::PartitionId;

/// Which event hubs have answered, and which of their partitions are being read.
#[derive(Debug)]
pub struct Readiness {
    event_hubs: Mutex<BTreeMap<String, Option<BTreeMap<String, bool>>>>,
}

impl Readiness {
    /// Not ready: none of the event hubs has answered yet.
    pub fn new<'a>(event_hubs: impl IntoIterator<Item = &'a str>) -> Self {
        let event_hubs = event_hubs
            .into_iter()
            .map(|name| (name.to_owned(), None))
            .collect();
        Self {
            event_hubs: Mutex::new(event_hubs),
        }
    }

    /// An event hub told which partitions it has.
    pub fn event_hub_answered<'a>(
        &self,
        event_hub: &str,
        partitions: impl IntoIterator<Item = &'a str>,
    ) {
        let partitions = partitions
            .into_iter()
            .map(|id| (id.to_owned(), false))
            .collect();
        self.lock().insert(event_hub.to_owned(), Some(partitions));
    }

    /// A partition is being read.
    pub fn partition_opened(&self, partition: &PartitionId) {
        self.set(partition, true);
    }

    /// A partition is not being read any more.
    pub fn partition_closed(&self, partition: &PartitionId) {
        self.set(partition, false);
    }

    /// What is missing, in words, one line each; nothing when ready.
    ///
    /// # Errors
    ///
    /// The lines, when anything is missing.
    pub fn check(&self) -> Result<(), String> {
        let event_hubs = self.lock();
        let missing: Vec<_> = event_hubs
            .iter()
            .filter_map(|(name, partitions)| missing(name, partitions.as_ref()))
            .collect();
        if missing.is_empty() {
            Ok(())
        } else {
            Err(missing.join("\n"))
        }
    }

    fn set(&self, partition: &PartitionId, reading: bool) {
        if let Some(Some(partitions)) = self.lock().get_mut(partition.event_hub()) {
            partitions.insert(partition.partition().to_owned(), reading);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Option<BTreeMap<String, bool>>>> {
        self.event_hubs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn missing(event_hub: &str, partitions: Option<&BTreeMap<String, bool>>) -> Option<String> {
    let Some(partitions) = partitions else {
        return Some(format!("event hub `{event_hub}` has not answered yet"));
    };
    let closed = partitions.values().filter(|reading| !**reading).count();
    (closed > 0).then(|| {
        format!(
            "event hub `{event_hub}`: {closed} of {} partitions not read",
            partitions.len()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_is_when_every_partition_of_every_hub_is_read() {
        let readiness = Readiness::new(["a", "b"]);
        readiness.event_hub_answered("a", ["0", "1"]);
        readiness.partition_opened(&PartitionId::new("a", "0"));
        assert_eq!(
            readiness.check().unwrap_err(),
            "event hub `a`: 1 of 2 partitions not read\nevent hub `b` has not answered yet"
        );
        readiness.partition_opened(&PartitionId::new("a", "1"));
        readiness.event_hub_answered("b", ["0"]);
        readiness.partition_opened(&PartitionId::new("b", "0"));
        assert_eq!(readiness.check(), Ok(()));
        readiness.partition_closed(&PartitionId::new("b", "0"));
        assert!(readiness.check().is_err());
    }
}
