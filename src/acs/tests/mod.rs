mod failures;

use time::macros::datetime;

use super::*;

const OPERATION: Option<&str> = Some("CallRecordingOperational");
const SUMMARY: Option<&str> = Some("CallRecordingSummary");
const USAGE: Option<&str> = Some("Usage");

fn read(record: &str) -> Record<'_> {
    super::read(record, None, &FailureRules::default()).unwrap()
}

/// The category that a record is recognised to be of.
#[track_caller]
fn check(record: &str, expected: Option<&str>) {
    let observation = read(record).observation;
    let category = observation.map(|observation| observation.category.name);
    assert_eq!(category, expected, "{record}");
}

#[test]
fn a_record_is_what_its_category_says() {
    for (name, category) in [
        ("CallRecordingOperational", OPERATION),
        ("callrecordingsummary", SUMMARY),
        ("RecordingSummary", SUMMARY),
        ("RecordingSummaryPRIVATEPREVIEW", SUMMARY),
        ("RecordingSummaryPublicPreview", SUMMARY),
        ("Usage", USAGE),
    ] {
        check(&format!(r#"{{"category":"{name}"}}"#), category);
        check(&format!(r#"{{"Category":{{"value":"{name}"}}}}"#), category);
        check(
            &format!(r#"{{"properties":{{"Category":" {name} "}}}}"#),
            category,
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
    check(r#"{"Type":"ACSCallRecordingSummary"}"#, SUMMARY);
    check(
        r#"{"Type":"ACSCallRecordingIncomingOperations"}"#,
        OPERATION,
    );
    check(r#"{"Category":"x","Type":"ACSBillingUsage"}"#, USAGE);
    check(r#"{"Type":"ACSCallSummary","recordingLength":1}"#, None);
    check(r#"{"Type":"Usage","usageType":"x","quantity":1}"#, None);
    check(r#"{"Type":"AppRequests","name":"StartRecording"}"#, None);
    for (name, unknown) in [
        ("category", "Recording"),
        ("type", "event"),
        ("type", "alert"),
    ] {
        check(
            &format!(
                r#"{{"{name}":"{unknown}","properties":{{"Category":"CallRecordingOperational"}}}}"#
            ),
            OPERATION,
        );
    }
    check(
        r#"{"Type":"AppEvents","properties":{"category":"CallRecordingSummary"}}"#,
        None,
    );
}

#[test]
fn a_record_is_about_the_acs_resource_that_it_names_anywhere() {
    const ACS: &str = "/subscriptions/S/resourceGroups/G/providers/Microsoft.Communication/CommunicationServices/A";
    #[track_caller]
    fn check(fields: &str, expected: Option<&str>) {
        let record = format!(r#"{{"category":"CallRecordingOperational",{fields}}}"#);
        let observation = read(&record).observation;
        let resource = observation.as_ref().map(Observation::resource);
        assert_eq!(resource, expected, "{record}");
    }
    for other in [r#"["x"]"#, r#""contoso""#, r#""/subscriptions/1""#] {
        for (outer, inner) in [(ACS, other), (other, ACS)] {
            let quoted = |id: &str| {
                if id == ACS {
                    format!("{id:?}")
                } else {
                    id.to_owned()
                }
            };
            let (outer, inner) = (quoted(outer), quoted(inner));
            check(
                &format!(r#""resourceId":{outer},"properties":{{"resourceId":{inner}}}"#),
                Some("a"),
            );
            check(
                &format!(r#""resourceId":{outer},"_ResourceId":{inner}"#),
                Some("a"),
            );
        }
    }
    check(r#""resourceId":"contoso""#, Some(UNKNOWN));
    check(r#""resourceId":"/subscriptions/1""#, None);
}

/// How a record is recognised, and whether its name is drift.
#[test]
fn a_name_that_nobody_knows_is_observed_if_the_record_looks_like_ours() {
    #[track_caller]
    fn check(name: &str, provider: &str, fields: &str, expected: (Option<&str>, bool)) {
        let resource = format!("/SUBSCRIPTIONS/S/RESOURCEGROUPS/G/PROVIDERS/{provider}/A");
        let record = format!(r#"{{"category":"{name}","resourceId":"{resource}","x":0{fields}}}"#);
        let record = read(&record);
        let category = record
            .observation
            .map(|observation| observation.category.name);
        assert_eq!(
            (category, record.is_category_unfamiliar),
            expected,
            "{name} {provider} {fields}"
        );
    }
    const ACS: &str = "MICROSOFT.COMMUNICATION/COMMUNICATIONSERVICES";
    const STORAGE: &str = "MICROSOFT.STORAGE/STORAGEACCOUNTS";
    let start = r#","operationName":"StartRecording""#;
    let summary = r#","properties":{"recordingLength":1}"#;
    let usage = r#","properties":{"usageType":"x","quantity":1}"#;
    for name in [
        "CallRecordingOperational",
        "Call Recording Operational",
        "call-recording-operational",
        "ACSCallRecordingIncomingOperations",
    ] {
        check(name, ACS, "", (OPERATION, false));
        check(name, STORAGE, start, (None, false));
    }
    for (name, category) in [
        ("CallRecordingOperationalV2", OPERATION),
        ("ACSCallRecordingOperational", OPERATION),
        ("CallRecordingIncomingOperations", OPERATION),
        ("Recording Summary 2.0", SUMMARY),
        ("BillingUsage", USAGE),
        ("CallAutomationOperationalV2", None),
        ("CallSummaryV2", None),
        ("CallAutomationStreamingUsageV2", None),
    ] {
        for fields in ["", start, summary, usage] {
            check(name, ACS, fields, (category, true));
            check(name, STORAGE, fields, (None, false));
        }
    }
    for name in ["Recording", "UsageV2"] {
        check(name, ACS, start, (OPERATION, true));
        check(name, ACS, summary, (SUMMARY, true));
        check(name, ACS, usage, (USAGE, true));
        check(name, ACS, "", (None, true));
        check(name, STORAGE, start, (None, false));
    }
    for name in [
        "CallSummary",
        "call summary",
        "CallClientMediaStatsCompressedTimeSeries",
        "ACSCallSummary",
        "Administrative",
        "AuditEvent",
        "SignInLogs",
    ] {
        for fields in ["", start, summary, usage] {
            check(name, ACS, fields, (None, false));
        }
    }
    check("ACSTelepathy", ACS, "", (None, true));
}

#[test]
fn else_what_its_operation_says_and_else_what_only_its_log_has() {
    check(r#"{"OperationName":"ResumeCallRecording"}"#, OPERATION);
    check(
        r#"{"uri":"https://x/calling/recordings/y:stop"}"#,
        OPERATION,
    );
    check(r#"{"category":"Recordings","serverCallId":"x"}"#, OPERATION);
    check(r#"{"serverCallId":"x"}"#, None);
    check(r#"{"recordingId":"x","chunkCount":1}"#, SUMMARY);
    check(r#"{"recordingId":"x"}"#, None);
    for (fields, category) in [
        (r#""recordingLength":1"#, SUMMARY),
        (r#""usageType":"x","quantity":1"#, USAGE),
    ] {
        check(
            &format!(r#"{{"operationName":"StartRecording",{fields}}}"#),
            category,
        );
    }
    check(r#"{"operationName":"Call Recording Summary"}"#, SUMMARY);
    check(r#"{"operationName":"RecordingSummary"}"#, SUMMARY);
    check(
        r#"{"category":null,"properties":{"recordingLength":"1"}}"#,
        SUMMARY,
    );
    check(r#"{"properties":{"usageType":"x","quantity":"1"}}"#, USAGE);
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
        let record = format!(r#"{{{fields},"category":"CallRecordingSummary"}}"#);
        assert_eq!(
            read(&record).observation.unwrap().time,
            expected,
            "{record}"
        );
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
            at,
        );
    }
    check(
        r#""startTime":"2026-01-30T12:00:00Z","timestamp":"2026-01-31T12:00:00Z""#,
        at,
    );
    check(
        r#""startTime":"2026-01-31T12:00:00Z","category":"Usage""#,
        None,
    );
    check(r#""time":1769860800"#, at);
    check(r#""time":"1769860800000""#, at);
    let at = Some(datetime!(2026-01-31 12:00:00.5 UTC));
    check(r#""time":1769860800.5"#, at);
    check(r#""time":"1769860800.5""#, at);
}

#[test]
fn a_property_that_the_schema_does_not_have_is_told() {
    #[track_caller]
    fn check(record: &str, expected: &[&str]) {
        assert_eq!(read(record).unfamiliar, expected, "{record}");
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
    assert_eq!(read(&record).unfamiliar.len(), 8);
}

/// The schema of a category has what its records read, and what is not read but known.
#[test]
fn every_property_that_is_read_is_of_its_schema() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/acs");
    let mut files = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let source = std::fs::read_to_string(&path).unwrap_or_default(); // of a folder, none
        if !source.contains("static CATEGORY") {
            continue;
        }
        files += 1;
        let is_of_file =
            |category: &&&Category| source.contains(&format!("name: {:?}", category.name));
        let category = CATEGORIES.iter().find(is_of_file).unwrap();
        for (_, rest) in source
            .match_indices(".property(\"")
            .map(|(at, found)| source.split_at(at + found.len()))
        {
            let name = rest.split('"').next().unwrap();
            let is_read = category.schema.read().any(|(known, _)| known == name);
            assert!(is_read, "{name}");
        }
    }
    assert_eq!(files, CATEGORIES.len());
}

#[test]
fn properties_that_are_lost_leave_what_the_top_level_says() {
    let record = read(
        r#"{"category":"CallRecordingOperational","operationName":"StartRecording","resultSignature":503,"durationMs":"82.5","properties":[null]}"#,
    );
    let moves = record.observation.unwrap().moves;
    assert_eq!(moves.label("reason"), "server_error");
    assert_eq!(moves.label("sdk_type"), UNKNOWN);
    let amount = |name| {
        let mut moves = moves.iter().filter(|(family, _)| family.name == name);
        moves.next().map(|(_, amount)| amount)
    };
    let duration = amount("acs_recording_operation_duration_seconds");
    assert_eq!(duration, Some(0.0825));
    assert_eq!(amount("acs_log_record_delay_seconds"), None);
}

#[test]
fn a_value_that_cannot_be_read_is_told_by_the_name_of_its_schema() {
    #[track_caller]
    fn check(fields: &str, expected: &[&str]) {
        let record = format!(r#"{{"category":"CallRecordingOperational",{fields}}}"#);
        assert_eq!(read(&record).unreadable, expected, "{record}");
    }
    check(
        r#""DurationMs":"130ms","resultType":{"a":1}"#,
        &["durationMs", "resultType"],
    );
    check(
        r#""durationMs":"fast","properties":{"durationMs":-7}"#,
        &["durationMs", "durationMs"],
    );
    check(
        r#""durationMs":-1,"time":null,"level":"","sdkType":"None","serverCallId":[]"#,
        &[],
    );
    check(
        r#""time":"soon","timestamp":"2026-01-31T12:00:00Z""#,
        &["time"],
    );
    check(r#""resourceId":"contoso""#, &["resourceId"]);
    check(r#""callerIpAddress":[1],"identity":{"a":1}"#, &[]);
    for properties in ["null", r#""""#, r#""null""#, "{}", "[]"] {
        check(&format!(r#""properties":{properties}"#), &[]);
    }
    for properties in ["[1,2]", "7", "true", r#""text""#, r#""{'x':""#] {
        check(&format!(r#""properties":{properties}"#), &["properties"]);
        check(
            &format!(r#""properties":{{"properties":{properties}}}"#),
            &["properties"],
        );
    }
    let of_no_category = read(r#"{"category":"CallSummary","durationMs":"fast"}"#);
    assert!(of_no_category.unreadable.is_empty());
}

#[test]
fn a_record_is_the_same_if_it_says_the_same() {
    #[track_caller]
    fn differ(identities: [Option<u64>; 2], text: &str) {
        assert!(identities.iter().all(Option::is_some), "{text}");
        assert_ne!(identities[0], identities[1], "{text}");
    }
    let identity = |fields: &str| read(&format!("{{{fields}}}")).observation.unwrap().identity;
    for (fields, changes) in [
        (
            r#""category":"CallRecordingSummary","time":"2026-01-31T12:00:00Z","recordingId":"r","recordingEndReason":"SessionStillOngoing","contentType":"audio","resourceId":"x""#,
            &[
                ("SessionStillOngoing", "MediaTimeout"),
                ("audio", "transcription"),
                (r#""x""#, r#""y""#),
            ][..],
        ),
        (
            r#""category":"CallRecordingOperational","time":"2026-01-31T12:00:00Z","correlationId":"c","operationName":"StopRecording","resultSignature":202,"durationMs":7,"serverCallId":"s""#,
            &[
                (":202", ":503"),
                (":7", ":8"),
                (r#""s""#, r#""t""#),
                ("Stop", "Start"),
            ],
        ),
        (
            r#""category":"Usage","time":"2026-01-31T12:00:00Z","recordId":"u","unitType":"minutes","quantity":1"#,
            &[("minutes", "bytes"), (":1", ":2")],
        ),
    ] {
        let (category, rest) = fields.split_once(',').unwrap();
        let inside = format!(r#"{category},"MG":"new","properties":{{{rest}}}"#);
        assert_eq!(identity(fields), identity(&inside), "{fields}");
        for (one, other) in changes {
            let changed = fields.replace(one, other);
            differ([identity(fields), identity(&changed)], &changed);
        }
        assert_eq!(identity(&fields.replace("time", "x")), None);
        assert_eq!(identity(&fields.replace("Id", "x")), None);
    }
}

#[test]
fn a_record_far_ahead_of_its_event_is_not_the_latest() {
    let enqueued_at = Some(datetime!(2026-01-31 12:00:00 UTC));
    for (time, expected) in [
        ("2026-01-31T12:05:00Z", true),
        ("2026-01-31T12:05:01Z", false),
        ("2026-01-30T12:00:00Z", true),
    ] {
        let record = format!(r#"{{"category":"Usage","time":"{time}"}}"#);
        let rules = FailureRules::default();
        let record = super::read(&record, enqueued_at, &rules).unwrap();
        let moves = record.observation.unwrap().moves;
        let mut families = moves.iter().map(|(family, _)| family.name);
        let is_latest = families.any(|name| name == "acs_log_last_record_timestamp_seconds");
        assert_eq!(is_latest, expected, "{time}");
    }
}
