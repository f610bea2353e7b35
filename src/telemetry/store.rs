//! What happens between the exporter and the blob store. Failures are counted here and logged where they are handled.

use super::Telemetry;
use super::families::StoreOperations;

/// A request to the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreOperation {
    /// Lists the blobs.
    List,
    /// Reads a blob or its metadata.
    Read,
    /// Writes a blob.
    Write,
    /// Deletes a blob.
    Delete,
    /// Creates the container.
    Create,
}

/// How a request to the store ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreResult {
    /// The store did it.
    Ok,
    /// The condition of a write did not hold, or what was to be created exists.
    Refused,
    /// The store did not do it, or did not answer.
    Failed,
}

impl StoreOperation {
    const ALL: [Self; 5] = [
        Self::List,
        Self::Read,
        Self::Write,
        Self::Delete,
        Self::Create,
    ];

    fn label(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Read => "read",
            Self::Write => "write",
            Self::Delete => "delete",
            Self::Create => "create",
        }
    }

    /// How it can end.
    fn results(self) -> &'static [StoreResult] {
        match self {
            Self::List | Self::Read | Self::Delete => &[StoreResult::Ok, StoreResult::Failed],
            Self::Write | Self::Create => {
                &[StoreResult::Ok, StoreResult::Refused, StoreResult::Failed]
            }
        }
    }
}

impl StoreResult {
    fn label(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

impl Telemetry {
    /// A blob store is used: its series exist from now on.
    pub fn store_is_used(&self) {
        for operation in StoreOperation::ALL {
            for result in operation.results() {
                let _at_zero = self.families.store_operations_total(StoreOperations {
                    operation: operation.label(),
                    result: result.label(),
                });
            }
        }
    }

    /// A request to the store ended.
    pub fn store_operation(&self, operation: StoreOperation, result: StoreResult) {
        let series = StoreOperations {
            operation: operation.label(),
            result: result.label(),
        };
        self.families.store_operations_total(series).inc();
    }
}
