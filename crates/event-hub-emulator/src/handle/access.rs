//! What exists in the namespace, and who may use it: event hubs and consumer groups that are created while clients are
//! connected, and policies whose keys are rotated.

use super::Handle;
use crate::clock::Now;
use crate::{EmulatorError, EventHub, Policy};

impl Handle {
    /// Creates an event hub.
    ///
    /// # Errors
    ///
    /// If there is one of this name, or it is not such as Azure allows.
    pub fn create_event_hub(&self, event_hub: &EventHub) -> Result<(), EmulatorError> {
        event_hub.check()?;
        if self.namespace.create(event_hub, Now::read().timestamp) {
            Ok(())
        } else {
            Err(EmulatorError::Duplicate(event_hub.name.clone()))
        }
    }

    /// Creates a consumer group; nothing changes where every group is accepted, or it exists.
    ///
    /// # Errors
    ///
    /// If there is no such event hub.
    pub fn create_consumer_group(
        &self,
        event_hub: &str,
        consumer_group: &str,
    ) -> Result<(), EmulatorError> {
        let event_hub = self.event_hub(event_hub)?;
        self.namespace
            .create_consumer_group(event_hub, consumer_group);
        Ok(())
    }

    /// Replaces the shared access policies, as when keys are rotated. Links live on until their token expires. With none,
    /// every key is accepted.
    pub fn set_policies(&self, policies: impl IntoIterator<Item = Policy>) {
        self.namespace.set_policies(policies.into_iter().collect());
    }
}
