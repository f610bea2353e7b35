use time::macros::datetime;

use super::*;

/// Which log a record is told to be of.
#[track_caller]
fn check(record: &str, expected: Option<Category>) {
    let read = read(record).unwrap();
    let category = match read.log {
        Log::Operation(_) => Some(Category::Operation),
        Log::Summary(_) => Some(Category::Summary),
        Log::Usage(_) => Some(Category::Usage),
        Log::Other => None,
    };
    assert_eq!(category, expected, "{record}");
}

#[test]
fn a_record_is_what_its_category_says() {
    for (name, category) in [
        ("CallRecordingOperational", Category::Operation),
        ("callrecordingsummary", Category::Summary),
        ("RecordingSummary", Category::Summary),
        ("RecordingSummaryPRIVATEPREVIEW", Category::Summary),
        ("RecordingSummaryPublicPreview", Category::Summary),
        ("Usage", Category::Usage),
    ] {
        check(&format!(r#"{{"category":"{name}"}}"#), Some(category));
        check(
            &format!(r#"{{"Category":{{"value":"{name}"}}}}"#),
            Some(category),
        );
        check(
            &format!(r#"{{"properties":{{"Category":" {name} "}}}}"#),
            Some(category),
        );
    }
    check(r#"{"category":"CallSummary","recordingLength":1}"#, None);
    check(
        r#"{"category":"SMSOperational","operationName":"StartRecording"}"#,
        None,
    );
}

#[test]
fn else_what_its_table_says() {
    check(
        r#"{"Type":"ACSCallRecordingSummary"}"#,
        Some(Category::Summary),
    );
    check(
        r#"{"Type":"ACSCallRecordingIncomingOperations"}"#,
        Some(Category::Operation),
    );
    check(
        r#"{"Category":"x","Type":"ACSBillingUsage"}"#,
        Some(Category::Usage),
    );
    check(r#"{"Type":"ACSCallSummary","recordingLength":1}"#, None);
}

#[test]
fn else_what_its_operation_says_and_else_what_only_its_log_has() {
    use Category::{Operation, Summary, Usage};
    check(
        r#"{"OperationName":"ResumeCallRecording"}"#,
        Some(Operation),
    );
    check(
        r#"{"uri":"https://x/calling/recordings/y","resultSignature":202}"#,
        Some(Operation),
    );
    check(r#"{"uri":"https://x/calling/recordings/y"}"#, None);
    check(
        r#"{"operationName":"Call Recording Summary"}"#,
        Some(Summary),
    );
    check(r#"{"operationName":"RecordingSummary"}"#, Some(Summary));
    check(
        r#"{"category":null,"properties":{"recordingLength":"1"}}"#,
        Some(Summary),
    );
    check(
        r#"{"properties":{"usageType":"x","quantity":"1"}}"#,
        Some(Usage),
    );
    check(r#"{"usageType":"x"}"#, None);
    check(
        r#"{"operationName":"Play","serverCallId":"x","resultSignature":202}"#,
        None,
    );
    check(
        r#"{"metricName":"APIRequestCallRecording","count":1}"#,
        None,
    );
    check("{}", None);
}

#[test]
fn the_time_is_the_first_that_is_legible() {
    #[track_caller]
    fn check(fields: &str, expected: Option<OffsetDateTime>) {
        let record = format!("{{{fields}}}");
        assert_eq!(read(&record).unwrap().time, expected, "{record}");
    }
    let at = Some(datetime!(2026-01-31 12:00:00 UTC));
    for name in [
        "time",
        "timeStamp",
        "timestamp",
        "TimeGenerated",
        "TimeGenerated [UTC]",
        "EventTimeString",
        "EventTimestamp",
        "startTime",
    ] {
        check(&format!(r#""{name}":"2026-01-31T12:00:00Z""#), at);
        check(
            &format!(r#""time":"soon","properties":{{"{name}":"2026-01-31T12:00:00Z"}}"#),
            (name != "time").then_some(at).flatten(),
        );
    }
    check(
        r#""startTime":"2026-01-30T12:00:00Z","timestamp":"2026-01-31T12:00:00Z""#,
        at,
    );
    check(
        r#""category":"Usage","startTime":"2026-01-31T12:00:00Z""#,
        None,
    );
    check(r#""time":1769860800"#, None);
}

#[test]
fn a_property_that_the_schema_does_not_have_is_told() {
    #[track_caller]
    fn check(record: &str, expected: &[&str]) {
        assert_eq!(read(record).unwrap().unfamiliar, expected, "{record}");
    }
    check(
        r#"{"category":"CallRecordingSummary","time":"","flavour":1,"properties":{"RecordingLength":1,"Colour":null,"flavour":2}}"#,
        &["flavour", "Colour"],
    );
    check(
        r#"{"category":"Usage","usageType":1,"_ResourceId":"","Type":""}"#,
        &[],
    );
    check(r#"{"category":"CallSummary","flavour":1}"#, &[]);
    let many: Vec<_> = (0..100).map(|n| format!(r#""p{n}":0"#)).collect();
    let record = format!(r#"{{"category":"Usage",{}}}"#, many.join(","));
    assert_eq!(read(&record).unwrap().unfamiliar.len(), 8);
}

/// The schema of a log is what its record reads, and what is not read but known.
#[test]
fn every_property_that_is_read_is_of_its_schema() {
    for (source, schema) in [
        (include_str!("operation.rs"), &*operation::SCHEMA),
        (include_str!("summary.rs"), &*summary::SCHEMA),
        (include_str!("usage.rs"), &*usage::SCHEMA),
    ] {
        let names: Vec<_> = source
            .split("view.property(\"")
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
            .collect();
        assert!(names.len() > 8, "{names:?}");
        for name in names {
            assert!(schema.has(name), "{name}");
        }
    }
}

#[test]
fn levels_of_every_spelling_are_one() {
    for (sent, label) in [
        ("Information", "Informational"),
        ("informational", "Informational"),
        ("4", "Informational"),
        ("3", "Warning"),
        ("ERROR", "Error"),
        ("Verbose", "Verbose"),
    ] {
        assert_eq!(level(sent.into()), label);
    }
}

#[test]
fn properties_that_are_lost_leave_what_the_top_level_says() {
    let record = read(
        r#"{"category":"CallRecordingOperational","operationName":"StartRecording","resultSignature":503,"durationMs":"82.5","properties":[null]}"#,
    )
    .unwrap();
    assert_eq!(record.legibility, Legibility::Lost);
    let observation = observe(
        &record,
        Some(datetime!(2026-01-31 12:00:00 UTC)),
        &FailureRules::default(),
    )
    .unwrap();
    let Moves::Operation(moves) = observation.moves else {
        panic!("not an operation");
    };
    assert_eq!(moves.failure, Some(FailureReason::ServerError));
    assert_eq!(moves.duration_seconds, Some(0.0825));
    assert_eq!(moves.sdk_type, UNKNOWN);
    assert_eq!(observation.delay_seconds, None);
}
