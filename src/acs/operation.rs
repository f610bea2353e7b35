//! Call Recording operations: one record for each request to the Call Recording APIs.
//!
//! Category `CallRecordingOperational`, table `ACSCallRecordingIncomingOperations`
//! (<https://learn.microsoft.com/azure/communication-services/concepts/analytics/logs/recording-logs>).
//!
//! The caller's address is not exported, since it is personal data. The ids and the URI, which contains the id of the
//! recording, are not exported, since they are unbounded.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::LazyLock;

use super::category::{AtZero, Category, Common, Failures, UNKNOWN};
use super::failure::{
    FAILED, FAILING_STATUSES, RESULT_TYPES, SUCCEEDED, SUCCESSFUL_STATUSES, Says, label, of_status,
};
use super::letters::{contains, letters};
use super::moves::{Moves, acs_families};
use super::operation_name::{OPERATIONS, by_name, by_uri, by_verb};
use super::rules::Outcome;
use super::schema::{Form, Schema};
use super::status::{status, status_of_word};
use super::view::View;

pub(super) static CATEGORY: Category = Category {
    name: "CallRecordingOperational",
    table: "ACSCallRecordingIncomingOperations",
    other_names: &[],
    // The columns of the table that are not common to all logs, and those that the other operation logs of ACS have.
    schema: LazyLock::new(|| {
        Schema::of(&[
            (
                Form::Text,
                &[
                    "callConnectionId",
                    "sdkType",
                    "sdkVersion",
                    "serverCallId",
                    "uri",
                ],
            ),
            (Form::Amount, &["durationMs"]),
            (Form::Time, &["startTime"]),
            (Form::Unread, &["operationId", "subOperationName"]),
        ])
    }),
    matches,
    own_time: Some("startTime"),
    id: "correlationId", // a request has none of its own
    observe,
    families: FAMILIES,
    vocabularies: &[
        ("operation", || OPERATIONS.to_vec()),
        ("result_signature", || SUCCESSFUL_STATUSES.to_vec()),
        ("result_signature", || {
            FAILING_STATUSES.map(|(status, _)| status).to_vec()
        }),
        ("result_type", || {
            RESULT_TYPES.map(|(_, row)| label(row)).to_vec()
        }),
    ],
    known,
    failures: Some(Failures {
        family: OperationFailures::FAMILY,
        message: "recording request failed",
        logged: ("operation", "result_signature"),
    }),
};

acs_families! {
    /// Requests to the Call Recording APIs, by outcome. outcome="routine": refused, but not a failure.
    Operations = Counter acs_recording_operations_total { resource, operation, result_type, result_signature, outcome };
    /// Requests to the Call Recording APIs with outcome="failed", by reason.
    OperationFailures = Counter acs_recording_operation_failures_total { resource, operation, result_signature, reason };
    /// How long ACS took to answer a request to the Call Recording APIs, in seconds.
    OperationDuration = Histogram acs_recording_operation_duration_seconds { resource, operation, outcome };
    /// Requests to the Call Recording APIs, by the SDK that sent them.
    SdkOperations = Counter acs_recording_sdk_operations_total { resource, sdk_type, sdk_version, outcome };
    /// Requests to the Call Recording APIs, by api-version.
    OperationVersions = Counter acs_recording_operation_versions_total { resource, operation_version, outcome };
}

/// Recognises a record by its operation, by its URI, or by the id of a call if its category contains `recording`.
fn matches(view: &View<'_>) -> bool {
    let name = view.property("operationName").text();
    let has = |name: &str, expected: &str| {
        let text = view.property(name).text();
        text.is_some_and(|text| contains(&letters(&text), expected))
    };
    name.is_some_and(|name| by_name(&name).is_some())
        || has("uri", "callingrecordings")
        || has("category", "recording")
            && ["serverCallId", "callConnectionId"]
                .into_iter()
                .any(|name| view.property(name).text().is_some())
}

