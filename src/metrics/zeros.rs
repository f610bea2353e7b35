//! Zeros first: the failure series of a resource exist before anything fails.
//!
//! A counter that is born at 1 shows no rise to `increase()`, so the first failure of its kind would be invisible.
//! Therefore the whole known vocabulary stands at 0 as soon as a resource is known.

use super::acs::AcsFamilies;
use super::firsts::{FailureFamily, Firsts};
use crate::acs::{
    END_REASONS, EndClass, FAILURE_STATUSES, FailureReason, OPERATIONS, RecordingFailure,
    ResultType, UNKNOWN,
};
use crate::delivery::Snapshot;

/// Creates the failure series of a resource at 0, where they do not exist yet; they are shown from the snapshot of this
/// number on.
pub(super) fn expose(families: &AcsFamilies, firsts: &mut Firsts, resource: &str, next: Snapshot) {
    let mut expose = |labels: &[&str]| {
        let _at_zero = families
            .recording_operation_failures_total
            .with_label_values(labels);
        firsts.exists_for_all(FailureFamily::Operation, labels, next);
    };
    for operation in OPERATIONS {
        for status in FAILURE_STATUSES {
            if let Some(reason) = FailureReason::of_operation(Some(status), &ResultType::Failed) {
                expose(&[resource, operation, &status.to_string(), reason.label()]);
            }
        }
        expose(&[resource, operation, UNKNOWN, FailureReason::Failed.label()]);
    }
    let mut expose = |labels: &[&str]| {
        let _at_zero = families.recording_failures_total.with_label_values(labels);
        firsts.exists_for_all(FailureFamily::Recording, labels, next);
    };
    for (end_reason, class) in END_REASONS {
        expose(&[resource, end_reason, RecordingFailure::Failed.label()]);
        if class == EndClass::Failure {
            expose(&[resource, end_reason, RecordingFailure::EndedBadly.label()]);
        }
    }
    expose(&[resource, UNKNOWN, RecordingFailure::Failed.label()]);
}
