//! What happens between us and the store of blobs. Failures are counted here and told by whoever handles them.

use super::Telemetry;

/// What is asked of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreOperation {
    /// Which blobs there are.
    List,
    /// What a blob, or what stands beside it, says.
    Read,
    /// That a blob is written.
    Write,
    /// That a blob is no more.
    Delete,
    /// That the container is made.
    Create,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreResult {
    /// It was done.
    Ok,
    /// The condition of a write did not hold, or what was to be created exists.
    Refused,
    /// It is not known to have been done.
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

    /// What can become of it.
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
    /// There is a store of blobs: its series exist from now on.
    pub fn store_is_used(&self) {
        for operation in StoreOperation::ALL {
            for result in operation.results() {
                let _at_zero = self
                    .families
                    .store_operations_total
                    .with_label_values(&[operation.label(), result.label()]);
            }
        }
    }

    /// Something was asked of the store, and this became of it.
    pub fn store_operation(&self, operation: StoreOperation, result: StoreResult) {
        self.families
            .store_operations_total
            .with_label_values(&[operation.label(), result.label()])
            .inc();
    }
}