fn observe<'a>(view: &View<'a>, common: &Common<'_, 'a>, moves: &mut Moves<'a>) {
    let resource = common.resource;
    let operation = &operation(view);
    let rules = common.rules;
    let (result_type, says) = &rules.worst_result_type(view.property("resultType"));
    let (sent, status) = view.property("resultSignature").worst(
        |sent| {
            let status = status(&sent);
            (sent, status)
        },
        |(_, status)| status.map(|status| status >= 400),
    );
    // Where no signature has a status, a result type of failure may.
    let by_result_type = || {
        says.and_then(Says::reason)
            .and_then(|_| status_of_word(result_type))
    };
    let status = status.or_else(by_result_type);
    let result_signature = &signature(sent, status);
    let ended = rules.of_request(operation, status, *says, common.level);
    let outcome = &Cow::Borrowed(ended.label());
    moves.count(Operations {
        resource,
        operation,
        result_type,
        result_signature,
        outcome,
    });
    if let Some(reason) = &ended.reason().map(Cow::Borrowed) {
        moves.count(OperationFailures {
            resource,
            operation,
            result_signature,
            reason,
        });
    }
    let duration_ms = view.property("durationMs").amount();
    moves.take(
        OperationDuration {
            resource,
            operation,
            outcome,
        },
        duration_ms.map(|ms| ms / 1000.0),
    );
    moves.count(SdkOperations {
        resource,
        sdk_type: &view.property("sdkType").label(),
        sdk_version: &view.property("sdkVersion").label(),
        outcome,
    });
    moves.count(OperationVersions {
        resource,
        operation_version: &view.property("operationVersion").label(),
        outcome,
    });
}

fn known(resource: &str, at_zero: &mut AtZero<'_>) {
    let outcome = Outcome::Succeeded.label();
    for operation in OPERATIONS {
        // Microsoft does not document which of them an operation answers.
        for result_signature in SUCCESSFUL_STATUSES {
            at_zero.add(Operations {
                resource,
                operation,
                result_type: SUCCEEDED,
                result_signature,
                outcome,
            });
        }
        at_zero.add(OperationDuration {
            resource,
            operation,
            outcome,
        });
    }
    known_failures(resource, at_zero);
}

fn known_failures(resource: &str, at_zero: &mut AtZero<'_>) {
    // The result type decides if there is no status, and also if the status is one of success.
    let by_result_type = RESULT_TYPES
        .into_iter()
        .filter_map(|(says, _)| says.reason());
    let by_result_type: BTreeSet<_> = by_result_type.map(|reason| (UNKNOWN, reason)).collect();
    let despite_status = SUCCESSFUL_STATUSES.map(|text| (text, FAILED));
    for operation in OPERATIONS {
        let by_status = FAILING_STATUSES.into_iter().filter_map(|(text, _)| {
            let reason = of_status(operation, text.parse().ok()?)?;
            Some((text, reason))
        });
        let others = by_result_type.iter().copied().chain(despite_status);
        for (result_signature, reason) in by_status.chain(others) {
            at_zero.add(OperationFailures {
                resource,
                operation,
                result_signature,
                reason,
            });
        }
    }
}

/// The value of the label `operation`: the known operation of that name, or else the operation of the URI, or else the name as
/// sent.
fn operation<'a>(view: &View<'a>) -> Cow<'a, str> {
    let name = view.property("operationName").text();
    let by_name = name
        .as_deref()
        .and_then(|name| by_name(name).or_else(|| by_verb(name)));
    let by_uri = || by_uri(&view.property("uri").text()?);
    let known = by_name.or_else(by_uri).map(Cow::Borrowed);
    known.or(name).unwrap_or(Cow::Borrowed(UNKNOWN))
}

/// The value of the label `result_signature`: the status in three digits, or else as sent.
fn signature(sent: Cow<'_, str>, status: Option<u16>) -> Cow<'_, str> {
    match status {
        Some(status) => Cow::Owned(status.to_string()),
        None if sent == "-1" => Cow::Borrowed(UNKNOWN), // other services write it to mean "none"
        None => sent,
    }
}
