//! What happens between us and the blob store.

use super::Telemetry;

/// What a store is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreOperation {
    /// Make the container.
    Create,
    /// Tell of many blobs.
    List,
    /// Tell of one.
    Read,
    /// Write one.
    Write,
    /// Remove one.
    Delete,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreResult {
    /// It was done.
    Ok,
    /// It was not, since what it depends on is not so.
    Refused,
    /// The store did not answer, or with an error.
    Failed,
}

impl StoreOperation {
    const ALL: [Self; 5] = [
        Self::Create,
        Self::List,
        Self::Read,
        Self::Write,
        Self::Delete,
    ];

    /// The value of the label `operation`.
    fn label(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::List => "list",
            Self::Read => "read",
            Self::Write => "write",
            Self::Delete => "delete",
        }
    }
}

impl StoreResult {
    const ALL: [Self; 3] = [Self::Ok, Self::Refused, Self::Failed];

    /// The value of the label `result`.
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
            for result in StoreResult::ALL {
                let labels = [operation.label(), result.label()];
                let _at_zero = self
                    .families
                    .store_operations_total
                    .with_label_values(&labels);
            }
        }
    }

    /// The store was asked for something. What a failure means is logged by whoever asked.
    pub fn store_operation(&self, operation: StoreOperation, result: StoreResult) {
        self.families
            .store_operations_total
            .with_label_values(&[operation.label(), result.label()])
            .inc();
    }
}
