//! What counts as a failure, and of which kind.
//!
//! Result types: Azure Monitor's common schema names `Succeeded` and `Failed`
//! (<https://learn.microsoft.com/azure/azure-monitor/platform/resource-logs-schema>); Microsoft's own error query for
//! Call Recording asks for `Failure`
//! (<https://learn.microsoft.com/azure/azure-monitor/reference/queries/acscallrecordingincomingoperations>).
//! Status classes: <https://learn.microsoft.com/azure/communication-services/resources/troubleshooting/voice-video-calling/troubleshooting-codes>.

use std::borrow::Cow;

/// The values of the label `result_type` that are documented.
pub(super) const RESULT_TYPES: (&str, &[&str]) = ("result_type", &["Succeeded", FAILED_TYPE]);

/// The result type of a failure.
pub(super) const FAILED_TYPE: &str = "Failed";

/// The label `reason` where something failed, and nothing says more.
pub(super) const FAILED: &str = "failed";

/// Why a request failed, as the label `reason` writes it; `None` if it did not.
///
/// A numeric status decides where there is one: 404, 409 and 412 are routine around the end of a call, 429 asks to try
/// again later, 603 is a failure without a class. The result type decides otherwise.
pub(super) fn request_failure(status: Option<u16>, result_type: &str) -> Option<&'static str> {
    match status {
        Some(429) => Some("throttled"),
        Some(400..=499) => Some("client_error"),
        Some(500..=599) => Some("server_error"),
        Some(600..=699) => Some(FAILED),
        Some(100..=399) => None,
        _ => (result_type == FAILED_TYPE).then_some(FAILED),
    }
}

/// The value of the label `result_type`. Case and a trailing full stop do not matter (`Succeeded.` is real), and other
/// services of Azure have other words.
pub(super) fn result_type(sent: Cow<'_, str>) -> Cow<'_, str> {
    let word = sent.trim_end_matches('.');
    let is = |words: &[&str]| words.iter().any(|known| word.eq_ignore_ascii_case(known));
    if is(&["Succeeded", "Success", "Completed", "OK", "0"]) {
        Cow::Borrowed("Succeeded")
    } else if is(&["Failed", "Failure", "Error"]) {
        Cow::Borrowed(FAILED_TYPE)
    } else {
        sent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(status: Option<u16>, sent: &str, expected: Option<&str>) {
        let reason = request_failure(status, &result_type(sent.into()));
        assert_eq!(reason, expected, "{status:?} {sent}");
    }

    #[test]
    fn a_numeric_status_decides() {
        check(Some(202), "Failed", None);
        check(Some(404), "Succeeded", Some("client_error"));
        check(Some(429), "Failed", Some("throttled"));
        check(Some(503), "", Some("server_error"));
        check(Some(603), "", Some("failed"));
    }

    #[test]
    fn without_a_status_the_result_type_decides() {
        check(None, "Failure", Some("failed"));
        check(None, "error.", Some("failed"));
        check(None, "Failed...", Some("failed"));
        check(None, "Succeeded.", None);
        check(None, "0", None);
        check(None, "Started", None);
        check(None, "", None);
        check(Some(0), "Failed", Some("failed"));
    }
}
