//! Which record it is, told from all others: the same record twice has the same identity.
//!
//! Two diagnostic settings on one event hub deliver every record twice, and Azure promises no single delivery either.

use std::hash::{DefaultHasher, Hash, Hasher};

use time::OffsetDateTime;

use super::{Category, Log};

/// A hash of what makes a record itself; `None` if it names nothing that does.
///
/// A recording and a usage record have an id of their own. A request has none: it is the same if the call, the
/// correlation, the operation and the time to its last digit are.
pub(super) fn identity(log: &Log<'_>, time: Option<OffsetDateTime>) -> Option<u64> {
    let mut hasher = DefaultHasher::new();
    match log {
        Log::Operation(operation) => {
            let correlation_id = operation.correlation_id.as_ref()?;
            (Category::Operation, correlation_id, time?).hash(&mut hasher);
            (
                &operation.operation_name,
                &operation.call_connection_id,
                &operation.uri,
            )
                .hash(&mut hasher);
        }
        Log::Summary(summary) => {
            (Category::Summary, summary.recording_id.as_ref()?).hash(&mut hasher);
        }
        Log::Usage(usage) => (Category::Usage, usage.record_id.as_ref()?).hash(&mut hasher),
        Log::Other => return None,
    }
    Some(hasher.finish())
}
