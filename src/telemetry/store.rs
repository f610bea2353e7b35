//! What happens between the exporter and the blob store. Failures are counted here and logged where they are handled.

use prometheus::IntCounter;

use super::Telemetry;
use super::families::StoreOperations;
use crate::family::label_values;

label_values! {
    /// A request to the store.
    pub(crate) StoreOperation {
        /// Lists the blobs.
        List = "list",
        /// Reads a blob or its metadata.
        Read = "read",
        /// Writes a blob.
        Write = "write",
        /// Deletes a blob.
        Delete = "delete",
        /// Creates the container.
        Create = "create",
    }
}

label_values! {
    /// How a request to the store ended.
    pub(crate) StoreResult {
        /// The store did it.
        Ok = "ok",
        /// The condition of a write did not hold, or what was to be created exists.
        Refused = "refused",
        /// The store did not do it, or did not answer.
        Failed = "failed",
    }
}

impl StoreOperation {
    /// Whether it can end so.
    fn can_end(self, result: StoreResult) -> bool {
        result != StoreResult::Refused || matches!(self, Self::Write | Self::Create)
    }
}

impl Telemetry {
    /// A blob store is used: its series exist from now on.
    pub(crate) fn store_is_used(&self) {
        for operation in StoreOperation::ALL {
            for result in StoreResult::ALL {
                if operation.can_end(result) {
                    let _at_zero = self.store_operations(operation, result);
                }
            }
        }
    }

    /// A request to the store ended.
    pub(crate) fn store_operation(&self, operation: StoreOperation, result: StoreResult) {
        self.store_operations(operation, result).inc();
    }

    fn store_operations(&self, operation: StoreOperation, result: StoreResult) -> IntCounter {
        self.families.store_operations_total(StoreOperations {
            operation: operation.label(),
            result: result.label(),
        })
    }
}
