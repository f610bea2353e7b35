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

use time::OffsetDateTime;

use super::category::{Category, Common, Failures, TakeLabels, UNKNOWN, hashed};
use super::failure::{FAILED, FAILING_STATUSES, RESULT_TYPES, label, of_status};
use super::letters::letters;
use super::moves::{Moves, acs_families};
use super::operation_name::{OPERATIONS, by_name, by_uri};
use super::schema::{Form, Schema};
use super::view::View;
use crate::family::LabelSet;

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
    identity,
    observe,
    families: FAMILIES,
    vocabularies: &[
        ("operation", || OPERATIONS.to_vec()),
        ("result_signature", || SUCCESSFUL_STATUSES.to_vec()),
        ("result_signature", || FAILING_STATUSES.to_vec()),
        ("result_type", || {
            RESULT_TYPES.map(|(_, row)| label(row)).to_vec()
        }),
    ],
    failures: Some(Failures {
        family: OperationFailures::FAMILY,
        known: known_failures,
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

/// The statuses with which the API answers successful requests.
const SUCCESSFUL_STATUSES: [&str; 3] = ["200", "202", "204"];

/// Recognises a record by its operation, or by its URI and one more property.
fn matches(view: &View<'_>) -> bool {
    let name = view.property("operationName").text();
    if name.is_some_and(|name| by_name(&name).is_some()) {
        return true;
    }
    let uri = view.property("uri").text();
    uri.is_some_and(|uri| letters(&uri).contains("callingrecordings"))
        && ["serverCallId", "resultSignature"]
            .into_iter()
            .any(|name| view.property(name).text().is_some())
}

/// A request has no id of its own. Two records are of the same request if they have the same call, correlation id, operation,
/// URI and time, to the last digit.
fn identity(view: &View<'_>, time: Option<OffsetDateTime>) -> Option<u64> {
    Some(hashed((
        CATEGORY.name,
        view.property("correlationId").text()?,
        time?,
        view.property("operationName").text(),
        view.property("callConnectionId").text(),
        view.property("uri").text(),
    )))
}

fn observe<'a>(view: &View<'a>, common: &Common<'_, 'a>, moves: &mut Moves<'a>) {
    let resource = common.resource;
    let operation = &operation(view);
    let sent = view.property("resultSignature").label();
    let status = status(&sent);
    let result_signature = &signature(sent, status);
    let rules = common.rules;
    let (result_type, says) = &rules.result_type(view.property("resultType").label());
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

fn known_failures(resource: &str, known: &mut TakeLabels<'_>) {
    // The result type decides if there is no status, and also if the status is one of success.
    let by_result_type = RESULT_TYPES
        .into_iter()
        .filter_map(|(says, _)| says.reason());
    let by_result_type: BTreeSet<_> = by_result_type.map(|reason| (UNKNOWN, reason)).collect();
    let despite_status = SUCCESSFUL_STATUSES.map(|text| (text, FAILED));
    for operation in OPERATIONS {
        let by_status = FAILING_STATUSES.into_iter().filter_map(|text| {
            let reason = of_status(operation, status(text)?)?;
            Some((text, reason))
        });
        let others = by_result_type.iter().copied().chain(despite_status);
        for (result_signature, reason) in by_status.chain(others) {
            let series = OperationFailures {
                resource,
                operation,
                result_signature,
                reason,
            };
            known(series.values().as_ref());
        }
    }
}

/// The value of the label `operation`: the known operation of that name, or else the name as sent. If there is no name, the
/// operation of the URI.
fn operation<'a>(view: &View<'a>) -> Cow<'a, str> {
    if let Some(name) = view.property("operationName").text() {
        return by_name(&name).map_or(name, Cow::Borrowed);
    }
    let uri = view.property("uri").text();
    Cow::Borrowed(uri.and_then(|uri| by_uri(&uri)).unwrap_or(UNKNOWN))
}

/// The status: the first number of exactly three digits that is in the range that ACS uses (`202`, `"202.0"`,
/// `HTTP/1.1 202 Accepted`).
fn status(text: &str) -> Option<u16> {
    text.split(|c: char| !c.is_ascii_digit())
        .filter(|digits| digits.len() == 3)
        .filter_map(|digits| digits.parse().ok())
        .find(|status| (100..700).contains(status))
}

/// The value of the label `result_signature`: the status in three digits, or else as sent.
fn signature(sent: Cow<'_, str>, status: Option<u16>) -> Cow<'_, str> {
    match status {
        Some(_) if sent.len() == 3 => sent,
        Some(status) => Cow::Owned(status.to_string()),
        None if sent == "-1" => Cow::Borrowed(UNKNOWN), // other services write it to mean "none"
        None => sent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_read_however_it_is_written() {
        for written in [
            "202",
            "202.0",
            "202 Accepted",
            "HTTP 202",
            "HTTP/1.1 202 Accepted",
            "status=202",
            "202: retry after 120 s",
        ] {
            assert_eq!(status(written), Some(202), "{written}");
        }
        for no_status in [
            "",
            "0",
            "-1",
            "Started.",
            "99999999999",
            "2023",
            "099",
            "700",
        ] {
            assert_eq!(status(no_status), None, "{no_status}");
        }
    }
}
