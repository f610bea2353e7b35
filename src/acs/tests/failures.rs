//! What counts as a failure, asked of whole records. The words, statuses and levels here are written out, and not taken
//! from the tables.

use crate::acs::{FailureRules, UNKNOWN, read};

/// The labels `outcome` and `reason` of a request, read from its record.
fn ended(fields: &str) -> (String, String) {
    let record = format!(r#"{{"category":"CallRecordingOperational",{fields}}}"#);
    let record = read(&record, None, &FailureRules::default()).unwrap();
    let moves = record.observation.unwrap().moves;
    let label = |name| moves.label(name).to_owned();
    (label("outcome"), label("reason"))
}

#[test]
fn a_request_failed_by_its_status_or_its_result_type_and_else_by_its_level() {
    let statuses = [
        ("200", None),
        ("202", None),
        ("302", None),
        ("400", Some("client_error")),
        ("404", Some("client_error")),
        ("409", Some("conflict")),
        ("412", Some("client_error")),
        ("429", Some("throttled")),
        ("500", Some("server_error")),
        ("503", Some("server_error")),
        ("603", Some("failed")),
    ];
    let result_types = [
        ("Succeeded", Some(None)),
        ("success.", Some(None)),
        ("0", Some(None)),
        ("Started", Some(None)),
        ("In Progress", Some(None)),
        ("Failed", Some(Some("failed"))),
        ("FAILURE", Some(Some("failed"))),
        ("error.", Some(Some("failed"))),
        ("Un-successful", Some(Some("failed"))),
        ("Canceled", Some(Some("failed"))),
        ("cancelled", Some(Some("failed"))),
        ("Aborted", Some(Some("failed"))),
        ("Rejected", Some(Some("failed"))),
        ("Timeout", Some(Some("failed"))),
        ("Timed out", Some(Some("failed"))),
        ("Throttled", Some(Some("throttled"))),
        ("TooManyRequests", Some(Some("throttled"))),
        ("Client Error", Some(Some("client_error"))),
        ("ServerError", Some(Some("server_error"))),
        ("PartiallyFailed", Some(Some("failed"))),
        ("Failed: Timeout", Some(Some("failed"))),
        ("CompletedWithErrors", Some(Some("failed"))),
        ("TaskCanceledException", Some(Some("failed"))),
        ("AccessDenied", Some(Some("failed"))),
        ("RateLimitExceeded", Some(Some("throttled"))),
        ("CompletedWithoutErrors", None),
        ("NoFailure", None),
        ("Postponed", None),
        ("None", None),
        ("", None),
    ];
    let levels = [
        ("Informational", None),
        ("warn", None),
        ("", None),
        ("Error", Some("failed")),
        ("CRITICAL", Some("failed")),
        ("2", Some("failed")),
    ];
    for (result_type, by_result_type) in result_types {
        for (level, by_level) in levels {
            let others = format!(
                r#""operationName":"StartRecording","resultType":"{result_type}","level":"{level}""#
            );
            let check = |status: &str, expected: Option<&str>| {
                let fields = format!(r#"{others},"resultSignature":{status}"#);
                let outcome = expected.map_or("succeeded", |_| "failed");
                let expected = (outcome.to_owned(), expected.unwrap_or("unknown").to_owned());
                assert_eq!(ended(&fields), expected, "{fields}");
            };
            for (status, by_status) in statuses {
                for written in [
                    status.to_owned(),
                    format!(r#""{status}""#),
                    format!(r#""{status}.0""#),
                    format!(r#""HTTP/1.1 {status} Something""#),
                ] {
                    check(&written, by_status.or(by_result_type.flatten()));
                }
            }
            for no_status in ["null", "0", r#""-1""#, r#""Started""#] {
                check(no_status, by_result_type.unwrap_or(by_level));
            }
        }
    }
}

#[test]
fn a_result_type_may_be_a_status() {
    for (result_type, reason) in [
        ("500", "server_error"),
        (r#""503""#, "server_error"),
        (r#""404 Not Found""#, "client_error"),
        (r#""NotFound""#, "client_error"),
        (r#""Conflict""#, "conflict"),
        (r#""BadGateway""#, "server_error"),
        (r#""202""#, "unknown"),
    ] {
        let fields = format!(r#""operationName":"StartRecording","resultType":{result_type}"#);
        assert_eq!(ended(&fields).1, reason, "{fields}");
    }
    let (outcome, _) = ended(r#""operationName":"Stop","resultType":"NotFound""#);
    assert_eq!(outcome, "routine");
}

#[test]
fn what_says_that_a_request_failed_is_believed_wherever_it_stands() {
    let start = r#""operationName":"StartRecording""#;
    for nothing in [r#"{"code":503}"#, "-1", r#""0""#, "202", "[]"] {
        for fields in [
            format!(r#""resultSignature":503,"properties":{{"resultSignature":{nothing}}}"#),
            format!(r#""resultSignature":{nothing},"properties":{{"resultSignature":503}}"#),
            format!(r#""resultSignature":{nothing},"resultSignature":503"#),
        ] {
            assert_eq!(
                ended(&format!("{start},{fields}")).1,
                "server_error",
                "{fields}"
            );
        }
    }
    for nothing in [
        r#"{"status":"Failed"}"#,
        r#"["x"]"#,
        r#""Succeeded""#,
        r#""Postponed""#,
    ] {
        for fields in [
            format!(r#""resultType":"Failed","properties":{{"resultType":{nothing}}}"#),
            format!(r#""resultType":{nothing},"properties":{{"resultType":"Failed"}}"#),
            format!(r#""resultType":{nothing},"resultType":"Failed""#),
        ] {
            assert_eq!(ended(&format!("{start},{fields}")).1, "failed", "{fields}");
        }
    }
}

#[test]
fn a_routine_answer_is_no_failure_whatever_else_it_says() {
    #[track_caller]
    fn check(operation: &str, status: u16, expected: &str) {
        for result_type in ["Succeeded", "Failed", "Throttled", ""] {
            let (outcome, _) = ended(&format!(
                r#""operationName":"{operation}","resultSignature":{status},"resultType":"{result_type}","level":"Error""#
            ));
            assert_eq!(outcome, expected, "{operation} {status} {result_type}");
        }
    }
    for operation in [
        "StopRecording",
        "PauseCallRecording",
        "resume recording",
        "GetRecording",
    ] {
        for status in [404, 409, 412] {
            check(operation, status, "routine");
        }
        for status in [400, 403, 429, 500] {
            check(operation, status, "failed");
        }
    }
    check("DeleteRecording", 404, "routine");
    check("DeleteRecording", 409, "failed");
    for operation in ["StartRecording", "DownloadRecording", "TranslateRecording"] {
        check(operation, 404, "failed");
    }
}

#[test]
fn a_recording_failed_by_its_result_type_its_end_reason_or_its_emptiness() {
    #[track_caller]
    fn check(fields: &str, expected: &str) {
        let record = format!(r#"{{"category":"CallRecordingSummary",{fields}}}"#);
        let record = read(&record, None, &FailureRules::default()).unwrap();
        let moves = record.observation.unwrap().moves;
        assert_eq!(moves.label("reason"), expected, "{fields}");
    }
    let fields = |result_type, end_reason, chunks, length| {
        format!(
            r#""resultType":"{result_type}","recordingEndReason":"{end_reason}","chunkCount":{chunks},"recordingLength":{length}"#
        )
    };
    for word in ["Failed", "Throttled", "client error", "Timeout", "Canceled"] {
        for end_reason in ["CallEnded", "MediaTimeout", "SessionStillOngoing", ""] {
            check(&fields(word, end_reason, "0", "0"), "failed");
        }
    }
    for word in ["Succeeded", "Postponed", ""] {
        for end_reason in [
            "MediaTimeout",
            "media timeout",
            "System failure",
            "RecorderCrashed",
            "UnhandledException",
            "NetworkTimedOut",
            "InternalError",
            "Aborted",
            "Canceled",
            "Rejected",
            "Throttled",
            "Unsuccessful",
            "Terminated",
            "Faulted",
        ] {
            check(&fields(word, end_reason, "1", "1"), "ended_badly");
            check(&fields(word, end_reason, "0", "0"), "ended_badly");
        }
        for end_reason in ["CallEnded", "SolarFlare", ""] {
            for (chunks, length) in [("1", "1"), ("null", "null"), ("-1", r#""none""#)] {
                check(&fields(word, end_reason, chunks, length), UNKNOWN);
            }
            for (chunks, length) in [("0", "1"), ("1", "0.0"), (r#""0""#, "null")] {
                let is_empty = word == "Succeeded";
                let expected = if is_empty { "empty" } else { UNKNOWN };
                check(&fields(word, end_reason, chunks, length), expected);
            }
        }
        for end_reason in [
            "SessionStillOngoing",
            "HandedOverDueToMediaTimeout",
            "HandedOverDueToRecorderCrash",
        ] {
            check(&fields(word, end_reason, "0", "0"), UNKNOWN);
        }
    }
    for (outer, inner) in [("MediaTimeout", "CallEnded"), ("CallEnded", "MediaTimeout")] {
        check(
            &format!(
                r#""recordingEndReason":"{outer}","properties":{{"RecordingEndReason":"{inner}"}}"#
            ),
            "ended_badly",
        );
    }
    let level = r#""level":"Error","#;
    check(&format!(r#"{level}"chunkCount":1"#), "failed");
    check(
        &format!(r#"{level}"recordingEndReason":"SolarFlare""#),
        "failed",
    );
    check(
        &format!(r#"{level}"recordingEndReason":"CallEnded""#),
        UNKNOWN,
    );
    check(&format!(r#"{level}"resultType":"Succeeded""#), UNKNOWN);
}
