//! Zeros first: the failure series of a resource exist before anything fails.
//!
//! A counter that is born at 1 shows no rise to `increase()`, so the first failure of its kind would be invisible.
//! Therefore the whole known vocabulary stands at 0 as soon as a resource is known.

use super::acs::AcsFamilies;
use crate::acs::{
    END_REASONS, EndClass, FAILURE_STATUSES, FailureReason, OPERATIONS, RecordingFailure,
    ResultType, UNKNOWN,
};

/// Creates the failure series of a resource at 0, where they do not exist yet.
pub(super) fn expose(families: &AcsFamilies, resource: &str) {
    for operation in OPERATIONS {
        let failures = &families.recording_operation_failures_total;
        for status in FAILURE_STATUSES {
            if let Some(reason) = FailureReason::of_operation(Some(status), &ResultType::Failed) {
                let _at_zero = failures.with_label_values(&[
                    resource,
                    operation,
                    &status.to_string(),
                    reason.label(),
                ]);
            }
        }
        let _at_zero = failures.with_label_values(&[
            resource,
            operation,
            UNKNOWN,
            FailureReason::Failed.label(),
        ]);
    }
    let failures = &families.recording_failures_total;
    for (end_reason, class) in END_REASONS {
        let _at_zero =
            failures.with_label_values(&[resource, end_reason, RecordingFailure::Failed.label()]);
        if class == EndClass::Failure {
            let _at_zero = failures.with_label_values(&[
                resource,
                end_reason,
                RecordingFailure::EndedBadly.label(),
            ]);
        }
    }
    let _at_zero =
        failures.with_label_values(&[resource, UNKNOWN, RecordingFailure::Failed.label()]);
}
