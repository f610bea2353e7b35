//! What counts as a failure, and of which kind.
//!
//! Result types: Azure Monitor's common schema names `Succeeded` and `Failed`
//! (<https://learn.microsoft.com/azure/azure-monitor/platform/resource-logs-schema>); Microsoft's own error query for
//! Call Recording asks for `Failure`
//! (<https://learn.microsoft.com/azure/azure-monitor/reference/queries/acscallrecordingincomingoperations>).
//! Status classes: <https://learn.microsoft.com/azure/communication-services/resources/troubleshooting/voice-video-calling/troubleshooting-codes>.

use std::borrow::Cow;

/// Why an operation failed; the value of the label `reason`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailureReason {
    /// A 4xx status other than 429: the caller's doing. 404, 409 and 412 are routine around the end of a call.
    ClientError,
    /// Status 429: too many requests, to be tried again later.
    Throttled,
    /// A 5xx status.
    ServerError,
    /// It failed, and no status says more.
    Failed,
}

impl FailureReason {
    /// The value of the label `reason`.
    pub fn label(self) -> &'static str {
        match self {
            Self::ClientError => "client_error",
            Self::Throttled => "throttled",
            Self::ServerError => "server_error",
            Self::Failed => "failed",
        }
    }

    /// Whether an operation failed, and why. A numeric status decides where there is one (429 is throttling, 603 a
    /// failure without a class); the result type decides otherwise.
    pub fn of_operation(status: Option<u16>, result: &ResultType<'_>) -> Option<Self> {
        match status {
            Some(429) => Some(Self::Throttled),
            Some(400..=499) => Some(Self::ClientError),
            Some(500..=599) => Some(Self::ServerError),
            Some(600..=699) => Some(Self::Failed),
            Some(100..=399) => None,
            _ => (*result == ResultType::Failed).then_some(Self::Failed),
        }
    }
}

/// How something ended, by its `resultType`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResultType<'a> {
    /// `Succeeded`, and what other services of Azure write for it: `Success`, `Completed`, `OK`, `0`.
    Succeeded,
    /// `Failed`, and what others write for it: `Failure`, `Error`.
    Failed,
    /// Anything else, as sent.
    Other(Cow<'a, str>),
    /// None was sent.
    Unknown,
}

impl<'a> ResultType<'a> {
    /// Reads a `resultType`: case and a trailing full stop do not matter (`Succeeded.` is real).
    pub fn parse(text: Option<Cow<'a, str>>) -> Self {
        let Some(text) = text else {
            return Self::Unknown;
        };
        let word = text.trim_end_matches('.');
        let is = |words: &[&str]| words.iter().any(|known| word.eq_ignore_ascii_case(known));
        if is(&["Succeeded", "Success", "Completed", "OK", "0"]) {
            Self::Succeeded
        } else if is(&["Failed", "Failure", "Error"]) {
            Self::Failed
        } else {
            Self::Other(text)
        }
    }

    /// The value of the label `result_type`.
    pub fn label(self) -> Cow<'a, str> {
        match self {
            Self::Succeeded => Cow::Borrowed("Succeeded"),
            Self::Failed => Cow::Borrowed("Failed"),
            Self::Other(text) => text,
            Self::Unknown => Cow::Borrowed(super::UNKNOWN),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(status: Option<u16>, result_type: &'static str, expected: Option<FailureReason>) {
        let result =
            ResultType::parse(Some(Cow::Borrowed(result_type)).filter(|text| !text.is_empty()));
        assert_eq!(
            FailureReason::of_operation(status, &result),
            expected,
            "{status:?} {result_type}"
        );
    }

    #[test]
    fn a_numeric_status_decides() {
        check(Some(202), "Failed", None);
        check(Some(404), "Succeeded", Some(FailureReason::ClientError));
        check(Some(429), "Failed", Some(FailureReason::Throttled));
        check(Some(503), "", Some(FailureReason::ServerError));
        check(Some(603), "", Some(FailureReason::Failed));
    }

    #[test]
    fn without_a_status_the_result_type_decides() {
        check(None, "Failure", Some(FailureReason::Failed));
        check(None, "error.", Some(FailureReason::Failed));
        check(None, "Failed...", Some(FailureReason::Failed));
        check(None, "Succeeded.", None);
        check(None, "0", None);
        check(None, "Started", None);
        check(None, "", None);
        check(Some(0), "Failed", Some(FailureReason::Failed));
    }
}
